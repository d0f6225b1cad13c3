"""How an operation goes about its instances: region by region or all at once, how many accounts, how many may fail.

By the data type StackSetOperationPreferences and "Choose the Concurrency Mode" in CloudFormation's documents.
Percentages are of the accounts of a region, rounded down, and at least one account is worked on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .refusal import invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_RANGES = {
    "FailureToleranceCount": (0, None),
    "FailureTolerancePercentage": (0, 100),
    "MaxConcurrentCount": (1, None),
    "MaxConcurrentPercentage": (1, 100),
}
_CHOICES = {
    "RegionConcurrencyType": ("SEQUENTIAL", "PARALLEL"),
    "ConcurrencyMode": ("STRICT_FAILURE_TOLERANCE", "SOFT_FAILURE_TOLERANCE"),
}
_EXCLUSIVE = (
    ("FailureToleranceCount", "FailureTolerancePercentage"),
    ("MaxConcurrentCount", "MaxConcurrentPercentage"),
)


@dataclass(frozen=True)
class Preferences:
    """The preferences of one operation; none are AWS's defaults: one account at a time, no failure tolerated."""

    given: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one, other in _EXCLUSIVE:
            if one in self.given and other in self.given:
                raise invalid(f"You can specify either {one} or {other}, but not both")
        for name, (least, most) in _RANGES.items():
            value = self.given.get(name, least)
            if value < least or (most is not None and value > most):
                raise invalid(f"{name} must be between {least} and {most or 'the number of accounts'}")
        for name, choices in _CHOICES.items():
            if self.given.get(name, choices[0]) not in choices:
                raise invalid(f"Value '{self.given[name]}' at '{name}' must be one of {list(choices)}")

    @property
    def parallel_regions(self) -> bool:
        """Whether all regions are worked on at once."""
        return self.given.get("RegionConcurrencyType") == "PARALLEL"

    def in_order(self, regions: Iterable[str]) -> list[str]:
        """The regions as RegionOrder has them; those that it leaves out come last, in the request's order."""
        order = {region: number for number, region in enumerate(self.given.get("RegionOrder", []))}
        return sorted(dict.fromkeys(regions), key=lambda region: order.get(region, len(order)))

    def tolerated(self, accounts: int) -> int:
        """How many of a region's accounts may fail."""
        if "FailureTolerancePercentage" in self.given:
            return int(accounts * self.given["FailureTolerancePercentage"] // 100)
        return int(self.given.get("FailureToleranceCount", 0))

    def at_once(self, accounts: int, failures: int) -> int:
        """How many of a region's accounts may be worked on at a time, after that many failures.

        Strictly: so few that the failures never exceed the tolerance by more than one, whatever happens.
        """
        if "MaxConcurrentPercentage" in self.given:
            most = max(1, int(accounts * self.given["MaxConcurrentPercentage"] // 100))
        else:
            most = int(self.given.get("MaxConcurrentCount", 1))
        if self.given.get("ConcurrencyMode") == "SOFT_FAILURE_TOLERANCE":
            return most
        return min(most, self.tolerated(accounts) + 1 - failures)
