"""The Pythons of this machine, by version."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

#: What pyproject.toml says is supported; a test holds the two together.
SUPPORTED = ("3.11", "3.12", "3.13", "3.14")
#: What few distributions have yet: tried where it is. CONTRIBUTING.md says how to get it.
_WHERE_IT_IS = ("3.14",)


def tried() -> list[str]:
    """The supported Pythons that tests run on: all, but those that few machines have, where they are missing."""
    return [each for each in SUPPORTED if each not in _WHERE_IT_IS or shutil.which(f"python{each}")]


def python(version: str) -> str:
    """The path of a Python of this version; one that is missing fails the test, and none is skipped."""
    for pinned in ("", *_of_pyenv(version)):
        if shutil.which(f"python{version}") is None:
            break
        run = subprocess.run(
            [f"python{version}", "-c", "import sys, ensurepip; print(sys.executable)"],
            env={**os.environ, "PYENV_VERSION": pinned},
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode == 0:
            return run.stdout.strip()
    pytest.fail(
        f"Python {version} is not on this machine: install it, since the project says that it is supported"
    )


def _of_pyenv(version: str) -> list[str]:
    try:
        run = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return []
    return [each for each in run.stdout.split() if each.startswith(f"{version}.")]
