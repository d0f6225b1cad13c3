"""The functions of provisioning templates, resolved: Ref, Join, Select, FindInMap, Split, Sub. Makes no resource.

"Provisioning templates", intrinsic functions, in the AWS IoT developer guide. The guide lists them under fleet
provisioning; that a JITP template takes them too is not documented.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .template_rules import SUB_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What Fn::Select takes for an index.
INDEX = re.compile(r"[0-9]{1,6}", re.ASCII)
_LONGEST_SHOWN = 80
#: No name, attribute or policy is near this; a text that grows by functions within functions would fill the memory.
LONGEST_TEXT = 65_536
#: Values and functions in one template: a body of 10,240 characters has fewer, unless a list is split again and again.
MOST_STEPS = 50_000


class MissingParameterError(Exception):
    """A value depends on a parameter that the subject lacks: said already, where the parameter was read."""


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
        self._steps = 0
        self.functions_used: set[str] = set()

    def resolve(self, value: Any) -> Any:
        """The value with every function in it replaced by what it yields."""
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise FunctionError(
                f"the template takes more than {MOST_STEPS:,} steps to resolve", "make the template smaller"
            )
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
        match function, argument:
            case "Fn::Join", [delimiter, values]:
                return _join(self.resolve(delimiter), self.resolve(values))
            case "Fn::Select", [index, values]:
                # The index first: one that can be none fails whatever the list.
                return self.select(self.resolve(index), values)
            case "Fn::Split", [delimiter, text]:
                return self.split(self.resolve(delimiter), self.resolve(text))
            case "Fn::FindInMap", [name, top, second]:
                return self.find_in_map(self.resolve(name), self.resolve(top), self.resolve(second))
            case "Fn::Sub", [text, local]:
                return self._substitute(text, self.resolve(local))
            case "Fn::Sub", text:
                return self._substitute(text, {})
        raise FunctionError(
            f"{function} is not a function of provisioning templates, or has the wrong arguments",
            "use Ref, Fn::Join, Fn::Select, Fn::FindInMap, Fn::Split or Fn::Sub",
        )

    def select(self, index: Any, values: Any) -> Any:
        """Fn::Select: ``index`` resolved, ``values`` not yet."""
        if isinstance(index, bool) or not INDEX.fullmatch(str(index)):
            raise FunctionError(
                f"Fn::Select has no index {_shown(index)}", "give it a whole number, 0 for the first value"
            )
        return _select(int(index), self.resolve(values))

    def split(self, delimiter: Any, text: Any) -> list[str]:
        """Fn::Split, its arguments resolved."""
        if not isinstance(delimiter, str) or not delimiter or not isinstance(text, str):
            raise FunctionError(
                f"Fn::Split cannot split {_shown(text)} at {_shown(delimiter)}",
                "give it a delimiter and a text",
            )
        return text.split(delimiter)

    def _reference(self, name: Any) -> str:
        value = self._values.get(name)
        if value is None:
            raise MissingParameterError(name)
        return value

    def find_in_map(self, name: Any, top: Any, second: Any) -> Any:
        """Fn::FindInMap, its arguments resolved."""
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

        pieces = []
        at = length = 0
        for match in SUB_VARIABLE.finditer(text):
            name = match.group(1)
            if name.startswith("!"):
                found = "${" + name[1:] + "}"
            else:
                found = _text("Fn::Sub", local[name]) if name in local else self._reference(name)
            pieces += [text[at : match.start()], found]
            at = match.end()
            length = _bounded("Fn::Sub", length + len(pieces[-2]) + len(found))
        return "".join([*pieces, text[at:]])


def _join(delimiter: Any, values: Any) -> str:
    if not isinstance(delimiter, str) or not isinstance(values, list):
        raise FunctionError(
            f"Fn::Join got {_shown(values)} where a list belongs", "give it a delimiter and a list of text"
        )
    texts = [_text("Fn::Join", each) for each in values]
    _bounded("Fn::Join", sum(map(len, texts)) + len(delimiter) * len(texts))
    return delimiter.join(texts)


def _select(index: int, values: Any) -> Any:
    if not isinstance(values, list):
        raise FunctionError(
            f"Fn::Select got {_shown(values)} where a list belongs", "give it a list, such as from Fn::Split"
        )
    if index >= len(values) or values[index] is None:
        raise FunctionError(
            f"Fn::Select finds no value at index {index} of {cut(repr(values))}",
            f"take an index from 0 to {len(values) - 1}, or issue certificates whose subject has as many parts"
            if values
            else "give it a list that is not empty",
        )
    return values[index]


def _bounded(function: str, length: int) -> int:
    if length > LONGEST_TEXT:
        raise FunctionError(
            f"{function} yields more than {LONGEST_TEXT:,} characters",
            "make the text shorter: AWS IoT takes no name, attribute or policy of that length",
        )
    return length


def _text(function: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise FunctionError(
        f"{function} got {_shown(value)} where text belongs", "give it text, or functions that yield text"
    )


def _names(known: Mapping[str, Any]) -> str:
    return cut(", ".join(map(repr, sorted(known)))) or "nothing"


def _shown(value: Any) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return cut(repr(value))


def cut(text: str) -> str:
    """A text for a sentence."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}… ({len(text):,} long)"
