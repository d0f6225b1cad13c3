"""The user's own firmware, simulator or test as the device: a command that runs once a stage, told where to connect."""

from __future__ import annotations

import collections
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import bound_process
from .users_environment import is_of_aws, proxies

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SHOWN_LINES = 15


@dataclass(frozen=True)
class CommandEnd:
    """``code``: the exit code, None where the time was over; ``lines``: the end of what it printed."""

    code: int | None
    lines: list[str]


@dataclass(frozen=True)
class DeviceCommand:
    """A shell command, and how many seconds it may take a stage. ``say`` is told each line that it prints."""

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
            text=True,
            encoding="utf-8",
            errors="replace",
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
                for line in process.stdout or ():
                    lines.append(line.rstrip())
                    self.say(line.rstrip())
                code = process.wait()
            finally:
                timer.cancel()
                process.terminate()
        return CommandEnd(None if over.is_set() else code, list(lines))
