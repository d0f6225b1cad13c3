"""One self-contained page of a fleet: matrix, CAs, differences and stages. No script, nothing from elsewhere.

Colour is never alone: every state has a letter or a word, for print and for readers who see no colour.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from .. import text
from ..fleet.verify import StageState
from .markup import Markup, join, tag
from .timeline import timeline

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from ..fleet.overview import Overview
    from ..fleet.verify import FleetResult, StageResult
    from ..model.assembly import RegistrationRecord

_SIGNS = {"as-planned": "", "different": "!", "unchecked": "?", None: ""}
_MOST_LINKS = 10
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render(overview: Overview, checked: FleetResult | None, *, title: str, now: dt.datetime) -> str:
    """The page. ``checked`` is None where AWS was not asked; ``now`` is what expiry is counted from."""
    results = {id(each.planned.record): each for each in checked.results} if checked is not None else {}
    page = _Page(overview, results)
    asked = (
        f"checked against AWS on {checked.checked_at:%Y-%m-%d at %H:%M} UTC"
        if checked is not None
        else f"the plan alone, of {now:%Y-%m-%d}; AWS was not asked"
    )
    body = [
        tag("a", "To the stages", href="#stages", class_="skip"),
        tag("header", tag("h1", title), tag("p", f"{overview.summary}; {asked}.")),
        tag(
            "main",
            _tiles(overview, checked),
            _section(
                "cas", "Certificate authorities", timeline(overview.cas, overview.labels, now), page.cas()
            ),
            _section("matrix", "Accounts and regions", page.legend(live=checked is not None), page.matrix()),
            page.differences(checked) if checked is not None else None,
            _section("stages", "Stages", page.stages()),
        ),
    ]
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("title", title),
        tag("style", Markup(resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8"))),
    ]
    return f"<!doctype html>\n{tag('html', tag('head', head), tag('body', body), lang='en')}\n"


def _section(anchor: str, heading: str, *children: object) -> Markup:
    return tag(
        "section",
        tag("h2", heading, id=f"{anchor}-heading"),
        *children,
        id=anchor,
        aria_labelledby=f"{anchor}-heading",
    )


def _tiles(overview: Overview, checked: FleetResult | None) -> Markup:
    if checked is None:
        counts = [
            (len(overview.records), "registrations", "plain"),
            (len(overview.accounts), "accounts", "plain"),
            (len(overview.regions), "regions", "plain"),
            (len(overview.cas), "CAs", "plain"),
        ]
    else:
        counts = [(checked.count(state), state.words, str(state)) for state in StageState]
    days = min(ca.days_left for ca in overview.cas)
    soon = (
        "different" if days < 0 else "unchecked" if any(ca.expires_soon for ca in overview.cas) else "plain"
    )
    counts.append((days, "days until the next CA expires", soon))
    return tag(
        "ul",
        [
            tag("li", tag("strong", text.number(count)), " ", words, class_=kind if count else "plain")
            for count, words, kind in counts
        ],
        class_="tiles",
    )


class _Page:
    """The parts that need both the plan and, where there are any, the results."""

    def __init__(self, overview: Overview, results: dict[int, StageResult]) -> None:
        self._overview = overview
        self._results = results
        self._anchors = {
            id(record): f"stage-{number}" for number, record in enumerate(overview.records, start=1)
        }

    def cas(self) -> Markup:
        """The CAs in words."""
        rows = [
            [
                tag("code", self._overview.labels[ca.certificate_id]),
                ca.subject,
                "retiring" if ca.retiring else "current",
                tag("time", ca.not_valid_before[:10]),
                tag("time", ca.not_valid_after[:10]),
                ca.validity
                if ca.expires_soon or ca.not_yet_valid
                else f"{text.counted(ca.days_left, 'day')} left",
                tag("code", ca.certificate_id, class_="id"),
            ]
            for ca in self._overview.cas
        ]
        return _table(
            "CAs",
            ["CA", "subject", "role", "from", "until", "validity", "certificate id"],
            [_cells(row) for row in rows],
        )

    def legend(self, *, live: bool) -> Markup:
        """What the letters and colours of the matrix mean."""
        entries = [("D", "default as-planned", "DEFAULT"), ("S", "sni as-planned", "SNI_ONLY")]
        if any(record.retiring for record in self._overview.records):
            entries.append(("s", "sni retiring", "lower case: retiring"))
        if live:
            entries += [
                ("!", "different", "different from the plan"),
                ("?", "unchecked", "could not be checked"),
            ]
        return tag(
            "ul",
            [
                tag("li", tag("span", letter, class_=f"mark {kind}"), " ", words)
                for letter, kind, words in entries
            ],
            class_="legend",
        )

    def matrix(self) -> Markup:
        """Accounts by regions; each mark leads to its stage."""
        overview = self._overview
        head = tag(
            "tr",
            tag("th", "account", scope="col"),
            [tag("th", tag("span", region), scope="col") for region in overview.regions],
        )
        rows = [
            tag(
                "tr",
                tag("th", account, scope="row"),
                [
                    tag(
                        "td", [self._mark(record) for record in overview.by_target.get((account, region), ())]
                    )
                    for region in overview.regions
                ],
            )
            for account in overview.accounts
        ]
        kind = "matrix wide" if len(overview.regions) > 8 else "matrix"
        return _scrolling(
            "accounts by regions", tag("table", tag("thead", head), tag("tbody", rows), class_=kind)
        )

    def _mark(self, record: RegistrationRecord) -> Markup:
        state = self._state(record)
        letter = record.certificate_mode[0].lower() if record.retiring else record.certificate_mode[0]
        mode = "default" if record.certificate_mode == "DEFAULT" else "sni"
        retiring = ", retiring" if record.retiring else ""
        words = f"{record.label}: {record.certificate_mode}{retiring}, {_state_words(state)}"
        return tag(
            "a",
            letter + _SIGNS[state],
            href=f"#{self._anchors[id(record)]}",
            class_=f"mark {mode} {state or 'as-planned'}{' retiring' if record.retiring else ''}",
            title=words,
            aria_label=words,
        )

    def differences(self, checked: FleetResult) -> Markup:
        """What is not as planned, with what to do; then what is worth a warning, once however many stages have it."""
        rows: list[list[Markup]] = []
        for result in checked.results:
            found = [
                (each.field, each.planned_words, each.live_words, each.fix, "different")
                for each in result.differences
            ]
            if result.problem is not None:
                problem, _, fix = result.problem.partition("; fix: ")
                found.append(("not checked", "", problem, fix, "unchecked"))
            for number, (field, planned, live, fix, kind) in enumerate(found):
                first = (
                    [tag("th", self._link(result), scope="rowgroup", rowspan=len(found))]
                    if number == 0
                    else []
                )
                values = [tag("td", planned), tag("td", live)] if planned else [tag("td", live, colspan=2)]
                rows.append(
                    [*first, tag("td", field, class_=f"field {kind}"), *values, tag("td", _coded(fix))]
                )
        for warning, results in checked.warned().items():
            stages = [
                [", " if number else "", self._link(each)]
                for number, each in enumerate(results[:_MOST_LINKS])
            ]
            more = (
                f" and {text.number(len(results) - _MOST_LINKS)} more" if len(results) > _MOST_LINKS else None
            )
            rows.append(
                [
                    tag("th", stages, more),
                    tag("td", "warning", class_="field warned"),
                    tag("td", _coded(warning), colspan=3),
                ]
            )
        if not rows:
            return _section("differences", "Differences", tag("p", "None: every stage is as planned."))
        table = _table("differences", ["stage", "field", "planned", "is", "what to do"], rows)
        return _section("differences", "Differences", table)

    def _link(self, result: StageResult) -> Markup:
        record = result.planned.record
        return tag("a", record.label, href=f"#{self._anchors[id(record)]}")

    def stages(self) -> Markup:
        """A row a registration, in deploy order."""
        headers = ["#", "stage", "account", "region", "mode", "CA", "enrollment", "stack", "state"]
        live = bool(self._results)
        if live:
            headers.append("endpoint (SNI)")
        rows = []
        for number, record in enumerate(self._overview.records, start=1):
            state = self._state(record)
            result = self._results.get(id(record))
            cells: list[object] = [
                number,
                record.label,
                record.account,
                record.region,
                record.certificate_mode,
                tag("code", self._overview.label(record)),
                _enrollment(record),
                record.stack_name,
                tag("span", _status(record, state), class_=f"state {state or 'plain'}"),
            ]
            if live:
                cells.append(tag("code", result.endpoint if result and result.endpoint else "-"))
            rows.append((self._anchors[id(record)], _cells(cells)))
        return _table(
            "stages, in deploy order",
            headers,
            [cells for _, cells in rows],
            anchors=[anchor for anchor, _ in rows],
        )

    def _state(self, record: RegistrationRecord) -> StageState | None:
        result = self._results.get(id(record))
        return None if result is None else result.state


def _table(
    caption: str, headers: list[str], rows: list[list[Markup]], anchors: list[str] | None = None
) -> Markup:
    head = tag("tr", [tag("th", header, scope="col") for header in headers])
    body = [tag("tr", cells, id=anchors[number] if anchors else None) for number, cells in enumerate(rows)]
    return _scrolling(caption, tag("table", tag("thead", head), tag("tbody", body)))


def _scrolling(label: str, table: Markup) -> Markup:
    # Reachable by keyboard, so that a wide table can be scrolled without a mouse.
    return tag("div", table, class_="scroll", tabindex=0, role="region", aria_label=label)


def _cells(values: Sequence[object]) -> list[Markup]:
    return [tag("td", value) for value in values]


def _enrollment(record: RegistrationRecord) -> Markup:
    if record.template_name is not None:
        return join(["JITP ", tag("code", record.template_name)])
    return join(record.enrollment_words)


def _state_words(state: StageState | None) -> str:
    return "planned" if state is None else state.words


def _status(record: RegistrationRecord, state: StageState | None) -> str:
    words = [_state_words(state)]
    if not record.active:
        words.append("inactive")
    if record.retiring:
        words.append("retiring")
    return ", ".join(words)


def _coded(sentence: str) -> list[object]:
    """A sentence whose `commands` stand in code elements."""
    return [tag("code", part) if number % 2 else part for number, part in enumerate(sentence.split("`"))]
