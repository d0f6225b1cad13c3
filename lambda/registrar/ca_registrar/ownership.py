"""Whose a registration is: two tags mark what a resource of a stack registered. Reads tags, and writes none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

STACK_ID = "iot-multiaccount-ca:stack-id"
LOGICAL_ID = "iot-multiaccount-ca:logical-id"
ADOPTED = "iot-multiaccount-ca:adopted"
KEYS = (STACK_ID, LOGICAL_ID, ADOPTED)
#: The most characters that a tag's value holds.
_LONGEST = 256


@dataclass(frozen=True)
class Owner:
    """A resource of a stack."""

    stack_id: str
    logical_id: str

    @property
    def tags(self) -> dict[str, str]:
        """What marks a registration as this resource's."""
        return {STACK_ID: self.stack_id[:_LONGEST], LOGICAL_ID: self.logical_id[:_LONGEST]}

    def owns(self, tags: Mapping[str, str]) -> bool:
        """Whether a registration with these tags is this resource's."""
        return all(tags.get(key) == value for key, value in self.tags.items())

    def same_stack(self, tags: Mapping[str, str]) -> bool:
        """Whether it is of this stack, if of another resource."""
        return tags.get(STACK_ID) == self.stack_id[:_LONGEST]


def stack_name(stack_id: str) -> str:
    """The name in a stack's id."""
    name = stack_id.partition(":stack/")[2].partition("/")[0]
    return name or stack_id


def is_stack(tags: Mapping[str, str], name_or_id: str) -> bool:
    """Whether the registration is of the stack with that name or id."""
    held = tags.get(STACK_ID)
    return held is not None and name_or_id in (held, stack_name(held))


def adoption_mark(tags: Mapping[str, str]) -> str:
    """The mark of adoption: whose a registration with these tags was, to give it back to."""
    former = f"{tags.get(LOGICAL_ID)} {tags.get(STACK_ID)}"
    return former if STACK_ID in tags and len(former) <= _LONGEST else "true"


def former_owner_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The ownership tags that an adopted registration had, if it was a stack's."""
    logical_id, _, stack_id = tags.get(ADOPTED, "").partition(" ")
    return {LOGICAL_ID: logical_id, STACK_ID: stack_id} if stack_id else {}


def describe_owner(tags: Mapping[str, str]) -> str:
    """Whose it is, in words."""
    held = tags.get(STACK_ID)
    if held is None:
        return "by no stack of this library"
    return f"by stack {stack_name(held)} (resource {tags.get(LOGICAL_ID)}, {held})"
