"""Just-in-time registration (JITR) as a value: who is admitted, and what such a device gets. Decides no case.

The activation Lambda (``lambda/jitr``) decides; `JitrEnrollment.settings` is what it reads. See "Just-in-time
registration" in the AWS IoT developer guide.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from .errors import (
    AllowListError,
    EnrollmentPolicyError,
    EnrollmentThingError,
    EnrollmentTooLongError,
    EnrollmentWindowError,
    InvalidTypeError,
    SubjectRuleError,
)
from .placeholders import WRITTEN, fill, unknown_placeholder
from .template_rules import PARAMETER_PREFIX, SUBJECT_PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: The fields of a subject that rules and thing names may use: JITP's own words for them.
SUBJECT_FIELDS = tuple(name.removeprefix(PARAMETER_PREFIX) for name in SUBJECT_PARAMETERS)
#: Beside them in a thing's name: AWS IoT's id of the certificate, 64 hex digits.
CERTIFICATE_ID = "CertificateId"
#: Where AWS IoT publishes that a device certificate became known: below it, by the id of its CA.
REGISTERED_TOPIC = "$aws/events/certificates/registered"
#: AWS IoT's limit on a policy document, white space not counted.
LONGEST_POLICY = 2_048
#: A Lambda function's environment holds 4 KB in all.
LONGEST_SETTINGS = 3_000
_PARAMETER_NAME = re.compile(r"[A-Za-z0-9_.-]{1,500}|(?=.{1,500}\Z)(?:/[A-Za-z0-9_.-]+){1,15}", re.ASCII)
_TABLE_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}", re.ASCII)
_TABLE_KEY = re.compile(r"[A-Za-z0-9_.-]{1,255}", re.ASCII)
_POLICY_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_THING_WORD = re.compile(r"[A-Za-z0-9:_-]{1,128}", re.ASCII)
_FIELD = re.compile(r"\{([^{}]*)\}")


class ListedBy(StrEnum):
    """What an allow-list holds of each certificate.

    ``FINGERPRINT``: SHA-256 of its DER, which is AWS IoT's certificate id. ``SERIAL_NUMBER``: the number that the CA
    gave it (not the subject's serialNumber). Both as hex, in any case, with or without colons.
    """

    FINGERPRINT = "FINGERPRINT"
    SERIAL_NUMBER = "SERIAL_NUMBER"


@dataclass(frozen=True, slots=True, init=False)
class Admission:
    """Who may enroll. Nobody, unless told otherwise; of several conditions all must hold.

    A shared CA's devices are signed by one CA, so each of them can knock at every account where it is registered,
    production included.

    ``parameter_name``: an SSM parameter (String or StringList) of the stage's account and region that lists admitted
    certificates, separated by commas, blanks or new lines. ``table_name``: a DynamoDB table instead, with one item per
    certificate under the string partition key ``table_key`` (lower-case hex, no colons). ``listed_by``: `ListedBy`.
    ``subject``: a regular expression for each field that must match as a whole, such as
    ``{"Organization": "Example Corp", "CommonName": "sensor-[0-9]+"}``; fields as JITP names them; a subject that has
    the field twice, or not, does not match. ``not_before``, ``not_after``: aware times between which devices enroll, on
    top of a list, a subject rule or `any_certificate`.
    Raises an `EnrollmentError`.
    """

    parameter_name: str | None
    table_name: str | None
    table_key: str
    listed_by: ListedBy
    subject: tuple[tuple[str, str], ...]
    not_before: dt.datetime | None
    not_after: dt.datetime | None
    everyone: bool

    def __init__(
        self,
        *,
        parameter_name: str | None = None,
        table_name: str | None = None,
        table_key: str = "certificateId",
        listed_by: ListedBy | str = ListedBy.FINGERPRINT,
        subject: Mapping[str, str] | None = None,
        not_before: dt.datetime | None = None,
        not_after: dt.datetime | None = None,
    ) -> None:
        _check_list(parameter_name, table_name, table_key)
        self._set(
            parameter_name=parameter_name,
            table_name=table_name,
            table_key=table_key,
            listed_by=_listed_by(listed_by),
            subject=_subject(subject),
            not_before=_utc(not_before, "not_before"),
            not_after=_utc(not_after, "not_after"),
            everyone=False,
        )
        self._check_window()

    @classmethod
    def any_certificate(
        cls, *, not_before: dt.datetime | None = None, not_after: dt.datetime | None = None
    ) -> Admission:
        """Every certificate that the CA signed is admitted, in the window if there is one."""
        made = cls()
        made._set(
            everyone=True,
            not_before=_utc(not_before, "not_before"),
            not_after=_utc(not_after, "not_after"),
        )
        made._check_window()
        return made

    @property
    def closed(self) -> bool:
        """Whether nobody at all is admitted."""
        return not (self.everyone or self.parameter_name or self.table_name or self.subject)

    def settings(self) -> dict[str, Any]:
        """The admission as the Lambda reads it."""
        found: dict[str, Any] = {"everyone": self.everyone}
        if self.parameter_name is not None:
            found["list"] = {"type": "PARAMETER", "name": self.parameter_name, "by": self.listed_by.value}
        if self.table_name is not None:
            table = {"type": "TABLE", "name": self.table_name, "key": self.table_key}
            found["list"] = {**table, "by": self.listed_by.value}
        if self.subject:
            found["subject"] = dict(self.subject)
        for name, moment in (("notBefore", self.not_before), ("notAfter", self.not_after)):
            if moment is not None:
                found[name] = moment.isoformat()
        return found

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _check_window(self) -> None:
        begin, end = self.not_before, self.not_after
        if begin is not None and end is not None and begin >= end:
            raise EnrollmentWindowError(
                "the enrollment window ends before it begins",
                value=f"{begin.isoformat()} to {end.isoformat()}",
                allowed="not_before earlier than not_after",
            )
        if self.closed and (begin is not None or end is not None):
            raise EnrollmentWindowError(
                "an enrollment window alone says when, and not who",
                allowed="a window on top of parameter_name, table_name or subject",
                fix="add one of them, or open it to every device of the CA with "
                "Admission.any_certificate(not_before=…, not_after=…)",
            )


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


def _check_list(parameter_name: object, table_name: object, table_key: object) -> None:
    if parameter_name is not None and table_name is not None:
        raise AllowListError(
            "two allow-lists: an SSM parameter and a DynamoDB table",
            value=f"{parameter_name} and {table_name}",
            allowed="one list",
            fix="leave one of them out",
        )
    for what, value, pattern, allowed in (
        (
            "parameter_name",
            parameter_name,
            _PARAMETER_NAME,
            "the name of an SSM parameter, such as /fleet/admitted",
        ),
        ("table_name", table_name, _TABLE_NAME, "3 to 255 of letters, digits, _, - and ."),
        ("table_key", table_key, _TABLE_KEY, "the name of the table's partition key"),
    ):
        if value is None:
            continue
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise AllowListError(
                f"{what} of the admission is no such name",
                value=value,
                allowed=f"{allowed}, literal",
                fix="give the name alone, no ARN; list and Lambda are of one account and region",
            )


def _listed_by(value: object) -> ListedBy:
    try:
        return ListedBy(str(value))
    except ValueError:
        raise AllowListError(
            "listed_by of the admission is unknown", value=value, allowed=", ".join(ListedBy)
        ) from None


def _subject(subject: Any) -> tuple[tuple[str, str], ...]:
    if subject is None:
        return ()
    if not hasattr(subject, "items") or not subject:
        raise SubjectRuleError(
            "the subject rule of the admission names no field",
            value=subject,
            allowed='{"Organization": "Example Corp", …}: an expression for each field',
            fix="leave subject out where it does not matter",
        )
    for field, expression in subject.items():
        if field not in SUBJECT_FIELDS:
            raise SubjectRuleError(
                "the subject rule names a field that is not read",
                value=field,
                allowed=", ".join(SUBJECT_FIELDS),
            )
        problem = _expression_problem(expression)
        if problem is not None:
            raise SubjectRuleError(
                f"the subject rule on {field} {problem}",
                value=expression,
                allowed="a regular expression of Python's re, which the whole value has to match",
                fix="write re.escape(…) around a literal value with special characters",
            )
    return tuple(sorted(subject.items()))


def _expression_problem(expression: object) -> str | None:
    if not isinstance(expression, str) or not expression:
        return "is no text"
    try:
        re.compile(expression)
    except re.error as error:
        return f"is no regular expression: {error}"
    return None


def _utc(moment: object, what: str) -> dt.datetime | None:
    if moment is None:
        return None
    if not isinstance(moment, dt.datetime) or moment.utcoffset() is None:
        raise EnrollmentWindowError(
            f"{what} of the enrollment window is no time with a zone",
            value=moment,
            allowed="an aware datetime",
            fix="write datetime(2030, 1, 1, tzinfo=timezone.utc)",
        )
    return moment.astimezone(dt.UTC)


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
