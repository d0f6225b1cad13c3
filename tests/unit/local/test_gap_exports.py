"""CloudFormation keeps an export as it is while another stack imports it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from support.local_accounts import LocalAccount

_PARAMETER = "AWS::SSM::Parameter"


def _deploy(place: LocalAccount, name: str, *, value: Any, exported: str | None = None) -> tuple[str, str]:
    """A stack of one parameter, whose value it exports; its status, and what CloudFormation says about it."""
    properties = {"Type": "String", "Value": value}
    template: dict[str, Any] = {"Resources": {"P": {"Type": _PARAMETER, "Properties": properties}}}
    if exported is not None:
        template["Outputs"] = {"Out": {"Value": value, "Export": {"Name": exported}}}
    cloudformation = place.aws.client("cloudformation", account=place.account, region=place.region)
    known = [each["StackName"] for each in cloudformation.describe_stacks()["Stacks"]]
    call = cloudformation.update_stack if name in known else cloudformation.create_stack
    call(StackName=name, TemplateBody=json.dumps(template))
    deadline = time.monotonic() + 30
    while True:
        [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            break
        assert time.monotonic() < deadline
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return stack["StackStatus"], " ".join(each.get("ResourceStatusReason", "") for each in events)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"value": "new", "exported": "shared"}, "Export shared cannot be updated as it is in use by user"),
        ({"value": "old"}, "Export shared cannot be deleted as it is in use by user"),
        ({"value": "old", "exported": "other"}, "Export shared cannot be deleted as it is in use by user"),
    ],
    ids=["another value", "removed", "renamed"],
)
def test_an_export_in_use_stays_as_it_is(
    places: list[LocalAccount], change: dict[str, Any], said: str
) -> None:
    """The update is rolled back and says by whom; once nobody imports it, the same update goes through."""
    place = places[0]
    assert _deploy(place, "maker", value="old", exported="shared")[0] == "CREATE_COMPLETE"
    assert _deploy(place, "user", value={"Fn::ImportValue": "shared"})[0] == "CREATE_COMPLETE"
    status, reasons = _deploy(place, "maker", **change)
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert said in reasons
    ssm = place.aws.client("ssm", account=place.account, region=place.region)
    assert {
        ssm.get_parameter(Name=each["Name"])["Parameter"]["Value"]
        for each in ssm.describe_parameters()["Parameters"]
    } == {"old"}
    assert place.delete_stack("user") == "DELETE_COMPLETE"
    assert _deploy(place, "maker", **change)[0] == "UPDATE_COMPLETE"


def test_what_is_exported_no_more_cannot_be_imported(places: list[LocalAccount]) -> None:
    """The name is free, and leads nowhere."""
    place = places[0]
    _deploy(place, "maker", value="old", exported="shared")
    assert _deploy(place, "maker", value="old")[0] == "UPDATE_COMPLETE"
    assert _deploy(place, "user", value={"Fn::ImportValue": "shared"})[0] == "ROLLBACK_COMPLETE"
