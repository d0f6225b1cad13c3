"""Whose a registration is: the same on the model's side and in the Lambda."""

from __future__ import annotations

import pytest

from ca_registrar import ownership as in_lambda
from iot_multiaccount_ca.model import ownership

STACK = (
    "arn:aws-cn:cloudformation:cn-north-1:111111111111:stack/FleetCa-dev/00000000-0000-0000-0000-000000000000"
)


def test_model_and_lambda_mean_the_same_tags() -> None:
    """What the Lambda writes, the model reads."""
    assert (ownership.TAG_STACK_ID, ownership.TAG_LOGICAL_ID) == (in_lambda.STACK_ID, in_lambda.LOGICAL_ID)
    owner = ownership.read_ownership(in_lambda.Owner(STACK, "Ca").tags)
    assert owner is not None
    assert (owner.stack.text, owner.logical_id) == (STACK, "Ca")


@pytest.mark.parametrize("stack_id", [STACK, "no id at all", "arn:aws:iam::111111111111:role/x"])
def test_model_and_lambda_read_the_same_name_out_of_a_stacks_id(stack_id: str) -> None:
    """A text that is not a stack's id stands for itself."""
    assert ownership.StackId.parse(stack_id).name == in_lambda.stack_name(stack_id)


def test_a_stacks_id_says_where_the_stack_is() -> None:
    """Region, account and name."""
    stack = ownership.StackId.parse(STACK)
    assert (stack.region, stack.account, stack.name) == ("cn-north-1", "111111111111", "FleetCa-dev")


def test_without_the_tag_it_is_no_stacks() -> None:
    """Whatever other tags there are."""
    assert ownership.read_ownership({"team": "a", ownership.TAG_LOGICAL_ID: "Ca"}) is None


def test_ids_too_long_for_a_tag_stay_different() -> None:
    """A tag's value holds 256 characters; what is cut off must not make two owners one."""
    one, other = (in_lambda.Owner(f"{STACK}{'x' * 300}{end}", "Ca") for end in "ab")
    assert all(len(value) <= 256 for value in one.tags.values())
    assert one.owns(one.tags)
    assert not other.owns(one.tags)
