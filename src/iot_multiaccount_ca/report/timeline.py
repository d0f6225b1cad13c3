"""The CAs' validity as a timeline, rotation overlaps shaded: an inline SVG with its facts in words beside it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from .markup import Markup, tag
from .tables import scrolling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..fleet.overview import Ca

_WIDTH, _ROW, _AXIS = 900, 34, 24
_MOST_TICKS = 10


def timeline(cas: Sequence[Ca], labels: dict[str, str], now: dt.datetime) -> Markup:
    """A bar a CA, from its first day to its last, a line for today, and bands where two are valid at once."""
    spans = {ca.certificate_id: (_moment(ca.not_valid_before), _moment(ca.not_valid_after)) for ca in cas}
    first = min([now, *(start for start, _ in spans.values())])
    last = max([now, *(end for _, end in spans.values())])
    whole = (last - first).total_seconds() or 1.0

    def x(moment: dt.datetime) -> float:
        return round((moment - first).total_seconds() / whole * _WIDTH, 1)

    height = _AXIS + _ROW * len(cas)
    drawn: list[Markup] = []
    for start, end in overlaps(list(spans.values())):
        drawn.append(
            tag(
                "rect",
                class_="overlap",
                x=x(start),
                y=0,
                width=max(2.0, x(end) - x(start)),
                height=height - _AXIS,
            )
        )
    drawn += _axis(first, last, x, height)
    for row, ca in enumerate(cas):
        start, end = spans[ca.certificate_id]
        left, width, top = x(start), max(3.0, x(end) - x(start)), row * _ROW
        drawn.append(
            tag("rect", class_=f"bar {_kind(ca)}", x=left, y=top + 6, width=width, height=_ROW - 12, rx=3)
        )
        label = f"{labels[ca.certificate_id]} {ca.validity}"
        # Inside the bar where there is room, else on the side that has some.
        if width > 330:
            drawn.append(tag("text", label, class_=f"inside {_kind(ca)}", x=left + 8, y=top + 22))
        elif left + width < _WIDTH / 2:
            drawn.append(tag("text", label, x=left + width + 8, y=top + 22))
        else:
            drawn.append(tag("text", label, x=left - 8, y=top + 22, text_anchor="end"))
    drawn.append(tag("line", class_="today", x1=x(now), x2=x(now), y1=0, y2=height - _AXIS))
    svg = tag(
        "svg",
        tag("title", "Validity of the certificate authorities"),
        drawn,
        viewBox=f"-4 -2 {_WIDTH + 8} {height + 4}",
        role="img",
        xmlns="http://www.w3.org/2000/svg",
    )
    return tag("figure", scrolling("timeline", svg), tag("figcaption", _words(cas, labels, spans, now)))


def overlaps(spans: Sequence[tuple[dt.datetime, dt.datetime]]) -> list[tuple[dt.datetime, dt.datetime]]:
    """The times in which more than one of the spans lasts, in order, merged."""
    edges = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    found: list[tuple[dt.datetime, dt.datetime]] = []
    depth, began = 0, None
    for moment, step in edges:
        depth += step
        if depth >= 2 and began is None:
            began = moment
        elif depth < 2 and began is not None:
            if moment > began:
                found.append((began, moment))
            began = None
    return found


def _words(
    cas: Sequence[Ca],
    labels: dict[str, str],
    spans: dict[str, tuple[dt.datetime, dt.datetime]],
    now: dt.datetime,
) -> str:
    sentences = [f"The red line is {now:%Y-%m-%d}."]
    if len(cas) > 1:
        both = overlaps(list(spans.values()))
        if both:
            times = ", ".join(f"{start:%Y-%m-%d} to {end:%Y-%m-%d}" for start, end in both)
            sentences.append(f"Shaded: more than one CA is valid, the room for a rotation: {times}.")
        else:
            sentences.append("No two CAs are valid at once: there is no room for a rotation.")
    retiring = [labels[ca.certificate_id] for ca in cas if ca.retiring]
    if retiring:
        sentences.append(f"Retiring: {', '.join(retiring)}.")
    return " ".join(sentences)


def _axis(
    first: dt.datetime, last: dt.datetime, x: Callable[[dt.datetime], float], height: int
) -> Iterator[Markup]:
    years = list(range(first.year + 1, last.year + 1))
    step = max(1, -(-len(years) // _MOST_TICKS))
    for year in years[::step]:
        at = x(dt.datetime(year, 1, 1, tzinfo=dt.UTC))
        yield tag("line", class_="tick", x1=at, x2=at, y1=0, y2=height - _AXIS + 4)
        anchor = "start" if at < 20 else "end" if at > _WIDTH - 20 else "middle"
        yield tag("text", str(year), class_="year", x=at, y=height - 6, text_anchor=anchor)


def _kind(ca: Ca) -> str:
    if ca.days_left < 0:
        return "expired"
    if ca.expires_soon:
        return "soon"
    return "retiring" if ca.retiring else "current"


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)
