"""Rules of the documents: what they point to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_table_is_one(page: Path) -> None:
    """It has a head, and in each row as many cells: a blank line in between makes text of what follows."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        head, *rows = (re.sub(r"`[^`]*`", "", row) for row in table.splitlines())
        assert rows, head
        assert re.fullmatch(r"\|[ :|-]+\|", rows[0]), head
        cells = [len(re.split(r"(?<!\\)\|", row)) for row in (head, *rows)]
        assert set(cells) == {cells[0]}, head


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_inside_the_tree_lead_somewhere(page: Path) -> None:
    """A relative link names a file or folder of the tree."""
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    inside = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in inside if not (page.parent / link).exists()] == []
