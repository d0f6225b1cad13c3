"""The CDK CLI, asking how a stack in progress stands, is answered when the stack is done, or after some seconds.

It asks at once, and then every five seconds (aws-cdk 2.1148), so that a stack which is there after one costs it five.
AWS answers at once; an answer that is some seconds late is one that any client must bear with. Nobody else waits: a
function that asks after its own stack would wait for itself.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any
from urllib.parse import parse_qs

from ministack.services import cloudformation
from ministack.services.cloudformation import handlers

_CLI = re.compile(r"(^|\s)aws-cdk/")
#: How long an answer is held back.
MOST_SECONDS = 10.0
_STEP_SECONDS = 0.02


def close() -> None:
    """Hold back the answer to DescribeStacks on one stack, where the CDK CLI asks."""
    answer_at_once = cloudformation.handle_request

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Any:
        stack = _asked_for(headers, body)
        if stack is not None:
            await until_done(stack)
        return await answer_at_once(method, path, headers, body, query)

    cloudformation.handle_request = handle_request


def _asked_for(headers: dict[str, str], body: bytes) -> str | None:
    """The name or id of the stack that the CLI waits for."""
    if not _CLI.search(headers.get("user-agent", "")):
        return None
    form = parse_qs(body.decode(errors="replace"))
    return form.get("StackName", [None])[0] if form.get("Action") == ["DescribeStacks"] else None


async def until_done(name: str) -> None:
    """Wait until the stack of this name or id is in no operation, at most `MOST_SECONDS`."""
    end = time.monotonic() + MOST_SECONDS
    while time.monotonic() < end:
        stack = handlers._resolve_stack(name)
        status = "" if stack is None else str(stack.get("StackStatus"))
        if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
            return
        await asyncio.sleep(_STEP_SECONDS)
