"""Rules of a stage by itself, and of grids of them: each broken one raises its own error."""

from __future__ import annotations

import itertools
from typing import Any

import attrs
import pytest

from iot_multiaccount_ca import errors
from iot_multiaccount_ca.model.jitr.enrollment import JitrEnrollment
from iot_multiaccount_ca.model.plan.stage import CaStage, StageSettings
from support import plans
from support.counted_texts import Comparisons
from support.plans import DEV, PROD, refused

TEMPLATE = plans.jitp()


@pytest.mark.parametrize("name", ["", "1dev", "dev_1", "dev stage", "d" * 32, "dév", "-dev", None, 7])
def test_stage_names_that_no_stack_can_have_are_refused(name: Any) -> None:
    """A letter, then up to 30 letters, digits or hyphens."""
    refused(errors.InvalidStageNameError, lambda: CaStage(name, account=DEV, region="eu-west-1"))


def test_stage_names_at_the_limit_are_taken() -> None:
    """31 characters are fine."""
    assert CaStage("d" * 31, account=DEV, region="eu-west-1").name == "d" * 31


@pytest.mark.parametrize(
    "account", ["11111111111", "1111-1111-1111", "", "१११११११११११११", "1111111111\u0661", 111111111111, None]
)
def test_what_is_no_account_is_refused(account: Any) -> None:
    """12 ASCII digits, as a literal string."""
    refused(errors.InvalidAccountError, lambda: CaStage("dev", account=account, region="eu-west-1"))


def test_an_account_that_is_a_token_is_refused_with_the_reason() -> None:
    """Ownership of a region cannot be proved for an unknown account."""
    message = refused(
        errors.UnresolvedTargetError,
        lambda: CaStage("dev", account="${Token[AWS.AccountId.4]}", region="eu-west-1"),
    )
    assert "cannot be proved" in message


@pytest.mark.parametrize(
    "region", ["eu-west", "EU-WEST-1", "eu_west_1", "eu-west-1a", "Ireland", "", None, 1]
)
def test_malformed_regions_are_refused(region: Any) -> None:
    """A region looks like eu-west-1."""
    refused(errors.InvalidRegionError, lambda: CaStage("dev", account=DEV, region=region))


def test_a_region_that_is_a_token_is_refused() -> None:
    """As with accounts."""
    refused(
        errors.UnresolvedTargetError, lambda: CaStage("dev", account=DEV, region="${Token[AWS.Region.4]}")
    )


def test_a_region_in_no_list_is_a_warning() -> None:
    """AWS adds regions: a well-formed one that is not known is used, and named in the warnings."""
    plan = plans.bare_plan([CaStage("new", account=DEV, region="eu-west-9")])
    assert any("eu-west-9" in warning and "'new'" in warning for warning in plan.warnings)
    assert plans.bare_plan().warnings == ()


def test_an_account_in_two_partitions_is_warned_of() -> None:
    """Each partition has accounts of its own: named once, with a stage of each; another account in each is fine."""

    def warned(account: str) -> tuple[str, ...]:
        grid = CaStage.grid(accounts={"a": "111111111111"}, regions=["eu-west-1", "us-east-1"])
        beijing = CaStage("b", account=account, region="cn-north-1")
        return plans.bare_plan(stages=[*grid, beijing]).warnings

    [warning] = warned("111111111111")
    assert "111111111111 stands in 2 partitions, aws (stage 'a-eu-west-1') and aws-cn (stage 'b')" in warning
    assert warned("222222222222") == ()


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("us-east-1", "aws")],
)
def test_a_stage_knows_its_partition(region: str, partition: str) -> None:
    """The partition follows from the region."""
    assert CaStage("dev", account=DEV, region=region).partition == partition


def test_a_stage_takes_jitp_or_jitr_or_neither() -> None:
    """What a stage says itself beats the plan, whichever of the two it is."""
    enrollment = JitrEnrollment(policy="devices")
    stages = [
        CaStage("dev", account=DEV, region="eu-west-1", provisioning=TEMPLATE),
        CaStage("prod", account=PROD, region="eu-west-1"),
    ]
    plan = plans.bare_plan(stages, provisioning=enrollment)
    assert plan.stage("dev").provisioning == TEMPLATE
    assert plan.stage("prod").provisioning == enrollment
    assert plans.bare_plan(stages[1:]).stage("prod").provisioning is None


