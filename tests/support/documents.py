"""Documents as tests read them."""

from __future__ import annotations

import re
import shutil
import textwrap
from pathlib import Path
from typing import NamedTuple

from support.certificates import make_ca, make_device, make_verification_certificate, registration_code

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


def readers_folder(folder: Path) -> None:
    """Fill a reader's folder: the CAs, a template, a device, a certificate that was signed ahead of time."""
    (folder / "certs").mkdir()
    fleet, partner = (make_ca("ec-p256", common_name=name) for name in ("Fleet CA", "Partner CA"))
    for name, ca in (("fleet-ca", fleet), ("partner-ca", partner)):
        (folder / "certs" / f"{name}.pem").write_text(ca.pem)
    (folder / "fleet-ca.pem").write_text(fleet.pem)
    (folder / "device.pem").write_text(make_device(fleet, common_name="device-1").pem)
    issued = make_verification_certificate(fleet, registration_code())
    (folder / "certs" / "prod.verification.pem").write_text(issued)
    shutil.copy(ROOT / "examples/jitp.json", folder)
