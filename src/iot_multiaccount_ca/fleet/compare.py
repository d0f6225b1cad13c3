"""Planned against live, field by field, with what to do about each difference. Pure: asks nobody.

`cdk deploy` changes nothing in a stack whose template is what it was, so it repairs no drift by itself. Where one call
of AWS IoT does, the fix names it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import shlex
from typing import TYPE_CHECKING, Any

from ..text import counted, shell
from .difference import Difference
from .owners import Holder, owner_difference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model.assembly import RegistrationRecord
    from .live import LiveRegistration, LiveResource, LiveTemplate
    from .planned import PlannedRegistration

#: What a registration is that its stack has not, or whose stack is not there: nobody took anything away.
NOT_DEPLOYED = "not deployed"


def missing_registration(
    planned: PlannedRegistration, stack: LiveResource | None, *, stack_known: bool
) -> Difference:
    """The one difference of a CA that is not registered: not deployed yet, or removed behind the stack's back."""
    fix = planned.in_set.anew if planned.in_set is not None else f"deploy it with `{planned.deploy}`"
    if not stack_known:
        live = "not registered"
    elif stack is None or stack.status == "DELETE_COMPLETE":
        live = NOT_DEPLOYED
    elif planned.in_set is not None:
        live = (
            "deleted outside the stack" if stack.status.endswith("_COMPLETE") else f"resource {stack.status}"
        )
    elif stack.status.endswith("_COMPLETE"):
        fix = f"it was deleted outside the stack, which does not notice: {repaired(planned)}"
        live = "deleted outside the stack"
    else:
        fix = (
            "see why with `aws cloudformation describe-stack-events "
            f"--region {planned.record.region} --stack-name {planned.record.stack_name}`, then deploy it again with "
            f"`{planned.deploy}`"
        )
        live = f"resource {stack.status}"
    return Difference("registered", "registered", live, fix)


def repaired(planned: PlannedRegistration) -> str:
    """How a registration is made again as planned, by what carries it out."""
    if planned.in_set is not None:
        return planned.in_set.anew
    if planned.is_repairable:
        return f"run `{planned.repair}`, which changes nothing else"
    return (
        "with removal_policy=RemovalPolicy.RETAIN deploy engine=RegistrationEngine.NONE, then NATIVE again, each time "
        f"with `{planned.deploy}`"
    )


def registration_differences(
    planned: PlannedRegistration, live: LiveRegistration, holder: Holder
) -> Iterator[Difference]:
    """Where a registered CA is not as planned."""
    record = planned.record
    update = f"aws iot update-ca-certificate --region {record.region} --certificate-id {live.certificate_id}"
    if live.fingerprint is not None and live.fingerprint != record.certificate_id:
        yield Difference(
            "certificateId",
            record.certificate_id,
            live.fingerprint,
            f"another certificate is registered as {live.certificate_id}; synthesize the app with the current CA, and "
            f"run `{planned.deploy}`",
        )
    owned = owner_difference(planned, live, holder)
    if live.mode != record.certificate_mode:
        yield Difference(
            "certificateMode",
            record.certificate_mode,
            live.mode,
            _mode_fix(planned, live, holder, foreign=bool(owned)),
        )
    status = "ACTIVE" if record.active else "INACTIVE"
    if live.status != status:
        yield Difference("status", status, live.status, f"run `{update} --new-status {status}`")
    auto = "ENABLE" if record.auto_registration else "DISABLE"
    if live.auto_registration != auto:
        fix = f"run `{update} --new-auto-registration-status {auto}`"
        yield Difference("autoRegistration", auto, live.auto_registration, fix)
    yield from _config_difference(planned, live, holder, update)
    if owned is None:
        yield from _tags_difference(planned, live)
    if owned is not None:
        yield owned


def template_differences(planned: PlannedRegistration, live: LiveTemplate | None) -> Iterator[Difference]:
    """Where the provisioning template is not as planned."""
    record = planned.record
    name, region = live.name if live is not None else record.template_name, record.region
    if live is None:
        yield Difference(
            "template",
            name,
            None,
            f"it was deleted outside the stack: {anew(planned, 'the provisioning')}; until then no device enrolls",
        )
        return
    if not live.enabled:
        fix = f"run `aws iot update-provisioning-template --region {region} --template-name {shell(name)} --enabled`"
        yield Difference("templateEnabled", True, False, fix)
    if live.type != "JITP":
        fix = f"a template's type cannot change: {anew(planned, 'the provisioning')}"
        yield Difference("templateType", "JITP", live.type, fix)
    if live.role_exists is False:
        fix = f"it was deleted outside the stack: {anew(planned, 'the provisioning')}"
        yield Difference("templateRole", "an existing role", live.role_arn or None, fix)
    if planned.template_body is not None and not same_json(planned.template_body, live.body):
        yield Difference(
            "templateBody",
            "as in the stack",
            "changed",
            f"run `{planned.deploy}` if it has news; else set the stack's body again with "
            f"`aws iot create-provisioning-template-version --region {region} --template-name {shell(name)} "
            f"--set-as-default --template-body {argument(planned.template_body)}`",
        )


