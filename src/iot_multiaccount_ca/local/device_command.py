"""The user's own firmware, simulator or test as the device: a command that runs once per stage."""

from __future__ import annotations

import codecs
import collections
import os
import re
import select
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import bound_process
from .users_environment import is_of_aws, proxies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_SHOWN_LINES = 15
# Nobody reads longer lines, and a device may print for ever without ending one.
_LONGEST_LINE = 2000
_CHUNK = 65536
_BEGIN_OF_KEY, _END_OF_KEY = (re.compile(f"-----{word} [A-Z ]*PRIVATE KEY-----") for word in ("BEGIN", "END"))
# In lines of PEM: RSA of 16,384 bits has some two hundred.
_LONGEST_KEY = 250
_POLL_SECONDS = 0.1
# What is left to be read of a command that is over, in case something else goes on writing to its output.
_LAST_WORDS_SECONDS = 1.0


@dataclass(frozen=True)
class CommandEnd:
    """``code``: the exit code, None where the time was over; ``lines``: the end of what it printed."""

    code: int | None
    lines: list[str]


@dataclass(frozen=True)
class DeviceCommand:
    """A shell command, and how many seconds it may take per stage. ``say`` gets each line that it prints."""

    command: str
    seconds: float
    say: Callable[[str], None] = field(default=lambda _: None, repr=False)

    @classmethod
    def of(cls, command: str | None, seconds: float, say: Callable[[str], None]) -> DeviceCommand | None:
        """None where there is no command."""
        return cls(command, seconds, say) if command else None

    def run(self, variables: Mapping[str, str]) -> CommandEnd:
        """Run it with these environment variables beside the user's, but nothing of the user's AWS.

        It has a process group of its own, which is ended at the end of its time, and with this process.
        """
        own = {name: value for name, value in os.environ.items() if not is_of_aws(name)}
        process = subprocess.Popen(  # noqa: S603 - the user's own command, by the shell
            # The shell's input is nothing: one that asks gets an end of file, and does not wait for its time.
            [
                sys.executable,
                str(bound_process.__file__),
                "--",
                "/bin/sh",
                "-c",
                f"exec </dev/null\n{self.command}",
            ],
            env={**own, **proxies(), **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
        )
        over = threading.Event()

        def end() -> None:
            over.set()
            process.terminate()

        timer = threading.Timer(self.seconds, end)
        timer.daemon = True
        timer.start()
        lines: collections.deque[str] = collections.deque(maxlen=_SHOWN_LINES)
        with process:
            try:
                for line in _without_keys(_lines(process)):
                    lines.append(line.rstrip())
                    self.say(line.rstrip())
                code = process.wait()
            finally:
                timer.cancel()
                process.terminate()
        return CommandEnd(None if over.is_set() else code, list(lines))


def _without_keys(lines: Iterable[str]) -> Iterator[str]:
    """What a person and a build's log may see: a private key that the command prints is none of it."""
    hidden = 0
    for line in lines:
        hidden = _LONGEST_KEY if _BEGIN_OF_KEY.search(line) else max(hidden - 1, 0)
        if hidden == _LONGEST_KEY:
            yield "(a private key is left out)"
        elif not hidden:
            yield line
        if _END_OF_KEY.search(line):
            hidden = 0


def _lines(process: subprocess.Popen[bytes]) -> Iterator[str]:
    """Each line that it prints, a very long one in part; until its output is closed, or it is over."""
    assert process.stdout is not None  # noqa: S101 - for the type checker
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    begun, until = "", float("inf")
    while time.monotonic() < until:
        ready, _, _ = select.select([process.stdout], [], [], _POLL_SECONDS)
        data = os.read(process.stdout.fileno(), _CHUNK) if ready else b""
        if not data and (ready or until != float("inf")):
            break
        *whole, begun = (begun + decoder.decode(data)).split("\n")
        yield from (line[:_LONGEST_LINE] for line in whole)
        if len(begun) > _LONGEST_LINE:
            yield begun[:_LONGEST_LINE]
            begun = ""
        if until == float("inf") and process.poll() is not None:
            until = time.monotonic() + _LAST_WORDS_SECONDS
    if begun:
        yield begun
