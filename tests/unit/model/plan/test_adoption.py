"""Rules of what a plan takes over from other stacks."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from iot_multiaccount_ca import errors
from iot_multiaccount_ca.model.plan.stage import CaStage
from support import plans
from support.plans import DEV, PROD, refused


def test_a_stages_on_existing_beats_the_plans() -> None:
    """And what is None comes from the plan."""
    stages = [CaStage("dev", account=DEV, region="eu-west-1", on_existing="ADOPT"), *plans.stages()[1:]]
    assert [stage.on_existing for stage in plans.bare_plan(stages).stages] == ["ADOPT", "FAIL", "FAIL"]
    stages = [CaStage("dev", account=DEV, region="eu-west-1", on_existing="FAIL"), *plans.stages()[1:]]
    assert [stage.on_existing for stage in plans.bare_plan(stages, on_existing="ADOPT").stages] == [
        "FAIL",
        "ADOPT",
        "ADOPT",
    ]


def test_stages_are_adopted_from_the_stacks_of_the_former_prefix() -> None:
    """Stage x from `<prefix>-x`; a stage that names its stack, or says FAIL, goes its own way."""
    stages = [
        CaStage("dev", account=DEV, region="eu-west-1", adopt_from_stack="ByHand"),
        CaStage("staging", account=plans.STAGING, region="eu-west-1"),
        CaStage("prod", account=PROD, region="eu-west-1", on_existing="FAIL"),
    ]
    plan = plans.bare_plan(stages, on_existing="ADOPT", adopt_from_prefix="Former")
    assert [stage.adopt_from_stack for stage in plan.stages] == ["ByHand", "Former-staging", None]


def test_a_stack_to_adopt_from_needs_adopt() -> None:
    """Else it would be ignored; the stage and the stack are named."""
    named = CaStage("dev", account=DEV, region="eu-west-1", adopt_from_stack="Former-dev")
    assert "stage 'dev'" in refused(errors.AdoptionNotAllowedError, lambda: plans.bare_plan([named]))
    assert "Former-dev" in refused(
        errors.AdoptionNotAllowedError, lambda: plans.bare_plan(adopt_from_prefix="Former")
    )
    refused(errors.AdoptionNotAllowedError, lambda: attrs.evolve(named, on_existing="FAIL"))
    assert plans.bare_plan([named], on_existing="ADOPT").stage("dev").adopt_from_stack == "Former-dev"


@pytest.mark.parametrize("stack", ["", "a_b", "1a", "a" * 129, 7, "${Token[Stack.1]}", "arn:aws:s3:::a"])
def test_a_stack_to_adopt_from_is_a_name_or_an_id(stack: Any) -> None:
    """As CloudFormation names stacks."""
    refused(
        errors.InvalidNameError,
        lambda: CaStage("dev", account=DEV, region="eu-west-1", on_existing="ADOPT", adopt_from_stack=stack),
    )


def test_a_stacks_id_is_taken_to_adopt_from() -> None:
    """The name alone may be another stack's by now."""
    stack = f"arn:aws:cloudformation:eu-west-1:{DEV}:stack/Former-dev/0a1b2c3d-1111-2222-3333-444455556666"
    stage = CaStage("dev", account=DEV, region="eu-west-1", on_existing="ADOPT", adopt_from_stack=stack)
    assert stage.adopt_from_stack == stack


def test_the_former_prefix_is_another_one() -> None:
    """Nothing is to be adopted from the stacks that there are."""
    refused(
        errors.InvalidNameError,
        lambda: plans.bare_plan(on_existing="ADOPT", adopt_from_prefix="Fleet", stack_name_prefix="Fleet"),
    )


_STACK = "arn:aws:cloudformation:{region}:{account}:stack/Former-dev/0a1b2c3d-1111-2222-3333-444455556666"


@pytest.mark.parametrize(
    "named",
    [
        {"adopt_from_stack": _STACK.format(region="eu-west-1", account=PROD)},
        {"adopt_from_stack": _STACK.format(region="us-east-1", account=DEV)},
        {"adopt_template_role_arn": f"arn:aws:iam::{PROD}:role/theirs"},
    ],
    ids=["account", "region", "role"],
)
def test_what_is_adopted_from_is_of_the_stages_own_place(named: dict[str, Any]) -> None:
    """A registration of this account and region is no stack's of another; a role is passed in its own account."""
    said = refused(
        errors.ForeignAdoptionError,
        lambda: CaStage("dev", account=DEV, region="eu-west-1", on_existing="ADOPT", **named),
    )
    assert DEV in said


@pytest.mark.parametrize("name", ["*", "theirs*", "t?eirs"])
def test_no_right_is_granted_on_roles_by_a_pattern(name: str) -> None:
    """The role is named, since it may then be passed."""
    arn = f"arn:aws:iam::{DEV}:role/{name}"
    refused(
        errors.InvalidTypeError,
        lambda: CaStage("dev", account=DEV, region="eu-west-1", adopt_template_role_arn=arn),
    )
