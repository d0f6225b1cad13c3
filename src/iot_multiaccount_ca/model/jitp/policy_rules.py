"""What AWS IoT takes as a policy of a template, by name or as a document. Evaluates no policy.

"Provisioning templates" (policy resources) in the developer guide; CreatePolicy in the API reference for the length of
a document.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...errors import JsonError
from .. import strict_json
from .policy_breadth import allows_everything
from .thing_rules import escape_hint, function_hint, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .findings import Findings

#: A policy's name, in AWS IoT.
NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
#: White space not counted.
LONGEST_DOCUMENT = 2_048
_MOST_POLICIES = 10
# ${iot:…} and ${aws:…}; ${*}, ${?} and ${$} stand for those characters themselves.
_POLICY_VARIABLE = re.compile(r"\$\{([^{}*?$][^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy of the template: the ``name`` of one that must exist, or a ``document`` that is made.

    ``text``: the document as JSON text, as the template resolves it; ``document``: the same, parsed.
    """

    name: str | None = None
    text: str | None = None
    document: Mapping[str, Any] | None = field(default=None, hash=False, compare=False)

    @property
    def variables(self) -> tuple[str, ...]:
        """The policy variables in the document, such as ``iot:Connection.Thing.ThingName``, each once, in order.

        AWS IoT fills them when the device acts, not when it is provisioned.
        """
        return tuple(dict.fromkeys(_POLICY_VARIABLE.findall(self.text or "")))


def policy_variable_spans(text: str) -> list[tuple[int, int]]:
    """Where policy variables stand in a text, ``${`` and ``}`` included."""
    return [match.span() for match in _POLICY_VARIABLE.finditer(text)]


def named_policy(value: Any, findings: Findings) -> Policy | None:
    """A policy that must exist, by its name."""
    if not isinstance(value, str) or not NAME.fullmatch(value):
        findings.error(
            "policy-name-illegal",
            f"the PolicyName {shown(value)} is illegal{escape_hint(value) if isinstance(value, str) else ''}; AWS IoT "
            "takes 1 to 128 of a-z, A-Z, 0-9 and _+=,.@-",
            function_hint(value) or "name a policy that exists in the account",
        )
        return None
    return Policy(name=value)


def document_policy(value: Any, findings: Findings) -> Policy | None:
    """A policy that is made from the document."""
    parsed: Any = None
    if isinstance(value, str):
        try:
            parsed = strict_json.parse(value, what="the PolicyDocument")
        except JsonError as error:
            findings.error(
                "policy-document-no-json",
                f"{error.problem}{escape_hint(value)}",
                error.fix
                or "look for quotes and backslashes in the fields that stand in it, or build it from literals",
            )
            return None
    if not isinstance(value, str) or not isinstance(parsed, dict) or "Statement" not in parsed:
        findings.error(
            "policy-document-no-policy",
            f"the PolicyDocument is not a policy as a JSON string: {shown(value)}",
            function_hint(value) or "give it a JSON string with Version and Statement",
        )
        return None
    length = len("".join(value.split()))
    if length > LONGEST_DOCUMENT:
        findings.error(
            "policy-document-too-long",
            f"the PolicyDocument has {length:,} characters without white space; AWS IoT allows {LONGEST_DOCUMENT:,}",
            "shorten it with wildcards and policy variables, or split it into several AWS::IoT::Policy resources",
        )
    if allows_everything(parsed):
        findings.warning(
            "policy-allows-everything",
            "the policy lets each device do everything: connect under any client id, and read and write every topic",
            "allow a client id and topics of the device's own, such as client/${iot:Connection.Thing.ThingName}",
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
