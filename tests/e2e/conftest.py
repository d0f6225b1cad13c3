"""One local AWS for all end-to-end tests, under IAM enforcement, with the environments of the tests bootstrapped.

Tests share it: each has its own CA (by its common name), app, and stack names, and destroys what it deployed.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iot_multiaccount_ca.local.cdk import Cdk
from iot_multiaccount_ca.local.emulator import LocalAws
from support.client_fleet import ClientFleet
from support.deployments import ACCOUNTS, REGIONS, Deployments

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives the local AWS: it is marked so that `make unit` leaves it out."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def kill_order(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write an operation's name into this file: the Lambda that makes it next is killed right after it took effect."""
    return tmp_path_factory.mktemp("lambda") / "kill-after"


@pytest.fixture(scope="session")
def local_aws(request: pytest.FixtureRequest, kill_order: Path) -> Iterator[LocalAws]:
    """The local AWS: IAM enforced, three accounts bootstrapped in two regions, the first trusted by the others."""
    settings = {"PYTHONPATH": str(HERE / "lambda_start"), "KILL_LAMBDA_FILE": str(kill_order)}
    with LocalAws(settings=settings) as aws:
        cdk = Cdk(aws, Path(request.config.rootpath))
        cdk.bootstrap([(account, region) for account in ACCOUNTS for region in REGIONS], trusted=ACCOUNTS[0])
        yield aws


@pytest.fixture
def deployments(local_aws: LocalAws, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployments]:
    """Deploy apps by the CDK CLI; what the test deployed is destroyed at its end."""
    with contextlib.closing(Deployments(local_aws, Path(request.config.rootpath), tmp_path)) as made:
        yield made


@pytest.fixture(scope="module")
def client_aws() -> Iterator[LocalAws]:
    """A local AWS without the CDK, for the devices of a module's tests."""
    with LocalAws() as aws:
        yield aws


@pytest.fixture
def client_fleet(client_aws: LocalAws, tmp_path: Path) -> ClientFleet:
    """A CA and a device of the test's own."""
    return ClientFleet(client_aws, tmp_path)
