"""Pages of a list: at most MaxResults, 100 unless told; NextToken is where the next one begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .refusal import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST = 100


def page(items: Sequence[dict[str, Any]], request: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of a List call: its page of ``items``, and the token of the next one."""
    size, token = request.get("MaxResults", _MOST), request.get("NextToken", "0")
    if not (token.isascii() and token.isdigit()):
        raise invalid("Invalid NextToken")
    start = int(token)
    answer: dict[str, Any] = {"Summaries": items[start : start + size]}
    if start + size < len(items):
        answer["NextToken"] = str(start + size)
    return answer
