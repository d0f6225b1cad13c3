"""CloudFormation deletes a custom resource whose Create failed, or never answered; what it cannot delete, it keeps."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from support.local_accounts import LocalAccount, policy_document

# Writes down what it is asked, in SSM, and answers a Create as its properties say.
_HANDLER = """
import json, urllib.request
import boto3

def handler(event, _):
    kept = {name: event.get(name) for name in ("RequestType", "LogicalResourceId", "PhysicalResourceId")}
    ssm, name = boto3.client("ssm"), f"/calls/{event['LogicalResourceId']}/{event['RequestType']}"
    again = "2" if ssm.get_parameters(Names=[name])["Parameters"] else ""
    ssm.put_parameter(Name=name + again, Value=json.dumps(kept), Type="String")
    stuck = event["RequestType"] == "Delete" and event["ResourceProperties"].get("StuckOnce") and not again
    how = event["ResourceProperties"] if event["RequestType"] == "Create" else {}
    if how.get("Silent"):
        return
    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer["PhysicalResourceId"] = how.get("Id") or event.get("PhysicalResourceId")
    answer["Status"] = "FAILED" if stuck or how.get("Fail") else "SUCCESS"
    answer["Reason"] = "as asked"
    request = urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(), method="PUT")
    urllib.request.urlopen(request).read()
"""


@pytest.fixture
def place(places: list[LocalAccount]) -> LocalAccount:
    """An account with the function that answers custom resources."""
    place = places[0]
    iam = place.aws.client("iam", account=place.account, region=place.region)
    trust = policy_document("sts:AssumeRole", Principal={"Service": "lambda.amazonaws.com"})
    role = iam.create_role(RoleName="answers", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(
        RoleName="answers",
        PolicyName="p",
        PolicyDocument=policy_document(["ssm:PutParameter", "ssm:GetParameters"], Resource="*"),
    )
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", _HANDLER)
    place.aws.client("lambda", account=place.account, region=place.region).create_function(
        FunctionName="answers",
        Runtime="python3.13",
        Handler="index.handler",
        Role=role,
        Code={"ZipFile": package.getvalue()},
        Timeout=30,
    )
    return place


def resource(place: LocalAccount, policy: str = "Delete", **properties: Any) -> dict[str, Any]:
    """A custom resource."""
    token = f"arn:aws:lambda:{place.region}:{place.account}:function:answers"
    return {
        "Type": "Custom::Thing",
        "DeletionPolicy": policy,
        "Properties": {"ServiceToken": token, "ServiceTimeout": 1, **properties},
    }


def delete_of(place: LocalAccount, logical_id: str = "Thing", *, times: int = 1) -> dict[str, Any] | None:
    """The Delete that the function was sent, by ``times`` the second one; None where there was none."""
    ssm = place.aws.client("ssm", account=place.account, region=place.region)
    try:
        value: dict[str, Any] = json.loads(
            ssm.get_parameter(Name=f"/calls/{logical_id}/Delete{times if times > 1 else ''}")["Parameter"][
                "Value"
            ]
        )
    except ssm.exceptions.ParameterNotFound:
        return None
    return value


def test_a_failed_create_is_deleted_by_the_id_that_it_answered(place: LocalAccount) -> None:
    """The roll-back sends a Delete with the physical id of the FAILED answer."""
    assert (
        place.create_stack("s", {"Thing": resource(place, Fail=True, Id="half-made")}) == "ROLLBACK_COMPLETE"
    )
    deleted = delete_of(place)
    assert deleted is not None
    assert deleted["PhysicalResourceId"] == "half-made"


@pytest.mark.parametrize("how", [{"Fail": True}, {"Silent": True}], ids=["no id answered", "no answer"])
def test_a_create_without_an_id_is_deleted_by_one_that_is_made_up(
    place: LocalAccount, how: dict[str, Any]
) -> None:
    """The roll-back sends a Delete also where no id is known: with one of CloudFormation's own."""
    assert place.create_stack("s", {"Thing": resource(place, **how)}) == "ROLLBACK_COMPLETE"
    deleted = delete_of(place)
    assert deleted is not None
    assert deleted["PhysicalResourceId"].startswith("s-Thing-")


def test_what_a_roll_back_could_not_delete_goes_with_the_stack(place: LocalAccount) -> None:
    """ROLLBACK_FAILED holds the resource; when its cause is gone, deleting the stack deletes it."""
    stuck = {"Thing": resource(place, Fail=True, Id="half-made", StuckOnce=True)}
    assert place.create_stack("s", stuck) == "ROLLBACK_FAILED"
    cloudformation = place.aws.client("cloudformation", account=place.account, region=place.region)
    [left] = cloudformation.describe_stack_resources(StackName="s")["StackResources"]
    assert (left["PhysicalResourceId"], left["ResourceStatus"]) == ("half-made", "DELETE_FAILED")
    assert delete_of(place, times=2) is None
    assert place.delete_stack("s") == "DELETE_COMPLETE"
    assert delete_of(place, times=2) is not None


def test_a_failed_create_in_an_update_is_deleted_alone(place: LocalAccount) -> None:
    """An update that adds a resource which fails deletes that one, and keeps what was there."""
    kept = resource(place, Id="kept")
    place.create_stack("s", {"Kept": kept})
    resources = {"Kept": kept, "Thing": resource(place, Fail=True, Id="half-made")}
    assert place.update_stack("s", resources) == "UPDATE_ROLLBACK_COMPLETE"
    deleted = delete_of(place)
    assert deleted is not None
    assert deleted["PhysicalResourceId"] == "half-made"
    assert delete_of(place, "Kept") is None


@pytest.mark.parametrize(("policy", "expected"), [("RetainExceptOnCreate", True), ("Retain", False)])
def test_the_deletion_policy_of_a_failed_create(place: LocalAccount, policy: str, expected: bool) -> None:
    """Retain keeps even what failed to be made; RetainExceptOnCreate deletes it."""
    place.create_stack("s", {"Thing": resource(place, policy, Fail=True, Id="half-made")})
    assert (delete_of(place) is not None) is expected


def test_without_roll_back_the_delete_comes_with_the_stack(place: LocalAccount) -> None:
    """A stack that is left CREATE_FAILED deletes the half-made resource when it is deleted."""
    failed = {"Thing": resource(place, Fail=True, Id="half-made")}
    assert place.create_stack("s", failed, DisableRollback=True) == "CREATE_FAILED"
    assert delete_of(place) is None
    assert place.delete_stack("s") == "DELETE_COMPLETE"
    assert delete_of(place) is not None
