"""Just-in-time registration (JITR) as a value: who is admitted, and what such a device gets. Decides no case.

The activation Lambda (``lambda/jitr``) decides; `JitrEnrollment.settings` is what it reads. See "Just-in-time
registration" in the AWS IoT developer guide.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import (
    EnrollmentPolicyError,
    EnrollmentThingError,
    EnrollmentTooLongError,
    InvalidTypeError,
)
from ..jitp.placeholders import WRITTEN, fill, unknown_placeholder
from .admission import SUBJECT_FIELDS, Admission

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Beside them in a thing's name: AWS IoT's id of the certificate, 64 hex digits.
CERTIFICATE_ID = "CertificateId"
#: Where AWS IoT publishes that a device certificate became known: below it, by the id of its CA.
REGISTERED_TOPIC = "$aws/events/certificates/registered"
#: AWS IoT's limit on a policy document, white space not counted.
LONGEST_POLICY = 2_048
#: A Lambda function's environment holds 4 KB in all.
LONGEST_SETTINGS = 3_000
_POLICY_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_THING_WORD = re.compile(r"[A-Za-z0-9:_-]{1,128}", re.ASCII)
_FIELD = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True, init=False)
class JitrEnrollment:
    """Just-in-time registration: who is admitted, and what the activation Lambda gives an admitted device.

    ``policy``: the name of an AWS IoT policy that exists in every account concerned, or a policy document (a dict),
    which then is made in each stage; ``{{account}}``, ``{{region}}`` and ``{{partition}}`` in it are filled there.
    ``admission``: an `Admission`; without one nobody is admitted. ``thing_name``: the thing to make and attach, drawn
    from the certificate, such as ``"{CommonName}"`` or ``"sensor-{SerialNumber}"`` (the subject's fields, or
    ``{CertificateId}``); without it there is no thing. A thing of that name that exists is used as it is.
    ``thing_type``, ``thing_groups``: of the thing; both must exist.
    Raises an `EnrollmentError`.
    """

    policy_name: str | None
    policy_document: str | None
    admission: Admission
    thing_name: str | None
    thing_type: str | None
    thing_groups: tuple[str, ...]

    def __init__(
        self,
        *,
        policy: str | Mapping[str, Any],
        admission: Admission | None = None,
        thing_name: str | None = None,
        thing_type: str | None = None,
        thing_groups: Iterable[str] = (),
    ) -> None:
        if admission is not None and not isinstance(admission, Admission):
            raise InvalidTypeError(
                "the admission of the enrollment is of another kind",
                value=type(admission).__name__,
                allowed="Admission or None",
                fix="make an Admission(…), or leave it out to admit nobody",
            )
        groups = _thing_groups(thing_groups)
        _check_thing(thing_name, thing_type, groups)
        document = _policy_document(policy) if not isinstance(policy, str) else None
        if document is not None and thing_name is None and "${iot:Connection.Thing." in document:
            raise EnrollmentPolicyError(
                "the policy speaks of the connection's thing, and devices get none: it would allow nothing",
                value="${iot:Connection.Thing.…}",
                fix='give thing_name, such as "{CommonName}"',
            )
        values = {
            "policy_name": _policy_name(policy) if isinstance(policy, str) else None,
            "policy_document": document,
            "admission": admission or Admission(),
            "thing_name": thing_name,
            "thing_type": thing_type,
            "thing_groups": groups,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        size = len(json.dumps(self.settings()).encode())
        if size > LONGEST_SETTINGS:
            raise EnrollmentTooLongError(
                "the enrollment's rules are too long for the Lambda's environment",
                value=f"{size:,} bytes as JSON",
                allowed=f"{LONGEST_SETTINGS:,}",
                fix="shorten the subject's expressions or the list of thing groups",
            )

    def settings(self) -> dict[str, Any]:
        """The enrollment as the Lambda reads it, but for the policy's name, which may be known at deployment only."""
        found: dict[str, Any] = {"admission": self.admission.settings()}
        if self.thing_name is not None:
            found["thing"] = {"name": self.thing_name, "groups": list(self.thing_groups)}
            if self.thing_type is not None:
                found["thing"]["type"] = self.thing_type
        return found

    def resolve_policy(self, *, account: str, region: str, partition: str) -> dict[str, Any] | None:
        """The policy document with its placeholders filled for one stage; None where a policy is named."""
        if self.policy_document is None:
            return None
        filled = fill(self.policy_document, account=account, region=region, partition=partition)
        _check_policy_length(filled)
        parsed: dict[str, Any] = json.loads(filled)
        return parsed


