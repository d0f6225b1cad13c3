"""What the unit tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.fleets import Fleet, three_stages

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """Three stages in three accounts, deployed as planned."""
    return Fleet(tmp_path, monkeypatch, three_stages())
