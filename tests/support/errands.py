"""Work for other processes, which can import it from here alone."""

from __future__ import annotations

import os
import signal
import threading


class Errand:
    """Doubles a number; 3 kills the process, 5 raises, 7 never ends."""

    def __call__(self, number: int) -> tuple[int, int]:
        """The double, and whose it is."""
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 5:
            raise LookupError(number)
        if number == 7:
            threading.Event().wait()
        return number * 2, os.getpid()

    def late(self, number: int) -> tuple[int, int]:
        """What stands for the double of a 7."""
        return -number, os.getpid()
