"""``--against OLD``: a cloud assembly, a saved plan or what is live, held beside what an app plans."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import AssemblyError, JsonError
from ..model import strict_json
from ..text import listed
from .options import open_access
from .output import say

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..fleet.changes import Held
    from ..fleet.held import Side
    from ..fleet.result import FleetResult
    from ..model.target import Target

LIVE = "live"


def sides(old: str, folder: Path, *, profile: str | None, concurrency: int) -> tuple[Side, Side, bool]:
    """The former side and what ``folder`` plans, without what is not known of the former; and whether that is nothing.

    Raises `AssemblyError` where ``old`` names no side.
    """
    from ..fleet import held
    from ..fleet.saved_plan import read_saved_plan

    new = held.of_assembly(folder)
    if old == LIVE:
        return _live(folder, new, profile=profile, concurrency=concurrency)
    path = Path(old)
    if path.is_dir():
        return held.of_assembly(path), new, True
    if not path.exists():
        raise AssemblyError(
            "there is nothing to compare with",
            value=old,
            allowed=f"a cloud assembly, a file that `iot-ca plan --json` printed, or {LIVE}",
        )
    what = f"the plan {path.name}"
    try:
        return read_saved_plan(strict_json.read(path, what=what), what=what), new, True
    except JsonError as error:
        raise AssemblyError.of(error) from None


def _live(folder: Path, new: Side, *, profile: str | None, concurrency: int) -> tuple[Side, Side, bool]:
    from ..fleet import held
    from ..fleet.planned_sets import read_planned_sets
    from ..fleet.result import StageState

    checked = _checked(folder, profile, concurrency) if new.registrations else None
    results = checked.results if checked is not None else []
    unknown = [each for each in results if each.state is StageState.UNCHECKED]
    for problem, having in (checked.problems() if checked is not None else {}).items():
        say(f"not known: {listed([each.planned.record.label for each in having])}: {problem}", err=True)
    has_sets = bool(read_planned_sets(folder))
    if has_sets:
        say("not known: what is live of stack sets; `iot-ca verify` looks at it", err=True)
    known = [each for each in results if each.state is not StageState.UNCHECKED]
    looked = {each.planned.record.target for each in results if each.others is not None}
    unseen = dict.fromkeys(sorted({each.planned.record.target for each in known} - looked), "")
    planned_at = {each.record.target for each in new.registrations}
    elsewhere, not_seen = _elsewhere(folder, planned_at, profile, concurrency)
    places: dict[str, list[str]] = {}
    for target, why in {**unseen, **not_seen}.items():
        places.setdefault(f": {why}" if why else "", []).append(str(target))
    for because, where in places.items():
        said = f"which CAs of the app's stacks in {listed(where)} leave the plan{because}"
        say(f"not known: {said}", err=True)
    left = [each.planned.record for each in unknown]
    keys = {(each.account, each.region, each.certificate_id) for each in left}
    planned = replace(new, registrations=tuple(each for each in new.registrations if each.key not in keys))
    side = held.of_results(known, new.stacks)
    complete = not (unknown or unseen or not_seen or has_sets)
    return replace(side, registrations=(*side.registrations, *elsewhere)), planned, complete


def _checked(folder: Path, profile: str | None, concurrency: int) -> FleetResult:
    from .checking import check_fleet

    return check_fleet(
        folder,
        profile=profile,
        role_name=None,
        qualifier=None,
        concurrency=concurrency,
        leftovers=True,
        with_sets=False,
    ).stages


def _elsewhere(
    folder: Path, planned: Collection[Target], profile: str | None, concurrency: int
) -> tuple[list[Held], dict[Target, str]]:
    """What the app's stacks hold in accounts and regions where it plans nothing."""
    from ..fleet.unplanned import registered_elsewhere

    with closing(open_access(profile, None, None, connections=concurrency)) as access:
        return registered_elsewhere(folder, planned, access, concurrency=concurrency)
