"""Runs the command line as a user does: in a pseudo-terminal, or in a pipe. POSIX only, like the tests that use it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass

#: ``iot-ca``, as a program and its first arguments.
PROGRAM = [sys.executable, "-c", "from iot_multiaccount_ca.cli import main; main()"]
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Ran:
    """What a run printed, and how it ended. A terminal has one stream: ``stdout`` holds both."""

    code: int
    stdout: str
    stderr: str = ""

    @property
    def plain(self) -> str:
        """stdout without colours and cursor movements."""
        return _ESCAPES.sub("", self.stdout)


def in_pipe(*arguments: str, cwd: os.PathLike[str] | None = None) -> Ran:
    """Run ``iot-ca`` with its output going into a pipe."""
    ran = subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, encoding="utf-8", cwd=cwd)
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def in_terminal(
    *arguments: str,
    columns: int = 100,
    interrupt_at: str | None = None,
    answer: tuple[str, str] | None = None,
    term: str = "xterm-256color",
) -> Ran:
    """Run ``iot-ca`` in a terminal of that many columns; press Ctrl-C when it has printed ``interrupt_at``.

    ``answer``: what it asks, or the end of that, and what to type then.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {
        name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "CI"}
    }
    environment["TERM"] = term
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
    )
    os.close(theirs)
    said = b""
    with os.fdopen(ours, "rb", buffering=0) as stream:
        while True:
            try:
                more = stream.read(65536)
            except OSError:  # how Linux says that the other end is closed
                break
            if not more:
                break
            said += more
            if answer is not None and answer[0].encode() in said:
                os.write(ours, answer[1].encode())
                answer = None
            if interrupt_at is not None and interrupt_at.encode() in said:
                interrupt_at = None
                os.killpg(process.pid, signal.SIGINT)
    return Ran(process.wait(), said.decode("utf-8").replace("\r\n", "\n"))
