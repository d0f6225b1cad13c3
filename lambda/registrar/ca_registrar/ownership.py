"""Whose a registration is, and what it was when it was taken: all of it in its own tags. Makes tags, and writes none.

Two tags mark what a resource of a stack registered. What was found when somebody else's was taken is noted in others,
to be given back. A tag's value knows letters, digits, spaces and ``+ - = . _ : / @``, and holds 256 characters: so no
JSON, and of the tags that we added the notes keep short digests of their keys.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_OURS = "iot-multiaccount-ca"
STACK_ID = f"{_OURS}:stack-id"
LOGICAL_ID = f"{_OURS}:logical-id"
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
        return {STACK_ID: _fitting(self.stack_id), LOGICAL_ID: _fitting(self.logical_id)}

    @property
    def stack_name(self) -> str:
        """The name of the stack."""
        return stack_name(self.stack_id)

    def owns(self, tags: Mapping[str, str]) -> bool:
        """Whether a registration with these tags is this resource's."""
        return owner_tags(tags) == self.tags

    def same_stack(self, tags: Mapping[str, str]) -> bool:
        """Whether it is of this stack, if of another resource."""
        return tags.get(STACK_ID) == self.tags[STACK_ID]


def owner_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The two that say whose it is, as far as they are there."""
    return {key: tags[key] for key in (STACK_ID, LOGICAL_ID) if key in tags}


def stack_name(stack_id: str) -> str:
    """The name in a stack's id."""
    name = stack_id.partition(":stack/")[2].partition("/")[0]
    return name or stack_id


def place_of(stack_id: str) -> tuple[str, ...]:
    """Partition, service, region and account in a stack's id; another text has other parts, or fewer."""
    return tuple(stack_id.split(":")[1:5])


def is_stack(tags: Mapping[str, str], name_or_id: str | None) -> bool:
    """Whether the registration is of the stack with that name or id."""
    held = tags.get(STACK_ID)
    return held is not None and name_or_id in (held, stack_name(held))


def describe_owner(tags: Mapping[str, str]) -> str:
    """Whose it is, in words."""
    held = tags.get(STACK_ID)
    if held is None:
        return "by no stack of this library"
    return f"by stack {stack_name(held)} (resource {tags.get(LOGICAL_ID)}, {held})"


def _fitting(text: str) -> str:
    """As a tag's value: two that differ stay different."""
    if len(text) <= _LONGEST:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{text[: _LONGEST - len(digest) - 1]}.{digest}"


_GIVEN_BACK = "given-back"
_WORD = 5


# These are named tuples, since a dataclass takes six times as long to make, and every cold start makes them.
class Layer(NamedTuple):
    """The tags of one kind of taking. One registration may have both kinds: taken up from a stack that had adopted."""

    mark: str
    stack_id: str
    logical_id: str
    added_tags: str

    @property
    def keys(self) -> tuple[str, ...]:
        """All of them."""
        return (self.mark, self.stack_id, self.logical_id, self.added_tags)


def _layer(name: str) -> Layer:
    return Layer(*(f"{_OURS}:{name}{end}" for end in ("", "-stack-id", "-logical-id", "-tags")))


#: Of a live owner, or of nobody's stack: it is given back when our resource goes.
ADOPTION = _layer("adopted")
#: Of a stack that is gone: ours for good, and given back only where the taking itself is rolled back.
TAKE_UP = _layer("taken-up")
#: Every tag that is this library's own.
KEYS = frozenset({STACK_ID, LOGICAL_ID, *ADOPTION.keys, *TAKE_UP.keys})


class Settings(NamedTuple):
    """What of a registration can be changed in place, in AWS's words."""

    status: str
    auto_status: str
    template_name: str | None


class Found(NamedTuple):
    """A registration as it was found. ``settings``: ``None`` where the note cannot be read.

    ``owner``: its ownership tags. ``during``: the digest of the properties of the Update that took it, until the next.
    """

    settings: Settings | None
    owner: Mapping[str, str]
    during: str = ""

    def tags(self, layer: Layer) -> dict[str, str]:
        """The note."""
        words: dict[str, str | None] = {"during": self.during}
        if self.settings is not None:
            words = {
                "status": self.settings.status,
                "auto": self.settings.auto_status,
                "template": self.settings.template_name,
                **words,
            }
        mark = " ".join(f"{name}={word}" for name, word in words.items() if word)
        held = {layer.stack_id: self.owner.get(STACK_ID), layer.logical_id: self.owner.get(LOGICAL_ID)}
        return {layer.mark: mark, **{key: value for key, value in held.items() if value}}


def found(tags: Mapping[str, str], layer: Layer) -> Found | None:
    """The note in these tags, or ``None``: it was not taken so."""
    mark = tags.get(layer.mark, "")
    if not mark or mark.startswith(_GIVEN_BACK):
        return None
    words = dict(word.partition("=")[::2] for word in mark.split(" "))
    settings = None
    if words.get("status") and words.get("auto"):
        settings = Settings(words["status"], words["auto"], words.get("template"))
    held = {STACK_ID: tags.get(layer.stack_id), LOGICAL_ID: tags.get(layer.logical_id)}
    return Found(settings, {key: value for key, value in held.items() if value}, words.get("during", ""))


def added(tags: Mapping[str, str], layer: Layer) -> frozenset[str]:
    """Which of the keys in ``tags`` were added by us since it was taken."""
    note = tags.get(layer.added_tags, "")
    words = {note[start : start + _WORD] for start in range(0, len(note), _WORD)}
    return frozenset(key for key in tags if key not in KEYS and _word(key) in words)


def note_of_added(keys: Iterable[str], layer: Layer) -> dict[str, str]:
    """The tag that says that these were added by us; none where there are none."""
    note = "".join(sorted({_word(key) for key in keys}))
    return {layer.added_tags: note} if note else {}


def given_back_by(owner: Owner, layer: Layer) -> dict[str, str]:
    """The mark of a giving back that is under way: the owner's tags are the former ones, and the notes still stand."""
    digest = hashlib.sha256(f"{owner.stack_id} {owner.logical_id}".encode()).hexdigest()
    return {layer.mark: f"{_GIVEN_BACK} {digest[:32]}"}


def is_being_given_back(tags: Mapping[str, str], owner: Owner, layer: Layer) -> bool:
    """Whether ``owner`` was interrupted while giving it back."""
    return given_back_by(owner, layer).items() <= tags.items()


def _word(key: str) -> str:
    # 48 of them fit into a value, and somebody else's key has the same one in a billion times.
    return base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())[:_WORD].decode()
