"""CloudFormation refuses a template that gives a logical id another type."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from support.local_accounts import LocalAccount


def _template(kind: str) -> str:
    properties = {"Value": "v", "Type": "String"} if kind == "AWS::SSM::Parameter" else {}
    return json.dumps({"Resources": {"Held": {"Type": kind, "Properties": properties}}})


@pytest.mark.parametrize("way", ["update", "change set"])
def test_a_logical_id_keeps_its_type(places: list[LocalAccount], way: str) -> None:
    """Refused at once, and the stack stays as it was."""
    place = places[0]
    cloudformation = place.aws.client("cloudformation", account=place.account, region=place.region)
    cloudformation.create_stack(StackName="typed", TemplateBody=_template("AWS::SSM::Parameter"))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="typed", WaiterConfig={"Delay": 1})
    other = _template("AWS::SNS::Topic")
    with pytest.raises(ClientError, match=r"Update of resource type is not permitted.*\[Held\]"):
        if way == "update":
            cloudformation.update_stack(StackName="typed", TemplateBody=other)
        else:
            cloudformation.create_change_set(StackName="typed", ChangeSetName="other", TemplateBody=other)
    [resource] = cloudformation.describe_stack_resources(StackName="typed")["StackResources"]
    assert resource["ResourceType"] == "AWS::SSM::Parameter"
