"""Rules of tools/setup-node: a supported Node on PATH is used, and without one the locked one lies in .venv."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def script(path: Path, text: str) -> None:
    """A program of one line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a pip that installs nothing, and tells where the wheel would be."""
    for name in ("tools/setup-node", "requirements/node.lock"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    script(tmp_path / ".venv/bin/python", f'echo "$*" >>{tmp_path}/pip.log; echo {tmp_path}/wheel')
    return tmp_path


def installs(checkout: Path, node: str | None, *, npm: bool = True) -> str:
    """Run it with this Node (and an npm) first on PATH; what it let pip do."""
    machine = checkout / "machine"
    shutil.rmtree(machine, ignore_errors=True)
    machine.mkdir()
    for tool in ("sh", "dirname", "ln", "touch", "cat"):  # no more than coreutils
        (machine / tool).symlink_to(str(shutil.which(tool)))
    if node is not None:
        script(machine / "node", f"echo {node}")
        if npm:
            script(machine / "npm", "exit 0")
    log = checkout / "pip.log"
    log.unlink(missing_ok=True)
    path = f"{checkout}/.venv/bin{os.pathsep}{machine}"
    subprocess.run([checkout / "tools/setup-node"], env={"PATH": path}, check=True)
    return log.read_text() if log.exists() else ""


@pytest.mark.parametrize("version", ["v22.0.0", "v24.11.1", "v26.1.0"])
def test_a_supported_node_of_the_machine_is_used(version: str, checkout: Path) -> None:
    """Nothing is installed beside it."""
    assert installs(checkout, version) == ""
    assert not (checkout / ".venv/bin/node").is_symlink()


@pytest.mark.parametrize("version", [None, "v18.20.0", "v20.20.2", "v23.1.0", "nonsense"])
def test_without_a_supported_one_the_locked_one_is_installed(version: str | None, checkout: Path) -> None:
    """By its hash; node, npm and npx lie in .venv/bin, which make puts first on PATH."""
    assert "--require-hashes --requirement requirements/node.lock" in installs(checkout, version)
    found = {name: str((checkout / ".venv/bin" / name).readlink()) for name in ("node", "npm", "npx")}
    assert found == {
        "node": f"{checkout}/wheel/bin/node",
        "npm": f"{checkout}/wheel/lib/node_modules/npm/bin/npm-cli.js",
        "npx": f"{checkout}/wheel/lib/node_modules/npm/bin/npx-cli.js",
    }


def test_a_node_without_npm_is_not_enough(checkout: Path) -> None:
    """The CDK CLI is installed by npm."""
    assert "node.lock" in installs(checkout, "v24.0.0", npm=False)


def test_a_newer_lock_is_installed_again(checkout: Path) -> None:
    """What lies in .venv is what the lock says; as long as it is, nothing is done."""
    script(checkout / "wheel/bin/node", "echo v24.0.0")
    script(checkout / "wheel/lib/node_modules/npm/bin/npm-cli.js", "exit 0")
    assert installs(checkout, None) != ""
    assert installs(checkout, None) == ""
    installed = (checkout / ".venv/.node").stat().st_mtime
    os.utime(checkout / "requirements/node.lock", (installed + 1, installed + 1))
    assert "node.lock" in installs(checkout, None)


def test_the_lock_names_versions_and_hashes_and_no_address() -> None:
    """Whatever registry pip is set up for serves it."""
    for lock in (ROOT / "requirements").glob("*.lock"):
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert "://" not in text, lock
