"""One local AWS for these tests, IAM enforced, nothing bootstrapped; each test has its own CA and accounts."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from iot_multiaccount_ca.local.emulator import LocalAws
from iot_multiaccount_ca.local.gaps import close_gaps
from support.boards import BoardFleet
from support.certificates import make_ca
from support.local_accounts import LocalAccount

if TYPE_CHECKING:
    from collections.abc import Iterator

_accounts = (f"{number:012d}" for number in itertools.count(500_000_000_001))


@pytest.fixture(scope="session")
def aws() -> Iterator[LocalAws]:
    """The local AWS."""
    with LocalAws() as local:
        yield local


@pytest.fixture(scope="session")
def in_process() -> None:
    """The emulator's modules in this process, gaps closed, no server: for rules that need no connection."""
    close_gaps()


@pytest.fixture
def places(aws: LocalAws) -> list[LocalAccount]:
    """Three accounts, one region, that no other test uses."""
    return [LocalAccount(aws, account) for account in itertools.islice(_accounts, 3)]


@pytest.fixture
def fleet(aws: LocalAws, places: list[LocalAccount]) -> BoardFleet:
    """A fleet of this test's own."""
    return BoardFleet(aws, places[0], make_ca("ec-p256", common_name=f"diagnosis {places[0].account}"))
