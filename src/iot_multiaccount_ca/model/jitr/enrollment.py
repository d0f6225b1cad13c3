"""Just-in-time registration (JITR) as a value: who is admitted, and what such a device gets. Decides no case.

The activation Lambda (``lambda/jitr``) decides; `JitrEnrollment.settings` is what it reads. See "Just-in-time
registration" in the AWS IoT developer guide.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Set
from typing import TYPE_CHECKING, Any

import attrs

from ...errors import (
    EnrollmentPolicyError,
    EnrollmentThingError,
    EnrollmentTooLongError,
    InvalidTypeError,
    JsonError,
)
from .. import strict_json
from ..jitp import policy_rules, thing_rules
from ..jitp.placeholders import WRITTEN, fill, unknown_placeholder
from ..jitp.subject_fields import SUBJECT_FIELDS
from ..policies import LANGUAGE
from .admission import Admission, check_literal
from .settings import FIELD, ID_FIELD

if TYPE_CHECKING:
    from .settings import EnrollmentSettings

#: A Lambda function's environment holds 4 KB in all.
LONGEST_SETTINGS = 3_000


def _policy(policy: str | Mapping[str, Any]) -> str:
    """The policy's name, or its document as compact JSON text, which no name can be."""
    check_literal(
        policy, "the policy of the enrollment", fix="write the policy's name out, or give its document"
    )
    if isinstance(policy, str) and not policy.lstrip().startswith("{"):
        if not policy_rules.NAME.fullmatch(policy):
            raise EnrollmentPolicyError(
                "the policy of the enrollment is not a name that AWS IoT takes",
                value=policy,
                allowed="1 to 128 of letters, digits and _+=,.@- (not an ARN), or a policy document as a dict",
                fix="for a document in a file give its text: Path(…).read_text()",
            )
        return policy
    document: object = policy
    if isinstance(policy, str):
        try:
            document = strict_json.parse(policy, what="the policy document of the enrollment")
        except JsonError as error:
            raise EnrollmentPolicyError.of(error) from error
    if not isinstance(document, dict) or not document.get("Statement"):
        raise EnrollmentPolicyError(
            "the policy of the enrollment is not a policy document",
            value=document,
            allowed=f'the name of a policy, or a dict such as {{"Version": "{LANGUAGE}", "Statement": […]}}',
        )
    try:
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise EnrollmentPolicyError(f"the policy document holds what JSON cannot: {error}") from None
    check_literal(
        text, "the policy document", fix="write {{account}}, {{region}} and {{partition}}, filled per stage"
    )
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


def _admission(admission: Admission | None) -> Admission:
    return Admission() if admission is None else admission


def _is_admission(_: object, __: attrs.Attribute[Any], admission: object) -> None:
    if not isinstance(admission, Admission):
        raise InvalidTypeError(
            "the admission of the enrollment is of another kind",
            value=type(admission).__name__,
            allowed="Admission or None",
            fix="make an Admission(…), or leave it out to admit nobody",
        )


def _groups(groups: Iterable[str]) -> tuple[str, ...]:
    if isinstance(groups, (str, bytes, Mapping, Set)) or not isinstance(groups, Iterable):
        raise EnrollmentThingError(
            "thing_groups of the enrollment is not a list",
            value=groups,
            allowed="a list of names",
            fix=f"[{groups!r}]" if isinstance(groups, str) else "leave it out for none",
        )
    return tuple(groups)


