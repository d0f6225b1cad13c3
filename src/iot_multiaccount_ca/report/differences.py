"""What is not as planned, cause by cause, with what to do; then what is worth a warning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import text
from .causes import Cause, cause_of
from .markup import Markup, tag
from .tables import coded, section, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..fleet.difference import Difference
    from ..fleet.result import FleetResult, StageResult

    Link = Callable[[StageResult], Markup]

_MOST_LINKS = 10
# The rows of a cause that stand open; the others are folded, or they would hide the causes below.
_MOST_OPEN = 12


def differences(checked: FleetResult, link: Link) -> Markup:
    """The section. ``link`` makes a link to a stage."""
    groups = _groups(checked)
    parts: list[Markup] = []
    if not groups:
        parts.append(tag("p", "None: every stage is as planned."))
    if len(groups) > 1:
        parts.append(_summary(groups))
    parts += [_cause(cause, found, link) for cause, found in groups.items() if cause is not Cause.UNCHECKED]
    if Cause.UNCHECKED in groups:
        parts.append(_unchecked(checked, link))
    if checked.warned():
        parts.append(_warnings(checked, link))
    return section("differences", "Differences", *parts)


def _groups(checked: FleetResult) -> dict[Cause, list[tuple[StageResult, Difference | None]]]:
    found: dict[Cause, list[tuple[StageResult, Difference | None]]] = {cause: [] for cause in Cause}
    for result in checked.results:
        for each in result.differences:
            found[cause_of(each)].append((result, each))
        if result.problem is not None:
            found[Cause.UNCHECKED].append((result, None))
    return {cause: rows for cause, rows in found.items() if rows}


def _stages(rows: Sequence[tuple[StageResult, Difference | None]]) -> str:
    return text.counted(len({id(result) for result, _ in rows}), "registration")


def _summary(groups: dict[Cause, list[tuple[StageResult, Difference | None]]]) -> Markup:
    entries = [
        tag("li", tag("a", f"{_stages(rows)} {cause.words}", href=f"#cause-{cause.key}"))
        for cause, rows in groups.items()
    ]
    return tag("ul", entries, class_="causes")


def _heading(cause: Cause, count: str) -> Markup:
    kind = "unchecked" if cause is Cause.UNCHECKED else "different"
    mark = tag("span", cause.sign, class_=f"mark {kind}")
    return tag("h3", mark, " ", f"{count} {cause.words}", id=f"cause-{cause.key}")


def _cause(cause: Cause, rows: Sequence[tuple[StageResult, Difference | None]], link: Link) -> Markup:
    headers = ["stage", "field", "planned", "is", "what to do"]
    written = [
        [
            link(result),
            tag("span", each.field, class_="field"),
            each.planned_words,
            each.live_words,
            coded(each.fix),
        ]
        for result, each in rows
        if each is not None
    ]
    more = len(written) - _MOST_OPEN
    folded = (
        tag(
            "details",
            tag("summary", f"{text.number(more)} more"),
            table(f"more of {cause.words}", headers, written[_MOST_OPEN:]),
        )
        if more > 0
        else None
    )
    return tag(
        "div",
        _heading(cause, _stages(rows)),
        table(cause.words, headers, written[:_MOST_OPEN]),
        folded,
        class_="cause",
    )


def _unchecked(checked: FleetResult, link: Link) -> Markup:
    rows = []
    count = 0
    for problem, results in checked.problems().items():
        why, _, fix = problem.partition("; fix: ")
        count += len(results)
        rows.append([_links(results, link), why, coded(fix)])
    heading = _heading(Cause.UNCHECKED, text.counted(count, "registration"))
    return tag("div", heading, table("not checked", ["stage", "why", "what to do"], rows), class_="cause")


def _warnings(checked: FleetResult, link: Link) -> Markup:
    rows = [[_links(results, link), coded(warning)] for warning, results in checked.warned().items()]
    heading = tag("h3", tag("span", "▲", class_="mark warned"), " ", "Warnings", id="warnings")
    return tag("div", heading, table("warnings", ["stage", "warning"], rows), class_="cause")


def _links(results: Sequence[StageResult], link: Link) -> list[object]:
    """Links to the first of them, and how many more there are."""
    shown: list[object] = []
    for each in results[:_MOST_LINKS]:
        shown += [", " if shown else "", link(each)]
    more = len(results) - _MOST_LINKS
    return [*shown, f" and {text.number(more)} more"] if more > 0 else shown
