"""Rules of a set's targets and of its operation."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from iot_multiaccount_ca import StackSetOperation, errors
from iot_multiaccount_ca.model.stack_set.targets import MOST_UNITS, StackSetTargets
from support.counted_texts import Comparisons

REGIONS = ["eu-west-1", "eu-central-1"]
UNIT = "ou-ab12-11111111"
DEV, PROD = "111111111111", "333333333333"


def test_units_are_service_managed_and_may_leave_accounts_out() -> None:
    """The DEFAULT owner's account is among those that a set must not reach."""
    targets = StackSetTargets(regions=REGIONS, organizational_units=[UNIT], excluded_accounts=[PROD])
    assert targets.service_managed
    assert targets.instances_group() == {
        "DeploymentTargets": {
            "OrganizationalUnitIds": [UNIT],
            "AccountFilterType": "DIFFERENCE",
            "Accounts": [PROD],
        },
        "Regions": REGIONS,
    }


def test_listed_accounts_are_self_managed() -> None:
    """No filter, no unit."""
    targets = StackSetTargets(regions=REGIONS, accounts=[DEV])
    assert not targets.service_managed
    assert targets.instances_group()["DeploymentTargets"] == {"Accounts": [DEV]}


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        ({}, errors.StackSetAccountsError, "neither organizational units nor accounts"),
        ({"organizational_units": []}, errors.StackSetAccountsError, "neither"),
        ({"organizational_units": [UNIT], "accounts": [DEV]}, errors.StackSetAccountsError, "both"),
        ({"organizational_units": [UNIT, UNIT]}, errors.StackSetAccountsError, "stands twice"),
        ({"organizational_units": ["ou-11111111"]}, errors.InvalidOrganizationalUnitError, "malformed"),
        ({"organizational_units": ["OU-AB12-11111111"]}, errors.InvalidOrganizationalUnitError, "malformed"),
        ({"organizational_units": ["${Token[TOKEN.7]}"]}, errors.InvalidOrganizationalUnitError, "Token"),
        ({"organizational_units": ["#{Token[TOKEN.7]}"]}, errors.InvalidOrganizationalUnitError, "Token"),
        ({"organizational_units": UNIT}, errors.InvalidTypeError, "not a list"),
        (
            {"organizational_units": [UNIT, "ou-cd34-11111111"]},
            errors.InvalidOrganizationalUnitError,
            "r-cd34",
        ),
        (
            {"organizational_units": [UNIT, "r-cd34"]},
            errors.InvalidOrganizationalUnitError,
            "two organizations",
        ),
        (
            {"organizational_units": [f"ou-ab12-{number:08d}" for number in range(MOST_UNITS + 1)]},
            errors.TooManyTargetsError,
            "51.*allowed: 50",
        ),
        ({"accounts": [DEV, DEV]}, errors.StackSetAccountsError, "stands twice"),
        ({"accounts": ["1234"]}, errors.InvalidAccountError, "not an AWS account id"),
        ({"accounts": ["${Token[TOKEN.7]}"]}, errors.UnresolvedTargetError, "Token"),
        ({"accounts": [DEV], "excluded_accounts": [PROD]}, errors.StackSetAccountsError, "excludes some"),
        (
            {"accounts": [f"{number:012d}" for number in range(50_001)]},
            errors.TooManyTargetsError,
            "100,002.*allowed: 100,000",
        ),
        ({"accounts": [DEV], "regions": []}, errors.StackSetRegionsError, "no regions"),
        ({"accounts": [DEV], "regions": ["eu-west-1"] * 2}, errors.StackSetRegionsError, "stands twice"),
        (
            {"accounts": [DEV], "regions": ["eu-west-1", "cn-north-1"]},
            errors.StackSetRegionsError,
            "partitions",
        ),
        ({"accounts": [DEV], "regions": ["Europe"]}, errors.InvalidRegionError, "malformed"),
        ({"accounts": [DEV], "regions": "eu-west-1"}, errors.InvalidTypeError, "not a list"),
    ],
)
def test_targets_that_cannot_be_are_refused(
    arguments: dict[str, Any], kind: type[errors.SharedCaError], said: str
) -> None:
    """One class per cause, before anything is deployed."""
    with pytest.raises(kind, match=said):
        StackSetTargets(**{"regions": REGIONS, **arguments})


def test_the_root_and_its_units_are_of_one_organization() -> None:
    """An id of a unit begins with that of its root."""
    assert StackSetTargets(regions=REGIONS, organizational_units=["r-ab12", UNIT]).root == "ab12"
    assert StackSetTargets(regions=REGIONS, accounts=[DEV]).root is None


def test_what_stands_twice_is_found_in_one_pass() -> None:
    """Looking for each account among all others takes minutes at 100,000."""
    comparisons = Comparisons()
    accounts = comparisons.texts(f"{number:012d}" for number in range(500))
    with pytest.raises(errors.StackSetAccountsError, match="got '000000000499'"):
        StackSetTargets(regions=["eu-west-1"], accounts=[*accounts, *comparisons.texts([accounts[-1]])])
    assert comparisons.count < 5_000


def test_changed_targets_are_checked_again() -> None:
    """No way around the rules."""
    targets = StackSetTargets(regions=REGIONS, accounts=[DEV])
    with pytest.raises(errors.StackSetAccountsError, match="both"):
        attrs.evolve(targets, organizational_units=[UNIT])


def test_an_operation_goes_region_by_region_unless_told() -> None:
    """What fails in the first region does not reach the second."""
    assert StackSetOperation().preferences(tuple(REGIONS)) == {
        "MaxConcurrentPercentage": 100,
        "FailureTolerancePercentage": 10,
        "RegionConcurrencyType": "SEQUENTIAL",
        "RegionOrder": REGIONS,
        "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
    }


@pytest.mark.parametrize("value", [0, 101, -1, 1.5, "50", True, None])
def test_a_concurrency_that_is_no_percentage_is_refused(value: Any) -> None:
    """At least one account at a time, or nothing would ever happen."""
    with pytest.raises(errors.StackSetOperationError, match="max_concurrent_percentage"):
        StackSetOperation(max_concurrent_percentage=value)


def test_no_failure_may_be_borne() -> None:
    """0 is a tolerance."""
    assert StackSetOperation(failure_tolerance_percentage=0, strict=True).preferences(())[
        "ConcurrencyMode"
    ] == ("STRICT_FAILURE_TOLERANCE")


def test_a_flag_is_a_bool() -> None:
    """The text "false" would count as true."""
    with pytest.raises(errors.InvalidFlagError):
        StackSetOperation(strict="false")  # type: ignore[arg-type]
