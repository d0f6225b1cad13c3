"""A fleet held against AWS, for the commands that show it. Changes nothing in AWS."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from ..model.ca import EXPIRES_SOON_DAYS
from .checked import Checked
from .options import open_access
from .output import progress

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from ..fleet.live_sets import LiveInstance
    from ..fleet.planned_sets import PlannedSet
    from ..fleet.result import FleetResult
    from .watching import Watch


def check_fleet(
    assembly: Path,
    *,
    profile: str | None,
    role_name: str | None,
    qualifier: str | None,
    concurrency: int,
    expires_within: int = EXPIRES_SOON_DAYS,
    leftovers: bool = False,
    trusting: bool = False,
    with_sets: bool = True,
    named: Collection[str] = (),
    watch: Watch | None = None,
) -> Checked:
    """Check the stages and stack sets of a cloud assembly, with progress bars. ``expires_within``: in days.

    ``leftovers``: look in every account for what stacks that are gone have left. ``trusting``: enter no account of a
    stack set; ``with_sets``: look at those at all. ``named``: only these stages, if any. ``watch``: not once,
    but until all is as planned.
    """
    from ..fleet.planned import read_planned
    from ..fleet.planned_sets import read_planned_sets
    from ..fleet.result import INTERRUPTED
    from ..fleet.verify import verify_fleet
    from ..fleet.verify_sets import accounts_of, verify_sets

    planned = [each for each in read_planned(assembly) if not named or each.record.label in named]
    sets = read_planned_sets(assembly) if with_sets else []
    with closing(open_access(profile, role_name, qualifier, connections=concurrency)) as access:

        def check_accounts(stack_set: PlannedSet, instances: list[LiveInstance]) -> FleetResult:
            total = len(instances) * len(stack_set.record.cas)
            with progress(f"checking {stack_set.record.name}", total) as on_done:
                return accounts_of(
                    stack_set,
                    instances,
                    access,
                    concurrency=concurrency,
                    expires_soon_days=expires_within,
                    leftovers=leftovers,
                    on_done=on_done,
                )

        def check() -> Checked:
            with progress("checking", len(planned)) as on_done:
                stages = verify_fleet(
                    planned,
                    access,
                    concurrency=concurrency,
                    expires_soon_days=expires_within,
                    leftovers=leftovers,
                    on_done=on_done,
                )
            ended = INTERRUPTED if stages.interrupted else None
            return Checked(
                stages,
                verify_sets(sets, access, trusting=trusting, check_accounts=check_accounts, ended=ended),
            )

        return check() if watch is None else watch.until_as_planned(check)
