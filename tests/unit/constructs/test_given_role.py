"""Rules of roles of the user's own: policies that do not collide, and roles that are left as they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, Environment, NestedStack, Stack, aws_iam
from aws_cdk.assertions import Annotations, Match, Template

from iot_multiaccount_ca import (
    Admission,
    CaRegistration,
    JitpProvisioningTemplate,
    JitrActivation,
    JitrEnrollment,
)
from support import plans

if TYPE_CHECKING:
    from collections.abc import Callable

ARN = f"arn:aws:iam::{plans.DEV}:role/registrar"


def _stack(app: App, name: str, region: str = plans.REGION) -> Stack:
    return Stack(app, f"{name}-{region}", stack_name=name, env=Environment(account=plans.DEV, region=region))


def _registers(stack: Stack, ca: str = "Fleet CA") -> CaRegistration:
    role = aws_iam.Role.from_role_arn(stack, "Role", ARN)
    return CaRegistration(stack, "Ca", ca_certificate=plans.ca(ca), auto_registration=True, role=role)


def _policy_names(stack: Stack) -> list[str]:
    found = Template.from_stack(stack).find_resources("AWS::IAM::Policy").values()
    return [each["Properties"]["PolicyName"] for each in found]


def test_stacks_and_regions_that_share_a_role_do_not_overwrite_one_another() -> None:
    """An inline policy's name is unique within its role, and a role is global over regions."""
    app = App()
    stacks = [_stack(app, "One"), _stack(app, "Two"), _stack(app, "One", "us-east-1")]
    for number, stack in enumerate(stacks):
        _registers(stack, f"CA {number}")
    nested = NestedStack(stacks[0], "Nested")
    _registers(nested, "CA of a nested stack")
    names = [name for stack in (*stacks, nested) for name in _policy_names(stack)]
    assert len(set(names)) == 4
    assert all(name.startswith("IotCaRegistrar-") for name in names)


def test_activations_that_share_a_role_do_not_overwrite_one_another() -> None:
    """Two CAs of one stack, each with its Lambda, under one role."""
    stack = _stack(App(), "One")
    role = aws_iam.Role.from_role_arn(stack, "Role", ARN)
    enrollment = JitrEnrollment(policy="devices", admission=Admission(parameter_name="/fleet/admitted"))
    for name in ("A", "B"):
        ca = plans.ca(name)
        JitrActivation(stack, name, ca_certificate_id=ca.certificate_id, enrollment=enrollment, role=role)
    names = _policy_names(stack)
    assert len(set(names)) == 2
    assert all(name.startswith("jitr-") for name in names)


def test_a_policys_name_stays_from_synth_to_synth() -> None:
    """Another name would be another policy."""
    one, other = _stack(App(), "One"), _stack(App(), "One")
    for stack in (one, other):
        _registers(stack)
    assert _policy_names(one) == _policy_names(other)


UNTOUCHABLE: dict[str, Callable[[Stack], aws_iam.IRole]] = {
    "mutable=False": lambda stack: aws_iam.Role.from_role_arn(stack, "Role", ARN, mutable=False),
    "without_policy_updates": lambda stack: aws_iam.Role(
        stack, "Role", assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com")
    ).without_policy_updates(),
    "another account": lambda stack: aws_iam.Role.from_role_arn(
        stack, "Role", f"arn:aws:iam::{plans.PROD}:role/registrar"
    ),
}


def _told(stack: Stack) -> list[dict[str, Any]]:
    """The statements that the notes ask for."""
    notes = Annotations.from_stack(stack).find_info("*", Match.string_like_regexp("its owners have"))
    documents = [json.loads(str(each.entry.data).partition("\n")[2]) for each in notes]
    return [statement for document in documents for statement in document["Statement"]]


@pytest.mark.parametrize("kind", UNTOUCHABLE)
def test_a_role_that_must_not_be_changed_gets_no_policy(kind: str) -> None:
    """Its owners are told what it needs, and nothing waits for a policy that never comes."""
    stack = _stack(App(), "One")
    CaRegistration(stack, "Ca", ca_certificate=plans.ca(), role=UNTOUCHABLE[kind](stack))
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::IAM::Policy", 0)
    [registration] = template.find_resources("Custom::IotCaCertificate").values()
    assert len(registration["DependsOn"]) == 1
    actions = [action for each in _told(stack) for action in each["Action"]]
    assert "iot:RegisterCACertificate" in actions
    assert "logs:PutLogEvents" in actions


def test_what_a_second_registration_needs_is_told_too() -> None:
    """The Lambda is shared, and so is the role."""
    stack = _stack(App(), "One")
    role = UNTOUCHABLE["mutable=False"](stack)
    CaRegistration(stack, "Ca", ca_certificate=plans.ca(), role=role)
    template = JitpProvisioningTemplate(stack, "Template", body=plans.jitp())
    CaRegistration(stack, "Other", ca_certificate=plans.ca("Other"), provisioning_template=template)
    assert "iam:PassRole" in [each["Action"] for each in _told(stack)]


@pytest.mark.parametrize("kind", UNTOUCHABLE)
def test_an_activation_leaves_such_a_role_alone_too(kind: str) -> None:
    """As the registrar does."""
    stack = _stack(App(), "One")
    JitrActivation(
        stack,
        "Jitr",
        ca_certificate_id=plans.ca().certificate_id,
        enrollment=JitrEnrollment(policy="devices", admission=Admission(parameter_name="/fleet/admitted")),
        role=UNTOUCHABLE[kind](stack),
    )
    Template.from_stack(stack).resource_count_is("AWS::IAM::Policy", 0)
    assert "ssm:GetParameter" in [each["Action"] for each in _told(stack)]
