"""The functions of provisioning templates, resolved: Ref, Join, Select, FindInMap, Split, Sub. Makes no resource.

"Provisioning templates", intrinsic functions, in the AWS IoT developer guide. The guide lists them under fleet
provisioning; that a JITP template takes them too is not documented.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..template_rules import SUB_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

_INDEX = re.compile(r"[0-9]{1,6}", re.ASCII)


class MissingParameterError(Exception):
    """A value hangs on a parameter that the subject lacks: said already, where the parameter was read."""


class FunctionError(Exception):
    """A function that cannot be resolved with these values."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix


class Resolver:
    """Resolves values of one template for one device. ``values``: parameters, ``None`` where missing."""

    def __init__(self, values: Mapping[str, str | None], mappings: Mapping[str, Any]) -> None:
        self._values = values
        self._mappings = mappings
        self.functions_used: set[str] = set()

    def resolve(self, value: Any) -> Any:
        """The value with every function in it replaced by what it yields."""
        if isinstance(value, list):
            return [self.resolve(each) for each in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            function, argument = next(iter(value.items()))
            if function == "Ref":
                return self._reference(argument)
            if function.startswith("Fn::"):
                self.functions_used.add(function)
                return self._call(function, argument)
        return {key: self.resolve(each) for key, each in value.items()}

    def _call(self, function: str, argument: Any) -> Any:
        resolved = self.resolve(argument)
        match function:
            case "Fn::Join":
                return _join(*resolved)
            case "Fn::Select":
                return _select(*resolved)
            case "Fn::Split":
                return _split(*resolved)
            case "Fn::FindInMap":
                return self._find_in_map(*resolved)
            case "Fn::Sub":
                return self._substitute(*(resolved if isinstance(resolved, list) else (resolved, {})))
        raise FunctionError(
            f"{function} is no function of provisioning templates",
            "use Ref, Fn::Join, Fn::Select, Fn::FindInMap, Fn::Split or Fn::Sub",
        )

    def _reference(self, name: Any) -> str:
        value = self._values.get(name)
        if value is None:
            raise MissingParameterError(name)
        return value

    def _find_in_map(self, name: Any, top: Any, second: Any) -> Any:
        found: Any = self._mappings
        for number, key in enumerate((name, top, second)):
            known = found if isinstance(found, dict) else {}
            if not isinstance(key, str) or key not in known:
                place = ("Mappings", f"map {name!r}", f"key {top!r} of map {name!r}")[number]
                raise FunctionError(
                    f"Fn::FindInMap finds no {key!r} in {place}, which has {_names(known)}",
                    "add it to Mappings, or issue device certificates whose subject leads to a key that is there",
                )
            found = known[key]
        return found

    def _substitute(self, text: Any, local: Any) -> str:
        if not isinstance(text, str) or not isinstance(local, dict):
            raise FunctionError("Fn::Sub got no text", "give it text, or [text, {name: value}]")

        def one(match: re.Match[str]) -> str:
            name = match.group(1)
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            return _text("Fn::Sub", local[name]) if name in local else self._reference(name)

        return SUB_VARIABLE.sub(one, text)


def _join(delimiter: Any, values: Any) -> str:
    if not isinstance(delimiter, str) or not isinstance(values, list):
        raise FunctionError(
            f"Fn::Join got {_shown(values)} where a list belongs", "give it a delimiter and a list of text"
        )
    return delimiter.join(_text("Fn::Join", each) for each in values)


def _select(index: Any, values: Any) -> Any:
    if not isinstance(values, list):
        raise FunctionError(
            f"Fn::Select got {_shown(values)} where a list belongs", "give it a list, such as from Fn::Split"
        )
    is_index = not isinstance(index, bool) and _INDEX.fullmatch(str(index))
    if not is_index or int(index) >= len(values) or values[int(index)] is None:
        raise FunctionError(
            f"Fn::Select finds no value at index {index} of {values!r}",
            f"take an index from 0 to {len(values) - 1}, or issue certificates whose subject has as many parts"
            if values
            else "give it a list that is not empty",
        )
    return values[int(index)]


def _split(delimiter: Any, text: Any) -> list[str]:
    if not isinstance(delimiter, str) or not delimiter or not isinstance(text, str):
        raise FunctionError(
            f"Fn::Split cannot split {_shown(text)} at {_shown(delimiter)}", "give it a delimiter and a text"
        )
    return text.split(delimiter)


def _text(function: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise FunctionError(
        f"{function} got {_shown(value)} where text belongs", "give it text, or functions that yield text"
    )


def _names(known: Mapping[str, Any]) -> str:
    return ", ".join(map(repr, sorted(known))) or "nothing"


def _shown(value: Any) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return repr(value)
