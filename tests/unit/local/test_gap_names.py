"""What CloudFormation names by itself has another name in another stack, and the same one over all updates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.local_accounts import policy_document

if TYPE_CHECKING:
    from support.local_accounts import LocalAccount


def _role(description: str) -> dict[str, Any]:
    trust = policy_document("sts:AssumeRole", Principal={"Service": "iot.amazonaws.com"})
    return {
        "Role": {
            "Type": "AWS::IAM::Role",
            "DeletionPolicy": "Retain",
            "Properties": {"AssumeRolePolicyDocument": trust, "Description": description},
        }
    }


def _name(place: LocalAccount) -> str:
    cloudformation = place.aws.client("cloudformation", account=place.account, region=place.region)
    [resource] = cloudformation.describe_stack_resources(StackName="again")["StackResources"]
    return str(resource["PhysicalResourceId"])


def test_a_stack_that_is_made_again_makes_another_role(places: list[LocalAccount]) -> None:
    """The role that the first one left is not taken over."""
    place = places[0]
    place.create_stack("again", _role("first"))
    first = _name(place)
    assert place.update_stack("again", _role("changed")) == "UPDATE_COMPLETE"
    assert _name(place) == first
    assert place.delete_stack("again") == "DELETE_COMPLETE"
    assert place.create_stack("again", _role("second")) == "CREATE_COMPLETE"
    second = _name(place)
    assert second != first
    assert place.delete_stack("again") == "DELETE_COMPLETE"
    iam = place.aws.client("iam", account=place.account, region=place.region)
    described = {name: iam.get_role(RoleName=name)["Role"]["Description"] for name in (first, second)}
    assert described == {first: "changed", second: "second"}
