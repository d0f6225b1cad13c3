"""``make verify-aws`` on the local AWS: every assumption is tried, nothing is left, and the docs list each."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_NEEDS_AWS = ("CDK's lookup role may call GetRegistrationCode", "the form of `kms:ViaService` in aws-cn")


def _run(root: Path, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.verify_aws", *arguments],
        cwd=root,
        input=answer,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _rows(table: str) -> dict[str, list[str]]:
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[2:]]
    return {row[0]: row[1:] for row in cells}


def test_every_assumption_is_tried_and_the_docs_list_it(pytestconfig: pytest.Config) -> None:
    """On the local AWS: two rows need AWS itself; the others hold, and what was made is gone."""
    run = _run(pytestconfig.rootpath, "--local")
    assert run.returncode == 0, run.stderr
    assert "left behind" not in run.stderr
    rows = _rows(run.stdout)
    assert {name for name, row in rows.items() if row[-1].startswith("not tried")} == set(_NEEDS_AWS)
    documented = (pytestconfig.rootpath / "docs/aws-assumptions.md").read_text(encoding="utf-8")
    for name in rows:
        assert f"| {name} |" in documented, name


def test_every_row_of_the_docs_names_a_test_that_exists(pytestconfig: pytest.Config) -> None:
    """An assumption without a test would be a hope."""
    root = pytestconfig.rootpath
    for line in (root / "docs/aws-assumptions.md").read_text(encoding="utf-8").splitlines():
        if not line.startswith("| ") or line.startswith(("| assumption", "| it was assumed that", "| ---")):
            continue
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", line)
        assert named, line
        for path, name in named:
            assert f"def {name}" in (root / path).read_text(encoding="utf-8"), (path, name)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--profile", "only-one"], "two profiles are needed, of two accounts; got 1"),
        (["--profile", "nobody-a", "--profile", "nobody-b"], "the accounts cannot be reached"),
    ],
)
def test_without_two_accounts_nothing_is_tried(
    arguments: list[str], said: str, pytestconfig: pytest.Config
) -> None:
    """A sentence, and no table."""
    run = _run(pytestconfig.rootpath, *arguments)
    assert run.returncode == 2
    assert said in run.stderr
    assert run.stdout == ""
