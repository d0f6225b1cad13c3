"""The command line, ``iot-ca``. Parses, calls, prints; what it knows, it asks the other rooms for."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType
    from typing import Any

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


def _end_like_ctrl_c() -> dict[int, Any]:
    """Have what ends a terminal's session or a CI job end it as Ctrl-C does, once each; what held before.

    So commands print what they know. SIGHUP stays ignored where it is: nohup means it.
    """

    def interrupt(number: int, _frame: FrameType | None) -> NoReturn:
        signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    held = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        if held[number] is not signal.SIG_IGN:
            signal.signal(number, interrupt)
    return {signal.SIGINT: signal.getsignal(signal.SIGINT), **held}


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line, and end with its exit code: 0, 1 or 2, whenever and however it ends."""
    held: dict[int, Any] = {}
    try:
        held = _end_like_ctrl_c()
        _open_streams()
        # Imported here, so that Ctrl-C in the tenths of a second that it takes is a sentence too.
        from .root import run

        run(args)
    except KeyboardInterrupt:
        sys.stderr.write("iot-ca: interrupted\n")
        sys.exit(2)
    finally:
        for number, before in held.items():
            # Where the process ends now, another signal has nothing left to interrupt.
            signal.signal(number, signal.SIG_IGN if args is None else before)
