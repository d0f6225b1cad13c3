"""The command line, ``iot-ca``. Parses, calls, prints; what it knows, it asks the other rooms for."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from sys import UnraisableHookArgs
    from types import FrameType

__all__ = ["main"]

_AGAIN_AFTER = 0.01


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


class _Signals:
    """What ends a terminal's session or a CI job, ends it as Ctrl-C does: commands print what they know.

    SIGHUP stays ignored where it is: nohup means it.
    """

    def __init__(self) -> None:
        self.came = False
        self._over = self._came_again = False
        names = ("SIGINT", "SIGTERM", "SIGHUP")
        numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
        self._held = {
            each: held for each in numbers if (held := signal.getsignal(each)) is not signal.SIG_IGN
        }
        for number in self._held:
            signal.signal(number, self._interrupt)
        self._unraisable_held = sys.unraisablehook
        sys.unraisablehook = self._come_again

    def end(self) -> None:
        """From now on nothing is left to interrupt."""
        self._over = True

    def leave(self, *, the_process_ends: bool) -> None:
        """Let them mean what they meant before; nothing where the process ends: Python takes its handlers away then."""
        sys.unraisablehook = self._unraisable_held
        if self._came_again:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, held in self._held.items():
            signal.signal(number, signal.SIG_IGN if the_process_ends else held)

    def _interrupt(self, number: int, _frame: FrameType | None) -> None:
        if self._over:
            return
        self.came = True
        if number != signal.SIGINT:  # those that end a session come once
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    def _come_again(self, lost: UnraisableHookArgs) -> None:
        """Interrupt once more where Python lost it: out of some callbacks, as of an import's lock, it lets nothing."""
        if not isinstance(lost.exc_value, KeyboardInterrupt):
            self._unraisable_held(lost)
        elif hasattr(signal, "setitimer"):
            self._came_again = True
            self._held.setdefault(signal.SIGALRM, signal.getsignal(signal.SIGALRM))
            signal.signal(signal.SIGALRM, self._interrupt)
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_AFTER)


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line, and end with its exit code: 0, 1 or 2, whenever and however it ends."""
    signals = None
    try:
        try:
            signals = _Signals()
            _open_streams()
            # Imported here, so that Ctrl-C in the tenths of a second that it takes is a sentence too.
            from .root import run

            run(args)
        finally:
            if signals is not None:
                signals.end()
    except (KeyboardInterrupt, Exception) as error:  # before the run, or between its end and the word of it
        # Python makes another error of an interrupt in the middle of some things, such as a file's compilation.
        if not (isinstance(error, KeyboardInterrupt) or (signals is not None and signals.came)):
            raise
        sys.stderr.write("iot-ca: interrupted\n")
        sys.exit(2)
    finally:
        if signals is not None:
            signals.leave(the_process_ends=args is None)
