"""Texts that count how often they are compared: a list that is searched for each of its own items shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Comparisons:
    """How often."""

    def __init__(self) -> None:
        self.count = 0

    def texts(self, values: Iterable[str]) -> list[str]:
        """The same texts, counted from now on."""
        comparisons = self

        class Counted(str):
            __slots__ = ()

            def __eq__(self, other: object) -> bool:
                comparisons.count += 1
                return str.__eq__(self, other)

            __hash__ = str.__hash__

        return [Counted(each) for each in values]
