"""Regular expressions with limits of time and memory: a child process tries them, and is killed beyond them.

Python's ``re`` tries ways without end on expressions such as ``(a+)+$``, or remembers them until the memory is full;
it cannot be interrupted in its own process, and an engine of linear time would be a wheel, of which this package has
none.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Of all expressions for one device together, start of the child included; seconds.
LIMIT = 1.5
# \d, \w and \s mean ASCII: digits of other scripts look alike, and are others. The child's memory, of which the Lambda
# has 256 MB in all; not every system knows such a limit.
_CHILD = """
import json, re, sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_DATA, (100_000_000, 100_000_000))
except (ImportError, ValueError, OSError):
    pass
for expression, value in json.load(sys.stdin):
    try:
        print(int(re.fullmatch(expression, value, re.ASCII) is not None), flush=True)
    except MemoryError:
        break
"""


class Mismatch(NamedTuple):
    """The first pair that does not match; ``decided``: or is not known to."""

    position: int
    decided: bool


def first_mismatch(pairs: Sequence[tuple[str, str]]) -> Mismatch | None:
    """The first of (expression, value) that does not match as a whole within the limits; None where all do."""
    if not pairs:
        return None
    # Neither site packages nor the environment's Python settings: the child starts fast, and runs this alone.
    command = [sys.executable, "-I", "-S", "-c", _CHILD]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter, and a program without arguments
            command, input=json.dumps(pairs).encode(), capture_output=True, timeout=LIMIT, check=True
        )
        said = done.stdout
    except subprocess.TimeoutExpired as late:
        said = late.stdout or b""
    answers = said.split()
    if b"0" in answers:
        return Mismatch(answers.index(b"0"), True)
    return Mismatch(len(answers), False) if len(answers) < len(pairs) else None
