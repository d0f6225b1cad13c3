"""Rules of a release: what has to agree before one, the same bytes everywhere, and a workflow that trusts nobody."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
WORKFLOW = ROOT / ".github/workflows/release.yml"


def _tool() -> Any:
    spec = importlib.util.spec_from_file_location("release", ROOT / "tools/release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


release = _tool()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree that is ready for 1.2.3."""
    package = tmp_path / "src/iot_multiaccount_ca"
    package.mkdir(parents=True)
    (package / "_version.py").write_text('__version__ = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## Unreleased\n\n## 1.2.3 (2026-12-01)\n\n### Fixed\n- It works.\n\n"
        "## 1.2.2 (2026-11-01)\n\n- Old.\n"
    )
    addresses = "".join(f'{name} = "https://example.com/{name}"\n' for name in release.ADDRESSES)
    (tmp_path / "pyproject.toml").write_text(f"[project]\nname = 'x'\n[project.urls]\n{addresses}")
    return tmp_path


def test_a_tree_in_which_all_agrees_can_be_released(tree: Path) -> None:
    """And its notes are its own section, no more."""
    assert release.problems(tree, "v1.2.3") == []
    assert release.notes(tree, "v1.2.3") == "### Fixed\n- It works.\n"


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("src/iot_multiaccount_ca/_version.py", "1.2.3", "1.2.4", "the tag is v1.2.3"),
        ("CHANGELOG.md", "## 1.2.3 (2026-12-01)", "## 1.2.3", "no section '## 1.2.3"),
        ("CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n- More.\n", "lines under Unreleased"),
        ("pyproject.toml", "https://example.com/Source", "", "for Source"),
        ("pyproject.toml", "[project.urls]", "[tool.x]", "Changelog, Documentation, Issues, Source"),
    ],
    ids=["version", "changelog", "unreleased", "an address", "no address"],
)
def test_what_does_not_agree_is_told(tree: Path, file: str, old: str, new: str, says: str) -> None:
    """Before anything is built."""
    text = (tree / file).read_text()
    assert old in text
    (tree / file).write_text(text.replace(old, new, 1))
    assert any(says in each for each in release.problems(tree, "v1.2.3"))


def test_the_floors_of_cryptography_are_one() -> None:
    """Where an older version has known flaws, the Lambda must not carry it either; the locks are above it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [floor] = [each for each in project["dependencies"] if each.startswith("cryptography")]
    assert floor in (ROOT / "requirements/lambda.in").read_text(encoding="utf-8").splitlines()
    lowest = int(re.findall(r">=(\d+)", floor)[0])
    for lock in ("dev.lock", "lambda.lock"):
        text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
        [locked] = re.findall(r"^cryptography==(\d+)\.", text, re.MULTILINE)
        assert int(locked) >= lowest


def test_the_workflow_takes_actions_by_commit_and_rights_by_job() -> None:
    """A tag of somebody else's can move; a right that a job does not need is not there to be stolen."""
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {}
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    used = [step["uses"] for step in steps if "uses" in step]
    assert [each for each in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", each)] == []
    jobs = workflow["jobs"].items()
    writing = {
        name: {each for each, right in job["permissions"].items() if right == "write"} for name, job in jobs
    }
    assert writing == {
        "build": {"id-token", "attestations"},
        "publish": {"id-token"},
        "announce": {"contents"},
    }
    # What an outsider can choose, such as a branch's name, is never pasted into a script.
    assert [step for step in steps if "${{" in step.get("run", "")] == []


def test_the_workflow_runs_what_the_tree_has() -> None:
    """Its make targets, scripts and lock files."""
    text = WORKFLOW.read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r'\bmake (?:-C "[^"]+" )?([a-z-]+)', text):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for path in re.findall(r"\b(?:tools|requirements)/[\w.]+", text):
        assert (ROOT / path).is_file(), path


@pytest.mark.slow
def test_a_build_is_the_same_bytes_elsewhere(wheel: Path, tmp_path: Path) -> None:
    """In another folder, under another time zone, with other times and modes of files: the same hashes."""
    [sdist] = wheel.parent.glob("*.tar.gz")
    # Python's own way asks for a filter that 3.11 does not have everywhere.
    subprocess.run(["tar", "-xf", sdist, "-C", tmp_path], check=True)
    [other] = tmp_path.iterdir()
    for file in other.rglob("*"):
        if file.is_file():
            os.utime(file, (1_000_000_000, 1_000_000_000))
            file.chmod(0o600 | (file.stat().st_mode & 0o100))
    (other / "PKG-INFO").unlink()  # a checkout has none
    shutil.copy(ROOT / ".gitignore", other)
    command = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--outdir",
        str(tmp_path / "dist"),
        str(other),
    ]
    environment = {**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    subprocess.run(command, check=True, capture_output=True, env=environment, umask=0o077)
    hashes = {
        name: [
            hashlib.sha256((folder / name).read_bytes()).hexdigest()
            for folder in (wheel.parent, tmp_path / "dist")
        ]
        for name in (sdist.name, wheel.name)
    }
    assert [name for name, (one, two) in hashes.items() if one != two] == []
