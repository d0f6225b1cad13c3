"""Hatch build hook: unpacks what the signing Lambda carries, and puts the Lambda packages into the wheel.

Runs for wheels and for editable installs alike, so that a checkout synthesizes offline after ``make setup``.
The packages come from the registry that pip is set up for, pinned by hash in requirements/lambda.lock.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LAMBDA_PYTHON = "3.13"
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
# Installers' records, type stubs and headers: nothing the Lambda imports. Licences (dist-info) stay.
LEFT_OUT = ("/RECORD", ".pyi", "/py.typed", ".h", "/entry_points.txt", "/top_level.txt")


class LambdaPackages(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if self.target_name != "wheel":
            return
        assets = _load_assets(root)
        vendor(root / "requirements" / "lambda.lock", assets.vendored_dir(root))
        if version == "editable":
            return
        build_data["force_include"].update(
            {
                str(file): f"iot_multiaccount_ca/_lambda/{name}/{file.relative_to(folder).as_posix()}"
                for name in assets.PACKAGES
                for folder in [assets.lambda_package(name)]
                for file in assets.files_of(folder)
            }
        )


def _load_assets(root: Path) -> Any:
    spec = importlib.util.spec_from_file_location("_assets", root / "src/iot_multiaccount_ca/assets.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def vendor(lock: Path, target: Path) -> None:
    """Unpack the locked wheels into ``target``; nothing is done where the same lock was unpacked before."""
    recipe = hashlib.sha256(lock.read_bytes() + Path(__file__).read_bytes()).hexdigest()
    stamp = target.with_name("vendor.stamp")
    if target.is_dir() and stamp.is_file() and stamp.read_text() == recipe:
        return
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory() as downloads:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        command += ["--only-binary=:all:", "--implementation", "cp", "--python-version", LAMBDA_PYTHON]
        command += [word for platform in PLATFORMS for word in ("--platform", platform)]
        subprocess.run([*command, "--dest", downloads, "--requirement", str(lock)], check=True)
        for wheel in sorted(Path(downloads).glob("*.whl")):
            _unpack(wheel, target)
    stamp.write_text(recipe)


def _unpack(wheel: Path, target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if not member.is_dir() and not member.filename.endswith(LEFT_OUT):
                file = target / member.filename
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(archive.read(member))
