"""What calls the activation Lambda, and its settings, in the shapes in which they cross into its environment.

``lambda/jitr/jitr_activation/settings.py`` reads them, and refuses what does not stand here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict

from ..jitp.subject_fields import SUBJECT_FIELDS
from ..record_forms import FLAG, TEXT, TIME, list_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..record_forms import Form

#: Beside the subject's fields in a thing's name: AWS IoT's id of the certificate, 64 hex digits.
ID_FIELD = "CertificateId"
#: A field of the subject in a thing's name, in braces.
FIELD = re.compile(r"\{([^{}]*)\}")

#: What the function's environment calls the CA's certificate id, `EnrollmentSettings` as JSON, and the policy's name.
CA_VARIABLE, ENROLLMENT_VARIABLE, POLICY_VARIABLE = "CA_CERTIFICATE_ID", "ENROLLMENT", "POLICY_NAME"

#: Where AWS IoT says that a device certificate became known: below it, by the id of its CA.
REGISTERED_TOPIC = "$aws/events/certificates/registered"


def rule_sql(certificate_id: str) -> str:
    """The SQL of a topic rule on a CA's event; the id is hex, or a Token of the CDK's."""
    return f"SELECT * FROM '{REGISTERED_TOPIC}/{certificate_id}'"  # noqa: S608 - of no database


class ListSettings(TypedDict):
    """Where admitted certificates are listed, and by what; ``key`` of a table only."""

    type: Literal["PARAMETER", "TABLE"]
    name: str
    by: str
    key: NotRequired[str]


class AdmissionSettings(TypedDict):
    """Who may enroll; times are ISO 8601 in UTC."""

    everyone: bool
    list: NotRequired[ListSettings]
    subject: NotRequired[dict[str, str]]
    notBefore: NotRequired[str]
    notAfter: NotRequired[str]


class ThingSettings(TypedDict):
    """The thing that an admitted device gets."""

    name: str
    groups: list[str]
    type: NotRequired[str]


class EnrollmentSettings(TypedDict):
    """All of it; the policy's name crosses by itself, as it may be known at deployment only."""

    admission: AdmissionSettings
    thing: NotRequired[ThingSettings]


def are_settings(value: Any) -> bool:
    """Whether a value of a cloud assembly, which anybody may have edited, can be read as an `EnrollmentSettings`."""
    return _has(value, {}, {"admission": _ADMISSION, "thing": _THING})


def _has(value: Any, needed: Mapping[str, Form], more: Mapping[str, Form]) -> bool:
    """Whether it is an object with what is needed; what is null is not there."""
    return isinstance(value, dict) and all(
        name in more if value.get(name) is None else fits(value[name])
        for name, (_, fits) in {**needed, **more}.items()
    )


def _of_subject(value: Any) -> bool:
    return isinstance(value, dict) and all(
        name in SUBJECT_FIELDS and isinstance(each, str) for name, each in value.items()
    )


def _is_thing_name(value: Any) -> bool:
    return isinstance(value, str) and {*FIELD.findall(value)} <= {ID_FIELD, *SUBJECT_FIELDS}


# A list's name may be known at deployment only: as CloudFormation writes that.
_NAME: Form = ("a text, or an object", lambda value: isinstance(value, (str, dict)) and len(value) > 0)
_LIST: Form = (
    "a list's settings",
    lambda value: (
        _has(value, {"type": TEXT, "name": _NAME, "by": TEXT}, {"key": TEXT})
        and value["type"] in ("PARAMETER", "TABLE")
        and (value["type"] == "PARAMETER" or "key" in value)
    ),
)
_ADMISSION: Form = (
    "an admission's settings",
    lambda value: _has(
        value,
        {},
        {
            "everyone": FLAG,
            "list": _LIST,
            "subject": ("rules", _of_subject),
            "notBefore": TIME,
            "notAfter": TIME,
        },
    ),
)
_THING: Form = (
    "a thing's settings",
    lambda value: _has(
        value, {"name": ("a thing's name", _is_thing_name), "groups": list_of(TEXT)}, {"type": TEXT}
    ),
)
