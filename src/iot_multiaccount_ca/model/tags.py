"""The user's tags of a CA, held against the rules of who writes them before anything is deployed. Changes none."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .ownership import TAG_STACK_ID

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: AWS IoT takes 50 tags; two of them mark whose the registration is.
MOST_TAGS = 48
_SIGNS = "_.:/=+-@"
_OURS = TAG_STACK_ID.partition(":")[0] + ":"


@dataclass(frozen=True, slots=True)
class TagLimits:
    """What one writer of tags takes. ``plain_keys``: keys of ASCII letters, and without ``@``."""

    writer: str
    longest_key: int
    shortest_value: int
    longest_value: int
    plain_keys: bool = False


#: The registrar's calls. See "Tagging your AWS IoT resources" in the AWS IoT developer guide.
BY_REGISTRAR = TagLimits("AWS IoT", longest_key=128, shortest_value=0, longest_value=256)
#: ``AWS::IoT::CACertificate``. See its Tag in the AWS CloudFormation user guide.
BY_CLOUDFORMATION = TagLimits("CloudFormation", longest_key=127, shortest_value=1, longest_value=255)
#: ``AWS::CloudFormation::StackSet``. See its Tag in the same guide; AWS IoT takes what reaches the CA.
BY_STACK_SET = TagLimits("a stack set", longest_key=128, shortest_value=1, longest_value=256, plain_keys=True)


def tag_problems(tags: Mapping[str, str], limits: TagLimits = BY_REGISTRAR) -> Iterator[str]:
    """A sentence for each rule that a tag breaks."""
    if len(tags) > MOST_TAGS:
        yield f"the CA has {len(tags)} tags; allowed: {MOST_TAGS}, beside the two that mark whose it is"
    for key, value in tags.items():
        if not 1 <= len(key) <= limits.longest_key:
            yield (
                f"the tag key {key[:24]!r}… of the CA has {len(key)} characters; {limits.writer} takes: 1 to "
                f"{limits.longest_key}"
            )
        if not limits.shortest_value <= len(value) <= limits.longest_value:
            yield (
                f"the value of the CA's tag {key!r} has {len(value)} characters; {limits.writer} takes: "
                f"{limits.shortest_value} to {limits.longest_value}"
            )
        if key.lower().startswith("aws:"):
            yield f"the CA's tag {key!r} begins with aws:, which AWS keeps to itself; fix: rename it"
        if key.startswith(_OURS):
            yield f"the CA's tag {key!r} begins with {_OURS}, which marks whose a registration is; fix: rename it"
        yield from _strange(key, value, limits)


def _strange(key: str, value: str, limits: TagLimits) -> Iterator[str]:
    strange = sorted({each for each in key + value if not _is_allowed(each)})
    if strange:
        yield (
            f"the CA's tag {key!r} holds characters that AWS IoT does not take: {_shown(strange)}; allowed: letters, "
            f"digits, spaces and {' '.join(_SIGNS)}"
        )
    elif limits.plain_keys and (rare := sorted({each for each in key if not each.isascii() or each == "@"})):
        yield (
            f"the key of the CA's tag {key!r} holds characters that {limits.writer} does not take: {_shown(rare)}; "
            f"allowed: letters from a to z, digits, spaces and {' '.join(_SIGNS.rstrip('@'))}; fix: rename it"
        )


def _shown(characters: list[str]) -> str:
    return " ".join(map(ascii, characters))


def _is_allowed(character: str) -> bool:
    return character in _SIGNS or unicodedata.category(character)[0] in "LNZ"
