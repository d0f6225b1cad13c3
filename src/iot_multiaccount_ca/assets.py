"""Where the Lambda code lies: in the wheel, or in a checkout. The only module that knows.

Imports the standard library alone, and nothing of this package: the build hook loads this file by its path.

A *Lambda package* is a folder whose content CDK stages. There are three:

``registrar``
    our own code, for stages whose Lambda signs nothing (SNI_ONLY, pre-issued verification certificates);
``registrar-signing``
    the same code with ``cryptography`` beside it, for stages whose Lambda builds a verification certificate;
``jitr``
    the code that activates devices under just-in-time registration.

A wheel carries all of them under ``_lambda/``. In a checkout the activation is the folder below ``lambda/``; the two
registrars are put together under ``build/lambda/``, from the code without its docstrings, comments and imports for type
checkers (every line keeps its number) and, for the signing one, from the packages that ``make setup`` unpacked there.
Both ways yield the same files, and so the same asset hash.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import os
import sys
import tempfile
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = ("registrar", "registrar-signing", "jitr")
#: What no package holds: leftovers of a Python run, which would change the asset's hash.
EXCLUDED = ("__pycache__", "*.pyc", ".mypy_cache", ".ruff_cache")
#: The folder of what only a signing registrar can use; the other's package leaves it out.
SIGNING = "ca_registrar/possession/signing"

_HERE = Path(__file__).resolve().parent
_IN_WHEEL = _HERE / "_lambda"
_CHECKOUT = _HERE.parents[1]


@functools.cache  # every stage of an app asks
def lambda_package(name: str) -> Path:
    """The folder of the Lambda package ``name`` (one of ``PACKAGES``), complete and ready to be staged.

    In a checkout it is put together once in a process.
    Raises ``FileNotFoundError`` where a checkout was never set up, with the command that does it.
    """
    if name not in PACKAGES:
        msg = f"no such Lambda package: {name!r}; there are {', '.join(PACKAGES)}"
        raise ValueError(msg)
    if _IN_WHEEL.is_dir():
        return _IN_WHEEL / name
    if name == "jitr":
        return _CHECKOUT / "lambda" / name
    target = _CHECKOUT / "build" / "lambda" / name
    vendored = vendored_dir(_CHECKOUT) if name == "registrar-signing" else None
    compose_package(_CHECKOUT / "lambda" / "registrar", vendored, target)
    return target


def excluded(name: str) -> list[str]:
    """What CDK leaves out of the package ``name``, as glob patterns."""
    return [*EXCLUDED, *((SIGNING,) if name == "registrar" else ())]


@contextlib.contextmanager
def registrar_importable() -> Iterator[None]:
    """While it lasts, ``import ca_registrar`` finds the Lambda's own modules.

    The command line signs verification certificates with the very code that the Lambda runs.
    """
    path = str(lambda_package("registrar"))
    sys.path.insert(0, path)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(path)


def vendored_dir(checkout: Path) -> Path:
    """Where the build hook unpacks what the signing Lambda carries beside our code."""
    return checkout / "build" / "lambda" / "vendor"


def compose_package(code: Path, vendored: Path | None, target: Path) -> None:
    """Make ``target`` hold exactly the files of ``vendored`` and ``code``; writes only what differs.

    Safe when several processes do it at once: each file is replaced in one step.
    """
    if vendored is not None and not vendored.is_dir():
        msg = (
            f"the signing Lambda's packages are not unpacked in {vendored}: run `make setup` in the checkout"
        )
        raise FileNotFoundError(msg)
    wanted = {file.relative_to(vendored): file for file in files_of(vendored)} if vendored is not None else {}
    own = {file.relative_to(code): file for file in files_of(code)}
    for relative, source in {**wanted, **own}.items():
        content = source.read_bytes()
        _write_if_different(without_comments(content) if relative in own else content, target / relative)
    for file in list(files_of(target)):
        if file.relative_to(target) not in wanted and file.relative_to(target) not in own:
            file.unlink(missing_ok=True)


def without_comments(source: bytes) -> bytes:
    """Python code without docstrings, comments and what only type checkers read; every statement stays in its line."""
    lines = source.decode().splitlines(keepends=True)
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip() + "\n"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            end = node.end_lineno or node.lineno
            lines[node.lineno - 1 : end] = ["\n"] * (end - node.lineno + 1)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(
            node, clean=False
        ):
            text = node.body[0]
            first, last = text.lineno - 1, text.end_lineno or text.lineno
            only = len(node.body) == 1 and not isinstance(node, ast.Module)
            lines[first:last] = ["\n"] * (last - first)
            lines[first] = f"{' ' * text.col_offset}...\n" if only else "\n"
    return "".join(lines).encode()


def files_of(root: Path) -> Iterator[Path]:
    """The files of a folder that a package may hold, in an order that stays."""
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if path.is_file() and not any(part.match(p) for part in (inside, *inside.parents) for p in EXCLUDED):
            yield path


def _write_if_different(content: bytes, target: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if target.read_bytes() == content:
            return
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".composing-")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(temporary).chmod(0o644)
    Path(temporary).replace(target)
