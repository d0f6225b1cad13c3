"""Fleets for the tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.fleets import Fleet, record

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """One stage, deployed as planned."""
    return Fleet(tmp_path, monkeypatch, [record()])
