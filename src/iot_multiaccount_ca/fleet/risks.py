"""What may come of each change of a registration, for devices and for the deployment, as sentences. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.options import Capability, RegistrationEngine, can

if TYPE_CHECKING:
    from ..model.assembly import RegistrationRecord

_KNOWN = "devices that are registered already keep working"
TEMPLATE = (
    "devices that connect for the first time get the new one; those that are provisioned keep what they have"
)
ADMISSION = "decides about devices that come from now on; those that were let in stay"
PROOF = "none now: it is used when the CA is registered in DEFAULT mode the next time"


def comes(record: RegistrationRecord, *, first: bool) -> str | None:
    """Of a registration that is made; ``first``: the account has no CA of the plan in that region yet."""
    if record.certificate_mode == "DEFAULT":
        needs = "needs the proof of the CA's key"
        return f"fails while another account holds the CA in DEFAULT mode in that region; {needs}"
    if first:
        return None
    return "none: the CAs that are there stay as they are meanwhile"


def goes(record: RegistrationRecord, *, others: bool, retained: bool | None) -> str:
    """Of a registration that leaves its stack; ``others``: another CA of the plan stays in the account and region.

    ``retained``: whether it stays registered all the same, None where that is not known.
    """
    if retained:
        if not record.active:
            return "none: it stays registered as it is, INACTIVE, in no stack's care, as its removal policy is RETAIN"
        return (
            "it stays registered, in no stack's care, and goes on letting new devices in, as its removal policy is "
            "RETAIN. To end that, keep the CA in `retiring` first"
        )
    if not record.active:
        return f"none new: unknown devices of it were refused before; {_KNOWN}"
    refused = f"devices of this CA that have not been there yet are refused from then on; {_KNOWN}"
    if retained is None:
        refused += ". Under RETAIN it stays registered instead, and goes on letting them in"
    if record.retiring or not others:
        return refused
    return f"{refused}. To let them in for a while, keep the CA in `retiring`"


def stays(record: RegistrationRecord, *, retained: bool | None) -> str:
    """Of a registration whose stack the app no longer has; ``retained`` as above."""
    if retained:
        return (
            f"stays registered, also when stack {record.stack_name} is destroyed, as its removal policy is RETAIN, and "
            "goes on as it is"
        )
    return (
        f"stays registered until stack {record.stack_name} is destroyed, which `cdk deploy` does not do; after that, "
        f"devices of this CA that have not been there yet are refused; {_KNOWN}"
    )


def moves(was: RegistrationRecord, becomes: RegistrationRecord) -> str:
    """Of a registration that another stack, or another resource of the stack, is to carry."""
    if was.stack_name == becomes.stack_name:
        return "the deployment fails, as the CA is registered under the former id: keep it with `override_logical_id`"
    adopts = _unless_taken(becomes, "`on_existing=OnExisting.ADOPT`, `adopt_from_stack`")
    return f"the deployment fails, as the CA is registered by stack {was.stack_name}, {adopts}"


def unowned(becomes: RegistrationRecord) -> str:
    """Of a registration that is there and that no stack's tags mark."""
    adopts = _unless_taken(becomes, "`on_existing=OnExisting.ADOPT`")
    return f"the deployment fails, as the CA is registered and carries no stack's tags, {adopts}"


def _unless_taken(becomes: RegistrationRecord, how: str) -> str:
    if not can(becomes.engine, Capability.ADOPTION):
        return "unless `cdk import` has brought it in before (`iot-ca plan --import-map`)"
    return f"unless the stage adopts it ({how})"


def engine(was: RegistrationRecord, becomes: RegistrationRecord) -> str:
    """Of another engine; NONE is the deployment between two."""
    if becomes.engine == RegistrationEngine.NONE:
        return "the CA is deregistered unless the deployment before was one with RETAIN"
    if was.engine != RegistrationEngine.NONE:
        return (
            "CloudFormation refuses it: a deployed resource cannot become one of another type under its logical id; "
            "deploy engine=RegistrationEngine.NONE in between"
        )
    if not can(becomes.engine, Capability.ADOPTION):
        return "the deployment fails before `cdk import` has brought the registration in (`iot-ca plan --import-map`)"
    return "none: the Lambda takes up what carries its own tags"


def mode(becomes: RegistrationRecord) -> str:
    """Of a change of mode, by what carries it out."""
    if not can(becomes.engine, Capability.MODE_CHANGE):
        return "CloudFormation refuses it, and the registration stays as it was: a native one cannot change its mode"
    return (
        "for a moment the CA is not registered, and nobody new is provisioned; devices that are registered already and "
        "open connections are not touched. Refused without `allow_mode_change=True`"
    )


def status(was: RegistrationRecord, becomes: RegistrationRecord) -> str | None:
    """Of a CA that becomes retiring or current, ACTIVE or INACTIVE."""
    if was.active and not becomes.active:
        return f"devices of this CA that have not been there yet are refused; {_KNOWN}"
    if was.active == becomes.active:
        return "none: it is registered as before"
    return None


def enrollment(was: RegistrationRecord, becomes: RegistrationRecord) -> str | None:
    """Of another way in which new devices come in."""
    if becomes.enrollment_words == "none":
        return f"devices that have not been there yet are refused; {_KNOWN}"
    if was.template_name is not None and becomes.template_name is not None:
        return TEMPLATE
    if becomes.enrollment_words == "auto-registration":
        return "new devices are taken in, but nothing activates them"
    return None


def auto_registration(becomes: RegistrationRecord) -> str | None:
    """Of auto-registration alone, switched under the same template or activation."""
    if becomes.auto_registration:
        return None
    return f"devices that have not been there yet are refused; {_KNOWN}"


def owner(before: str | None, after: str | None, stack: str | None) -> str:
    """Of DEFAULT in another account's hands; ``stack``: of the former owner, where the app no longer has that."""
    if stack is not None and after is None:
        return (
            f"account {before} stays the owner until stack {stack} is destroyed; after that, devices that send no SNI, "
            "and those on FIPS endpoints, get nowhere any more"
        )
    if stack is not None:
        return (
            f"fails, as account {before} stays the owner until stack {stack} is destroyed; destroy it first"
        )
    if after is None:
        return "devices that send no SNI, and those on FIPS endpoints, get nowhere any more"
    if before is None:
        return f"devices that send no SNI are routed to account {after} from then on"
    return (
        f"between the two, devices that send no SNI get nowhere; from then on account {after} gets them. If the taking "
        "fails, the region has no DEFAULT owner until the next deployment"
    )


#: Of a stack set that is made.
SET_COMES = "its stack fails in an account that has one of its CAs already: a set takes over no registration"


def set_goes(stack: str | None, *, retained: bool) -> str:
    """Of a stack set that leaves the app; ``stack``: its own, where the app no longer has that."""
    left = _left("in every account", retained=retained)
    if stack is None:
        return left
    return f"it stays until stack {stack} is destroyed, which `cdk deploy` does not do; after that, {left}"


def places_leave(*, retained: bool) -> str:
    """Of accounts and regions that a stack set no longer reaches."""
    return _left("where the set no longer reaches,", retained=retained)


def _left(where: str, *, retained: bool) -> str:
    if retained:
        return (
            f"{where} its current CA stays registered, in no stack's care, as `on_leaving` is RETAIN, and a retiring "
            "one is deregistered"
        )
    return f"{where} its CAs are deregistered, and devices of them that have not been there yet are refused; {_KNOWN}"
