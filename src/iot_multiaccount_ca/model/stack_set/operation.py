"""How a set is rolled out: how many accounts at once, and how many failures are borne."""

from __future__ import annotations

from typing import Any

import attrs

from ...errors import StackSetOperationError
from ..checks import is_flag


def _percentage(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    lowest = 1 if attribute.name == "max_concurrent_percentage" else 0
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= 100:
        raise StackSetOperationError(
            f"{attribute.name} of the StackSetOperation is not a percentage",
            value=value,
            allowed=f"a whole number from {lowest} to 100",
        )


@attrs.frozen(kw_only=True)
class StackSetOperation:
    """How an operation of a set proceeds, region by region.

    Accounts that join an organizational unit are enrolled without these preferences: AWS has none for that.

    Args:
        max_concurrent_percentage: accounts of a region at once, in per cent; by default 100.
        failure_tolerance_percentage: failures in a region before the operation stops there and does not go on to the
            next, in per cent; by default 10.
        regions_in_parallel: all regions at once; by default one after the other, in the order of the set.
        strict: begin with few accounts at once, and fewer as failures come, so that the failures hardly exceed the
            tolerance (STRICT_FAILURE_TOLERANCE); by default not (SOFT_FAILURE_TOLERANCE).

    Raises `StackSetOperationError` for a percentage, `InvalidFlagError` for a flag. See "OperationPreferences" in the
    AWS CloudFormation user guide.
    """

    max_concurrent_percentage: int = attrs.field(default=100, validator=_percentage)
    failure_tolerance_percentage: int = attrs.field(default=10, validator=_percentage)
    regions_in_parallel: bool = attrs.field(default=False, validator=is_flag)
    strict: bool = attrs.field(default=False, validator=is_flag)

    def preferences(self, regions: tuple[str, ...]) -> dict[str, Any]:
        """The set's ``OperationPreferences``, as CloudFormation has them."""
        return {
            "MaxConcurrentPercentage": self.max_concurrent_percentage,
            "FailureTolerancePercentage": self.failure_tolerance_percentage,
            "RegionConcurrencyType": "PARALLEL" if self.regions_in_parallel else "SEQUENTIAL",
            "RegionOrder": list(regions),
            "ConcurrencyMode": "STRICT_FAILURE_TOLERANCE" if self.strict else "SOFT_FAILURE_TOLERANCE",
        }
