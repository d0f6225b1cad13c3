"""JSON with something odd in any place of it: what anybody may have made of a cloud assembly."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: What stands in place of a value: every kind of JSON, and what a path, a number or a name must not be.
STRANGE: list[Any] = [None, -1.5, "../../../etc/passwd", "x\x00\x1b[31m" * 500, [[]], {"Ref": 7}]
_FOR_OTHERS = {"Resources", "Conditions", "Rules", "Parameters", "Outputs", "metadata", "tags", "missing"}
_OTHER_TYPES = {
    "cdk:asset-manifest",
    "cdk:tree",
    "aws:cdk:logicalId",
    "aws:cdk:creationStack",
    "aws:cdk:info",
}


def places(value: Any, at: tuple[Any, ...] = (), *, all_of_it: bool = False) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value that tools look at; of what the CDK writes for others, the top alone.

    ``all_of_it``: what it writes for others too.
    """
    yield at
    others = at and (at[-1] in _FOR_OTHERS or (isinstance(value, dict) and value.get("type") in _OTHER_TYPES))
    if others and not all_of_it:
        return
    if isinstance(value, dict):
        for key, below in value.items():
            yield from places(below, (*at, key), all_of_it=all_of_it)
    elif isinstance(value, list):
        for number, below in enumerate(value):
            yield from places(below, (*at, number), all_of_it=all_of_it)


def inside(document: Any, at: tuple[Any, ...]) -> Any:
    """What stands there."""
    for key in at:
        document = document[key]
    return document


def changed(document: Any, at: tuple[Any, ...], into: Any) -> Any:
    """A copy with another value there."""
    if not at:
        return into
    made = copy.deepcopy(document)
    inside(made, at[:-1])[at[-1]] = into
    return made


def read_files(assembly: Path) -> list[Path]:
    """The files of an assembly that tools read."""
    return [
        path.relative_to(assembly)
        for pattern in ("manifest.json", "*.metadata.json", "*.template.json")
        for path in sorted(assembly.rglob(pattern))
    ]
