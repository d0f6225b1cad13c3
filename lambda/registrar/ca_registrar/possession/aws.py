"""Reads ARNs and AWS errors for the strategies. Calls nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

_LONGEST = 400
_ARN_PARTS = 6


def region_of(name_or_arn: str) -> str | None:
    """The region in an ARN, or `None` for a name: a key is asked in the region that it lies in."""
    parts = name_or_arn.split(":", _ARN_PARTS - 1)
    return parts[3] or None if len(parts) == _ARN_PARTS and parts[0] == "arn" else None


def partition_of(arn: str) -> str:
    """The partition in an ARN."""
    return arn.split(":", 2)[1]


def code_of(error: ClientError | BotoCoreError) -> str:
    """AWS's code of an error, or the kind of error that botocore raised before AWS answered."""
    response = getattr(error, "response", None)
    return (
        str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else type(error).__name__
    )


def sentence_of(error: ClientError | BotoCoreError) -> str:
    """AWS's own words about an error, short enough to stand inside a reason. They name no secret value."""
    response = getattr(error, "response", None)
    said = response.get("Error", {}).get("Message", "") if isinstance(response, dict) else str(error)
    text = f"{code_of(error)}: {' '.join(str(said).split())}".rstrip(": ")
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
