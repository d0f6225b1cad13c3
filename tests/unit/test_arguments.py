"""What a user gives is explained where an editor shows it: in an ``Args:`` block, by its name."""

from __future__ import annotations

import enum
import inspect
import re
from typing import TYPE_CHECKING, Any, is_typeddict

from constructs import Construct

import iot_multiaccount_ca
from iot_multiaccount_ca.model.possession.verification import WAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ANSWERS = (
    iot_multiaccount_ca.Finding,
    iot_multiaccount_ca.ForeignPolicy,
    iot_multiaccount_ca.Permission,
    iot_multiaccount_ca.Provisioning,
    iot_multiaccount_ca.RegistrationRecord,
)
#: What CDK gives a meaning to, and every construct has.
_OF_THE_CDK = {"self", "scope", "id"}


def _documented(text: str | None) -> set[str]:
    """The names of an ``Args:`` block; none without one."""
    block = re.search(r"^( *)Args:\n((?:\1 +.*\n?|\n)+)", inspect.cleandoc(text or ""), re.MULTILINE)
    return set(re.findall(r"^    (\w+): ", block[2], re.MULTILINE)) if block else set()


def _missing(where: str, called: Callable[..., Any], text: str | None) -> list[str]:
    taken = [
        name
        for name, each in inspect.signature(called).parameters.items()
        if name not in _OF_THE_CDK and each.kind is not each.VAR_POSITIONAL
    ]
    return [f"{where}: {name}" for name in taken if name not in _documented(text)]


def _made_by_users() -> Iterator[tuple[str, type]]:
    """The public classes, but for words, shapes, errors, and what only comes as an answer."""
    for name in iot_multiaccount_ca.__all__:
        found = getattr(iot_multiaccount_ca, name)
        is_shape = is_typeddict(found) or getattr(found, "_is_protocol", False)
        if (
            isinstance(found, type)
            and not is_shape
            and not issubclass(found, (enum.Enum, Exception, *_ANSWERS))
        ):
            yield name, found


def test_every_argument_of_a_public_constructor_is_explained() -> None:
    """Each stands in the ``Args:`` block of its class."""
    missing = []
    for name, found in _made_by_users():
        if not inspect.isabstract(found):
            # jsii's metaclass hides what a construct takes.
            takes = found.__init__ if issubclass(found, Construct) else found
            missing += _missing(name, takes, found.__doc__)
    assert missing == []


def test_every_argument_of_a_public_factory_is_explained() -> None:
    """And of whatever else can be called with more than one argument, or without an object."""
    missing = []
    for name, found in _made_by_users():
        for method, held in vars(found).items():
            called = getattr(found, method)
            if method.startswith("_") or isinstance(called, type) or not inspect.isroutine(called):
                continue
            taken = _missing(f"{name}.{method}", called, called.__doc__)
            if isinstance(held, classmethod | staticmethod) or len(inspect.signature(called).parameters) > 2:
                missing += taken
    assert missing == []


def test_every_argument_of_a_public_function_is_explained() -> None:
    """Whatever is called by itself."""
    missing = []
    for name in iot_multiaccount_ca.__all__:
        found = getattr(iot_multiaccount_ca, name)
        if inspect.isfunction(found):
            missing += _missing(name, found, found.__doc__)
    assert missing == []


def test_every_argument_of_a_way_of_proof_is_explained() -> None:
    """`Verification.from_…` are the ways' own classes, each with its ``Args:``."""
    assert [each for way in WAYS.values() for each in _missing(way.__name__, way, way.__doc__)] == []
