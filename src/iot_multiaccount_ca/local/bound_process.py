"""Runs a command that must not outlive its starter: ``python bound_process.py [--folder DIR] -- COMMAND …``.

Its stdin is a pipe that the starter holds. When that closes, however the starter died, or a signal comes, the command's
process group is ended, on Linux also what left the group, as daemons do, and the folder is removed. A byte on stdin
releases it: then it lives until it is told to end. A command that ends by itself leaves the folder to its starter, who
wants to read why.
Run as a file, by nothing but the standard library, so that it starts in no time. Its exit code is the command's: 128
and the signal's number for one that was killed, 127 for one that there is not.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn

#: What a starter writes to let the command live on.
RELEASE = b"!"
#: The exit code for a command that cannot be run.
CANNOT_RUN = 127
_ENDING = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
_AWAITED = {*_ENDING, signal.SIGCHLD}
_GRACE_SECONDS = 2.0
_POLL_SECONDS = 0.01
# prctl(2)
_SET_CHILD_SUBREAPER = 36

_released = threading.Event()


def main() -> NoReturn:
    """Run the command of the command line."""
    split = sys.argv.index("--")
    options, command = sys.argv[1:split], sys.argv[split + 1 :]
    folder = options[options.index("--folder") + 1] if "--folder" in options else None
    # Signals wait until they are asked for: none comes while the command is started or ended, or a second time.
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    _adopt_orphans()
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
    _end_orphans()
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


def _adopt_orphans() -> None:
    """Become the parent of every descendant whose own one ends, so that it can be found; Linux has that."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_orphans() -> None:
    """Kill what was adopted, and what is adopted because of that."""
    deadline = time.monotonic() + _GRACE_SECONDS
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline:
            for child in _children():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(child, signal.SIGKILL)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            time.sleep(_POLL_SECONDS)


def _children() -> list[int]:
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # "pid (name) state parent …", where the name may hold anything
            if int(file.read_text(errors="replace").rpartition(")")[2].split()[1]) == os.getpid():
                found.append(int(file.parent.name))
    return found


if __name__ == "__main__":
    main()
