"""What the check of a fleet comes to: a result for each registration, and how they add up."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from .. import text

if TYPE_CHECKING:
    import datetime as dt

    from .difference import Difference
    from .live import LiveRegistration, LiveTemplate
    from .planned import PlannedRegistration

INTERRUPTED = "interrupted before it was checked; fix: run the check again"
# So many accounts are told one by one what stops them, each with a fix that can be copied.
_FEW = 3


class StageState(StrEnum):
    """How a stage stands. The words are part of the JSON shape."""

    AS_PLANNED = "as-planned"
    DIFFERENT = "different"
    UNCHECKED = "unchecked"

    @property
    def words(self) -> str:
        """As people read it."""
        return {"as-planned": "as planned", "unchecked": "not checked"}.get(self.value, self.value)


@dataclass(frozen=True, slots=True)
class StageResult:
    """One registration, checked. ``problem`` says why a check could not be made, or only in part.

    ``others``: with the first of an account and region, CAs there that no stage plans and that a stack has, which is
    not gone; None where nobody looked. ``checked_as``: ARN of who asked. ``endpoint``: what devices must dial, and send
    as SNI.
    """

    planned: PlannedRegistration
    state: StageState
    differences: tuple[Difference, ...] = ()
    warnings: tuple[str, ...] = ()
    problem: str | None = None
    live: LiveRegistration | None = None
    template: LiveTemplate | None = None
    others: tuple[LiveRegistration, ...] | None = None
    endpoint: str | None = None
    checked_as: str | None = None

    @property
    def left_out(self) -> bool:
        """Whether the check was interrupted before it came to this one."""
        return self.problem == INTERRUPTED


@dataclass(slots=True)
class FleetResult:
    """All results, in the plan's order; ``interrupted`` where somebody did not wait for the end.

    ``unusable``: the credentials came to their end on the way, so that another check would learn nothing more.
    """

    results: list[StageResult]
    checked_at: dt.datetime
    interrupted: bool = False
    unusable: bool = False

    def count(self, state: StageState) -> int:
        """The number of results in this state."""
        return sum(result.state is state for result in self.results)

    def warned(self) -> dict[str, list[StageResult]]:
        """Each warning with the results that have it: a whole fleet may have the same."""
        found: dict[str, list[StageResult]] = {}
        for result in self.results:
            for warning in result.warnings:
                found.setdefault(warning, []).append(result)
        return found

    def problems(self) -> dict[str, list[StageResult]]:
        """Each cause of what could not be checked with the results that have it: it may be the same for all.

        One that many share, but for their account and region, is told once, with ACCOUNT and REGION in their place.
        """
        causes: dict[str, list[StageResult]] = {}
        for result in self.results:
            if result.problem is not None:
                causes.setdefault(_anywhere(result.problem, result), []).append(result)
        found: dict[str, list[StageResult]] = {}
        for cause, results in causes.items():
            several = len({result.problem for result in results}) > 1 and len(results) > _FEW
            for result in results:
                found.setdefault(cause if several else str(result.problem), []).append(result)
        return found

    @property
    def summary(self) -> str:
        """How many stand how."""
        parts = [f"{text.number(self.count(state))} {state.words}" for state in StageState]
        return ", ".join(parts) + (" (interrupted)" if self.interrupted else "")

    @property
    def exit_code(self) -> int:
        """0 as planned, 1 differences, 2 something could not be checked (as `diff` has it: trouble goes before).

        2 also where somebody did not wait for the end.
        """
        if self.count(StageState.UNCHECKED) or self.interrupted:
            return 2
        return 1 if self.count(StageState.DIFFERENT) else 0


def _anywhere(problem: str, result: StageResult) -> str:
    record = result.planned.record
    return problem.replace(record.account, "ACCOUNT").replace(record.region, "REGION")
