"""Who may enroll under just-in-time registration (JITR), as a value. Decides no case: the activation Lambda does."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ...errors import AllowListError, EnrollmentWindowError, SubjectRuleError
from ..jitp.template_rules import PARAMETER_PREFIX, SUBJECT_PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The fields of a subject that rules and thing names may use: JITP's own words for them.
SUBJECT_FIELDS = tuple(name.removeprefix(PARAMETER_PREFIX) for name in SUBJECT_PARAMETERS)


_PARAMETER_NAME = re.compile(r"[A-Za-z0-9_.-]{1,500}|(?=.{1,500}\Z)(?:/[A-Za-z0-9_.-]+){1,15}", re.ASCII)


_TABLE_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}", re.ASCII)


_TABLE_KEY = re.compile(r"[A-Za-z0-9_.-]{1,255}", re.ASCII)


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

    A shared CA's devices are signed by one CA, so each of them can connect to every account where it is registered,
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
