"""Whether a subject's values match the expressions of the admission, within limits. Decides no admission.

An expression may explode: ``(a+)+b`` on 30 characters takes minutes, ``a?`` thirty times over too, and some fill the
memory; no look at an expression tells. The activation Lambda gives up within its limits, and admits nobody; so does the
dry run. A process of its own tries them, for Python's ``re`` cannot be interrupted; it stays for the next device, as
starting one for each of ten thousand would take minutes.
"""

from __future__ import annotations

import atexit
import json
import queue
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Seconds for all expressions of one device together, as the Lambda has it.
LIMIT = 1.5
# As the Lambda reads them: \d, \w and \s are ASCII. An expression that is none matches nothing. The memory is as the
# Lambda's child has it; not every system knows such a limit.
_CHILD = r"""
import json, re, sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_DATA, (100_000_000, 100_000_000))
except (ImportError, ValueError, OSError):
    pass
print("ready", flush=True)
for line in sys.stdin:
    for expression, value in json.loads(line):
        try:
            print(int(re.fullmatch(expression, value, re.ASCII) is not None), flush=True)
        except MemoryError:
            print("?", flush=True)
        except Exception:
            print(0, flush=True)
"""


def matches(pairs: Sequence[tuple[str, str]]) -> list[bool | None]:
    """Of each (expression, value) whether the whole value matches.

    The first one that is not decided within `LIMIT`, or the memory that there is, is ``None``; the answers end there.
    """
    return _HELPER.ask(pairs) if pairs else []


class _Helper:
    """The process that tries expressions, started when it is first asked, and again after it had to be ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()

    def ask(self, pairs: Sequence[tuple[str, str]]) -> list[bool | None]:
        if self._process is None:
            self._process = self._start()
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.write(json.dumps(pairs) + "\n")
        self._process.stdin.flush()
        end = time.monotonic() + LIMIT
        found: list[bool | None] = []
        for _ in pairs:
            try:
                answer = self._answers.get(timeout=max(end - time.monotonic(), 0))
            except queue.Empty:
                answer = "?\n"
            if answer == "?\n":
                self.end()
                return [*found, None]
            found.append(answer == "1\n")
        return found

    def end(self) -> None:
        """Ends the process, whatever it is at."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        # Neither site packages nor the environment's Python settings: it starts fast, and runs this alone.
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, and a program without arguments
            [sys.executable, "-I", "-S", "-c", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        answers = self._answers = queue.SimpleQueue()
        stdout = process.stdout

        def read() -> None:
            # A pipe has no reading with a time; a queue has.
            for line in stdout or ():
                answers.put(line)

        assert stdout is not None  # noqa: S101 - it is a pipe
        stdout.readline()  # its start is not the expressions' time
        threading.Thread(target=read, daemon=True).start()
        return process


_HELPER = _Helper()
atexit.register(_HELPER.end)
