"""What AWS IoT takes as a policy of a template, and what its variables find in this device. Evaluates no policy.

"Provisioning templates" (policy resources), "X.509 Certificate AWS IoT Core policy variables" and "Thing policy
variables" in the developer guide; CreatePolicy in the API reference for the length of a document.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from .thing_rules import shown
from .values import Policy

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cryptography import x509

    from .values import Findings

_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_LONGEST_DOCUMENT = 2048
_MOST_POLICIES = 10
_SUBJECT_VARIABLE = re.compile(r"iot:Certificate\.Subject\.([A-Za-z]+)(?:\.\d+)?")
_ATTRIBUTE_VARIABLE = re.compile(r"iot:Connection\.Thing\.Attributes\[([^\]]*)\]")
_SUBJECT_OIDS = {
    "DistinguishedNameQualifier": "2.5.4.46",
    "Country": "2.5.4.6",
    "Organization": "2.5.4.10",
    "OrganizationalUnit": "2.5.4.11",
    "State": "2.5.4.8",
    "CommonName": "2.5.4.3",
    "SerialNumber": "2.5.4.5",
    "Title": "2.5.4.12",
    "Surname": "2.5.4.4",
    "GivenName": "2.5.4.42",
    "Initials": "2.5.4.43",
    "Pseudonym": "2.5.4.65",
    "GenerationQualifier": "2.5.4.44",
}


def named_policy(value: Any, findings: Findings) -> Policy | None:
    """A policy that must exist, by its name."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        findings.error(
            "policy-name-illegal",
            f"the PolicyName {shown(value)} is illegal; AWS IoT takes 1 to 128 of a-z, A-Z, 0-9 and _+=,.@-",
            "name a policy that exists in the account",
        )
        return None
    return Policy(name=value)


def document_policy(value: Any, findings: Findings) -> Policy | None:
    """A policy that is made from the document."""
    parsed: Any = None
    if isinstance(value, str):
        try:
            parsed = json.loads(value)
        except ValueError as error:
            findings.error(
                "policy-document-no-json",
                f"the PolicyDocument is no JSON once its functions are resolved: {error}",
                "look for quotes and backslashes in the subject's fields that stand in it, or build it from literals",
            )
            return None
    if not isinstance(value, str) or not isinstance(parsed, dict) or "Statement" not in parsed:
        findings.error(
            "policy-document-no-policy",
            f"the PolicyDocument is no policy as a JSON string: {shown(value)}",
            "give it a JSON string with Version and Statement",
        )
        return None
    length = sum(not character.isspace() for character in value)
    if length > _LONGEST_DOCUMENT:
        findings.error(
            "policy-document-too-long",
            f"the PolicyDocument has {length:,} characters without white space; AWS IoT allows {_LONGEST_DOCUMENT:,}",
            "shorten it with wildcards and policy variables, or split it into several AWS::IoT::Policy resources",
        )
    return Policy(text=value, document=parsed)


def check_count(count: int, findings: Findings) -> None:
    """How many policies the template attaches: with none the device may do nothing, and a certificate holds ten."""
    if count == 0:
        findings.warning(
            "no-policy",
            "the template has no AWS::IoT::Policy: the device may do nothing unless a thing group has a policy",
            "add an AWS::IoT::Policy, or attach a policy to one of the thing's groups",
        )
    elif count > _MOST_POLICIES:
        findings.error(
            "policies-too-many",
            f"the template attaches {count} policies; AWS IoT allows {_MOST_POLICIES} for a certificate",
            "merge policies",
        )


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
