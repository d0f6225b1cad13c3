"""Documents as tests read them."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
#: Every page that people read. The command line's reference is written by the commands themselves.
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])


class Block(NamedTuple):
    """A block of code in a page, and the line that it begins in."""

    language: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """Every block of code of a page, those within lists too, in order."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^( *)```(\w*)\n(.*?)^\1```", text, re.MULTILINE | re.DOTALL)
    return [Block(each[2], textwrap.dedent(each[3]), text.count("\n", 0, each.start()) + 2) for each in found]


def python_blocks(page: Path) -> list[str]:
    """The Python examples of a page, in order."""
    return [each.text for each in blocks(page) if each.language == "python"]


def commands(page: Path) -> list[tuple[int, str]]:
    """Every command that a page's shell blocks tell to type: its line and text, continued lines joined."""
    found = []
    for block in blocks(page):
        if block.language not in {"sh", "console"}:
            continue
        prompt = "$ " if block.language == "console" else ""
        pending, begun = "", block.line
        for number, line in enumerate(block.text.splitlines(), block.line):
            if not pending and not line.startswith(prompt):
                continue
            begun = begun if pending else number
            pending += line if pending else line.removeprefix(prompt)
            if pending.endswith("\\"):
                pending = pending[:-1] + " "
                continue
            if pending.strip():
                found.append((begun, pending.strip()))
            pending = ""
    return found


def pages_with(language: str) -> list[Path]:
    """The pages that have a block of this language."""
    return [page for page in PAGES if any(each.language == language for each in blocks(page))]
