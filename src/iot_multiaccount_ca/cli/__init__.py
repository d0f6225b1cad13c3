"""The command line, ``iot-ca``. Parses, calls, prints; what it knows, it asks the other rooms for."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line, and end with its exit code: 0, 1 or 2, whenever and however it ends."""
    try:
        # Imported here, so that Ctrl-C in the tenths of a second that it takes is a sentence too.
        from .root import run

        run(args)
    except KeyboardInterrupt:
        sys.stderr.write("iot-ca: interrupted\n")
        sys.exit(2)
    finally:
        if args is None:  # the process ends now: a second Ctrl-C has nothing left to interrupt
            signal.signal(signal.SIGINT, signal.SIG_IGN)
