"""A fleet held against AWS, for the commands that show it. Changes nothing in AWS."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from ..model.ca.validity import EXPIRES_SOON_DAYS
from .options import open_access
from .output import progress

if TYPE_CHECKING:
    from pathlib import Path

    from ..fleet.live_sets import LiveInstance
    from ..fleet.planned_sets import PlannedSet
    from ..fleet.set_result import SetResult
    from ..fleet.verify import FleetResult


def check_fleet(
    assembly: Path,
    *,
    profile: str | None,
    role_name: str | None,
    qualifier: str | None,
    concurrency: int,
    expires_within: int = EXPIRES_SOON_DAYS,
    leftovers: bool = False,
) -> FleetResult:
    """Check the fleet of a cloud assembly, with a progress bar. ``expires_within``: in days, what is soon.

    ``leftovers``: look in every account for what stacks that are gone have left.
    """
    from ..fleet.planned import read_planned
    from ..fleet.verify import verify_fleet

    planned = read_planned(assembly)
    with (
        closing(open_access(profile, role_name, qualifier, connections=concurrency)) as access,
        progress("checking", len(planned)) as on_done,
    ):
        return verify_fleet(
            planned,
            access,
            concurrency=concurrency,
            expires_soon_days=expires_within,
            leftovers=leftovers,
            on_done=on_done,
        )


def check_sets(
    assembly: Path,
    *,
    profile: str | None,
    role_name: str | None,
    qualifier: str | None,
    concurrency: int,
    trusting: bool,
    expires_within: int = EXPIRES_SOON_DAYS,
) -> list[SetResult]:
    """Check the stack sets of a cloud assembly. ``trusting``: enter none of their accounts."""
    from ..fleet.planned_sets import read_planned_sets
    from ..fleet.verify_sets import accounts_of, verify_sets

    planned = read_planned_sets(assembly)
    if not planned:
        return []
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
                    on_done=on_done,
                )

        return verify_sets(planned, access, trusting=trusting, check_accounts=check_accounts)
