"""The settings of the activation Lambda, in the shapes in which they cross into its environment.

``lambda/jitr/jitr_activation/settings.py`` reads them, and refuses what does not stand here.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

#: What the function's environment calls the CA's certificate id, `EnrollmentSettings` as JSON, and the policy's name.
CA_VARIABLE, ENROLLMENT_VARIABLE, POLICY_VARIABLE = "CA_CERTIFICATE_ID", "ENROLLMENT", "POLICY_NAME"


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
