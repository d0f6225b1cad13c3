"""The house: short files and functions, each module says what it is for, and a fact stands in one room."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
#: In lines, blank ones and docstrings included.
LONGEST_FILE, SHORTEST_FILE, LONGEST_FUNCTION = 400, 10, 60
#: Rooms that repeat what they need, for they must not share with what they stand beside.
APART = ("lambda/", "src/iot_multiaccount_ca/local/gaps/", "src/iot_multiaccount_ca/local/stack_sets/")


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


def test_no_file_is_a_scrap(modules: dict[str, str]) -> None:
    """A file of ten lines is a line of its neighbour; packages say what they are for, the version stands alone."""
    scraps = [
        path
        for path, text in modules.items()
        if len(text.splitlines()) <= SHORTEST_FILE and Path(path).name not in {"__init__.py", "_version.py"}
    ]
    assert scraps == []


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


def test_every_gap_of_the_local_aws_is_closed(modules: dict[str, str]) -> None:
    """A module that closes one and is not called closes nothing."""
    folder = "src/iot_multiaccount_ca/local/gaps/"
    closing = {
        Path(path).stem
        for path, text in modules.items()
        if path.startswith(folder)
        and any(isinstance(node, ast.FunctionDef) and node.name == "close" for node in ast.parse(text).body)
    }
    [close_gaps] = [
        node
        for node in ast.parse(modules[f"{folder}__init__.py"]).body
        if isinstance(node, ast.FunctionDef) and node.name == "close_gaps"
    ]
    assert closing
    assert closing <= {node.id for node in ast.walk(close_gaps) if isinstance(node, ast.Name)}


def test_an_arn_is_made_by_its_target(modules: dict[str, str]) -> None:
    """An ARN put together by hand forgets the partition, or that a service has no region in its ARNs."""
    by_hand = [
        f"{path}: {found}"
        for path, text in modules.items()
        # The Lambdas and the local AWS repeat, so that what is judged does not judge itself.
        if not path.startswith((*APART, "src/iot_multiaccount_ca/model/target.py"))
        for node in ast.walk(ast.parse(text))
        for found in _made_arns(node)
    ]
    assert by_hand == []


def _made_arns(node: ast.AST) -> list[str]:
    """What of an ARN is put together here: by an f-string, ``+``, ``format`` or ``%``."""
    if isinstance(node, ast.JoinedStr | ast.BinOp):
        first: ast.AST | None = node.values[0] if isinstance(node, ast.JoinedStr) else node.left
        pattern = r"arn:"
    else:
        first, pattern = node, r"arn:(aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:)?[{%]"
    text = first.value if isinstance(first, ast.Constant) else None
    return [text] if isinstance(text, str) and re.match(pattern, text) else []


def test_the_search_for_arns_finds_every_way_to_make_one() -> None:
    """And takes none that is only looked at."""
    ways = ('f"arn:{p}:iam::{a}:root"', '"arn:aws:iam::" + account', '"arn:{}:iot".format(p)', '"arn:%s" % p')
    for way in ways:
        assert any(map(_made_arns, ast.walk(ast.parse(way)))), way
    for other in ('text.startswith("arn:")', '"arn:aws:iam::aws:policy/AdministratorAccess"', 'f"the {arn}"'):
        assert not any(map(_made_arns, ast.walk(ast.parse(other)))), other


def test_a_form_stands_once(modules: dict[str, str]) -> None:
    """Two patterns of one thing drift apart: what one room takes, another refuses. Alternatives count each."""
    rooms: dict[str, set[str]] = {}
    for path, text in modules.items():
        if not path.startswith(APART):
            for node in ast.walk(ast.parse(text)):
                match node:
                    case ast.Call(ast.Attribute(ast.Name("re")), [ast.Constant(str(pattern)), *_]) | ast.Call(
                        ast.Name("matching"), [ast.Constant(str(pattern))]
                    ):
                        for form in pattern.split("|"):
                            rooms.setdefault(form, set()).add(path)
    forms = {
        pattern: paths for pattern, paths in rooms.items() if len(pattern) > len(r"\s+")
    }  # a blank is not one
    assert {pattern: paths for pattern, paths in forms.items() if len(paths) > 1} == {}


@pytest.mark.parametrize("fact", ["-lookup-role-", "hnb659fds", "[0-9a-f]{64}", "AWSIoTThingsRegistration"])
def test_a_name_of_aws_and_the_cdk_is_written_once(modules: dict[str, str], fact: str) -> None:
    """In code, in one room; docstrings may name it."""
    rooms = {
        path
        for path, text in modules.items()
        if not path.startswith(APART)
        for node in _strings(ast.parse(text))
        if fact in node.value
    }
    assert len(rooms) == 1, rooms


def _strings(tree: ast.AST) -> Iterator[Any]:
    """Every text in the code that is not a docstring."""
    said = {
        id(body[0].value)
        for node in ast.walk(tree)
        if (body := getattr(node, "body", None)) and isinstance(body, list) and isinstance(body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node


def test_nobody_imports_what_another_module_keeps_to_itself(modules: dict[str, str]) -> None:
    """A name with an underscore is free to change with its module; the emulator's own are wrapped, not ours."""
    borrowed = [
        f"{path}: {node.module}.{each.name}"
        for path, text in modules.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("ministack")
        for each in node.names
        if re.match(r"_[a-zA-Z]", each.name)
    ]
    assert borrowed == []
