"""A rehearsal's table in terminals of every width: names stay whole, and what is left out is said."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from iot_multiaccount_ca.cli import rehearsal_text
from iot_multiaccount_ca.local.stage_check import Cell, Row
from support.fleets import record

STAGE, THING = "production-line-4-europe-west", "device-of-the-production-line-4711"
HOSTILE = "\x1b[31m\x1b]0;x\x07\u202e\u200b"


def _shown(columns: int, rows: list[Row], monkeypatch: pytest.MonkeyPatch) -> str:
    """What a terminal so wide shows, without colours."""
    out = io.StringIO()
    terminal = Console(file=out, force_terminal=True, width=columns, highlight=False, emoji=False)
    monkeypatch.setattr(rehearsal_text, "console", lambda: terminal)
    rehearsal_text.print_rows(rows)
    return re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())


def _rows(note: str = "the broker refused it") -> list[Row]:
    planned = record(
        STAGE, "222222222222", "ap-southeast-2", template_name="TheFleetsCertificateAuthori-0123abcd"
    )
    same = {name: Cell(name, name) for name in ("mode", "status", "auto-registration")}
    cells = {**same, "template": Cell(planned.template_name or "", planned.template_name or "")}
    return [
        Row(planned, {**cells, "thing": Cell(THING, THING), "device": Cell("connects", "connects")}),
        Row(record(), {**cells, "thing": Cell("-", THING), "device": Cell("cut off", "connects")}, (note,)),
    ]


@pytest.mark.parametrize("columns", [60, 80, 100, 120, 200])
def test_names_stay_whole(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stage, thing and what the device could do are always there, and no line is longer than the terminal is wide."""
    shown = _shown(columns, _rows(), monkeypatch)
    for name in (STAGE, THING, "dev", "connects", "cut off"):
        assert name in shown
    assert "TheFleetsCertificateAuthori-0123abcd" in shown or re.search(
        r"left out for want of width: .*template", shown
    )
    assert all(len(line.rstrip()) <= columns for line in shown.splitlines())
    assert "not as planned: 2 cells" in shown


def test_a_note_steers_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may hold what a device's command printed, or AWS's words."""
    shown = _shown(80, _rows(f"it said {HOSTILE}done"), monkeypatch)
    assert "done" in shown
    assert "".join(each for each in shown if not each.isprintable() and each != "\n") == ""
