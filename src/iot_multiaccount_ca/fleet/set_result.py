"""What the check of one stack set comes to. A set may have thousands of stacks: what they share stands once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import text
from .result import INTERRUPTED, FleetResult, StageState

if TYPE_CHECKING:
    from .difference import Difference
    from .planned_sets import PlannedSet

NOT_ENTERED = (
    "the accounts of the set were not entered: no role in them is known here, and StackSets does not see what was "
    "changed behind its back; fix: let the set carry a role for it (readers=[…]), name one that each of them has with "
    "--role-name, or take StackSets' word with --trust-stack-sets"
)


@dataclass(frozen=True, slots=True)
class InstanceGroup:
    """Stacks of a set that are not as they should be, for one reason. ``fix`` is a sentence.

    ``status``: AWS's words (``OUTDATED, FAILED``), or ``missing``, ``surplus``. ``reason``: AWS's, or "".
    """

    status: str
    reason: str
    places: tuple[tuple[str, str], ...]
    fix: str

    @property
    def where(self) -> list[str]:
        """Each place in words."""
        return [f"{account} ({region})" for account, region in self.places]

    @property
    def words(self) -> str:
        """Which they are and why, but for where."""
        because = f": {self.reason}" if self.reason else ""
        return f"{text.counted(len(self.places), 'stack')} {self.status}{because}"


@dataclass(frozen=True, slots=True)
class SetResult:
    """One set, checked. ``stacks``: how many it has, ``current`` of them CURRENT.

    ``problems``: sentences, what could not be looked at and why. ``notes``: what was left out because somebody said so.
    ``accounts``: the check of each account by itself; None where none was entered. ``unusable``: the credentials came
    to their end.
    """

    planned: PlannedSet
    stacks: int = 0
    current: int = 0
    differences: tuple[Difference, ...] = ()
    groups: tuple[InstanceGroup, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    checked_as: str | None = None
    accounts: FleetResult | None = None
    unusable: bool = False

    @property
    def left_out(self) -> bool:
        """Whether the check was interrupted before it came to this set, or on the way."""
        return self.problems == (INTERRUPTED,)

    @property
    def interrupted(self) -> bool:
        """Whether somebody did not wait for the end."""
        return self.left_out or (self.accounts is not None and self.accounts.interrupted)

    @property
    def settled(self) -> bool:
        """Whether all that can be looked at is as planned, and of the rest another check would learn nothing more."""
        if self.problems == (NOT_ENTERED,):
            return not self.differences and not self.groups
        return self.state is StageState.AS_PLANNED

    @property
    def state(self) -> StageState:
        """As a stage's: what could not be looked at goes before differences."""
        inside = self.accounts.exit_code if self.accounts is not None else 0
        if self.problems or inside == 2:
            return StageState.UNCHECKED
        return StageState.DIFFERENT if self.differences or self.groups or inside else StageState.AS_PLANNED


def exit_code(checked: FleetResult, sets: list[SetResult]) -> int:
    """Of stages and sets together: 0 as planned, 1 differences, 2 something could not be checked."""
    states = {each.state for each in sets}
    if checked.exit_code == 2 or StageState.UNCHECKED in states:
        return 2
    return 1 if checked.exit_code or StageState.DIFFERENT in states else 0
