"""Whether a policy document lets a device do everything, however that is written. Evaluates no request.

A device that may do everything can connect as any other and read and write every topic. Only what is allowed is looked
at: a Deny or a Condition may take some of it back, and is left to the reader.
"""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: What a device does with MQTT, and the resource that each is authorized on ("AWS IoT Core policy actions").
_ACTIONS = {
    "iot:Connect": "client",
    "iot:Publish": "topic",
    "iot:Receive": "topic",
    "iot:Subscribe": "topicfilter",
}
# A name that no policy would spell out: what matches it matches any.
_ANY = "0/any-9f6e"
_ARN_HEAD = 5


def allows_everything(document: Mapping[str, Any]) -> bool:
    """Whether connecting, publishing, receiving and subscribing are all allowed without limits."""
    allowed = [each for each in _statements(document) if each.get("Effect") == "Allow"]
    return all(any(_allows(each, *action) for each in allowed) for action in _ACTIONS.items())


def _statements(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for each in _listed(document.get("Statement")):
        if isinstance(each, dict):
            yield each


def _allows(statement: Mapping[str, Any], action: str, kind: str) -> bool:
    if "NotAction" in statement:
        named = not any(_matches(each, action, ignore_case=True) for each in _texts(statement["NotAction"]))
    else:
        named = any(_matches(each, action, ignore_case=True) for each in _texts(statement.get("Action")))
    if not named:
        return False
    if "NotResource" in statement:
        return not any(_reaches_any(each, kind) for each in _texts(statement["NotResource"]))
    return any(_reaches_any(each, kind) for each in _texts(statement.get("Resource")))


def _reaches_any(pattern: str, kind: str) -> bool:
    """Whether the pattern takes in every resource of the kind, of this account at least."""
    parts = pattern.split(":", _ARN_HEAD)
    head = parts[:_ARN_HEAD] if len(parts) > _ARN_HEAD else ["arn", "aws", "iot", "region", "account"]
    # What stands for partition, region and account is the stage's own, so it is taken as it is.
    probe = ":".join([*(re.sub(r"[*?]", "x", part) for part in head), f"{kind}/{_ANY}"])
    return _matches(pattern, probe)


def _matches(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """With * for anything and ? for one character, as policies have it; a bracket is a bracket."""
    if ignore_case:
        pattern, text = pattern.lower(), text.lower()
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


def _texts(value: Any) -> list[str]:
    return [each for each in _listed(value) if isinstance(each, str)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
