"""The dry runs of one ``iot-ca simulate`` as values: what came of each file, and of all of them. Prints nothing."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...model.jitp.simulation import collisions

if TYPE_CHECKING:
    from ...model.jitp.simulation import Provisioning
    from .registrations import Registration


@dataclass(frozen=True)
class DryRun:
    """A device certificate and what came of it: the answer, or why there is none.

    ``number``: of the device in a file of several, from 1; 0 where it is alone. ``form``: what it came in.
    """

    file: str
    run: Provisioning | None
    problem: str | None = None
    number: int = 0
    form: str = ""

    @property
    def label(self) -> str:
        """The file, and which of its devices."""
        return f"{self.file} #{self.number}" if self.number else self.file

    @property
    def state(self) -> str:
        """``provisioned``, ``refused`` or ``unreadable``."""
        if self.run is None:
            return "unreadable"
        return "provisioned" if self.run.provisioned else "refused"


@dataclass(frozen=True)
class LeftOut:
    """A file that is not a device certificate, and why it is not a concern."""

    file: str
    reason: str


@dataclass(frozen=True)
class DryRuns:
    """All dry runs of a call, and the registration that they were made for.

    ``one``: a single device was asked for. ``stands_in``: placeholders that were filled for want of a stage.
    """

    results: tuple[DryRun, ...]
    left_out: tuple[LeftOut, ...]
    one: bool
    registration: Registration
    template: str | None = None
    stage: str | None = None
    stands_in: tuple[str, ...] = ()

    @property
    def answered(self) -> list[tuple[str, Provisioning]]:
        """Label and answer, where there is one."""
        return [(each.label, each.run) for each in self.results if each.run is not None]

    @functools.cached_property
    def collisions(self) -> dict[str, tuple[str, ...]]:
        """Thing names that several devices would share."""
        return collisions(self.answered)

    @functools.cached_property
    def problems(self) -> tuple[DryRun, ...]:
        """What is not as it should be: not readable, refused, or sharing a thing."""
        sharing = {label for labels in self.collisions.values() for label in labels}
        return tuple(each for each in self.results if each.state != "provisioned" or each.label in sharing)

    @property
    def counts(self) -> dict[str, int]:
        """How many are in each state."""
        return {
            state: sum(each.state == state for each in self.results)
            for state in ("provisioned", "refused", "unreadable")
        }

    @property
    def exit_code(self) -> int:
        """0 provisioned, 1 refused or colliding, 2 where a file could not be read, which goes before the others."""
        if any(each.run is None for each in self.results):
            return 2
        return int(bool(self.problems))
