"""How what a check found is shown, of a stage and of a stack set alike: a state's colour, differences, what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .output import paragraph

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from ..fleet.difference import Difference

#: A state's colour.
STYLES = {"as-planned": "green", "different": "bold red", "unchecked": "bold yellow"}


def print_differences(out: Console, differences: Iterable[Difference]) -> None:
    """What was planned, what is, and what to do about it; under the name of whose they are."""
    for each in differences:
        words = f"{each.field}: planned {each.planned_words}, is {each.live_words}"
        paragraph(out, words, "red", indent=2, hanging=2)
        paragraph(out, f"fix: {each.fix}", indent=4, hanging=2)


def print_unchecked(out: Console, problem: str, *, indent: int = 0) -> None:
    """Why something could not be checked; which, the caller says below."""
    paragraph(out, f"not checked: {problem}", "yellow", indent=indent, hanging=2)
