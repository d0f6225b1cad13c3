"""Tells AWS's answers from anybody else's: a proxy's page, or a captive portal's, comes under status 200 too.

botocore fills what such an answer lacks with nothing, and nothing looks like a difference: no tags, no template. As a
refusal it would look like one of AWS's, or like a fault of this tool.
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
    """Let each call of a client raise `StrangeAnswerError` for an answer that is not AWS's."""
    client.meta.events.register("before-parse", _check)


def _check(operation_model: Any, response_dict: Mapping[str, Any], **_: Any) -> None:
    body, status = response_dict["body"], response_dict["status_code"]
    as_json = "json" in operation_model.service_model.metadata["protocol"]
    if status >= 300:
        # Of an error of the server's own, no more is told than its status: a balancer of AWS's sends a page as well.
        if status < 500 and not _is_refusal(response_dict, as_json=as_json):
            raise StrangeAnswerError(what=_shown(body))
    elif as_json:
        _check_json(operation_model, body)
    elif f"<{operation_model.name}Response".encode() not in body[:1_000]:
        raise StrangeAnswerError(what=_shown(body))


def _is_refusal(response_dict: Mapping[str, Any], *, as_json: bool) -> bool:
    """Whether an error is AWS's: it has a code, which stands in a header where the body is JSON."""
    if not as_json:
        return b"<Error" in response_dict["body"] and b"<Code>" in response_dict["body"]
    if "x-amzn-errortype" in {name.lower() for name in response_dict["headers"]}:
        return True
    try:
        held = json.loads(response_dict["body"])
    except ValueError:
        return False
    return isinstance(held, dict) and any(
        key in held for key in ("code", "Code", "__type", "message", "Message")
    )


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
