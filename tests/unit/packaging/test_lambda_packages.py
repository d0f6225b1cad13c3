"""Rules of the Lambda packages: small, complete, the same from wherever they come."""

from __future__ import annotations

import ast
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from iot_multiaccount_ca import assets

ROOT = Path(__file__).parents[3]
_NOTHING = ast.parse("...").body[0]
MOST_OWN_CODE = 24 * 1000


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def _zipped(files: dict[str, bytes]) -> int:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.tell()


def test_the_registrar_without_verification_is_our_own_code_and_small() -> None:
    """No wheels, at most 24 kB zipped."""
    package = _files(assets.lambda_package("registrar"))
    files = {name: content for name, content in package.items() if not name.startswith(f"{assets.SIGNING}/")}
    assert len(files) < len(package)
    assert {Path(name).suffix for name in files} == {".py"}
    assert _zipped(files) <= MOST_OWN_CODE


def test_the_activation_is_our_own_code_and_small() -> None:
    """No wheels, at most 24 kB zipped: it starts on the path of every new device."""
    files = _files(assets.lambda_package("jitr"))
    assert "activation.py" in files
    assert {Path(name).suffix for name in files} == {".py"}
    assert _zipped(files) <= MOST_OWN_CODE


def test_the_signing_registrar_is_the_same_code_with_cryptography_beside_it() -> None:
    """Whatever the modes, one code; licences of what is bundled travel along."""
    own = _files(assets.lambda_package("registrar"))
    signing = _files(assets.lambda_package("registrar-signing"))
    assert own.items() <= signing.items()
    assert any(name.startswith("cryptography/") for name in signing)
    for bundled in ("cryptography", "cffi", "pycparser"):
        assert any(name.startswith(f"{bundled}-") and "/licenses/" in name for name in signing), bundled


def test_what_is_bundled_is_what_is_locked() -> None:
    """The versions in the package are those of requirements/lambda.lock."""
    lock = (ROOT / "requirements/lambda.lock").read_text()
    locked = {line.split(" ")[0] for line in lock.splitlines() if "==" in line}
    folders = {path.name for path in assets.lambda_package("registrar-signing").glob("*.dist-info")}
    assert {name.removesuffix(".dist-info").replace("-", "==") for name in folders} == locked


def test_composing_again_changes_nothing(tmp_path: Path) -> None:
    """A file that is gone from the code is gone from the package; one that is the same is not written again."""
    code, vendored, target = (tmp_path / name for name in ("code", "vendored", "target"))
    for folder, name in ((code, "a.py"), (code, "b.py"), (vendored, "lib.py")):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    (code / "__pycache__").mkdir()
    (code / "__pycache__" / "a.pyc").write_text("x")
    assets.compose_package(code, vendored, target)
    before = {p.name: p.stat().st_mtime_ns for p in target.iterdir()}
    assert set(before) == {"a.py", "b.py", "lib.py"}
    (code / "b.py").unlink()
    assets.compose_package(code, vendored, target)
    assert {p.name: p.stat().st_mtime_ns for p in target.iterdir()} == {
        name: when for name, when in before.items() if name != "b.py"
    }


def test_a_package_is_the_code_without_its_comments_line_by_line() -> None:
    """What runs is the same, and a traceback's numbers are those of the source."""
    for file in (ROOT / "lambda/registrar").rglob("*.py"):
        source = file.read_bytes()
        packed = assets.without_comments(source)
        assert len(packed.splitlines()) == len(source.splitlines())
        bare, full = (ast.parse(each) for each in (packed, source))
        full.body = [
            each
            for each in full.body
            if not (isinstance(each, ast.If) and ast.unparse(each.test) == "TYPE_CHECKING")
        ]
        for node in ast.walk(full):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
                node.body[:1] = [] if len(node.body) > 1 or isinstance(node, ast.Module) else [_NOTHING]
        assert ast.dump(bare) == ast.dump(full), file
        rest = [each for each in ast.walk(bare) if isinstance(each, ast.stmt)]
        assert {each.lineno for each in rest} <= {
            each.lineno for each in ast.walk(ast.parse(source)) if isinstance(each, ast.stmt)
        }


def test_a_checkout_without_set_up_says_how(tmp_path: Path) -> None:
    """The message names the command."""
    with pytest.raises(FileNotFoundError, match="make setup"):
        assets.compose_package(tmp_path, tmp_path / "none", tmp_path / "target")


def test_an_unknown_package_is_refused() -> None:
    """There are three."""
    with pytest.raises(ValueError, match="registrar-signing"):
        assets.lambda_package("other")


def test_the_signing_package_imports_alone_in_a_clean_interpreter(tmp_path: Path) -> None:
    """Unzipped alone, with only boto3 beside it, the handler imports, and cryptography comes from the package.

    Run with the Lambda's Python where this test runs on it: ``_cffi_backend`` is built for that one alone.
    """
    if sys.version_info[:2] != (3, 13):
        pytest.skip("the package is built for Python 3.13, and this interpreter is another")
    package = tmp_path / "package"
    handler, cryptography, cffi = _import_alone(
        tmp_path,
        "registrar-signing",
        "import responder, cryptography, _cffi_backend\n"
        "from cryptography import x509\n"
        "from ca_registrar.possession.signing import verification_certificate\n"
        "found = [callable(responder.handler), cryptography.__file__, _cffi_backend.__file__]\n",
    )
    assert handler
    assert cryptography.startswith(str(package))
    assert cffi.startswith(str(package))


def test_the_activation_imports_alone_in_a_clean_interpreter(tmp_path: Path) -> None:
    """Standard library and boto3: nothing of the library, and no cryptography."""
    [handler, foreign] = _import_alone(
        tmp_path,
        "jitr",
        "import activation\n"
        "foreign = {'cryptography', 'iot_multiaccount_ca', 'ca_registrar'} & set(sys.modules)\n"
        "found = [callable(activation.handler), sorted(foreign)]\n",
    )
    assert handler
    assert foreign == []


def _import_alone(tmp_path: Path, name: str, program: str) -> list[Any]:
    """Run a program that sets ``found`` with the package ``name`` and boto3 on its path alone; what it found."""
    package = tmp_path / "package"
    for inside, content in _files(assets.lambda_package(name)).items():
        file = package / inside
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    beside = tmp_path / "boto3"
    beside.mkdir()
    for module in ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six"):
        home = __import__(module).__file__
        assert home is not None
        source = Path(home)
        (beside / (source.name if module == "six" else module)).symlink_to(
            source if module == "six" else source.parent
        )
    paths = f"import json, sys\nsys.path[:0] = [{str(package)!r}, {str(beside)!r}]\n"
    program = f"{paths}{program}print(json.dumps(found))\n"
    clean = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", program],
        env=clean,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found
