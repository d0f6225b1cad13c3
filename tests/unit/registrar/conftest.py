"""What the tests of the registrar share."""

from __future__ import annotations

import pytest

from support.scenes import Theatre


@pytest.fixture(scope="module")
def theatre() -> Theatre:
    """One for all: its clients are costly."""
    return Theatre()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore's waiters pause for real."""
    monkeypatch.setattr("botocore.waiter.time.sleep", lambda seconds: None)
