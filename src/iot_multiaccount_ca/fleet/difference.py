"""One field in which AWS is not as planned."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """One field in which AWS is not as planned. ``fix`` is a sentence."""

    field: str
    planned: str | bool | None
    live: str | bool | None
    fix: str

    @property
    def planned_words(self) -> str:
        """What is planned, as people read it."""
        return _words(self.planned)

    @property
    def live_words(self) -> str:
        """What is, as people read it."""
        return _words(self.live)


def _words(value: str | bool | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value or "none"