def thing_pattern(thing_name: str) -> str:
    """The thing names that ``thing_name`` can make, as a pattern of IAM: ``sensor-*`` of ``sensor-{CommonName}``."""
    return _FIELD.sub("*", thing_name)


def _policy_name(name: str) -> str:
    if not _POLICY_NAME.fullmatch(name):
        raise EnrollmentPolicyError(
            "the policy of the enrollment is no name that AWS IoT takes",
            value=name,
            allowed="1 to 128 of letters, digits and _+=,.@- (the name, no ARN), or a policy document as a dict",
            fix="for a document in a file: json.loads(Path(…).read_text())",
        )
    return name


def _policy_document(document: object) -> str:
    if not isinstance(document, dict) or not document.get("Statement"):
        raise EnrollmentPolicyError(
            "the policy of the enrollment is no policy document",
            value=document,
            allowed='the name of a policy, or a dict such as {"Version": "2012-10-17", "Statement": […]}',
        )
    try:
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise EnrollmentPolicyError(f"the policy document holds what JSON cannot: {error}") from None
    unknown = unknown_placeholder(text)
    if unknown is not None:
        raise EnrollmentPolicyError(
            "the policy document has a placeholder that no stage can fill",
            value=unknown,
            allowed=WRITTEN,
            fix="for policy variables write ${iot:…}",
        )
    _check_policy_length(text)
    return text


def _check_policy_length(text: str) -> None:
    size = len(re.sub(r"\s", "", text))
    if size > LONGEST_POLICY:
        raise EnrollmentPolicyError(
            "the policy document is too long for AWS IoT",
            value=f"{size:,} characters without white space",
            allowed=f"{LONGEST_POLICY:,}",
        )


def _thing_groups(groups: Iterable[str]) -> tuple[str, ...]:
    if isinstance(groups, str):
        raise EnrollmentThingError(
            "thing_groups of the enrollment is one text",
            value=groups,
            allowed="a list of names",
            fix=f"[{groups!r}]",
        )
    return tuple(groups)


def _check_thing(name: object, kind: object, groups: tuple[str, ...]) -> None:
    for what, value in (("thing_type", kind), *(("a name in thing_groups", each) for each in groups)):
        if value is not None and not (isinstance(value, str) and _THING_WORD.fullmatch(value)):
            raise EnrollmentThingError(
                f"{what} of the enrollment is no name that AWS IoT takes",
                value=value,
                allowed="1 to 128 of letters, digits, :, _ and -",
            )
    if name is None:
        if kind is not None or groups:
            raise EnrollmentThingError(
                "thing_type or thing_groups without a thing",
                fix='give thing_name, such as "{CommonName}", or leave them out',
            )
        return
    if not isinstance(name, str) or not _THING_WORD.fullmatch(_FIELD.sub("x", name)):
        raise EnrollmentThingError(
            "thing_name of the enrollment makes no thing's name",
            value=name,
            allowed="letters, digits, :, _ and -, and fields in braces",
            fix='such as "{CommonName}"',
        )
    allowed = (*SUBJECT_FIELDS, CERTIFICATE_ID)
    named = _FIELD.findall(name)
    for field in named:
        if field not in allowed:
            raise EnrollmentThingError(
                "thing_name names a field that is not read", value=field, allowed=", ".join(allowed)
            )
    if not named:
        raise EnrollmentThingError(
            "thing_name is the same for every device: all would share one thing",
            value=name,
            allowed="at least one field in braces: " + ", ".join(allowed),
        )
