"""The log: one JSON line a decision. Takes facts, and never a key, a secret or the response URL."""

from __future__ import annotations

import json
import sys


class Journal:
    """What one invocation says of itself. ``progress`` is shared with the responder, for when time runs out."""

    def __init__(self, progress: dict[str, str], **facts: str | None) -> None:
        self._progress = progress
        self._facts = facts

    def note(self, decision: str, **facts: object) -> None:
        """Write a line."""
        sys.stdout.write(json.dumps({"decision": decision, **self._facts, **facts}, default=str) + "\n")

    def doing(self, what: str) -> None:
        """Say what is going on, in case that time runs out in it."""
        self._progress["doing"] = what

    def physical_id(self, value: str) -> None:
        """The physical id to answer, should the request fail from here on."""
        self._progress["PhysicalResourceId"] = value
