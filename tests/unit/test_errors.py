"""The errors that users catch: all in one place, as its docstring draws them."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

import iot_multiaccount_ca
from iot_multiaccount_ca import errors

if TYPE_CHECKING:
    from collections.abc import Iterator


def _below(kind: type[errors.SharedCaError]) -> Iterator[type[errors.SharedCaError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _below(each)


def _tree(kind: type[errors.SharedCaError], depth: int = 1) -> Iterator[str]:
    yield "    " * depth + kind.__name__
    for each in sorted(kind.__subclasses__(), key=lambda sub: sub.__name__):
        if each.__module__.startswith("iot_multiaccount_ca."):
            yield from _tree(each, depth + 1)


def _load_everything() -> None:
    for module in pkgutil.walk_packages(iot_multiaccount_ca.__path__, "iot_multiaccount_ca."):
        importlib.import_module(module.name)


def test_every_error_is_found_in_errors() -> None:
    """Wherever it is raised: what cannot be imported from there cannot be caught by its cause."""
    _load_everything()
    ours = [
        each for each in _below(errors.SharedCaError) if each.__module__.startswith("iot_multiaccount_ca.")
    ]
    missing = [each.__qualname__ for each in ours if getattr(errors, each.__name__, None) is not each]
    assert not missing


def test_the_docstring_draws_the_tree_as_it_is() -> None:
    """It is what a reader who wants to catch an error looks at."""
    _load_everything()
    drawn = str(errors.__doc__).split("::\n\n")[1].rstrip().splitlines()
    assert drawn == list(_tree(errors.SharedCaError))


def test_what_is_raised_is_a_cause() -> None:
    """A kind of errors, such as `PlanError`, is there to catch by; InvalidTypeError and WrongArnError are both."""
    kinds = {each.__name__ for each in _below(errors.SharedCaError) if each.__subclasses__()}
    raised = [
        f"{file.name}: {node.exc.func.id}"
        for file in Path(str(iot_multiaccount_ca.__file__)).parent.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and isinstance(node.exc.func, ast.Name)
        if node.exc.func.id in kinds - {"InvalidTypeError", "WrongArnError"}
    ]
    assert not raised


def test_every_error_says_what_it_is_and_is_a_value_error() -> None:
    """One base for all, and a sentence each."""
    assert issubclass(errors.SharedCaError, ValueError)
    assert all(each.__doc__ for each in _below(errors.SharedCaError))
