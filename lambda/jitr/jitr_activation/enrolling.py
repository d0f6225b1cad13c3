"""One certificate from PENDING_ACTIVATION to ACTIVE, or not. Idempotent: an event may come twice, or late.

The event only says where to look: what counts is what AWS IoT says of the certificate. Activation comes last, so that
whatever fails before leaves the device outside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .admission import value_of, why_not
from .certificate import Certificate, UnreadableCertificateError, read_certificate
from .runtime import code_of, doing
from .settings import CERTIFICATE_ID

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from .settings import Settings, Thing

PENDING = "PENDING_ACTIVATION"
_THING_NAME = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
_FIELD = re.compile(r"\{([^{}]*)\}")


class InvalidEventError(Exception):
    """An event that names no certificate."""


@dataclass(frozen=True)
class Event:
    """What is believed of an event: which certificate to look at."""

    certificate_id: str

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> Event:
        """The event of ``$aws/events/certificates/registered/<caCertificateId>``; raises `InvalidEventError`."""
        named = event.get("certificateId")
        if not isinstance(named, str) or not CERTIFICATE_ID.fullmatch(named):
            message = "the event names no certificate id of 64 hex digits"
            raise InvalidEventError(message)
        return cls(named)


def enroll(event: Event, settings: Settings, clients: Any, now: dt.datetime) -> dict[str, str]:
    """Decide, and carry the decision out; the decision with its reason."""
    iot = clients.client("iot")
    found = iot.describe_certificate(certificateId=event.certificate_id)["certificateDescription"]
    if found["status"] != PENDING:
        return _decision("left alone", f"the certificate is {found['status']}, not {PENDING}")
    if found.get("caCertificateId") != settings.ca_certificate_id:
        return _decision("refused", f"the certificate is of CA {found.get('caCertificateId')}")
    try:
        certificate = read_certificate(found["certificatePem"])
    except UnreadableCertificateError as error:
        return _decision("refused", f"the certificate cannot be read: {error}")
    if certificate.fingerprint != event.certificate_id:
        return _decision("refused", f"the certificate's fingerprint is {certificate.fingerprint}")
    refusal = why_not(settings.admission, certificate, clients, now)
    if refusal is not None:
        return _decision("refused", refusal)
    name, problem = _thing_of(iot, settings.thing, certificate, found["certificateArn"])
    if problem:
        return _decision("refused", problem)
    if settings.thing is not None and name is not None:
        _create_thing(iot, settings.thing, name)
    with doing(f"attaching policy {settings.policy_name}"):
        iot.attach_policy(policyName=settings.policy_name, target=found["certificateArn"])
    if name is not None:
        iot.attach_thing_principal(thingName=name, principal=found["certificateArn"])
    # Again: someone may have revoked it in the meantime.
    status = iot.describe_certificate(certificateId=event.certificate_id)["certificateDescription"]["status"]
    if status != PENDING:
        return _decision("left alone", f"the certificate has become {status}")
    iot.update_certificate(certificateId=event.certificate_id, newStatus="ACTIVE")
    return _decision("activated", "admitted", **({"thingName": name} if name is not None else {}))


def _thing_of(
    iot: Any, thing: Thing | None, certificate: Certificate, certificate_arn: str
) -> tuple[str | None, str]:
    """The name of the thing that the certificate gets, if it gets one; or None and why it cannot have it."""
    if thing is None:
        return None, ""
    name, problem = _thing_name(thing, certificate)
    if name is not None and _held_by_another(iot, name, certificate_arn):
        return None, f"another certificate holds thing {name}; detach it from the thing first"
    return name, problem


def _thing_name(thing: Thing, certificate: Certificate) -> tuple[str | None, str]:
    values = {"CertificateId": certificate.fingerprint}
    for field in _FIELD.findall(thing.name):
        if field not in values:
            value, problem = value_of(certificate, field)
            if value is None:
                return None, problem
            values[field] = value
    name = _FIELD.sub(lambda match: values[match.group(1)], thing.name)
    if not _THING_NAME.fullmatch(name):
        return None, f"{name!r} is not a name that a thing can have"
    return name, ""


def _held_by_another(iot: Any, name: str, certificate_arn: str) -> bool:
    """Whether the thing exists, and is another certificate's: what admits this one gives it nobody else's thing.

    Two certificates that come in the same second may both find it free: AWS IoT has no attachment that excludes others.
    """
    following: dict[str, str] = {}
    while True:
        try:
            with doing(f"looking who holds thing {name}"):
                page = iot.list_thing_principals(thingName=name, **following)
        except Exception as error:
            if code_of(error) == "ResourceNotFoundException":
                return False
            raise
        if any(":cert/" in each and each != certificate_arn for each in page.get("principals", ())):
            return True
        if not page.get("nextToken"):
            return False
        following = {"nextToken": page["nextToken"]}


def _create_thing(iot: Any, thing: Thing, name: str) -> None:
    kind = {"thingTypeName": thing.kind} if thing.kind is not None else {}
    try:
        with doing(f"making thing {name}" + (f" of type {thing.kind}" if thing.kind is not None else "")):
            iot.create_thing(thingName=name, **kind)
    except Exception as error:
        # Of an earlier attempt, or made by somebody for this device: used as it is.
        if code_of(error) != "ResourceAlreadyExistsException":
            raise
    for group in thing.groups:
        with doing(f"putting thing {name} into group {group}"):
            iot.add_thing_to_thing_group(thingGroupName=group, thingName=name)


def _decision(decision: str, reason: str, **more: str) -> dict[str, str]:
    return {"decision": decision, "reason": reason, **more}
