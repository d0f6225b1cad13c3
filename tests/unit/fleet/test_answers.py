"""AWS's answers, and those of another form: each member that is read, of each call."""

from __future__ import annotations

import ast
import copy
import datetime as dt
import functools
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session
from botocore.utils import parse_timestamp

from iot_multiaccount_ca.fleet import answers
from iot_multiaccount_ca.fleet.answers import StrangeAnswerError
from support.documents import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

TIME = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
ANSWERS: dict[tuple[str, str], dict[str, Any]] = {
    ("iot", "DescribeCACertificate"): {
        "certificateDescription": {
            "certificateArn": "arn",
            "certificateId": "ab" * 32,
            "status": "ACTIVE",
            "certificatePem": "pem",
            "certificateMode": "SNI_ONLY",
            "autoRegistrationStatus": "ENABLE",
            "validity": {"notAfter": TIME},
        },
        "registrationConfig": {"templateName": "x"},
    },
    ("iot", "ListTagsForResource"): {"tags": [{"Key": "a", "Value": "b"}], "nextToken": "x"},
    ("iot", "ListTopicRules"): {"rules": [{"ruleName": "a", "topicPattern": "b", "ruleDisabled": True}]},
    ("iot", "GetRegistrationCode"): {"registrationCode": "ab" * 32},
    ("lambda", "GetFunctionConfiguration"): {"Environment": {"Variables": {"A": "b"}}, "Timeout": 3},
    ("sts", "AssumeRole"): {
        "Credentials": {"AccessKeyId": "a", "SecretAccessKey": "b", "SessionToken": "c", "Expiration": TIME}
    },
    ("cloudformation", "DescribeStacks"): {"Stacks": [{"StackStatus": "CREATE_COMPLETE", "StackName": "x"}]},
    ("organizations", "ListAccountsForParent"): {"Accounts": [{"Id": "1", "State": "ACTIVE"}]},
}


@functools.cache
def model(service: str, call: str) -> Any:
    return Session().get_service_model(service).operation_model(call)


def check(service: str, call: str, answer: Any) -> None:
    answers._check_members(SimpleNamespace(status_code=200), answer, model(service, call))


def leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    )
    if at:
        yield at
    for key, below in inside or ():
        yield from leaves(below, (*at, key))


@pytest.mark.parametrize(("service", "call"), ANSWERS, ids=str)
def test_each_member_of_another_kind_is_refused(service: str, call: str) -> None:
    """And an answer as AWS gives it is not, nor one with what a newer AWS adds."""
    good = ANSWERS[service, call]
    check(service, call, {**good, "ResponseMetadata": {"HTTPStatusCode": 200}, "newer": [1]})
    for at in leaves(good):
        for strange in (object(), 7.5, b"x"):
            changed = copy.deepcopy(good)
            held: Any = changed
            for key in at[:-1]:
                held = held[key]
            held[at[-1]] = strange
            with pytest.raises(StrangeAnswerError, match="of another form"):
                check(service, call, changed)


def test_what_is_always_there_may_not_be_gone() -> None:
    """Each path of the table, in an answer that is otherwise AWS's."""
    for (service, call), good in ANSWERS.items():
        for path in answers._ALWAYS.get(call, ()):
            changed = copy.deepcopy(good)
            held: Any = changed
            *inside, last = path.replace("*", "0").split(".")
            for step in inside:
                held = held[int(step) if step == "0" else step]
            del held[last]
            with pytest.raises(StrangeAnswerError, match="one without"):
                check(service, call, changed)
    with pytest.raises(StrangeAnswerError, match="one without Stacks"):
        check("cloudformation", "DescribeStacks", {"Stacks": []})
    check("iot", "ListCACertificates", {})  # an empty list is not written


def test_what_botocore_reads_by_itself_is_not_strange() -> None:
    """A role's trust policy comes as a text, and botocore puts the policy in its place."""
    document = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D"
    role = (
        "<Path>/</Path><RoleName>r</RoleName><RoleId>AROAEXAMPLE</RoleId><Arn>arn:aws:iam::111111111111:role/r</Arn>"
        f"<CreateDate>2026-01-01T00:00:00Z</CreateDate><AssumeRolePolicyDocument>{document}</AssumeRolePolicyDocument>"
    )
    body = f"<GetRoleResponse><GetRoleResult><Role>{role}</Role></GetRoleResult></GetRoleResponse>".encode()
    session = Session()
    session.set_credentials("a", "b")
    client = session.create_client("iam", region_name="us-east-1")
    answers.refuse_strangers(client)
    client.meta.events.register(
        "before-send", lambda **_: AWSResponse("", 200, {}, SimpleNamespace(stream=lambda: [body]))
    )
    assert client.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"]["Statement"] == []


@functools.cache
def asking(service: str) -> tuple[Any, dict[str, Any]]:
    """A client, and what is answered it."""
    session, answer = Session(), dict[str, Any]()
    answers.read_carefully(session, timestamp_parser=parse_timestamp)
    session.set_credentials("a", "b")
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    client = session.create_client(service, region_name="us-east-1", config=config)
    answers.refuse_strangers(client)
    client.meta.events.register(
        "before-send",
        lambda **_: AWSResponse("", answer["status"], {}, SimpleNamespace(stream=lambda: [answer["body"]])),
    )
    return client, answer


def asked(service: str, call: str, request: dict[str, str], body: bytes, status: int = 200) -> Any:
    """What a client makes of an answer, whoever gave it."""
    client, answer = asking(service)
    answer.update(status=status, body=body)
    return client._make_api_call(call, request)


ROLE = (
    b"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>a</AccessKeyId><SecretAccessKey>hush</"
    b"SecretAccessKey><SessionToken>hush</SessionToken></Credentials></AssumeRoleResult></AssumeRoleResponse>"
)


@pytest.mark.parametrize("status", [200, 403, 500])
def test_an_answer_that_cannot_be_read_is_strange_and_tells_no_secret(status: int) -> None:
    """Cut off anywhere, or of characters that XML has not."""
    assert asked("sts", "AssumeRole", {}, ROLE)["Credentials"]["SecretAccessKey"] == "hush"
    broken = [ROLE[:end] for end in range(0, len(ROLE), 7)]
    for body in (*broken, ROLE.replace(b">a<", b">&#27;<"), b"{}"):
        with pytest.raises((StrangeAnswerError, ClientError)) as caught:
            asked("sts", "AssumeRole", {}, body, status)
        assert "hush" not in str(caught.value)


def test_json_of_another_form_is_strange() -> None:
    """Where botocore's own parser falls over it, too."""
    for key in ("certificateDescription", "registrationConfig"):
        for value in ("x", 1, [], ["x"], True, {"validity": "x"}, {"validity": {"notAfter": "x"}}):
            with pytest.raises(StrangeAnswerError):
                asked(
                    "iot",
                    "DescribeCACertificate",
                    {"certificateId": "ab" * 32},
                    json.dumps({key: value}).encode(),
                )


def test_the_table_has_every_call_that_is_indexed() -> None:
    """A call that the readers make has a row, or reads with defaults alone."""
    with_defaults = {"GetFunctionConfiguration", "GetRole", "DescribeProvisioningTemplate"}
    asked = set()
    for name in ("live", "live_sets", "access"):
        tree = ast.parse((ROOT / f"src/iot_multiaccount_ca/fleet/{name}.py").read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                service, colon, call = node.value.partition(":")
                if colon and service.isalnum() and call.isalnum() and call[0].isupper():
                    asked.add(call)
    assert len(asked) > 10
    assert asked <= set(answers._ALWAYS) | with_defaults
