"""Regular expressions with a limit of time: a child process tries them, and is killed when it takes too long.

Python's ``re`` tries ways without end on expressions such as ``(a+)+$``, cannot be interrupted in its own process, and
an engine of linear time would be a wheel, of which this package has none.
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
# \d, \w and \s mean ASCII: digits of other scripts look alike, and are others.
_CHILD = """
import json, re, sys
for expression, value in json.load(sys.stdin):
    print(int(re.fullmatch(expression, value, re.ASCII) is not None), flush=True)
"""


class Mismatch(NamedTuple):
    """The first pair that does not match; ``in_time``: or is not known to."""

    position: int
    in_time: bool


def first_mismatch(pairs: Sequence[tuple[str, str]]) -> Mismatch | None:
    """The first of (expression, value) that does not match as a whole within `LIMIT`; None where all do."""
    if not pairs:
        return None
    # Neither site packages nor the environment's Python settings: the child starts fast, and runs this alone.
    command = [sys.executable, "-I", "-S", "-c", _CHILD]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter, and a program without arguments
            command, input=json.dumps(pairs).encode(), capture_output=True, timeout=LIMIT, check=True
        )
    except subprocess.TimeoutExpired as late:
        answers = (late.stdout or b"").split()
        return Mismatch(answers.index(b"0"), True) if b"0" in answers else Mismatch(len(answers), False)
    answers = done.stdout.split()
    return Mismatch(answers.index(b"0"), True) if b"0" in answers else None
