"""The house is of short files and short functions, and each module says what it is for."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
#: In lines, blank ones and docstrings included.
LONGEST_FILE, LONGEST_FUNCTION = 400, 60


@pytest.fixture(scope="module")
def modules() -> dict[str, str]:
    """The text of every module of the product, by its path."""
    found = {
        str(file.relative_to(ROOT)): file.read_text()
        for folder in ("src", "lambda", "tools")
        for file in sorted((ROOT / folder).rglob("*.py"))
    }
    # A folder that moved would leave nothing to judge.
    assert {path.split("/")[0] for path in found} == {"src", "lambda", "tools"}
    return found


def test_no_file_is_long(modules: dict[str, str]) -> None:
    """A file that does one thing is short: split it by what it does."""
    assert [path for path, text in modules.items() if len(text.splitlines()) > LONGEST_FILE] == []


def test_no_function_is_long(modules: dict[str, str]) -> None:
    """Nor a function; decorators, such as a command's options, do not count."""
    long = [
        f"{path}: {node.name}"
        for path, text in modules.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]
    assert long == []


def test_every_module_says_what_it_is_for(modules: dict[str, str]) -> None:
    """In a docstring at its top, so that nobody has to read on to know whether it is the place."""
    assert [path for path, text in modules.items() if not ast.get_docstring(ast.parse(text))] == []


def test_no_function_of_a_package_is_named_like_a_module_in_it(modules: dict[str, str]) -> None:
    """Once the module is loaded, the package's attribute is the module, and calling it a TypeError."""
    hidden = [
        f"{path}: {node.name}"
        for path, text in modules.items()
        if path.endswith("/__init__.py")
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and {f"{Path(path).parent}/{node.name}.py", f"{Path(path).parent}/{node.name}/__init__.py"}
        & set(modules)
    ]
    assert hidden == []
