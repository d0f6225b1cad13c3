"""The matrix of clients in docs/devices.md is the one that is tried."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_matrix_is_what_is_tried() -> None:
    """A row a test, and a test a row, but for that of what is installed; `make test` runs what is not slow."""
    page = (ROOT / "docs/devices.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| .* \| `(test_\w+)` \| `(make test(?:-all)?)` \|$", page, re.MULTILINE)
    tests = {
        node.name: "make test-all" if "pytestmark = pytest.mark.slow" in text else "make test"
        for file in sorted((ROOT / "tests/e2e").glob("test_device*.py"))
        for text in [file.read_text(encoding="utf-8")]
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    del tests["test_the_programs_of_the_matrix_are_there"]
    assert dict(rows) == tests
    assert len(rows) == len(tests)
