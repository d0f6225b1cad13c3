"""Looks at the processes of this machine, and waits for what must come."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_SECONDS = 30


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for a condition, half a minute at most."""
    deadline = time.monotonic() + _SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def commands_of(folder: Path) -> list[str]:
    """The command line of every process that has a folder in its environment or arguments."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment, command = (process / "environ").read_bytes(), (process / "cmdline").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in environment + command:
            found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return found
