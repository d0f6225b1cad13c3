"""Checks of single arguments that every value needs: of this type, really a bool, of AWS IoT's form for an id."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar

from ..errors import InvalidFlagError, InvalidTypeError

if TYPE_CHECKING:
    import attrs

_Item = TypeVar("_Item")

_CERTIFICATE_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)
_REGISTRATION_CODE = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_STACK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}", re.ASCII)
_STAGE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,30}", re.ASCII)
#: What CloudFormation takes as the name of a stack or of a set of them, for messages.
STACK_NAME_ALLOWED = "a letter, then up to 127 letters, digits or hyphens"
#: What a stage may be called, for messages.
STAGE_NAME_ALLOWED = "a letter, then up to 30 letters, digits or hyphens"


def is_certificate_id(value: object) -> TypeGuard[str]:
    """Whether it has the form of a certificate's id in AWS IoT: the SHA-256 of its DER, in lower case."""
    return isinstance(value, str) and _CERTIFICATE_ID.fullmatch(value) is not None


def is_registration_code(value: object) -> TypeGuard[str]:
    """Whether it has the form of what GetRegistrationCode answers."""
    return isinstance(value, str) and _REGISTRATION_CODE.fullmatch(value) is not None


def is_stack_name(value: object) -> TypeGuard[str]:
    """Whether CloudFormation takes it as the name of a stack, or of a set of them."""
    return isinstance(value, str) and _STACK_NAME.fullmatch(value) is not None


def is_stage_name(value: object) -> TypeGuard[str]:
    """Whether a stage may have that name, which ends the name of its stack."""
    return isinstance(value, str) and _STAGE_NAME.fullmatch(value) is not None


def check_type(value: object, kind: type, what: str, maker: str) -> None:
    """Raise `InvalidTypeError` unless ``value`` is a ``kind``; ``maker`` is what makes one."""
    if not isinstance(value, kind):
        raise InvalidTypeError(
            f"{what} is of another kind",
            value=type(value).__name__,
            allowed=kind.__name__,
            fix="write it in quotes" if kind is str else f"make it with {maker}",
        )


def check_flag(value: object, what: str) -> bool:
    """The flag itself; raises `InvalidFlagError` unless it is really a bool: the text ``"false"`` counts as true."""
    if not isinstance(value, bool):
        raise InvalidFlagError(
            f"{what} is neither True nor False",
            value=value,
            allowed="True, False",
            fix="give a bool; context given as `cdk -c name=false` arrives as text, so write "
            'node.try_get_context("name") in (True, "true")',
        )
    return value


def is_flag(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """`check_flag` as a validator of a field."""
    check_flag(value, f"{attribute.name} of the {type(instance).__name__}")


def first_twice(values: Iterable[_Item]) -> _Item | None:
    """The first value that came before, or None. In one pass: a set may list 100,000 accounts."""
    seen: set[_Item] = set()
    for each in values:
        if each in seen:
            return each
        seen.add(each)
    return None


def as_items(values: object, kind: type[_Item], what: str, maker: str) -> tuple[_Item, ...]:
    """What a list, tuple or generator holds; raises `InvalidTypeError` unless all of it is ``kind``, in an order."""
    if isinstance(values, (str, bytes, Mapping, Set, kind)) or not isinstance(values, Iterable):
        raise InvalidTypeError(
            f"{what} are not a list",
            value=values if isinstance(values, str) else type(values).__name__,
            allowed=f"a list of {kind.__name__}",
            fix=f"write [{'…' if kind is str else f'{maker}(…)'}, …], also for one alone",
        )
    items = tuple(values)
    for each in items:
        check_type(each, kind, f"one of {what}", maker)
    return items
