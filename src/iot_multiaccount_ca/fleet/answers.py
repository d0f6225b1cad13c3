"""Tells AWS's answers from anybody else's: a proxy's page, or a captive portal's, comes under status 200 too.

botocore fills what such an answer lacks with nothing, and nothing looks like a difference: no tags, no template.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError

if TYPE_CHECKING:
    from collections.abc import Mapping


class StrangeAnswerError(BotoCoreError):  # type: ignore[misc]
    """An answer that AWS did not give."""

    fmt = "the answer is none of AWS's but {what}, of something between here and AWS, such as a proxy"


def refuse_strangers(client: Any) -> None:
    """Let each call of a client raise `StrangeAnswerError` for an answer that only looks like a success."""
    client.meta.events.register("before-parse", _check)


def _check(operation_model: Any, response_dict: Mapping[str, Any], **_: Any) -> None:
    if response_dict["status_code"] >= 300:
        return  # an error of AWS's has a code; one that has none is told as what it is
    body = response_dict["body"]
    if "json" in operation_model.service_model.metadata["protocol"]:
        _check_json(operation_model, body)
    elif f"<{operation_model.name}Response".encode() not in body[:1_000]:
        raise StrangeAnswerError(what=_shown(body))


def _check_json(operation_model: Any, body: bytes) -> None:
    try:
        held = json.loads(body)
    except ValueError:
        raise StrangeAnswerError(what=_shown(body)) from None
    shape = operation_model.output_shape
    known = (
        {member.serialization.get("name", name) for name, member in shape.members.items()} if shape else set()
    )
    if not isinstance(held, dict) or (held and not known & held.keys()):
        raise StrangeAnswerError(what=_shown(body))


def _shown(body: bytes) -> str:
    text = " ".join(body[:60].decode("utf-8", "replace").split())
    return repr(text) if text else "empty"
