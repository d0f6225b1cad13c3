"""A card a stack set: what it registers where, how many of its stacks are CURRENT, and what is wrong with others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import text
from ..fleet.result import StageState
from .markup import Markup, tag
from .tables import coded, section, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..fleet.overview import Overview
    from ..fleet.planned_sets import PlannedSet
    from ..fleet.set_result import SetResult

_MOST_PLACES = 10


def tiles(checked: Sequence[SetResult]) -> Iterator[tuple[int, str, str]]:
    """How many sets are in each state: a number, what it counts, and the kind of its tile."""
    for state in StageState:
        count = sum(each.state is state for each in checked)
        if count:
            yield count, f"stack {'set' if count == 1 else 'sets'} {state.words}", str(state)


def sets(overview: Overview, checked: Sequence[SetResult]) -> Markup | None:
    """The section; None where the plan has no sets. ``checked`` is empty where AWS was not asked."""
    if not overview.sets:
        return None
    results: dict[tuple[str, str, str], SetResult] = {_key(each.planned): each for each in checked}
    headers = ["stack set", "state", "stacks", "accounts", "regions", "CA", "enrollment", "administrator"]
    rows = [_row(each, overview, results.get(_key(each))) for each in overview.sets]
    parts = [
        tag("p", "AWS Organizations knows which accounts are in the units of a set, and so in the set."),
        table("stack sets", headers, rows),
    ]
    for result in checked:
        wrong = list(_wrong(result))
        if wrong:
            heading = tag("h3", f"{result.planned.record.name}: {result.state.words}")
            what = table("what is wrong", ["what", "where", "what to do"], wrong)
            parts.append(tag("div", heading, what, class_="cause"))
    return section("stack-sets", "Stack sets", *parts)


def _key(planned: PlannedSet) -> tuple[str, str, str]:
    return planned.account, planned.region, planned.record.name


def _row(planned: PlannedSet, overview: Overview, result: SetResult | None) -> list[object]:
    record = planned.record
    state = "planned" if result is None else result.state.words
    stacks = "-"
    if result is not None:
        stacks = f"{text.number(result.current)} of {text.number(result.stacks)} CURRENT"
    return [
        record.name,
        tag("span", state, class_=f"state {result.state if result is not None else 'plain'}"),
        stacks,
        planned.record.accounts_in_words,
        [
            [", " if number else "", tag("span", each, class_="whole")]
            for number, each in enumerate(record.regions)
        ],
        [tag("code", overview.labels[ca.certificate_id] + " ") for ca in record.cas],
        record.enrollment_words,
        planned.place,
    ]


def _wrong(result: SetResult) -> Iterator[list[object]]:
    for each in result.differences:
        yield [
            f"{each.field}: planned {each.planned_words}, is {each.live_words}",
            "the set",
            coded(each.fix),
        ]
    for group in result.groups:
        yield [group.words, text.listed(group.where, _MOST_PLACES), coded(group.fix)]
    for problem in result.problems:
        why, _, fix = problem.partition("; fix: ")
        yield [f"not checked: {why}", "-", coded(fix)]
    for one in result.accounts.results if result.accounts is not None else ():
        place = f"{one.planned.record.account} ({one.planned.record.region})"
        for other in one.differences:
            yield [
                f"{other.field}: planned {other.planned_words}, is {other.live_words}",
                place,
                coded(other.fix),
            ]
        if one.problem is not None:
            why, _, fix = one.problem.partition("; fix: ")
            yield [f"not checked: {why}", place, coded(fix)]
