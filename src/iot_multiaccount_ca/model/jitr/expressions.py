"""Whether a subject's value matches an expression of the admission, within a time. Decides no admission.

An expression may explode: ``(a+)+b`` on 30 characters takes minutes. The activation Lambda gives up after its time, and
admits nobody; so does the dry run. Only what could explode is tried in a process of its own, which takes longer to
start than nearly every match.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys

#: Seconds.
LIMIT = 2.0
_MOST_REPEATS = 2
_REPEAT = re.compile(r"(?<!\\)[*+{]")
_CHILD = "import json, re, sys; e, v = json.load(sys.stdin); sys.exit(not re.fullmatch(e, v))"


@functools.lru_cache(maxsize=4096)
def matches(expression: str, value: str) -> bool | None:
    """Whether the whole value matches; ``None`` where that is not decided in time."""
    repeats = len(_REPEAT.findall(expression))
    if repeats <= _MOST_REPEATS and not re.search(r"\)[*+{]", expression):
        return re.fullmatch(expression, value) is not None
    # Neither site packages nor the environment's Python settings: the child starts fast, and runs this alone.
    command = [sys.executable, "-I", "-S", "-c", _CHILD]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter, and a program without arguments
            command,
            input=json.dumps([expression, value]).encode(),
            capture_output=True,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    return done.returncode == 0
