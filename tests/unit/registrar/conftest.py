"""What the tests of the registrar share."""

from __future__ import annotations

import pytest

from support.scenes import Stage


@pytest.fixture(scope="module")
def stage() -> Stage:
    """One for all: its clients are costly."""
    return Stage()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore's waiters pause for real."""
    monkeypatch.setattr("botocore.waiter.time.sleep", lambda seconds: None)
