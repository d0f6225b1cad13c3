"""How stack sets are shown: a row for each set in a plan, and what checks came to; never a row for each stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import text
from .output import Column, emit, emit_table, paragraph
from .results_text import STYLES, print_differences, print_unchecked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rich.console import Console

    from ..fleet.overview import Overview
    from ..fleet.planned_sets import PlannedSet
    from ..fleet.result import StageResult
    from ..fleet.set_result import InstanceGroup, SetResult

COLUMNS = (
    Column("stack set"),
    Column("accounts"),
    Column("regions"),
    Column("CA", rank=1),
    Column("enrollment", rank=2),
    Column("administrator", rank=3),
    Column("stack", rank=4),
)
_MOST_PLACES = 5
NOT_KNOWN = "which accounts are in the units, AWS Organizations knows: --accounts-from expands a set"


def row(planned: PlannedSet, overview: Overview) -> list[str]:
    """A set of a plan."""
    record = planned.record
    return [
        record.name,
        record.accounts_in_words,
        ", ".join(record.regions),
        ", ".join(
            overview.labels[ca.certificate_id]
            + (" retiring" if ca.retiring else "")
            + ("" if ca.active else " inactive")
            for ca in record.cas
        ),
        record.enrollment_words,
        planned.place,
        planned.stack_name,
    ]


def print_plan(out: Console, overview: Overview, *, expanded: bool) -> None:
    """The sets of a plan; ``expanded``: what they register stands below, account by account."""
    emit_table(out, COLUMNS, [row(each, overview) for each in overview.sets])
    if not expanded and any(each.record.service_managed for each in overview.sets):
        paragraph(out, NOT_KNOWN, "dim")


def print_checked(out: Console, sets: Iterable[SetResult], details: Callable[[StageResult], None]) -> None:
    """What the check of each set came to. ``details`` prints the differences of one registration."""
    for each in sets:
        emit(out, "")
        _print_set(out, each, details)


def in_sum(sets: Sequence[SetResult]) -> str:
    """The sets in the sum of a check."""
    if not sets:
        return ""
    told = "; ".join(f"stack set {each.planned.record.name} {each.state.words}" for each in sets)
    return f"; {told}"


def _print_set(out: Console, result: SetResult, details: Callable[[StageResult], None]) -> None:
    planned = result.planned
    head = (
        f"stack set {planned.record.name} ({planned.place}): {result.state.words}, "
        f"{text.counted(result.stacks, 'stack')}, {text.number(result.current)} CURRENT"
    )
    paragraph(out, head, STYLES[result.state])
    print_differences(out, result.differences)
    for group in result.groups:
        _print_group(out, group)
    for problem in result.problems:
        print_unchecked(out, problem, indent=2)
    for note in result.notes:
        paragraph(out, note, indent=2, hanging=2)
    inside = result.accounts
    if inside is None:
        return
    counts = ", ".join(f"{text.number(inside.count(state))} {state.words}" for state in type(result.state))
    paragraph(out, f"its registrations, account by account: {counts}", indent=2, hanging=2)
    for differing in inside.results:
        details(differing)
    for problem, unchecked in inside.problems().items():
        places = [f"{each.planned.record.account} ({each.planned.record.region})" for each in unchecked]
        print_unchecked(out, problem, indent=2)
        paragraph(out, text.listed(places, _MOST_PLACES), indent=4, hanging=2)
    for warning, warned in inside.warned().items():
        places = [f"{each.planned.record.account} ({each.planned.record.region})" for each in warned]
        paragraph(out, f"warning: {warning}", "yellow", indent=2, hanging=2)
        paragraph(out, text.listed(places, _MOST_PLACES), indent=4, hanging=2)


def _print_group(out: Console, group: InstanceGroup) -> None:
    paragraph(out, group.words, "red", indent=2, hanging=2)
    paragraph(out, text.listed(group.where, _MOST_PLACES), indent=4, hanging=2)
    paragraph(out, f"fix: {group.fix}", indent=4, hanging=2)
