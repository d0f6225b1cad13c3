"""Whose a registration is: the two tags that mark it, and what a stack's id says. Asks no AWS.

The Lambda has a copy of its own (``ca_registrar/ownership.py``); a test holds the two together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TAG_STACK_ID = "iot-multiaccount-ca:stack-id"
TAG_LOGICAL_ID = "iot-multiaccount-ca:logical-id"


@dataclass(frozen=True, slots=True)
class StackId:
    """What stands in ``arn:<partition>:cloudformation:<region>:<account>:stack/<name>/<uuid>``.

    ``text``: the id itself. What it does not name is an empty text.
    """

    text: str
    region: str
    account: str
    name: str

    @classmethod
    def parse(cls, text: str) -> StackId:
        """Read an id; a text of another shape is a stack of that name, in no account."""
        parts = text.split(":", 5)
        if len(parts) < 6 or not parts[5].startswith("stack/"):
            return cls(text, "", "", text)
        return cls(text, parts[3], parts[4], parts[5].split("/")[1])

    @property
    def digits(self) -> str:
        """The first 8 hex digits of its UUID, which names of what is retained carry; empty where there is none."""
        head = self.text.rpartition("/")[2].partition("-")[0]
        return head if re.fullmatch(r"[0-9a-f]{8}", head) else ""


@dataclass(frozen=True, slots=True)
class Ownership:
    """The resource of a stack that a registration's tags name."""

    stack: StackId
    logical_id: str | None


def read_ownership(tags: Mapping[str, str]) -> Ownership | None:
    """Whose a registration with these tags is; ``None``: no stack's of this library."""
    stack_id = tags.get(TAG_STACK_ID)
    return Ownership(StackId.parse(stack_id), tags.get(TAG_LOGICAL_ID)) if stack_id else None