def role_difference(
    planned: PlannedRegistration, live: LiveTemplate, wanted: str | None
) -> Difference | None:
    """A template under another role than the stack's. ``wanted``: its ARN or name; None where it is not known."""
    role = live.role_arn
    if wanted is None or wanted in (role, role.rpartition("/")[2]):
        return None
    record = planned.record
    fix = (
        f"run `aws iot update-provisioning-template --region {record.region} --template-name {shell(live.name)} "
        f"--provisioning-role-arn {shell(_role_arn(record, wanted))}`"
    )
    return Difference("templateRole", wanted, role or None, fix)


def _role_arn(record: RegistrationRecord, role: str) -> str:
    return role if role.startswith("arn:") else record.target.arn("iam", f"role/{role}")


def expiry_difference(
    record: RegistrationRecord, live: LiveRegistration, now: dt.datetime
) -> Difference | None:
    """A CA that has expired; AWS IoT registers no device under it."""
    expires = live.not_valid_after or record.expires
    if now < expires:
        return None
    fix = "rotate to a CA that is valid: make it the plan's ca_certificate, and put this one into retiring"
    return Difference("notValidAfter", "valid", f"expired on {expires:%Y-%m-%d}", fix)


def expiry_warning(
    record: RegistrationRecord, live: LiveRegistration | None, now: dt.datetime, within_days: int
) -> str | None:
    """A sentence for a CA that expires soon."""
    expires = (live.not_valid_after if live is not None else None) or record.expires
    days = (expires - now).days
    if now >= expires or days >= within_days:
        return None
    advice = (
        "move its last devices to the current CA"
        if record.retiring
        else "begin its rotation now, with this CA in retiring"
    )
    ca = f"CA {record.certificate_id[:8]}"
    return f"{ca} expires on {expires:%Y-%m-%d}, in {counted(days, 'day')}: {advice}"


def _tags_difference(planned: PlannedRegistration, live: LiveRegistration) -> Iterator[Difference]:
    """Tags of the user's own that are missing, or of another value; tags that others put there are theirs."""
    off = {key: value for key, value in planned.tags.items() if live.tags.get(key) != value}
    if off:
        pairs = " ".join(shlex.quote(f"Key={key},Value={value}") for key, value in off.items())
        fix = (
            f"run `aws iot tag-resource --region {planned.record.region} --resource-arn {shell(live.arn)} "
            f"--tags {pairs}`"
        )
        yield Difference(
            "tags",
            ", ".join(f"{key}={value}" for key, value in off.items()),
            ", ".join(f"{key}={live.tags[key]}" if key in live.tags else f"no {key}" for key in off),
            fix,
        )


def _mode_fix(planned: PlannedRegistration, live: LiveRegistration, holder: Holder, *, foreign: bool) -> str:
    if holder.gone and planned.in_set is None:
        return "the stack that registered it is gone: take it up first, as said of the owner"
    if planned.in_set is not None:
        return f"it was registered again outside the set: deactivate and delete it there, then {planned.in_set.anew}"
    if foreign:
        return (
            "it was not registered by this stack: deactivate and delete it there, or plan the stage with "
            f"certificate_mode=CertificateMode.{live.mode}; then run `{planned.deploy}`"
        )
    return (
        "AWS IoT has no call to change a mode: set allow_mode_change=True, which deletes the registration and makes it "
        f"again, and run `{planned.deploy}`"
    )


def _config_difference(
    planned: PlannedRegistration, live: LiveRegistration, holder: Holder, update: str
) -> Iterator[Difference]:
    record = planned.record
    held: str | None = "a template body of its own" if live.inline_template else live.template_name
    wanted = planned.template_name(holder.owner.stack if holder.owner is not None else None)
    if held == wanted or (wanted is not None and "?" in wanted and record.template_is(held)):
        return
    if holder.gone and planned.in_set is None:
        fix = "the stack that registered it is gone: taking it up, as said of the owner, sets it"
    elif wanted is None:
        fix = f"run `{update} --remove-auto-registration`"
        if record.auto_registration:
            fix += f", then `{update} --new-auto-registration-status ENABLE`, should the first have turned it off"
    else:
        fix = (
            f"run `{update} --registration-config templateName={shell(wanted)}`"
            if "?" not in wanted
            else f"{repaired(planned)}; only CloudFormation knows the whole name of a template that is retained"
        )
    yield Difference("templateName", wanted, held, fix)


def anew(planned: PlannedRegistration, what: str) -> str:
    """How CloudFormation makes again what was removed behind its back: it does not notice, and repairs nothing."""
    if planned.in_set is not None:
        return planned.in_set.anew
    return (
        f"take {what} out of the stage, deploy, put it in and deploy again, each time with `{planned.deploy}`"
    )


def argument(written: str) -> str:
    """JSON as one argument of a command line: on one line, and without a backtick, which would end what is quoted."""
    with contextlib.suppress(ValueError):  # whatever else it is, AWS IoT took it once
        written = json.dumps(json.loads(written), separators=(",", ":"))
    return shlex.quote(written.replace("`", "\\u0060"))


def same_json(one: str, other: str) -> bool:
    """Whether two texts are one JSON document, however they are written."""

    def loaded(written: str) -> Any:
        try:
            return json.loads(written)
        except ValueError:
            return written

    return bool(loaded(one) == loaded(other))
