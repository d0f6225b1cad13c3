"""The user's tags of a CA, held against AWS IoT's rules before anything is deployed. Changes none."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from .ownership import TAG_STACK_ID

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: AWS IoT takes 50 tags; two of them mark whose the registration is.
MOST_TAGS = 48
_LONGEST_KEY = 128
_LONGEST_VALUE = 256
_SIGNS = frozenset("_.:/=+-@")
_OURS = TAG_STACK_ID.partition(":")[0] + ":"


def tag_problems(tags: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each rule that a tag breaks. See "Tagging your AWS IoT resources" in the developer guide."""
    if len(tags) > MOST_TAGS:
        yield f"the CA has {len(tags)} tags; allowed: {MOST_TAGS}, beside the two that mark whose it is"
    for key, value in tags.items():
        if not 1 <= len(key) <= _LONGEST_KEY:
            yield f"the tag key {key[:24]!r}… of the CA has {len(key)} characters; allowed: 1 to {_LONGEST_KEY}"
        if len(value) > _LONGEST_VALUE:
            yield f"the value of the CA's tag {key!r} has {len(value)} characters; allowed: at most {_LONGEST_VALUE}"
        if key.lower().startswith("aws:"):
            yield f"the CA's tag {key!r} begins with aws:, which AWS keeps to itself; fix: rename it"
        if key.startswith(_OURS):
            yield f"the CA's tag {key!r} begins with {_OURS}, which marks whose a registration is; fix: rename it"
        strange = sorted({each for each in key + value if not _is_allowed(each)})
        if strange:
            yield (
                f"the CA's tag {key!r} holds characters that AWS IoT does not take: {' '.join(map(ascii, strange))}; "
                "allowed: letters, digits, spaces and _ . : / = + - @"
            )


def _is_allowed(character: str) -> bool:
    return character in _SIGNS or unicodedata.category(character)[0] in "LNZ"
