"""Rules of `JitpProvisioningTemplate`: template and role, and a name that AWS takes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import Annotations, App, Environment, RemovalPolicy, Stack, assertions, aws_iam
from aws_cdk.assertions import Match, Template

from iot_multiaccount_ca import JitpProvisioningTemplate, JitpTemplateBody, errors
from iot_multiaccount_ca.model.jitp.template_name import generated_name
from support import plans


def _stack(region: str = plans.REGION) -> Stack:
    return Stack(App(), "Own", env=Environment(account=plans.DEV, region=region))


def test_the_template_is_of_type_jitp_with_its_role() -> None:
    """The role trusts AWS IoT alone and has the managed policy for registering things."""
    stack = _stack()
    JitpProvisioningTemplate(stack, "Jitp", body=plans.jitp())
    template = Template.from_stack(stack)
    template.has_resource_properties(
        "AWS::IoT::ProvisioningTemplate",
        {"TemplateType": "JITP", "Enabled": True, "TemplateName": Match.any_value()},
    )
    [role] = template.find_resources("AWS::IAM::Role").values()
    [statement] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "iot.amazonaws.com"}
    # Whether JITP fills aws:SourceAccount is not documented: asking for it might shut every device out.
    assert "Condition" not in statement
    assert role["Properties"]["ManagedPolicyArns"] == [
        "arn:aws:iam::aws:policy/service-role/AWSIoTThingsRegistration"
    ]


def test_the_body_is_filled_with_the_stacks_account_region_and_partition() -> None:
    """Placeholders are the stack's."""
    stack = _stack("us-gov-west-1")
    JitpProvisioningTemplate(stack, "Jitp", body=plans.jitp())
    [found] = Template.from_stack(stack).find_resources("AWS::IoT::ProvisioningTemplate").values()
    body = json.loads(found["Properties"]["TemplateBody"])
    document = body["Resources"]["policy"]["Properties"]["PolicyDocument"]
    assert f"arn:aws-us-gov:iot:us-gov-west-1:{plans.DEV}:client/" in document


def test_a_policy_that_allows_everything_is_a_warning_that_can_be_acknowledged() -> None:
    """What the body warns of is annotated, each under an id of its own."""
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}
    body = plans.jitp().body
    body["Resources"]["policy"]["Properties"]["PolicyDocument"] = document
    id_ = "iot-multiaccount-ca:policy-allows-everything"
    for acknowledged in (False, True):
        stack = _stack()
        made = JitpProvisioningTemplate(stack, "Jitp", body=JitpTemplateBody.from_dict(body))
        if acknowledged:
            Annotations.of(made).acknowledge_warning(id_, "a test bench")
        found = assertions.Annotations.from_stack(stack).find_warning(
            "/Own/Jitp", Match.string_like_regexp("the policy lets each device do everything")
        )
        assert len(found) == (0 if acknowledged else 1)


def test_the_generated_name_is_readable_unique_and_short() -> None:
    """At most 36 characters: the stack's name, cut, and 8 hex digits of stack name and logical id."""
    name = generated_name("FleetCa-" + "x" * 100, "Jitp123")
    assert len(name) == 36
    assert name.startswith("FleetCa-xxx")
    assert generated_name("FleetCa-dev", "Jitp123") != generated_name("FleetCa-prod", "Jitp123")
    assert generated_name("FleetCa-dev", "Jitp123") != generated_name("FleetCa-dev", "Jitp456")
    assert generated_name("FleetCa-dev", "Jitp123") == generated_name("FleetCa-dev", "Jitp123")


def test_a_role_of_the_users_own_is_used() -> None:
    """No second role is made."""
    stack = _stack()
    role = aws_iam.Role.from_role_arn(stack, "Mine", f"arn:aws:iam::{plans.DEV}:role/mine")
    template = JitpProvisioningTemplate(stack, "Jitp", body=plans.jitp(), role=role)
    Template.from_stack(stack).resource_count_is("AWS::IAM::Role", 0)
    assert template.role is role


def test_the_role_can_be_asked_for() -> None:
    """`.role` is the provisioning role, for grants of the user's own."""
    stack = _stack()
    template = JitpProvisioningTemplate(stack, "Jitp", body=plans.jitp())
    assert stack.resolve(template.role.role_arn) == stack.resolve(template.role_arn)


