"""What a policy's variables find in this device. Evaluates no policy.

"X.509 Certificate AWS IoT Core policy variables" and "Thing policy variables" in the developer guide.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..subject_fields import SUBJECT_FIELDS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cryptography import x509

    from ..findings import Findings
    from ..policy_rules import Policy

_SUBJECT_VARIABLE = re.compile(r"iot:Certificate\.Subject\.([A-Za-z]+)(?:\.\d+)?")
_ATTRIBUTE_VARIABLE = re.compile(r"iot:Connection\.Thing\.Attributes\[([^\]]*)\]")
# JITP's fields, of which one has another name here, and those that only policies know.
_SUBJECT_OIDS = {
    **{name: field.oid for name, field in SUBJECT_FIELDS.items() if name != "StateName"},
    "State": SUBJECT_FIELDS["StateName"].oid,
    "Title": "2.5.4.12",
    "Surname": "2.5.4.4",
    "GivenName": "2.5.4.42",
    "Initials": "2.5.4.43",
    "Pseudonym": "2.5.4.65",
    "GenerationQualifier": "2.5.4.44",
}


def check_variables(
    policies: Collection[Policy],
    subject: x509.Name,
    attributes: Mapping[str, str] | None,
    findings: Findings,
) -> None:
    """Policy variables that this device leaves empty. ``attributes``: the thing's; ``None`` where none is made."""
    held = {each.oid.dotted_string for each in subject}
    for variable in dict.fromkeys(name for policy in policies for name in policy.variables):
        lack, fix = _lack(variable, held, attributes)
        if lack:
            findings.warning("policy-variable-empty", f"the policy uses ${{{variable}}}, and {lack}", fix)


def _lack(variable: str, held: Collection[str], attributes: Mapping[str, str] | None) -> tuple[str, str]:
    field = _SUBJECT_VARIABLE.fullmatch(variable)
    if field and _SUBJECT_OIDS.get(field.group(1), "") not in held:
        return (
            f"the certificate's subject has no {field.group(1)}: AWS warns of unexpected results",
            "put the field into the subject, or use another variable",
        )
    if not variable.startswith("iot:Connection.Thing."):
        return "", ""
    if attributes is None:
        return (
            "the template makes no thing",
            "add an AWS::IoT::Thing to the template, or use another variable",
        )
    attribute = _ATTRIBUTE_VARIABLE.fullmatch(variable)
    if attribute and attribute.group(1) not in attributes:
        return (
            "the template gives the thing no such attribute",
            "add the attribute to AttributePayload, or use another variable",
        )
    return "", ""
