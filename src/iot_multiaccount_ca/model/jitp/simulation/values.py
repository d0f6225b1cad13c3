"""What a dry run of JITP finds: frozen values, and how they are read. Decides nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# ${iot:…} and ${aws:…}; ${*}, ${?} and ${$} stand for those characters themselves.
_POLICY_VARIABLE = re.compile(r"\$\{([^{}*?$][^{}]*)\}")


class Severity(StrEnum):
    """``error``: the device would not be provisioned. ``warning``: it would, but look, or AWS does not say."""

    ERROR = "error"
    WARNING = "warning"


class Source(StrEnum):
    """Where a parameter's value comes from."""

    SUBJECT = "subject"
    DEFAULT = "default"
    CERTIFICATE_ID = "certificate-id"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know. ``code`` is for programs and does not change; ``problem`` and ``fix`` are for people."""

    severity: Severity
    code: str
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.problem}; fix: {self.fix}"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that the template declares. ``value`` is ``None`` where it is missing."""

    name: str
    value: str | None
    source: Source


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


@dataclass(frozen=True, slots=True)
class Provisioning:
    """What JITP would make of a device certificate, and what stands in the way.

    ``certificate_id``: AWS IoT's id of it. ``subject``: RFC 4514. ``parameters``: in the template's order.
    ``makes_thing``: the template has a thing; ``thing_name`` and the rest are ``None`` or empty where they have none or
    cannot be resolved. ``certificate_status``: the certificate's status afterwards: what the template says, or
    PENDING_ACTIVATION where provisioning fails. ``chains``: signed by the CA; ``None`` without a CA to hold it against.
    """

    certificate_id: str
    subject: str
    parameters: tuple[Parameter, ...]
    makes_thing: bool
    thing_name: str | None
    attributes: Mapping[str, str] = field(hash=False)
    thing_type: str | None
    thing_groups: tuple[str, ...]
    billing_group: str | None
    policies: tuple[Policy, ...]
    certificate_status: str
    chains: bool | None
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that keep the device from being provisioned."""
        return tuple(each for each in self.findings if each.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that do not."""
        return tuple(each for each in self.findings if each.severity is Severity.WARNING)

    @property
    def provisioned(self) -> bool:
        """Whether nothing known stands in the way."""
        return not self.errors

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the parameters that the subject lacks and that have no Default."""
        return tuple(each.name for each in self.parameters if each.source is Source.MISSING)


def policy_variable_spans(text: str) -> list[tuple[int, int]]:
    """Where policy variables stand in a text, ``${`` and ``}`` included."""
    return [match.span() for match in _POLICY_VARIABLE.finditer(text)]


class Findings:
    """Collects findings while a dry run goes on; says each once."""

    def __init__(self) -> None:
        self._found: dict[Finding, None] = {}

    def error(self, code: str, problem: str, fix: str) -> None:
        """The device would not be provisioned."""
        self._found[Finding(Severity.ERROR, code, problem, fix)] = None

    def warning(self, code: str, problem: str, fix: str) -> None:
        """The device would be provisioned, or AWS does not say."""
        self._found[Finding(Severity.WARNING, code, problem, fix)] = None

    def all(self) -> tuple[Finding, ...]:
        """Errors first, each kind in the order of finding."""
        return tuple(sorted(self._found, key=lambda each: each.severity is not Severity.ERROR))
