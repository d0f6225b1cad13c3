"""The organization that a rehearsal makes up around the stack sets of an app."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca.errors import RehearsalError
from iot_multiaccount_ca.fleet.planned_sets import PlannedSet, read_planned_sets
from iot_multiaccount_ca.local.invented import InventedOrganization, members, places_of
from iot_multiaccount_ca.local.rehearsed_app import open_app
from support.stack_sets import UNIT, set_record, write_with_set

if TYPE_CHECKING:
    from pathlib import Path

    from iot_multiaccount_ca.local.emulator import LocalAws

ROOT = "r-ab12"
_administrators = (f"{number:012d}" for number in itertools.count(690_000_000_001))


def planned(folder: Path, administrator: str, **changes: Any) -> PlannedSet:
    """A set of a delegated administrator, as it is read from an assembly."""
    folder.mkdir()
    record = set_record(**{"delegated_administrator": True, "organizational_units": (UNIT,), **changes})
    environment = f"aws://{administrator}/eu-west-1"
    [found] = read_planned_sets(write_with_set(folder, record, environment=environment))
    return found


def test_a_delegated_administrator_is_a_member_of_the_root(tmp_path: Path) -> None:
    """A set of the root has a stack in that account too, unless it is left out; one of a unit has none."""
    administrator = next(_administrators)
    whole = planned(tmp_path / "root", administrator, organizational_units=(UNIT, ROOT))
    assert administrator in members(whole)
    assert administrator in {account for account, _ in places_of(whole)}
    assert administrator not in members(planned(tmp_path / "unit", administrator))
    spared = planned(
        tmp_path / "spared", administrator, organizational_units=(ROOT,), excluded_accounts=(administrator,)
    )
    assert administrator not in members(spared)


def test_one_delegated_administrator_may_have_two_sets(aws: LocalAws, tmp_path: Path) -> None:
    """It is a member of one organization, in which the units of both are."""
    administrator = next(_administrators)
    sets = [
        planned(tmp_path / "one", administrator, name="One"),
        planned(tmp_path / "two", administrator, name="Two", organizational_units=(ROOT,)),
    ]
    for each in sets:
        InventedOrganization(aws, each).make()
    organizations = aws.client("organizations", account=administrator, region="us-east-1")
    listed = {each["Id"] for each in organizations.list_accounts()["Accounts"]}
    assert {administrator, *members(sets[0]), *members(sets[1])} <= listed


def test_a_set_that_stands_nowhere_is_not_rehearsed(aws: LocalAws, tmp_path: Path) -> None:
    """Whose account it is, only credentials would say."""
    folder = tmp_path / "open"
    folder.mkdir()
    write_with_set(folder, set_record(), environment="aws://unknown-account/unknown-region")
    with pytest.raises(RehearsalError, match="FleetOfAll names no account or no region.*env="):
        open_app(aws, tmp_path, str(folder), number=901, bootstrap=lambda *_: None, say=lambda _: None)