def test_jitp_and_jitr_at_once_are_refused() -> None:
    """With the reason: each would act on a device's first connect."""
    both: Any = [TEMPLATE, JitrEnrollment(policy="devices")]
    said = refused(
        errors.RivalEnrollmentsError,
        lambda: CaStage("dev", account=DEV, region="eu-west-1", provisioning=both),
    )
    assert "stage 'dev' has both" in said
    assert "first connect" in said
    assert "the plan has both" in refused(
        errors.RivalEnrollmentsError, lambda: plans.bare_plan(provisioning=both)
    )


def test_jitr_without_auto_registration_is_refused() -> None:
    """No event would ever come."""
    said = refused(
        errors.AutoRegistrationOffError,
        lambda: plans.bare_plan(provisioning=JitrEnrollment(policy="devices"), auto_registration=False),
    )
    assert "stage 'dev'" in said


def test_provisioning_of_another_kind_is_refused() -> None:
    """A path is not a template."""
    refused(
        errors.InvalidTypeError,
        lambda: CaStage("dev", account=DEV, region="eu-west-1", provisioning="jitp.json"),  # type: ignore[arg-type]
    )


def test_verification_of_another_kind_is_refused() -> None:
    """A secret's name is not a verification."""
    refused(errors.InvalidTypeError, lambda: plans.bare_plan(verification="fleet-ca/private-key"))


def test_a_grid_has_a_stage_in_each_region_of_each_account() -> None:
    """Named by both, with what is common to all."""
    made = CaStage.grid(
        accounts={"dev": DEV, "prod": PROD}, regions=["eu-west-1", "us-east-1"], provisioning=TEMPLATE
    )
    places = itertools.product([("dev", DEV), ("prod", PROD)], ["eu-west-1", "us-east-1"])
    assert made == tuple(
        CaStage(f"{name}-{region}", account=account, region=region, provisioning=TEMPLATE)
        for (name, account), region in places
    )
    assert len(plans.bare_plan(made).stages) == 4
    assert len(CaStage.grid(accounts={"dev": DEV}, regions=iter(["eu-west-1"]))) == 1


@pytest.mark.parametrize(
    ("accounts", "regions", "error"),
    [
        ({}, ["eu-west-1"], errors.EmptyGridError),
        ({"dev": DEV}, [], errors.EmptyGridError),
        ([DEV], ["eu-west-1"], errors.InvalidTypeError),
        (None, ["eu-west-1"], errors.InvalidTypeError),
        ({"dev": DEV}, "eu-west-1", errors.InvalidTypeError),
        ({"dev": DEV}, None, errors.InvalidTypeError),
        ({"dev": DEV}, [None], errors.InvalidTypeError),
        ({"dev": DEV}, ["eu-west-1", "eu-west-1"], errors.DuplicateTargetError),
        ({"dev": DEV, "test": DEV}, ["eu-west-1"], errors.DuplicateTargetError),
        ({"dev": "1111"}, ["eu-west-1"], errors.InvalidAccountError),
        ({"dev": DEV}, ["Ireland"], errors.InvalidRegionError),
        ({"dev": DEV}, ["${Token[AWS.Region.4]}"], errors.UnresolvedTargetError),
        ({"a-very-long-account-name": DEV}, ["eu-west-1"], errors.InvalidStageNameError),
        ({"": DEV}, ["eu-west-1"], errors.InvalidStageNameError),
        ({7: DEV}, ["eu-west-1"], errors.InvalidStageNameError),
    ],
)
def test_a_grid_that_cannot_be_is_refused(
    accounts: Any, regions: Any, error: type[errors.SharedCaError]
) -> None:
    """By the cause, before any stage is there."""
    refused(error, lambda: CaStage.grid(accounts=accounts, regions=regions))


def test_a_large_grid_is_checked_in_one_pass() -> None:
    """Looking for each account among all others takes a minute at 50,000."""
    comparisons = Comparisons()
    accounts = comparisons.texts(f"{number:012d}" for number in range(500))
    CaStage.grid(accounts={f"a{each}": each for each in accounts}, regions=["eu-west-1"])
    assert comparisons.count < 5_000


def test_a_grid_says_how_long_an_accounts_name_may_be() -> None:
    """The region takes its part of a stage's name."""
    said = refused(
        errors.InvalidStageNameError,
        lambda: CaStage.grid(accounts={"a-very-long-account-name": DEV}, regions=["ap-southeast-1"]),
    )
    assert "up to 15 letters" in said
    assert CaStage.grid(accounts={"a" * 16: DEV}, regions=["ap-southeast-1"])


def test_a_grid_takes_whatever_a_stage_takes() -> None:
    """Its settings are those of a stage, but for what differs from one to the next."""
    own = {"name", "account", "region"}
    assert set(StageSettings.__annotations__) == {each.alias for each in attrs.fields(CaStage)} - own
