"""The package's top: one table, which type checkers, `import *` and lazy loading agree with."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import iot_multiaccount_ca

PACKAGE = Path(inspect.getfile(iot_multiaccount_ca)).parent


def _classes() -> dict[str, list[ast.ClassDef]]:
    """Every class of the package by its name."""
    found: dict[str, list[ast.ClassDef]] = {}
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(node)
    return found


def test_type_checkers_see_what_is_loaded() -> None:
    """The imports under TYPE_CHECKING are the table's, each from the module that it says."""
    (block,) = [
        node for node in ast.parse((PACKAGE / "__init__.py").read_text()).body if isinstance(node, ast.If)
    ]
    seen = set()
    for statement in block.body:
        assert isinstance(statement, ast.ImportFrom)
        for alias in statement.names:
            assert alias.asname == alias.name, "without it, type checkers take the name for private"
            seen.add((alias.name, statement.module or ""))
    assert seen == set(iot_multiaccount_ca._HOME.items())


def test_every_public_name_can_be_loaded() -> None:
    """And is listed for `import *`, once."""
    assert sorted(iot_multiaccount_ca.__all__) == sorted({"__version__", *iot_multiaccount_ca._HOME})
    for name in iot_multiaccount_ca.__all__:
        assert getattr(iot_multiaccount_ca, name) is not None
        assert name in dir(iot_multiaccount_ca)


def test_what_public_methods_return_is_public_too() -> None:
    """Who gets one wants to name it in an annotation."""
    classes = _classes()
    private = []
    for name in iot_multiaccount_ca.__all__:
        for node in classes.get(name, []):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and not method.name.startswith("_") and method.returns:
                    named = {each.id for each in ast.walk(method.returns) if isinstance(each, ast.Name)}
                    private += [
                        f"{name}.{method.name}: {each}"
                        for each in named & set(classes)
                        if each not in iot_multiaccount_ca.__all__
                    ]
    assert not private


def test_the_top_loads_no_construct() -> None:
    """Nor the model: a plain check of a plan, and the command line, start fast."""
    heavy = ("aws_cdk", "jsii", "boto3", "cryptography")
    code = f"import sys, iot_multiaccount_ca; print([m for m in sys.modules if m.startswith({heavy})])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_errors_are_at_hand() -> None:
    """`iot_multiaccount_ca.errors` needs no import of its own."""
    code = "import iot_multiaccount_ca; print(iot_multiaccount_ca.errors.PlanError.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "PlanError"
