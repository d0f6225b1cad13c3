"""The ends of the supported ranges, for real: the wheel in a clean environment of its own, from the package registries.

Slow, so in ``make test-all`` alone. A Python that is not on this machine fails with what to install: none is skipped.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from support.pythons import SUPPORTED, tried
from support.pythons import python as interpreter

ROOT = Path(__file__).parents[3]
EXAMPLES = (".", "jitr", "pipeline", "stack_set")
_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
pytestmark = pytest.mark.slow


def _lowest(dependency: str) -> str:
    package, _, allowed = dependency.partition(">=")
    return f"{package}=={allowed.partition(',')[0]}.0"


#: Every dependency as old as it may be.
LOWEST = [_lowest(each) for each in _PROJECT["dependencies"]]


COMBINATIONS = [
    ("3.11", LOWEST),
    ("3.12", []),
    ("3.13", LOWEST),
    ("3.13", []),
    ("3.14", LOWEST),
    ("3.14", []),
]


@pytest.mark.parametrize(
    ("python", "constraints"),
    [each for each in COMBINATIONS if each[0] in tried()],
    ids=lambda each: each if isinstance(each, str) else "lowest" if each else "newest",
)
def test_the_examples_synthesize(python: str, constraints: list[str], wheel: Path, tmp_path: Path) -> None:
    """In a clean environment, with the source tree out of the way; the CLI reads what was synthesized."""
    subprocess.run([interpreter(python), "-m", "venv", str(tmp_path / "venv")], check=True)
    bin_folder = tmp_path / "venv/bin"
    install = [str(bin_folder / "python"), "-m", "pip", "install", "--quiet", str(wheel), *constraints]
    subprocess.run(install, check=True, timeout=600)
    examples = shutil.copytree(ROOT / "examples", tmp_path / "examples")
    for example in EXAMPLES:
        home = examples / example
        environment = {**os.environ, "CDK_OUTDIR": str(home / "cdk.out")}
        command = [str(bin_folder / "python"), "app.py"]
        subprocess.run(command, cwd=home, env=environment, check=True, capture_output=True, timeout=300)
    plan = [str(bin_folder / "iot-ca"), "plan", "--app", str(examples / "cdk.out")]
    said = subprocess.run(plan, check=True, capture_output=True, text=True).stdout
    assert re.search(r"\b3 registrations\b", said)


def test_every_python_that_is_supported_is_tried() -> None:
    """Those that the package's classifiers name."""
    named = [each.rpartition(" ")[2] for each in _PROJECT["classifiers"] if ":: Python :: 3." in each]
    assert named == list(SUPPORTED)
    assert {python for python, _ in COMBINATIONS} == set(SUPPORTED)
