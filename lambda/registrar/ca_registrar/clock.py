"""Time: how much is left, and waiting. Tests bring their own."""

from __future__ import annotations

import random
import time
from typing import Any


class Clock:
    """Seconds, by Lambda's own count of what is left."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def now(self) -> float:
        """A clock that only goes forward."""
        return time.monotonic()

    def left(self) -> float:
        """How long Lambda lets us go on."""
        return float(self._context.get_remaining_time_in_millis()) / 1000

    def pause(self, seconds: float) -> None:
        """Wait about so long: with jitter, so that the stacks of a fleet do not knock in step."""
        time.sleep(seconds * random.uniform(0.5, 1.0))  # noqa: S311 - not for secrets
