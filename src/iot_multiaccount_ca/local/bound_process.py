"""Runs a command that must not outlive its starter: ``python bound_process.py [--folder DIR] -- COMMAND …``.

Its stdin is a pipe that the starter holds. When that closes, however the starter died, or a signal comes, the command's
process group is ended and the folder removed. A byte on stdin releases it: then it lives until it is told to end. A
command that ends by itself leaves the folder to its starter, who wants to read why.
Run as a file, by nothing but the standard library, so that it starts in no time. Its exit code is the command's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

#: What a starter writes to let the command live on.
RELEASE = b"!"
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_GRACE_SECONDS = 2.0


class _Ended(Exception):  # noqa: N818 - no error
    """A signal came, or the starter went."""


_released = threading.Event()


def main() -> NoReturn:
    """Run the command of the command line."""
    split = sys.argv.index("--")
    options, command = sys.argv[1:split], sys.argv[split + 1 :]
    folder = options[options.index("--folder") + 1] if "--folder" in options else None
    for number in _ENDING:
        signal.signal(number, _end)
    process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603 - our starter's
    told = False
    try:
        threading.Thread(target=_watch_starter, daemon=True).start()
        code = process.wait()
    except _Ended as ended:
        code, told = 128 + int(str(ended)), True
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    _end_group(process)
    if folder is not None and (told or _released.is_set()):
        shutil.rmtree(folder, ignore_errors=True)
    # At once: the thread may be waiting for its starter.
    os._exit(code if code >= 0 else 128 - code)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    raise _Ended(number)


def _watch_starter() -> None:
    if os.read(sys.stdin.fileno(), 1) == RELEASE:
        _released.set()
    else:
        os.kill(os.getpid(), signal.SIGTERM)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End the command and what it started: by asking, then by killing."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    main()
