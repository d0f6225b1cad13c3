"""The dry runs of one ``iot-ca simulate`` as values: what came of each file, and of all of them. Prints nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..model.jitp.simulation import collisions

if TYPE_CHECKING:
    from ..model.ca.certificate import CaCertificate
    from ..model.jitp.simulation import Provisioning


@dataclass(frozen=True)
class DryRun:
    """A file and what came of it: the answer, or why there is none."""

    file: str
    run: Provisioning | None
    problem: str | None = None

    @property
    def state(self) -> str:
        """``provisioned``, ``refused`` or ``unreadable``."""
        if self.run is None:
            return "unreadable"
        return "provisioned" if self.run.provisioned else "refused"


@dataclass(frozen=True)
class DryRuns:
    """All dry runs of a call, and the stage that they were made for."""

    results: tuple[DryRun, ...]
    is_folder: bool
    account: str
    region: str
    stands_in: tuple[str, ...]
    authority: CaCertificate | None

    @property
    def answered(self) -> list[tuple[str, Provisioning]]:
        """File and answer, where there is one."""
        return [(each.file, each.run) for each in self.results if each.run is not None]

    @property
    def collisions(self) -> dict[str, tuple[str, ...]]:
        """Thing names that several devices would share."""
        return collisions(self.answered)

    @property
    def exit_code(self) -> int:
        """0 provisioned, 1 refused or colliding, 2 where a file could not be read, which goes before the others."""
        if any(each.run is None for each in self.results):
            return 2
        return int(bool(self.collisions) or any(each.state != "provisioned" for each in self.results))
