"""What no device can escape: a template whose names, attributes, groups, types or policies AWS IoT refuses in any case.

The rules are the dry run's own (`making`), applied with values that stand for any certificate's. A template is refused
only if it fails whatever the device; what depends on the device is for the dry run to say.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from typing import TYPE_CHECKING, Any, TypeVar

from ...errors import (
    CertificateResourceError,
    ImpossibleValueError,
    PolicyDocumentError,
    ProvisioningTemplateError,
    UnknownFunctionError,
)
from .findings import Findings
from .functions import INDEX, MissingParameterError, Resolver
from .making import Maker
from .subject_text import escaped
from .template_rules import CERTIFICATE_ID, PARAMETERS, SERIAL_NUMBER, check_body, functions, is_function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .findings import Finding

_T = TypeVar("_T")
#: Warnings of a template as such, which hold whatever the device.
TEMPLATE_WARNINGS = frozenset({"policy-allows-everything", "section-unverified", "certificate-id-undeclared"})
_ERRORS: Mapping[str, type[ProvisioningTemplateError]] = {
    "function-failed": UnknownFunctionError,
    "certificate-status-unknown": CertificateResourceError,
    "policy-document-no-json": PolicyDocumentError,
    "policy-document-no-policy": PolicyDocumentError,
    "policy-document-too-long": PolicyDocumentError,
}
# One character each, of Unicode's private use, that stands for whatever a device has in a parameter.
_STANDS_FOR = {name: chr(0xE000 + number) for number, name in enumerate(PARAMETERS)}
# What each may be. A rule has to be broken by all of them: a text of one character and an empty one are the kindest to
# a pattern and to a length, the next to a policy document in which the value stands without quotes, the
# last to a Status that is built from it.
_STATUS = "ACTIVE"
_FILLS = (
    *("a", "", "1", "{}", "[]"),
    *(_STATUS[begin:end] for begin, end in itertools.combinations(range(len(_STATUS) + 1), 2)),
)
_FIXED_FILLS = {CERTIFICATE_ID: "0" * 64, SERIAL_NUMBER: "1"}
_MOST_CASES = 64


def lint(body: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Raise the `ProvisioningTemplateError` of a body that could provision no device; else its warnings.

    ``body``: parsed, its placeholders filled, its policies as text (`with_text_policies`).
    """
    check_body(body)
    failures = []
    for case in _cases(body):
        findings = Findings()
        Maker(body, _AnyDevice(case, body.get("Mappings", {})), findings, _Judge(findings)).make()
        if not findings.errors:
            return tuple(each for each in findings.all() if each.code in TEMPLATE_WARNINGS)
        failures.append(findings.errors)
    in_all = [each for each in failures[-1] if all(each in others for others in failures)]
    refused = (in_all or failures[0])[0]
    kind = _ERRORS.get(refused.code, ImpossibleValueError)
    raise kind(_named(refused.problem), fix=_named(refused.fix))