@attrs.frozen(kw_only=True)
class JitrEnrollment:
    """Just-in-time registration: who is admitted, and what the activation Lambda gives an admitted device.

    Args:
        policy: the name of an AWS IoT policy that exists in every account concerned; or a policy document (a dict, or
            its JSON text), which then is made in each stage; ``{{account}}``, ``{{region}}`` and ``{{partition}}`` in
            it are filled there.
        admission: an `Admission`; without one nobody is admitted.
        thing_name: the thing to make and attach, drawn from the certificate, such as ``"{CommonName}"`` or
            ``"sensor-{SerialNumber}"`` (the subject's fields, or ``{CertificateId}``); by default there is no thing. A
            thing of that name that exists is used as it is, unless another certificate holds it.
        thing_type: of the thing; must exist. By default none.
        thing_groups: of the thing; must exist. By default none.

    Raises an `EnrollmentError`. ``attrs.evolve(enrollment, …)`` changes one, and checks again.
    """

    _policy: str = attrs.field(alias="policy", converter=_policy, repr=False)
    admission: Admission = attrs.field(default=None, converter=_admission, validator=_is_admission)
    thing_name: str | None = attrs.field(default=None)
    thing_type: str | None = attrs.field(default=None)
    thing_groups: tuple[str, ...] = attrs.field(default=(), converter=_groups)

    def __attrs_post_init__(self) -> None:
        """The rules that hold between fields."""
        _check_thing(self.thing_name, self.thing_type, self.thing_groups)
        document = self.policy_document
        if document is not None and self.thing_name is None and "${iot:Connection.Thing." in document:
            raise EnrollmentPolicyError(
                "the policy speaks of the connection's thing, and devices get none: it would allow nothing",
                value="${iot:Connection.Thing.…}",
                fix='give thing_name, such as "{CommonName}"',
            )
        size = len(json.dumps(self.settings()).encode())
        if size > LONGEST_SETTINGS:
            raise EnrollmentTooLongError(
                "the enrollment's rules are too long for the Lambda's environment",
                value=f"{size:,} bytes as JSON",
                allowed=f"{LONGEST_SETTINGS:,}",
                fix="shorten the subject's expressions or the list of thing groups",
            )

    @property
    def policy_name(self) -> str | None:
        """The name of the policy, where it is named."""
        return None if self._policy.startswith("{") else self._policy

    @property
    def policy_document(self) -> str | None:
        """The policy document as compact JSON, placeholders unfilled, where it is written out."""
        return self._policy if self._policy.startswith("{") else None

    def settings(self) -> EnrollmentSettings:
        """The enrollment as the Lambda reads it, but for the policy's name, which may be known at deployment only."""
        found: EnrollmentSettings = {"admission": self.admission.settings()}
        if self.thing_name is not None:
            found["thing"] = {"name": self.thing_name, "groups": list(self.thing_groups)}
            if self.thing_type is not None:
                found["thing"]["type"] = self.thing_type
        return found

    def resolve_policy(self, *, account: str, region: str, partition: str) -> dict[str, Any] | None:
        """The policy document with its placeholders filled for one stage; None where a policy is named.

        Args:
            account: of the stage, 12 digits.
            region: of the stage, such as ``eu-west-1``.
            partition: of the stage, such as ``aws``.
        """
        if self.policy_document is None:
            return None
        filled = fill(self.policy_document, account=account, region=region, partition=partition)
        _check_policy_length(filled)
        parsed: dict[str, Any] = json.loads(filled)
        return parsed


def thing_pattern(thing_name: str) -> str:
    """The thing names that ``thing_name`` can make, as a pattern of IAM: ``sensor-*`` of ``sensor-{CommonName}``."""
    return FIELD.sub("*", thing_name)


def _check_policy_length(text: str) -> None:
    size = len(re.sub(r"\s", "", text))
    if size > policy_rules.LONGEST_DOCUMENT:
        raise EnrollmentPolicyError(
            "the policy document is too long for AWS IoT",
            value=f"{size:,} characters without white space",
            allowed=f"{policy_rules.LONGEST_DOCUMENT:,}",
        )


def _check_thing(name: object, kind: object, groups: tuple[str, ...]) -> None:
    kinds = [] if kind is None else [("thing_type", kind)]
    for what, value in (*kinds, *(("a name in thing_groups", each) for each in groups)):
        check_literal(value, f"{what} of the enrollment", fix="write the name out")
        if not isinstance(value, str) or not thing_rules.NAME.fullmatch(value):
            raise EnrollmentThingError(
                f"{what} of the enrollment is not a name that AWS IoT takes",
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
    check_literal(
        name, "thing_name of the enrollment", fix='draw it from the certificate, such as "{CommonName}"'
    )
    if not isinstance(name, str) or not thing_rules.NAME.fullmatch(FIELD.sub("x", name)):
        raise EnrollmentThingError(
            "thing_name of the enrollment makes no thing's name",
            value=name,
            allowed="letters, digits, :, _ and -, and fields in braces",
            fix='such as "{CommonName}"',
        )
    allowed = (*SUBJECT_FIELDS, ID_FIELD)
    named = FIELD.findall(name)
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
