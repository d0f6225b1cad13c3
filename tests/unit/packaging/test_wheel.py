"""Rules of the built wheel: used alone, it yields the very assets that the checkout yields."""

from __future__ import annotations

import email
import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import iot_multiaccount_ca
from iot_multiaccount_ca._version import WHEEL
from support.certificates import make_ca
from support.documents import python_blocks

ROOT = Path(__file__).parents[3]
_SYNTH = """
import json, sys
sys.path[:0] = json.loads(sys.argv[3])
import iot_multiaccount_ca
from pathlib import Path
source = Path(sys.argv[1]).read_text().replace("Path(__file__).parent", "Path(sys.argv[1]).parent")
exec(compile(source.replace("App()", "App(outdir=sys.argv[2])"), "app.py", "exec"))
print(iot_multiaccount_ca.__file__)
"""


def _assets(folder: Path, path: list[str]) -> tuple[set[str], str]:
    """Asset folders of the example, synthesized from another working directory, and where the package was found."""
    command = [
        sys.executable,
        "-B",
        "-c",
        _SYNTH,
        str(ROOT / "examples/app.py"),
        str(folder),
        json.dumps(path),
    ]
    home = folder.parent
    done = subprocess.run(command, cwd=home, env=dict(os.environ), capture_output=True, text=True, check=True)
    return {each.name for each in folder.iterdir() if each.name.startswith("asset.")}, done.stdout.strip()


def test_the_wheel_is_called_what_apps_install(wheel: Path) -> None:
    """By that name `iot-ca init` and `verify_step` take it."""
    assert wheel.name == WHEEL


def test_the_wheel_yields_the_assets_of_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """Same hashes from the wheel with the source tree out of the way, from the checkout, and on every run."""
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    ours, home = _assets(tmp_path / "one", [str(installed)])
    assert home.startswith(str(installed))
    again, _ = _assets(tmp_path / "two", [str(installed)])
    theirs, checkout = _assets(tmp_path / "three", [])
    assert checkout.startswith(str(ROOT / "src"))
    assert ours == again == theirs
    assert len(ours) == 2


def test_the_wheel_carries_types_licence_and_no_leftovers(wheel: Path) -> None:
    """py.typed, the licence, the Lambda packages, what `init` writes, and nothing that a Python run left."""
    names = zipfile.ZipFile(wheel).namelist()
    starter = ROOT / "src/iot_multiaccount_ca/cli/starter"
    texts = {f"iot_multiaccount_ca/cli/{file.relative_to(starter.parent)}" for file in starter.rglob("*.*")}
    assert {each for each in texts if "__pycache__" not in each} <= set(names)
    assert "iot_multiaccount_ca/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "iot_multiaccount_ca/_lambda/registrar/responder.py" in names
    assert "iot_multiaccount_ca/_lambda/jitr/activation.py" in names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_the_sdist_is_the_checkouts_and_holds_no_key(wheel: Path) -> None:
    """Sources, Lambda code, tests and docs; what the wheel was built from."""
    [sdist] = wheel.parent.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for part in (
        "lambda/registrar/responder.py",
        "requirements/lambda.lock",
        "docs/jitr.md",
        "Makefile",
        "CHANGELOG.md",
    ):
        assert part in names
    assert not [name for name in names if name.endswith(".key")]


def test_the_metadata_says_what_it_is(wheel: Path) -> None:
    """Names, versions and extras as the package index shows them; nothing heavy without an extra."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [each for each in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", each)]
        metadata = email.message_from_bytes(archive.read(name))
    assert metadata["Name"] == "iot-multiaccount-ca"
    assert metadata["Version"] == iot_multiaccount_ca.__version__
    assert metadata["Requires-Python"] == ">=3.11"
    classifiers = metadata.get_all("Classifier") or []
    assert {"Framework :: AWS CDK :: 2", "Typing :: Typed"} <= set(classifiers)
    assert set(metadata.get_all("Provides-Extra") or []) == {"local", "pkcs11"}
    needed = [each for each in metadata.get_all("Requires-Dist") or [] if "extra ==" not in each]
    assert {each.partition(">")[0].partition("<")[0] for each in needed} == {
        "attrs",
        "aws-cdk-lib",
        "boto3",
        "click",
        "constructs",
        "cryptography",
        "rich",
    }


def test_the_wheel_serves_an_app_of_somebody_elses(wheel: Path, tmp_path: Path) -> None:
    """With the source tree out of the way: the examples of two documents, each Lambda included."""
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    (tmp_path / "certs").mkdir()
    for name in ("fleet-ca", "partner-ca"):
        (tmp_path / "certs" / f"{name}.pem").write_text(make_ca("ec-p256", common_name=name).pem)
    (tmp_path / "jitp.json").write_text((ROOT / "examples/jitp.json").read_text())
    packages = set()
    for page in ("in-your-app", "jitr"):
        blocks = python_blocks(ROOT / f"docs/{page}.md")
        app = "\n".join([f"import sys; sys.path.insert(0, {str(installed)!r})", *blocks, "app.synth()"])
        (tmp_path / f"{page}.py").write_text(app)
        output = tmp_path / page
        environment = {**os.environ, "CDK_OUTDIR": str(output)}
        command = [sys.executable, "-B", f"{page}.py"]
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=120)
        packages |= {each.name for each in output.iterdir() if each.name.startswith("asset.")}
    # The registrar with and without cryptography, and the activation.
    assert len(packages) == 3
