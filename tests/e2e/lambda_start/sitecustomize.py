"""Runs at the start of every Lambda of the end-to-end tests' local AWS: ends one in the middle, if a test asks for it.

``KILL_LAMBDA_FILE`` names a file. If it exists, it holds the name of an operation: the Lambda that makes it next is
killed right after the call took effect, as one is that runs out of memory.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

_FILE = os.environ.get("KILL_LAMBDA_FILE")


def _watch(order: Path) -> None:
    from botocore.client import BaseClient

    make = BaseClient._make_api_call

    def make_and_end(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        answer = make(self, operation, parameters)
        if order.exists() and order.read_text(encoding="utf-8") == operation:
            order.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    BaseClient._make_api_call = make_and_end


if _FILE and "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    _watch(Path(_FILE))
