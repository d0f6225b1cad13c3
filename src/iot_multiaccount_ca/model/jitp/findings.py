"""What a rule finds in a template or a device, as values. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Severity(StrEnum):
    """``error``: the device would not be provisioned. ``warning``: it would, but look, or AWS does not say."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know. ``code`` is for programs and does not change; ``problem`` and ``fix`` are for people."""

    severity: Severity
    code: str
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.problem}; fix: {self.fix}"


class Findings:
    """Collects findings while rules are applied; says each once."""

    def __init__(self) -> None:
        self._found: dict[Finding, None] = {}

    def error(self, code: str, problem: str, fix: str) -> None:
        """The device would not be provisioned."""
        self._found[Finding(Severity.ERROR, code, problem, fix)] = None

    def warning(self, code: str, problem: str, fix: str) -> None:
        """The device would be provisioned, or AWS does not say."""
        self._found[Finding(Severity.WARNING, code, problem, fix)] = None

    def add(self, findings: Iterable[Finding]) -> None:
        """What was found elsewhere."""
        self._found.update(dict.fromkeys(findings))

    def all(self) -> tuple[Finding, ...]:
        """Errors first, each kind in the order of finding."""
        return tuple(sorted(self._found, key=lambda each: each.severity is not Severity.ERROR))

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Those that keep the device out."""
        return tuple(each for each in self._found if each.severity is Severity.ERROR)
