"""``--against OLD``: a cloud assembly, a saved plan or what is live, held beside what an app plans."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import AssemblyError, JsonError
from ..model import strict_json
from .output import say

if TYPE_CHECKING:
    from ..fleet.held import Side

LIVE = "live"


def sides(old: str, folder: Path, *, profile: str | None, concurrency: int) -> tuple[Side, Side, bool]:
    """The former side and what ``folder`` plans, without what is not known of the former; and whether that is nothing.

    Raises `AssemblyError` where ``old`` names no side.
    """
    from ..fleet import held

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
        return held.of_document(strict_json.read(path, what=what), what=what), new, True
    except JsonError as error:
        raise AssemblyError.of(error) from None


def _live(folder: Path, new: Side, *, profile: str | None, concurrency: int) -> tuple[Side, Side, bool]:
    from ..fleet import held
    from ..fleet.changes import Held
    from ..fleet.planned_sets import read_planned_sets
    from ..fleet.result import StageState
    from .checking import check_fleet

    checked = check_fleet(
        folder,
        profile=profile,
        role_name=None,
        qualifier=None,
        concurrency=concurrency,
        leftovers=True,
        with_sets=False,
    ).stages
    unknown = [each for each in checked.results if each.state is StageState.UNCHECKED]
    for result in unknown:
        say(f"not known: {result.planned.record.label}: {result.problem}", err=True)
    has_sets = bool(read_planned_sets(folder))
    if has_sets:
        say("not known: what is live of stack sets; `iot-ca verify` looks at it", err=True)
    known = [each for each in checked.results if each.state is not StageState.UNCHECKED]
    looked = {each.planned.record.target for each in checked.results if each.others is not None}
    unseen = sorted({each.planned.record.target for each in known} - looked)
    for target in unseen:
        say(f"not known: which CAs of the app's stacks in {target} leave the plan", err=True)
    keys = {Held(each.planned.record).key for each in unknown}
    planned = replace(new, registrations=tuple(each for each in new.registrations if each.key not in keys))
    complete = not (unknown or unseen or has_sets)
    return held.of_results(known, new.stacks), planned, complete