def test_a_retained_template_does_not_stand_in_the_way_of_the_next_stack() -> None:
    """Its name ends in digits of the stack's own id, and still is a name that AWS IoT takes."""
    stack = Stack(
        App(), "AStackWithQuiteALongNameOfItsOwn", env=Environment(account=plans.DEV, region=plans.REGION)
    )
    made = JitpProvisioningTemplate(stack, "Jitp", body=plans.jitp(), removal_policy=RemovalPolicy.RETAIN)
    [found] = Template.from_stack(stack).find_resources("AWS::IoT::ProvisioningTemplate").values()
    separator, [beginning, digits] = found["Properties"]["TemplateName"]["Fn::Join"]
    uuid = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
    assert digits == {"Fn::Select": [0, {"Fn::Split": ["-", uuid]}]}
    assert separator == ""
    assert made.literal_name == beginning + "????????"
    assert len(made.literal_name) == 36


def test_a_fixed_name_under_retain_is_warned_of() -> None:
    """The user's own name is kept, with what it leads to."""
    stack = _stack()
    JitpProvisioningTemplate(
        stack, "Jitp", body=plans.jitp(), template_name="fleet", removal_policy=RemovalPolicy.RETAIN
    )
    assertions.Annotations.from_stack(stack).has_warning(
        "*", Match.string_like_regexp("cannot be made again")
    )


def test_a_retained_template_on_a_role_that_goes_is_refused() -> None:
    """No device could be provisioned any more; a role that stays, or that others make, is fine."""
    stack = _stack()
    role = aws_iam.Role(stack, "Role", assumed_by=aws_iam.ServicePrincipal("iot.amazonaws.com"))
    settings: dict[str, Any] = {"body": plans.jitp(), "role": role, "removal_policy": RemovalPolicy.RETAIN}
    with pytest.raises(
        errors.RemovalPolicyConflictError, match=r"apply_removal_policy\(RemovalPolicy.RETAIN\)"
    ):
        JitpProvisioningTemplate(stack, "Jitp", **settings)
    role.apply_removal_policy(RemovalPolicy.RETAIN)
    JitpProvisioningTemplate(stack, "Jitp", **settings)
    theirs = aws_iam.Role.from_role_arn(stack, "Theirs", f"arn:aws:iam::{plans.DEV}:role/theirs")
    JitpProvisioningTemplate(stack, "Other", **{**settings, "role": theirs})


def test_retain_keeps_template_and_role() -> None:
    """A CA that stays registered needs both."""
    stack = _stack()
    JitpProvisioningTemplate(stack, "Jitp", body=plans.jitp(), removal_policy=RemovalPolicy.RETAIN)
    template = Template.from_stack(stack)
    for kind in ("AWS::IoT::ProvisioningTemplate", "AWS::IAM::Role"):
        template.has_resource(kind, {"DeletionPolicy": "RetainExceptOnCreate"})


def test_a_retained_template_that_is_replaced_goes() -> None:
    """One that stayed under the fixed name of DESTROY would stand in the way of a stage that goes back to it."""
    stack = _stack()
    JitpProvisioningTemplate(stack, "Jitp", body=plans.jitp(), removal_policy=RemovalPolicy.RETAIN)
    Template.from_stack(stack).has_resource(
        "AWS::IoT::ProvisioningTemplate", {"UpdateReplacePolicy": "Delete"}
    )


def test_a_template_can_be_referred_to_by_its_name() -> None:
    """With its role, where the registrar shall be allowed to pass it."""
    found = JitpProvisioningTemplate.from_template_name(
        _stack(), "Known", "fleet", role_arn="arn:aws:iam::1:role/r"
    )
    assert (found.template_name, found.role_arn) == ("fleet", "arn:aws:iam::1:role/r")


@pytest.mark.parametrize("name", ["", "x" * 37, "a b", "a.b", 7])
def test_a_name_that_aws_refuses_is_refused(name: Any) -> None:
    """1 to 36 of 0-9, A-Z, a-z, _ and -."""
    with pytest.raises(errors.InvalidNameError):
        JitpProvisioningTemplate(_stack(), "Jitp", body=plans.jitp(), template_name=name)
    with pytest.raises(errors.InvalidNameError):
        JitpProvisioningTemplate.from_template_name(_stack(), "Known", name)


def test_a_body_of_another_kind_is_refused() -> None:
    """A dict was never linted."""
    with pytest.raises(errors.InvalidTypeError, match=r"JitpTemplateBody\.from_file"):
        JitpProvisioningTemplate(_stack(), "Jitp", body={})  # type: ignore[arg-type]


def test_an_environment_agnostic_stack_is_refused() -> None:
    """Placeholders could not be filled."""
    with pytest.raises(errors.EnvironmentAgnosticError):
        JitpProvisioningTemplate(Stack(App(), "Anywhere"), "Jitp", body=plans.jitp())