def with_text_policies(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body with each policy document that is an object as text, which AWS documents it to be."""
    found = dict(body)
    resources = body.get("Resources")
    if not isinstance(resources, dict):
        return found
    found["Resources"] = {name: _with_text(name, each) for name, each in resources.items()}
    return found


def _with_text(name: str, resource: Any) -> Any:
    properties = resource.get("Properties") if isinstance(resource, dict) else None
    document = properties.get("PolicyDocument") if isinstance(properties, dict) else None
    if not isinstance(properties, dict) or not isinstance(document, dict) or is_function(document):
        return resource
    inside = next(functions(document, "PolicyDocument"), None)
    if inside is not None:
        path, function, _ = inside
        raise PolicyDocumentError(
            f"the PolicyDocument of {name!r} is an object with a function in it, at {path}",
            value=function,
            allowed="an object without functions, or a text",
            fix="write the document as one text, with Fn::Sub around it",
        )
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return {**resource, "Properties": {**properties, "PolicyDocument": text}}


class _Judge:
    """Holds a value against a rule with each thing that the unknown in it may be; the kindest counts."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def __call__(self, value: Any, rule: Callable[[Any, Findings], _T]) -> _T:
        first = None
        for filling in _FILLS if _is_open(value) else _FILLS[:1]:
            findings = Findings()
            answer = rule(_filled(value, filling), findings)
            first = first or (answer, findings)
            if not findings.errors:
                first = answer, findings
                break
        answer, findings = first  # type: ignore[misc]
        self._findings.add(findings.all())
        return answer


class _AnyDevice(Resolver):
    """Resolves for any device: where the outcome depends on the device, it is not known."""

    def __init__(self, case: _Case, mappings: Mapping[str, Any]) -> None:
        super().__init__(case, mappings)
        self._tried = case.tried

    def select(self, index: Any, values: Any) -> Any:
        """Fn::Select: an index that is a parameter itself is one of the cases, if the list is written out."""
        if (
            isinstance(index, str) and index in self._tried and isinstance(values, list)
        ) or not _can_be_index(index):
            return super().select(index, values)
        if _is_open(index):
            # What is not a list, or has no value, fails whatever the index.
            found = self.resolve(values)
            if isinstance(found, list) and any(each is not None for each in found):
                raise MissingParameterError
            return super().select("0", found)
        return super().select(index, values)

    def split(self, delimiter: Any, text: Any) -> list[str]:
        """Fn::Split: what stands for a device's text may be of any number of parts."""
        # A text at itself has two parts, both empty, whatever it is.
        if isinstance(text, str) and isinstance(delimiter, str) and delimiter and text != delimiter:
            _decided(delimiter, text)
        return super().split(delimiter, text)

    def find_in_map(self, name: Any, top: Any, second: Any) -> Any:
        """Fn::FindInMap: a key that is a parameter itself is one of the cases; a built one may be any that fits."""
        keys = (name, top, second)
        if any(_is_open(each) and each not in self._tried for each in keys):
            patterns = [_pattern(each, self._tried) for each in keys]
            if any(all(map(re.fullmatch, patterns, path)) for path in _paths(self._mappings)):
                raise MissingParameterError
        return super().find_in_map(name, top, second)


class _Case(dict[str, "str | None"]):
    """What the parameters may be; ``tried``: the marks of those that stand for "none of the keys"."""

    tried: frozenset[str] = frozenset()


def _cases(body: Mapping[str, Any]) -> Iterator[_Case]:
    """Each key by which the template looks a parameter up, its Default, and anything else."""
    special = _special(body)
    marks = [_STANDS_FOR[name] for name in special]
    if math.prod(len(each) + 1 for each in special.values()) > _MOST_CASES:
        yield _Case(_STANDS_FOR)
        return
    for chosen in itertools.product(
        *([*each, mark] for each, mark in zip(special.values(), marks, strict=True))
    ):
        case = _Case(_STANDS_FOR)
        case.update(zip(special, chosen, strict=True))
        case.tried = frozenset(marks)
        yield case


def _special(body: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """By parameter the texts that are worth a case of their own, as far as a certificate can have them."""
    mappings = body.get("Mappings", {})
    found: dict[str, dict[str, None]] = {}
    for _, function, argument in functions(body.get("Resources"), "Resources"):
        for key, known in _keys(function, argument, mappings):
            name = key.get("Ref") if isinstance(key, dict) else None
            if name in PARAMETERS and name not in _FIXED_FILLS:
                found.setdefault(name, {}).update(dict.fromkeys(filter(_can_be_held, known)))
    for name, specification in body.get("Parameters", {}).items():
        if "Default" in specification:
            found.setdefault(name, {})[specification["Default"]] = None
    return {name: tuple(texts) for name, texts in found.items()}


def _keys(function: str, argument: Any, mappings: Mapping[str, Any]) -> Iterator[tuple[Any, list[str]]]:
    """By what a function looks something up, each with the texts by which it finds something."""
    if function == "Fn::FindInMap":
        for place, key in enumerate(argument):
            yield key, _level(mappings, place)
    elif function == "Fn::Select" and isinstance(argument[1], list):
        yield argument[0], [str(number) for number in range(len(argument[1]))]


def _paths(mappings: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Every three keys by which a map has a value."""
    for name, keys in mappings.items():
        for top, values in keys.items() if isinstance(keys, dict) else ():
            for second in values if isinstance(values, dict) else ():
                yield name, top, second


def _pattern(key: Any, tried: frozenset[str]) -> str:
    """What a key may be once a device fills what is open in it."""
    if not isinstance(key, str):
        return r"(?!)"
    marks = {each for each in _STANDS_FOR.values() if each not in tried}
    return "(?s)" + "".join(".*" if each in marks else re.escape(each) for each in key)


def _level(mappings: Mapping[str, Any], depth: int) -> list[str]:
    level: list[Any] = [mappings]
    for _ in range(depth):
        level = [below for each in level if isinstance(each, dict) for below in each.values()]
    return [key for each in level if isinstance(each, dict) for key in each]


def _can_be_index(index: Any) -> bool:
    """Whether some device makes an index of it."""
    return not _is_open(index) or any(INDEX.fullmatch(str(_filled(index, each))) for each in ("1", ""))


def _can_be_held(key: str) -> bool:
    """Whether a subject's field can arrive as this text, with its escapes."""
    plain = key.replace("\\", "")
    return escaped(plain) == key


def _decided(*values: Any) -> None:
    if _is_open(list(values)):
        raise MissingParameterError


def _is_open(value: Any) -> bool:
    if isinstance(value, str):
        return any(each in value for each in _STANDS_FOR.values())
    if isinstance(value, list):
        return any(map(_is_open, value))
    return isinstance(value, dict) and any(map(_is_open, value.values()))


def _filled(value: Any, filling: str) -> Any:
    if isinstance(value, str):
        for name, mark in _STANDS_FOR.items():
            value = value.replace(mark, _FIXED_FILLS.get(name, filling))
        return value
    if isinstance(value, list):
        return [_filled(each, filling) for each in value]
    if isinstance(value, dict):
        return {name: _filled(each, filling) for name, each in value.items()}
    return value


def _named(text: str) -> str:
    """A sentence with the parameters' own names in the place of what stands for them."""
    for name, mark in _STANDS_FOR.items():
        shown = f"<{name.rpartition('::')[2]}>"
        text = text.replace(mark, shown).replace(repr(mark)[1:-1], shown)
    return text
