"""The command line, ``iot-ca``. Parses, calls, prints; what it knows, it asks the other rooms for."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def _open_streams() -> None:
    """Give a process that was started without its standard streams (``>&-``) some that lead nowhere.

    Else Python has None for them, and the first file that is opened gets their number.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            setattr(sys, name, os.fdopen(opened, "r" if name == "stdin" else "w"))


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line, and end with its exit code: 0, 1 or 2, whenever and however it ends."""
    _open_streams()
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
