"""Who may enroll under just-in-time registration (JITR), as a value. Decides no case: the activation Lambda does."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from ...errors import AllowListError, EnrollmentWindowError, SubjectRuleError, UnresolvedEnrollmentError
from ..checks import is_flag
from ..jitp.subject_fields import SUBJECT_FIELDS
from ..target import is_token

if TYPE_CHECKING:
    from .settings import AdmissionSettings

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


class ListParameter(Protocol):
    """What is asked of an ``aws_ssm.IStringParameter``: this room knows no aws_cdk."""

    @property
    def parameter_name(self) -> str: ...
    @property
    def parameter_arn(self) -> str: ...
    def grant_read(self, grantee: Any) -> Any: ...


class ListTable(Protocol):
    """What is asked of an ``aws_dynamodb.ITable``."""

    @property
    def table_name(self) -> str: ...
    @property
    def table_arn(self) -> str: ...


def check_literal(value: object, what: str, fix: str) -> None:
    """Raise `UnresolvedEnrollmentError` for a Token: the rules have to be known when the app is synthesized."""
    if is_token(value):
        raise UnresolvedEnrollmentError(
            f"{what} is a Token: a placeholder for what CDK knows at deployment only",
            allowed="literal text",
            fix=fix,
        )


def _name(pattern: re.Pattern[str], allowed: str, instead: str) -> Any:
    """A check of a name that AWS has to know; ``instead``: what may be given where the name is not known."""

    def check(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        what = f"{attribute.name} of the admission"
        check_literal(value, what, fix=instead)
        if value is not None and not (isinstance(value, str) and pattern.fullmatch(value)):
            raise AllowListError(
                f"{what} is not a name that AWS takes",
                value=value,
                allowed=f"{allowed}, literal",
                fix="give the name alone, not an ARN; list and Lambda are of one account and region",
            )

    return check


def _construct(kind: str, *names: str) -> Any:
    """A check that a value has what is asked of a construct of this kind."""

    def check(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value is not None and (isinstance(value, str) or not all(hasattr(value, name) for name in names)):
            raise AllowListError(
                f"{attribute.name} of the admission is not an {kind}",
                value=value if isinstance(value, str) else type(value).__name__,
                allowed=f"an {kind}",
                fix=f"give a name as {attribute.name}_name=…",
            )

    return check


def _listed_by(value: ListedBy | str) -> ListedBy:
    try:
        return ListedBy(str(value))
    except ValueError:
        raise AllowListError(
            "listed_by of the admission is unknown", value=value, allowed=", ".join(ListedBy)
        ) from None


def _subject(
    subject: Mapping[str, str] | tuple[tuple[str, str], ...] | None,
) -> tuple[tuple[str, str], ...]:
    if subject is None or subject == ():
        return ()
    rules = dict(subject) if isinstance(subject, tuple) else subject
    if not isinstance(rules, Mapping) or not rules:
        raise SubjectRuleError(
            "the subject rule of the admission names no field",
            value=subject,
            allowed='{"Organization": "Example Corp", …}: an expression for each field',
            fix="leave subject out where it does not matter",
        )
    for field, expression in rules.items():
        if field not in SUBJECT_FIELDS:
            raise SubjectRuleError(
                "the subject rule names a field that is not read",
                value=field,
                allowed=", ".join(SUBJECT_FIELDS),
            )
        check_literal(expression, f"the subject rule on {field}", fix="write the expression out")
        problem = _expression_problem(expression)
        if problem is not None:
            raise SubjectRuleError(
                f"the subject rule on {field} {problem}",
                value=expression,
                allowed="a regular expression of Python's re, ASCII, which the whole value has to match",
                fix="write re.escape(…) around a literal value with special characters",
            )
    return tuple(sorted(rules.items()))


def _expression_problem(expression: object) -> str | None:
    if not isinstance(expression, str) or not expression:
        return "is not text"
    try:
        # As the Lambda reads it: \d, \w and \s are ASCII.
        re.compile(expression, re.ASCII)
    except (re.error, ValueError, RecursionError, OverflowError) as error:
        return f"is not a regular expression: {error}"
    return None


def _utc(moment: dt.datetime | None) -> dt.datetime | None:
    if moment is None:
        return None
    if not isinstance(moment, dt.datetime) or moment.utcoffset() is None:
        raise EnrollmentWindowError(
            "an end of the enrollment window is not a time with a zone",
            value=moment,
            allowed="an aware datetime",
            fix="write datetime(2030, 1, 1, tzinfo=timezone.utc)",
        )
    return moment.astimezone(dt.UTC)


@attrs.frozen(kw_only=True)
class Admission:
    """Who may enroll. Nobody, unless told otherwise; of several conditions all must hold.

    A shared CA's devices are signed by one CA, so each of them can connect to every account where it is registered,
    production included.

    Args:
        parameter_name: an SSM parameter (String, StringList, or a SecureString under AWS's key) of the stage's account
            and region that lists admitted certificates, separated by commas, blanks or new lines.
        parameter: the same as an ``aws_ssm.IStringParameter``; the key of a SecureString that it knows is granted.
        table_name: a DynamoDB table instead, with one item per certificate under the string partition key
            ``table_key`` (lower-case hex, no colons).
        table: the same as an ``aws_dynamodb.ITable``; its encryption key is granted.
        table_key: by default ``certificateId``.
        listed_by: what the list holds, `ListedBy`; by default ``FINGERPRINT``.
        subject: a regular expression for each field that must match as a whole, such as
            ``{"Organization": "Example Corp", "CommonName": "sensor-[0-9]+"}``; fields as JITP spells them, where
            ``SerialNumber`` is the subject's own serialNumber (2.5.4.5), and not, as in a JITP template, the number
            that the CA gave the certificate; a subject that has the field twice, or not, does not match.
        not_before: aware time from which devices enroll, on top of a list, a subject rule or ``everyone``.
        not_after: aware time until which they do.
        everyone: every certificate that the CA signed, as `any_certificate` says by name; by default not.

    Raises an `EnrollmentError`. ``attrs.evolve(admission, …)`` changes one, and checks again.
    """

    parameter_name: str | None = attrs.field(
        default=None,
        validator=_name(
            _PARAMETER_NAME,
            "the name of an SSM parameter, such as /fleet/admitted",
            "give the parameter itself: Admission(parameter=…)",
        ),
    )
    parameter: ListParameter | None = attrs.field(
        default=None,
        validator=_construct("IStringParameter", "parameter_name", "parameter_arn", "grant_read"),
    )
    table_name: str | None = attrs.field(
        default=None,
        validator=_name(
            _TABLE_NAME,
            "3 to 255 of letters, digits, _, - and .",
            "give the table itself: Admission(table=…)",
        ),
    )
    table: ListTable | None = attrs.field(
        default=None, validator=_construct("ITable", "table_name", "table_arn")
    )
    table_key: str = attrs.field(
        default="certificateId",
        validator=_name(_TABLE_KEY, "the name of the table's partition key", "write the key's name out"),
    )
    listed_by: ListedBy = attrs.field(default=ListedBy.FINGERPRINT, converter=_listed_by)
    subject: tuple[tuple[str, str], ...] = attrs.field(default=(), converter=_subject)
    not_before: dt.datetime | None = attrs.field(default=None, converter=_utc)
    not_after: dt.datetime | None = attrs.field(default=None, converter=_utc)
    everyone: bool = attrs.field(default=False, validator=is_flag)

    def __attrs_post_init__(self) -> None:
        """The rules that hold between fields."""
        lists = [
            name for name in ("parameter_name", "parameter", "table_name", "table") if getattr(self, name)
        ]
        if len(lists) > 1:
            raise AllowListError(
                f"two allow-lists: {' and '.join(lists)}", allowed="one list", fix="leave one of them out"
            )
        if self.everyone and (lists or self.subject):
            raise AllowListError(
                "everyone is admitted, and only who meets a list or a subject rule",
                allowed="everyone alone, or conditions",
                fix="leave everyone out: of conditions all must hold",
            )
        self._check_window()

    @classmethod
    def any_certificate(
        cls, *, not_before: dt.datetime | None = None, not_after: dt.datetime | None = None
    ) -> Admission:
        """Every certificate that the CA signed is admitted, in the window if there is one.

        Args:
            not_before: nobody is admitted earlier; an aware time, by default none.
            not_after: nobody is admitted later; an aware time, by default none.
        """
        return cls(everyone=True, not_before=not_before, not_after=not_after)

    @property
    def closed(self) -> bool:
        """Whether nobody at all is admitted."""
        listed = self.parameter_name or self.parameter or self.table_name or self.table
        return not (self.everyone or listed or self.subject)

    def settings(self) -> AdmissionSettings:
        """The admission as the Lambda reads it; the name of a list may be a Token."""
        found: AdmissionSettings = {"everyone": self.everyone}
        parameter = self.parameter.parameter_name if self.parameter is not None else self.parameter_name
        table = self.table.table_name if self.table is not None else self.table_name
        if parameter is not None:
            found["list"] = {"type": "PARAMETER", "name": parameter, "by": self.listed_by.value}
        if table is not None:
            found["list"] = {
                "type": "TABLE",
                "name": table,
                "key": self.table_key,
                "by": self.listed_by.value,
            }
        if self.subject:
            found["subject"] = dict(self.subject)
        if self.not_before is not None:
            found["notBefore"] = self.not_before.isoformat()
        if self.not_after is not None:
            found["notAfter"] = self.not_after.isoformat()
        return found

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
                allowed="a window on top of a list or a subject rule",
                fix="add one of them, or open it to every device of the CA with "
                "Admission.any_certificate(not_before=…, not_after=…)",
            )
