"""The CDK CLI is answered when the stack that it waits for is done, and nobody else waits."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from support.local_accounts import LocalAccount

_HANDLE = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
# Nobody signals it: it fails after a second.
_CONDITION = {
    "Type": "AWS::CloudFormation::WaitCondition",
    "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "1"},
}
_TEMPLATE = json.dumps({"Resources": {"Handle": _HANDLE, "Condition": _CONDITION}})


def _client(place: LocalAccount, user_agent: str) -> Any:
    """CloudFormation, asked by a program of this name."""
    client = place.aws.client("cloudformation", account=place.account, region=place.region)
    client.meta.events.register(
        "before-send.cloudformation",
        lambda request, **_: request.headers.__setitem__("User-Agent", user_agent),
    )
    return client


def _status(client: Any, name: str) -> str:
    return str(client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])


@pytest.mark.parametrize("by", ["name", "id"])
def test_the_clis_first_question_is_answered_with_the_end(places: list[LocalAccount], by: str) -> None:
    """Asked at once after the stack was begun, by name or by id."""
    client = _client(places[0], "aws-sdk-js/3.1 ua/2.1 aws-cdk/2.1148.1")
    stack = client.create_stack(StackName="s", TemplateBody=_TEMPLATE)["StackId"]
    assert _status(client, "s" if by == "name" else stack) == "ROLLBACK_COMPLETE"


def test_whoever_else_asks_is_answered_at_once(places: list[LocalAccount]) -> None:
    """A function that asks after its own stack would else wait for itself."""
    client = _client(places[0], "Boto3/1.40 md/Botocore exec-env/AWS_Lambda_python3.13")
    client.create_stack(StackName="s", TemplateBody=_TEMPLATE)
    assert _status(client, "s") == "CREATE_IN_PROGRESS"


def test_what_is_not_in_progress_is_answered_at_once(places: list[LocalAccount]) -> None:
    """A stack that does not exist, one in review, and a question after all of them."""
    client = _client(places[0], "aws-cdk/2.1148.1")
    with pytest.raises(ClientError, match="does not exist"):
        _status(client, "s")
    client.create_change_set(StackName="s", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=_TEMPLATE)
    assert _status(client, "s") == "REVIEW_IN_PROGRESS"
    client.create_stack(StackName="t", TemplateBody=_TEMPLATE)
    found = {each["StackName"]: each["StackStatus"] for each in client.describe_stacks()["Stacks"]}
    assert found["t"] == "CREATE_IN_PROGRESS"


def test_a_stack_that_takes_long_is_answered_in_progress(
    in_process: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No client is left without an answer: after some seconds it is told that the stack is in progress."""
    from ministack.services.cloudformation import handlers

    from iot_multiaccount_ca.local.gaps import waiting

    monkeypatch.setattr(waiting, "MOST_SECONDS", 0.05)
    monkeypatch.setattr(handlers, "_resolve_stack", lambda _: {"StackStatus": "CREATE_IN_PROGRESS"})
    asyncio.run(asyncio.wait_for(waiting.until_done("s"), timeout=5))
