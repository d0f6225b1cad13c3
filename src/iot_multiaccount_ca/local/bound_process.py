"""Runs a command that must not outlive its starter: ``python bound_process.py [--folder DIR] -- COMMAND …``.

Its stdin is a pipe that the starter holds. When that closes, however the starter died, or a signal comes, the command's
process group is ended and the folder removed. A byte on stdin releases it: then it lives until it is told to end. A
command that ends by itself leaves the folder to its starter, who wants to read why.
Run as a file, by nothing but the standard library, so that it starts in no time. Its exit code is the command's: 128
and the signal's number for one that was killed, 127 for one that there is not.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from typing import NoReturn

#: What a starter writes to let the command live on.
RELEASE = b"!"
#: The exit code for a command that cannot be run.
CANNOT_RUN = 127
_ENDING = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
_AWAITED = {*_ENDING, signal.SIGCHLD}
_GRACE_SECONDS = 2.0

_released = threading.Event()


def main() -> NoReturn:
    """Run the command of the command line."""
    split = sys.argv.index("--")
    options, command = sys.argv[1:split], sys.argv[split + 1 :]
    folder = options[options.index("--folder") + 1] if "--folder" in options else None
    # Signals wait until they are asked for: none comes while the command is started or ended, or a second time.
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    code, told = _run(command)
    if folder is not None and (told or _released.is_set()):
        shutil.rmtree(folder, ignore_errors=True)
    # At once: the thread may be waiting for its starter.
    os._exit(code)


def _run(command: list[str]) -> tuple[int, bool]:
    """Run the command: the exit code, and whether it was told to end."""
    try:
        process = subprocess.Popen(  # noqa: S603 - our starter's
            command,
            stdin=subprocess.PIPE,
            start_new_session=True,
            # No thread runs yet. The command hears signals as any other does.
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, _AWAITED),  # noqa: PLW1509
        )
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {(error.strerror or str(error)).lower()}\n")
        return CANNOT_RUN, False
    threading.Thread(target=_watch_starter, daemon=True).start()
    number: int = signal.SIGCHLD
    while process.poll() is None and number == signal.SIGCHLD:
        number = signal.sigwait(_AWAITED)
    told = number != signal.SIGCHLD
    _end_group(process)
    code = 128 + number if told else process.returncode
    return code if code >= 0 else 128 - code, told


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
