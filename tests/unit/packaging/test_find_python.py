"""Rules of tools/find-python: the Lambda's Python, else the newest supported one, by whatever name it has."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[3] / "tools/find-python"


def found(folder: Path, **pythons: str) -> subprocess.CompletedProcess[str]:
    """Run it where these are the only Pythons: by name, what they are the version of."""
    for name, version in pythons.items():
        path = folder / name.replace("_", ".")
        major, minor = version.split(".")
        # Says what the script asks for: where it is, if its version is one that the question takes.
        path.write_text(
            '#!/bin/sh\ncase "$2" in *version_info*) '
            f"[ {major} -eq 3 ] && [ {minor} -ge 11 ] && [ {minor} -le 14 ] || exit 0;; esac; echo {path}\n"
        )
        path.chmod(0o755)
    return subprocess.run(["/bin/sh", TOOL], env={"PATH": str(folder)}, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("pythons", "taken"),
    [
        ({"python3_11": "3.11", "python3_13": "3.13", "python3": "3.11"}, "python3.13"),
        ({"python3_14": "3.14", "python3_13": "3.13", "python3_12": "3.12"}, "python3.13"),
        ({"python3_14": "3.14", "python3_12": "3.12"}, "python3.14"),
        ({"python3": "3.12"}, "python3"),
        ({"python": "3.11"}, "python"),
    ],
    ids=["by version", "the Lambda's", "the newest but for the Lambda's", "python3 alone", "python alone"],
)
def test_the_lambdas_python_is_taken_or_the_newest(
    pythons: dict[str, str], taken: str, tmp_path: Path
) -> None:
    """A name with a version goes first; an image may have none but python3."""
    assert found(tmp_path, **pythons).stdout == f"{tmp_path / taken}\n"


@pytest.mark.parametrize("pythons", [{}, {"python3": "3.10"}, {"python3": "3.15", "python": "2.7"}], ids=str)
def test_without_one_it_says_what_to_install(pythons: dict[str, str], tmp_path: Path) -> None:
    """And make ends there."""
    ran = found(tmp_path, **pythons)
    assert ran.returncode == 1
    assert "install one and run make again" in ran.stderr
