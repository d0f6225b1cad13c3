"""Reads ARNs for the signers. Calls nothing."""

from __future__ import annotations

_ARN_PARTS = 6


def region_of(name_or_arn: str) -> str | None:
    """The region in an ARN, or `None` for a name: a key is asked in the region that it lies in."""
    parts = name_or_arn.split(":", _ARN_PARTS - 1)
    return parts[3] or None if len(parts) == _ARN_PARTS and parts[0] == "arn" else None


def partition_of(arn: str) -> str:
    """The partition in an ARN."""
    return arn.split(":", 2)[1]
