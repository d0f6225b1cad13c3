"""What a check came to, stages and stack sets together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .stack_set_text import in_sum

if TYPE_CHECKING:
    from ..fleet.result import FleetResult
    from ..fleet.set_result import SetResult


@dataclass(frozen=True, slots=True)
class Checked:
    """The stages of a cloud assembly and its stack sets, held against AWS."""

    stages: FleetResult
    sets: list[SetResult]

    @property
    def interrupted(self) -> bool:
        """Whether somebody did not wait for the end."""
        return self.stages.interrupted or any(each.interrupted for each in self.sets)

    @property
    def unusable(self) -> bool:
        """Whether one's own credentials are over, so that another check would learn nothing more."""
        return self.stages.unusable or any(each.unusable for each in self.sets)

    @property
    def not_entered(self) -> list[str]:
        """The stack sets whose accounts alone could not be looked at, where all else is as planned; else none."""
        settled = self.stages.exit_code == 0 and all(each.settled for each in self.sets)
        return [each.planned.record.name for each in self.sets if settled and each.problems]

    @property
    def exit_code(self) -> int:
        """0 as planned, 1 differences, 2 something could not be checked."""
        from ..fleet.set_result import exit_code

        return 2 if self.interrupted else exit_code(self.stages, self.sets)

    @property
    def summary(self) -> str:
        """How many stages stand how, and how each set does."""
        return self.stages.summary + in_sum(self.sets)

    def changes(self, before: Checked) -> dict[str, list[str]]:
        """The names of all that stands otherwise than before, by the words for how it stands now."""
        pairs = [
            *(
                (new.planned.record.label, new.state, old.state)
                for new, old in zip(self.stages.results, before.stages.results, strict=True)
            ),
            *(
                (f"stack set {new.planned.record.name}", new.state, old.state)
                for new, old in zip(self.sets, before.sets, strict=True)
            ),
        ]
        changed: dict[str, list[str]] = {}
        for name, now, then in pairs:
            if now is not then:
                changed.setdefault(now.words, []).append(name)
        return changed

    def interrupted_now(self) -> Checked:
        """The same, where somebody did not wait for more."""
        return replace(self, stages=replace(self.stages, interrupted=True))

    def completed_by(self, before: Checked) -> Checked:
        """With what an earlier check knew of that which this one was interrupted before."""
        if not self.interrupted:
            return self
        results = [
            old if new.left_out else new
            for new, old in zip(self.stages.results, before.stages.results, strict=True)
        ]
        sets = [old if new.left_out else new for new, old in zip(self.sets, before.sets, strict=True)]
        return Checked(replace(self.stages, results=results, interrupted=True), sets)
