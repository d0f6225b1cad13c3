"""The name of a provisioning template: what AWS IoT takes, and how one is made up. Knows no template."""

from __future__ import annotations

import hashlib
import re

#: What AWS IoT takes (CreateProvisioningTemplate, API reference).
NAME = re.compile(r"[0-9A-Za-z_-]{1,36}", re.ASCII)
#: In a name, for digits that are only known at deployment.
UNKNOWN = "?" * 8
_LONGEST = 36
_HEAD = _LONGEST - 1 - 8


def generated_name(stack: str, path: str, *, retained: bool = False) -> str:
    """A readable head, ``-``, and 8 hex digits of the stack's identity and the path in it: at most 36 characters.

    The path is what CDK makes the logical id of; where in the app the stack stands does not count. ``retained``: ``-``
    and eight ``?`` follow, for digits of the stack's own id.
    """
    digest = hashlib.sha256(f"{stack}/{path}".encode()).hexdigest()[:8]
    of_stack = f"-{UNKNOWN}" if retained else ""
    return f"{stack.replace('/', '-')[: _HEAD - len(of_stack)].rstrip('-')}-{digest}{of_stack}"
