"""Rules of the built wheel: used alone, it yields the very assets that the checkout yields."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

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


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout with what `make setup` installed."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


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
    """py.typed, the licence, the Lambda packages, and nothing that a Python run left."""
    names = zipfile.ZipFile(wheel).namelist()
    assert "iot_multiaccount_ca/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "iot_multiaccount_ca/_lambda/registrar/responder.py" in names
    assert "iot_multiaccount_ca/_lambda/jitr/activation.py" in names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
