"""JSON from outside, read strictly: nothing is lost or made up without a word.

The `json` module takes the last of two equal keys, takes NaN, and ends in a RecursionError; here each of them is a
`JsonError` that says what is wrong and where. Knows no format: what the JSON means is the caller's.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from ..errors import (
    DuplicateJsonKeyError,
    JsonEncodingError,
    JsonError,
    JsonNumberError,
    JsonTooDeepError,
    UnreadableJsonError,
)
from .reading import read_bytes

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

#: How deep objects and lists may be nested; templates and cloud assemblies stay below 40.
DEEPEST = 100
_MARKS = (
    (codecs.BOM_UTF8, "UTF-8 with a byte order mark"),
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_HALF = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_BRACKET = re.compile(r"[\[\]{}]")


class _Flaw:
    """Stands in the parsed value where something is wrong, until its place is known."""

    def __init__(self, error: type[JsonError], problem: str, **more: Any) -> None:
        self.error, self.problem, self.more = error, problem, more


def read(path: str | os.PathLike[str], *, what: str) -> Any:
    """The JSON value in a file; raises a `JsonError`. ``what``: begins the message, such as ``the JITP template``."""
    try:
        content = read_bytes(path)
    except OSError as error:
        raise UnreadableJsonError(
            f"{what} cannot be read: {error.strerror}",
            value=str(path),
            fix="give the path of a JSON file, relative to the working directory",
        ) from None
    return parse(content, what=what)


def parse(content: str | bytes, *, what: str) -> Any:
    """The JSON value of a text, or of UTF-8 bytes; raises a `JsonError`."""
    text = _decode(content, what) if isinstance(content, bytes) else content
    if text.startswith("\ufeff"):
        raise _encoding(what, "text with a byte order mark")
    _check_depth(text, what)
    flaws: list[_Flaw] = []

    def flaw(*arguments: Any, **more: Any) -> _Flaw:
        flaws.append(_Flaw(*arguments, **more))
        return flaws[-1]

    def members(pairs: list[tuple[str, Any]]) -> Any:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        [(twice, _)] = Counter(key for key, _ in pairs).most_common(1)
        return flaw(
            DuplicateJsonKeyError,
            f"key {twice!r} stands twice in one object",
            fix="keep one of them: the last would count, and the other be lost",
        )

    def number(written: str) -> Any:
        value = float(written)
        return value if math.isfinite(value) else flaw(JsonNumberError, f"{written} is not a JSON number")

    try:
        value = json.loads(text, object_pairs_hook=members, parse_constant=number, parse_float=number)
    except json.JSONDecodeError as error:
        raise UnreadableJsonError(
            f"{what} is not JSON: {error.msg}, line {error.lineno}, column {error.colno}",
            value=text[error.pos : error.pos + 40] or None,
        ) from None
    except ValueError as error:  # an integer of thousands of digits
        raise JsonNumberError(f"{what} has a number that is too long: {error}") from None
    if _HALF.search(text) and any(map(_HALF_CHARACTER.search, _texts(value))):
        raise JsonEncodingError(
            f"{what} has half a character (a surrogate alone), which no text can hold",
            fix="write the character itself, or both halves of it",
        )
    if flaws:
        found, place = next(_flaws(value))
        raise found.error(f"{what}: {found.problem} (at {place or 'the top level'})", **found.more)
    return value


def _decode(content: bytes, what: str) -> str:
    for mark, name in _MARKS:
        if content.startswith(mark):
            raise _encoding(what, name)
    if b"\x00" in content[:4]:
        raise _encoding(what, "UTF-16 or UTF-32")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _encoding(what, f"another encoding (byte {error.start:,} is not UTF-8)") from None


def _encoding(what: str, found: str) -> JsonEncodingError:
    return JsonEncodingError(
        f"{what} is {found}", allowed="UTF-8 without a byte order mark", fix="save the file as plain UTF-8"
    )


def _check_depth(text: str, what: str) -> None:
    if text.count("{") + text.count("[") <= DEEPEST:
        return
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > DEEPEST:
            raise JsonTooDeepError(
                f"{what} is nested too deep", value=f"more than {DEEPEST} levels", allowed=f"{DEEPEST} levels"
            )


def _texts(value: Any) -> Iterator[str]:
    """Every text in it, keys included."""
    waiting: deque[Any] = deque([value])
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, list):
            waiting += each


def _flaws(value: Any) -> Iterator[tuple[_Flaw, str]]:
    """What is wrong, with where: ``Resources.policy.Statement[0]``."""
    waiting: deque[tuple[Any, str]] = deque([(value, "")])
    while waiting:
        each, place = waiting.popleft()
        if isinstance(each, _Flaw):
            yield each, place
        elif isinstance(each, dict):
            waiting += [(below, f"{place}.{key}".lstrip(".")) for key, below in each.items()]
        elif isinstance(each, list):
            waiting += [(below, f"{place}[{index}]") for index, below in enumerate(each)]
