"""The query protocol of CloudFormation, by botocore's own model of the API: form fields to values, values to XML."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import botocore.session
from botocore.validate import ParamValidator
from ministack.services.cloudformation import helpers

from .refusal import RefusedError, invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Fields = Mapping[str, Any]
    Action = Callable[[dict[str, Any]], dict[str, Any] | None]


@functools.cache
def _model() -> Any:
    return botocore.session.Session().get_service_model("cloudformation")


def request_shape(name: str) -> Any:
    """The shape of a call's input."""
    return _model().operation_model(name).input_shape


def served(name: str, action: Action) -> Callable[[Fields], tuple[int, dict[str, str], bytes]]:
    """An action as one that the emulator's CloudFormation can dispatch to."""

    def handler(fields: Fields) -> tuple[int, dict[str, str], bytes]:
        operation = _model().operation_model(name)
        try:
            request = (_read(operation.input_shape, fields, "") or {}) if operation.input_shape else {}
            check(name, request)
            answer = action(request)
        except RefusedError as refused:
            failed: tuple[int, dict[str, str], bytes] = helpers._error(
                refused.code, refused.message, refused.status
            )
            return failed
        inner = _written(operation.output_shape, answer or {}) if operation.output_shape else ""
        good: tuple[int, dict[str, str], bytes] = helpers._xml(
            200, f"{name}Response", f"<{name}Result>{inner}</{name}Result>"
        )
        return good

    return handler


def check(name: str, request: Mapping[str, Any]) -> None:
    """Refuse what breaks the model: a parameter that is missing, of another type, length or form."""
    shape = request_shape(name)
    if shape is None:
        return
    report = ParamValidator().validate(request, shape)
    if report.has_errors():
        raise invalid(report.generate_report())
    if broken := _broken(shape, request, ""):
        raise invalid(f"1 validation error detected: {broken}")


def _broken(shape: Any, value: Any, path: str) -> str:
    """The first rule that a value breaks, of those that AWS alone checks and botocore does not; "" for none."""
    if shape.type_name in ("structure", "list"):
        parts: list[tuple[Any, Any, str]]
        if shape.type_name == "structure":
            parts = [(shape.members[name], each, name[0].lower() + name[1:]) for name, each in value.items()]
        else:
            parts = [(shape.member, each, f"{number}.member") for number, each in enumerate(value, 1)]
        inside = (_broken(part, each, f"{path}.{name}".lstrip(".")) for part, each, name in parts)
        if found := next(filter(None, inside), ""):
            return found
    rule = _rule_broken(shape.metadata, value)
    return rule and f"Value '{value}' at '{path}' failed to satisfy constraint: Member must {rule}"


def _rule_broken(rules: Mapping[str, Any], value: Any) -> str:
    most = rules.get("max")
    if most is not None and isinstance(value, int) and value > most:
        return f"have value less than or equal to {most}"
    if most is not None and isinstance(value, (str, list)) and len(value) > most:
        return f"have length less than or equal to {most}"
    if "pattern" in rules and not re.fullmatch(rules["pattern"], value):
        return f"satisfy regular expression pattern: {rules['pattern']}"
    if "enum" in rules and value not in rules["enum"]:
        return f"satisfy enum value set: {rules['enum']}"
    return ""


def coerced(shape: Any, value: Any, path: str = "") -> Any:
    """A template's value as the API takes it: CloudFormation makes text, numbers and booleans of each other.

    Raises `RefusedError` for a property that the shape does not have.
    """
    if shape.type_name == "structure":
        for name in value:
            if name not in shape.members:
                raise invalid(f"Model validation failed (#{path}: extraneous key [{name}] is not permitted)")
        return {name: coerced(shape.members[name], each, f"{path}/{name}") for name, each in value.items()}
    if shape.type_name == "list":
        return [coerced(shape.member, each, f"{path}/{number}") for number, each in enumerate(value)]
    if isinstance(value, (dict, list)):
        raise invalid(f"Model validation failed (#{path}: expected type: {shape.type_name.title()})")
    return _scalar(shape, str(value).lower() if isinstance(value, bool) else str(value))


def _read(shape: Any, fields: Fields, path: str) -> Any:
    if shape.type_name == "structure":
        found = {}
        for name, member in shape.members.items():
            value = _read(member, fields, f"{path}.{name}" if path else name)
            if value is not None:
                found[name] = value
        return found or None
    if shape.type_name == "list":
        listed: list[Any] = []
        while (item := _read(shape.member, fields, f"{path}.member.{len(listed) + 1}")) is not None:
            listed.append(item)
        return listed if listed or path in fields else None
    if path not in fields:
        return None
    return _scalar(shape, helpers._p(fields, path))


def _scalar(shape: Any, text: str) -> Any:
    if shape.type_name == "boolean":
        return text.lower() == "true"
    if shape.type_name == "integer":
        try:
            return int(text)
        except ValueError:
            raise invalid(f"{text} is not an integer") from None
    return text


def _written(shape: Any, value: Any) -> str:
    if shape.type_name == "structure":
        return "".join(
            f"<{name}>{_written(member, value[name])}</{name}>"
            for name, member in shape.members.items()
            if value.get(name) not in (None, "")
        )
    if shape.type_name == "list":
        return "".join(f"<member>{_written(shape.member, each)}</member>" for each in value)
    return str(value).lower() if isinstance(value, bool) else escape(str(value))
