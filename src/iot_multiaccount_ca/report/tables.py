"""Tables that a phone can show: each cell carries its column's name, so that the style sheet may stack them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .markup import Markup, tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# How an option begins: browsers take each of its hyphens for a place to break the line.
_OPTION = re.compile(r"(--\w+)")


def section(anchor: str, heading: str, *children: object) -> Markup:
    """A part of the page that can be linked to."""
    return tag(
        "section",
        tag("h2", heading, id=f"{anchor}-heading"),
        *children,
        id=anchor,
        aria_labelledby=f"{anchor}-heading",
    )


def table(
    label: str,
    headers: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    anchors: Sequence[str] = (),
) -> Markup:
    """A table; of each row the first cell is its heading. ``anchors``: the ids of its rows."""
    head = tag("tr", [tag("th", header, scope="col") for header in headers])
    body = [
        tag("tr", _cells(headers, row), id=anchors[number] if anchors else None)
        for number, row in enumerate(rows)
    ]
    return scrolling(label, tag("table", tag("thead", head), tag("tbody", body), class_="stacked"))


def scrolling(label: str, inside: Markup, kind: str = "scroll") -> Markup:
    """Reachable by keyboard, so that what is too wide or too long can be scrolled without a mouse."""
    return tag("div", inside, class_=kind, tabindex=0, role="region", aria_label=label)


def coded(sentence: str) -> list[object]:
    """A sentence whose `commands` stand in code elements. No line ends within the -- of an option."""
    parts = [_unbroken(part) for part in sentence.split("`")]
    return [tag("code", part) if number % 2 else part for number, part in enumerate(parts)]


def _unbroken(words: str) -> list[object]:
    pieces = _OPTION.split(words)
    return [tag("span", each, class_="whole") if number % 2 else each for number, each in enumerate(pieces)]


def _cells(headers: Sequence[str], row: Sequence[object]) -> list[Markup]:
    first, *others = row
    return [
        tag("th", first, scope="row"),
        *(
            tag("td", tag("div", cell), data_label=header)
            for header, cell in zip(headers[1:], others, strict=True)
        ),
    ]
