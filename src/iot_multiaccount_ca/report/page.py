"""One self-contained page of a fleet: differences, matrix, CAs and stages. No script, nothing from elsewhere.

Colour is never alone: every state has a sign or a word, for print and for readers who see no colour.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from .. import text
from ..fleet.result import StageState
from .causes import Cause, gravest
from .differences import differences
from .markup import Markup, join, tag
from .sets import sets as sets_section
from .sets import tiles as set_tiles
from .tables import scrolling, section, table
from .timeline import timeline

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from ..fleet.overview import Overview
    from ..fleet.result import FleetResult, StageResult
    from ..fleet.set_result import SetResult
    from ..model.assembly import RegistrationRecord

# With more accounts than these the matrix scrolls within itself, or what comes after it would be far away.
_TALL = 25
_WIDE = 8
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render(
    overview: Overview,
    checked: FleetResult | None,
    *,
    title: str,
    now: dt.datetime,
    sets: Sequence[SetResult] = (),
) -> str:
    """The page. ``checked`` is None where AWS was not asked, ``sets`` is empty then; ``now`` is what expiry is counted
    from."""
    results = {id(each.planned.record): each for each in checked.results} if checked is not None else {}
    page = _Page(overview, results)
    asked = (
        f"checked against AWS on {checked.checked_at:%Y-%m-%d at %H:%M} UTC"
        if checked is not None
        else f"the plan alone, of {now:%Y-%m-%d}; AWS was not asked"
    )
    timeline_of = timeline(overview.cas, overview.labels, now)
    body = [
        tag("a", "To the stages", href="#stages", class_="skip"),
        tag("header", tag("h1", title), tag("p", f"{overview.summary}; {asked}.")),
        tag(
            "main",
            _tiles(overview, checked, sets),
            differences(checked, page.link) if checked is not None else None,
            sets_section(overview, sets),
            section("matrix", "Accounts and regions", page.legend(live=checked is not None), page.matrix()),
            section("cas", "Certificate authorities", timeline_of, page.cas()),
            section("stages", "Stages", page.stages()),
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


def _tiles(overview: Overview, checked: FleetResult | None, sets: Sequence[SetResult]) -> Markup:
    if checked is None:
        counts = [
            (len(counted), noun if len(counted) == 1 else f"{noun}s", "plain")
            for counted, noun in (
                (overview.records, "registration"),
                (overview.accounts, "account"),
                (overview.regions, "region"),
                (overview.cas, "CA"),
            )
        ]
    else:
        counts = [(checked.count(state), state.words, str(state)) for state in StageState]
        counts += set_tiles(sets)
        counts = [(count, words, kind if count else "plain") for count, words, kind in counts]
    counts += _expiry_tiles(overview)
    return tag(
        "ul",
        [
            tag("li", tag("strong", text.number(count)), " ", words, class_=kind)
            for count, words, kind in counts
        ],
        class_="tiles",
    )


def _expiry_tiles(overview: Overview) -> list[tuple[int, str, str]]:
    """How many CAs have expired, and how long the others last."""
    expired = sum(ca.days_left < 0 for ca in overview.cas)
    lasting = [ca for ca in overview.cas if ca.days_left >= 0]
    tiles = [(expired, "CA expired" if expired == 1 else "CAs expired", "different")] if expired else []
    if lasting:
        days = min(ca.days_left for ca in lasting)
        soon = "unchecked" if any(ca.expires_soon for ca in lasting) else "plain"
        tiles.append((days, f"{'day' if days == 1 else 'days'} until the next CA expires", soon))
    return tiles


class _Page:
    """The parts that need both the plan and, where there are any, the results."""

    def __init__(self, overview: Overview, results: dict[int, StageResult]) -> None:
        self._overview = overview
        self._results = results
        self._causes = {record: gravest(result) for record, result in results.items()}
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
        headers = ["CA", "subject", "role", "from", "until", "validity", "certificate id"]
        return table("CAs", headers, rows)

    def legend(self, *, live: bool) -> Markup:
        """What the letters, signs and colours of the matrix mean."""
        entries = [("D", "default as-planned", "DEFAULT"), ("S", "sni as-planned", "SNI_ONLY")]
        if any(record.retiring for record in self._overview.records):
            entries.append(("s", "sni as-planned retiring", "lower case: retiring"))
        if live:
            found = {cause for cause in self._causes.values() if cause is not None}
            others = [cause.words for cause in Cause if cause in found and cause.sign == Cause.SETTING.sign]
            for cause in Cause:
                if cause in found and cause.sign != Cause.SETTING.sign:
                    kind = "unchecked" if cause is Cause.UNCHECKED else "different"
                    entries.append((cause.sign, kind, cause.words))
            if others:
                entries.append((Cause.SETTING.sign, "different", "; ".join(others)))
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
        kind = "matrix wide" if len(overview.regions) > _WIDE else "matrix"
        return scrolling(
            "accounts by regions",
            tag("table", tag("thead", head), tag("tbody", rows), class_=kind),
            "scroll tall" if len(overview.accounts) > _TALL else "scroll",
        )

    def _mark(self, record: RegistrationRecord) -> Markup:
        state, cause = self._state(record), self._causes.get(id(record))
        letter = record.certificate_mode[0].lower() if record.retiring else record.certificate_mode[0]
        mode = "default" if record.certificate_mode == "DEFAULT" else "sni"
        retiring = ", retiring" if record.retiring else ""
        words = f"{record.label}: {record.certificate_mode}{retiring}, {self._words(record)}"
        return tag(
            "a",
            letter + (cause.sign if cause is not None else ""),
            href=f"#{self._anchors[id(record)]}",
            class_=f"mark {mode} {state or 'as-planned'}{' retiring' if record.retiring else ''}",
            title=words,
            aria_label=words,
        )

    def link(self, result: StageResult) -> Markup:
        """A link to a stage's row."""
        record = result.planned.record
        words = f"{record.label} (retiring)" if record.retiring else record.label
        return tag("a", words, href=f"#{self._anchors[id(record)]}")

    def stages(self) -> Markup:
        """A row for each registration, in deploy order: what it is called and how it stands come first."""
        headers = ["stage", "state", "stack", "account", "region", "mode", "CA", "enrollment"]
        live = bool(self._results)
        if live:
            headers.append("endpoint (SNI)")
        rows = []
        for record in self._overview.records:
            state = self._state(record)
            result = self._results.get(id(record))
            cells: list[object] = [
                record.label,
                tag("span", self._status(record), class_=f"state {state or 'plain'}"),
                record.stack_name,
                record.account,
                record.region,
                record.certificate_mode,
                tag("code", self._overview.label(record)),
                _enrollment(record),
            ]
            if live:
                cells.append(tag("code", result.endpoint if result and result.endpoint else "-"))
            rows.append(cells)
        return table("stages, in deploy order", headers, rows, anchors=list(self._anchors.values()))

    def _state(self, record: RegistrationRecord) -> StageState | None:
        result = self._results.get(id(record))
        return None if result is None else result.state

    def _words(self, record: RegistrationRecord) -> str:
        state, cause = self._state(record), self._causes.get(id(record))
        if cause is not None:
            return cause.words
        return "planned" if state is None else state.words

    def _status(self, record: RegistrationRecord) -> str:
        words = [self._words(record)]
        if not record.active:
            words.append("inactive")
        if record.retiring:
            words.append("retiring")
        return ", ".join(words)


def _enrollment(record: RegistrationRecord) -> Markup:
    if record.template_name is not None:
        return join(["JITP ", tag("code", record.template_name)])
    return join(record.enrollment_words)
