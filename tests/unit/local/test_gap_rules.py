"""A topic rule needs the function's permission, and what fails ends in a queue."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca.local.device import Outcome
from support.certificates import make_ca
from support.local_accounts import (
    LocalAccount,
    connect,
    device_of,
    policy_document,
)

if TYPE_CHECKING:
    from iot_multiaccount_ca.local.emulator import LocalAws

_FAILS = "def handler(event, context):\n    raise ValueError(event['certificateId'])\n"


def _zip(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("main.py", source)
    return buffer.getvalue()


class Rule:
    """A rule on a CA's event that invokes a function which always fails; both report to a queue of their own."""

    def __init__(self, place: LocalAccount, name: str, ca_id: str) -> None:
        self.place, self.name = place, name
        self.sqs = self._client("sqs")
        self.not_delivered, self.failed = (self._queue(f"{name}{end}") for end in ("Rule", "Lambda"))
        role = self._role()
        self.function: str = self._client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role,
            Handler="main.handler",
            Code={"ZipFile": _zip(_FAILS)},
            DeadLetterConfig={"TargetArn": self._arn(self.failed)},
        )["FunctionArn"]
        self._client("lambda").put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
        place.iot.create_topic_rule(
            ruleName=name,
            topicRulePayload={
                "sql": f"SELECT * FROM '$aws/events/certificates/registered/{ca_id}'",
                "actions": [{"lambda": {"functionArn": self.function}}],
                "errorAction": {"sqs": {"queueUrl": self.not_delivered, "roleArn": role}},
            },
        )

    def allow(self, **conditions: str) -> None:
        self._client("lambda").add_permission(
            FunctionName=self.name,
            StatementId="rule",
            Action="lambda:InvokeFunction",
            Principal="iot.amazonaws.com",
            **conditions,
        )

    def message(self, queue: str) -> dict[str, Any]:
        """The next message of a queue, waited for."""
        for _ in range(20):
            found = self.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages")
            if found:
                body: dict[str, Any] = json.loads(found[0]["Body"])
                return body
        raise AssertionError(f"nothing came to {queue}")

    def _client(self, service: str) -> Any:
        return self.place.aws.client(service, account=self.place.account, region=self.place.region)

    def _queue(self, name: str) -> str:
        url: str = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        return url

    def _arn(self, queue: str) -> str:
        answer = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        arn: str = answer["Attributes"]["QueueArn"]
        return arn

    def _role(self) -> str:
        services = ["lambda.amazonaws.com", "iot.amazonaws.com"]
        trust = policy_document("sts:AssumeRole", Principal={"Service": services})
        iam = self._client("iam")
        arn: str = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        document = policy_document("sqs:SendMessage", Resource="*")
        iam.put_role_policy(RoleName=self.name, PolicyName="send", PolicyDocument=document)
        return arn


@pytest.mark.parametrize("foreign", [False, True])
def test_without_the_functions_permission_the_error_action_is_told(
    aws: LocalAws, places: list[LocalAccount], foreign: bool
) -> None:
    """No permission at all, or one for another account's rules."""
    place = places[0]
    ca = make_ca("ec-p256", common_name=f"Unheard CA {foreign}")
    rule = Rule(place, "unheard", place.register(ca))
    if foreign:
        rule.allow(SourceAccount=places[1].account)
    device = device_of(ca)
    assert connect(aws, device, place.endpoint) is Outcome.CUT_OFF
    [failure] = rule.message(rule.not_delivered)["failures"]
    assert failure["failedResource"] == rule.function
    assert "AccessDeniedException" in failure["errorMessage"]


def test_what_the_function_fails_on_goes_to_its_dead_letter_queue(
    aws: LocalAws, places: list[LocalAccount]
) -> None:
    """With the event."""
    place = places[0]
    ca = make_ca("ec-p256", common_name="Failing CA")
    rule = Rule(place, "failing", place.register(ca))
    rule.allow(
        SourceAccount=place.account, SourceArn=f"arn:aws:iot:{place.region}:{place.account}:rule/failing"
    )
    device = device_of(ca)
    connect(aws, device, place.endpoint)
    assert device.certificate_id in json.dumps(rule.message(rule.failed))


def test_a_stacks_function_keeps_its_dead_letter_queue(places: list[LocalAccount]) -> None:
    """When it is made, and when the stack changes it."""
    place = places[0]

    def resources(queue: str) -> dict[str, Any]:
        return {
            "Mine": {"Type": "AWS::SQS::Queue"},
            "Other": {"Type": "AWS::SQS::Queue"},
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "FunctionName": "of-a-stack",
                    "Runtime": "python3.13",
                    "Role": f"arn:aws:iam::{place.account}:role/any",
                    "Handler": "index.handler",
                    "Code": {"ZipFile": _FAILS},
                    "DeadLetterConfig": {"TargetArn": {"Fn::GetAtt": [queue, "Arn"]}},
                },
            },
        }

    def target() -> str:
        client = place.aws.client("lambda", account=place.account, region=place.region)
        config = client.get_function_configuration(FunctionName="of-a-stack")
        arn: str = config["DeadLetterConfig"]["TargetArn"]
        return arn

    assert place.create_stack("with-letters", resources("Mine")) == "CREATE_COMPLETE"
    assert "Mine" in target()
    assert place.update_stack("with-letters", resources("Other")) == "UPDATE_COMPLETE"
    assert "Other" in target()
