"""Lock files: versions and hashes, no address, and no two versions of one package in one environment."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
PACKAGE_LOCKS = [ROOT / "package-lock.json", ROOT / "tests/clients/node/package-lock.json"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_pins_by_hash(lock: Path) -> None:
    """Each package by version and hash, from wherever the machine installs."""
    text = lock.read_text(encoding="utf-8")
    packages = text.replace("\\\n", " ").splitlines()
    assert packages
    assert [
        each for each in packages if not re.match(r"[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", each)
    ] == []
    assert "://" not in text


@pytest.mark.parametrize("lock", PACKAGE_LOCKS, ids=lambda path: path.parent.name)
def test_a_lock_of_npm_pins_by_hash(lock: Path) -> None:
    """So with npm's, which would hold the address of each package; and it is of the package.json beside it."""
    held = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    own = held.pop("")
    assert own["devDependencies"] == json.loads((lock.parent / "package.json").read_text())["devDependencies"]
    assert [name for name, each in held.items() if "resolved" in each or not each.get("integrity")] == []


@pytest.mark.parametrize("beside", ["docs.lock", "clients.lock"])
def test_what_comes_beside_the_development_packages_agrees_with_them(beside: str) -> None:
    """It is installed into the same environment, and would replace them."""
    locked = {
        name: dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE))
        for name in ("dev.lock", beside)
    }
    both = set(locked["dev.lock"]) & set(locked[beside])
    assert {name: locked[beside][name] for name in both} == {name: locked["dev.lock"][name] for name in both}
