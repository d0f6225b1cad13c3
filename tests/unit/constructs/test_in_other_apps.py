"""Rules of the constructs as a part of somebody else's app: what the app does to everything reaches what is ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import jsii
import pytest
from aws_cdk import (
    App,
    Aspects,
    DefaultStackSynthesizer,
    Environment,
    IAspect,
    NestedStack,
    Stack,
    Stage,
    Tags,
    aws_iam,
    aws_lambda,
    aws_sns,
)
from aws_cdk.assertions import Template

from iot_multiaccount_ca import (
    CaRegistration,
    JitpProvisioningTemplate,
    SharedCa,
    SharedCaPipelineStage,
    errors,
)
from iot_multiaccount_ca.fleet.planned import read_planned
from iot_multiaccount_ca.model.assembly import ca_certificate_pem
from support import plans

if TYPE_CHECKING:
    from constructs import IConstruct

_ENV = Environment(account=plans.DEV, region=plans.REGION)


def _stack(app: App | Stage, **settings: Any) -> Stack:
    """A stack of the user's own: another resource, a template and a registration."""
    stack = Stack(app, "Devices", env=_ENV, **settings)
    aws_sns.Topic(stack, "Topic")
    template = JitpProvisioningTemplate(stack, "Template", body=plans.jitp())
    CaRegistration(stack, "Ca", ca_certificate=plans.ca(), provisioning_template=template)
    return stack


def test_tags_of_the_app_reach_roles_functions_and_the_ca() -> None:
    """As they reach the user's own resources."""
    app = App()
    Tags.of(app).add("team", "devices")
    template = plans.template_of(app, _stack(app))
    tag = {"Key": "team", "Value": "devices"}
    for kind in ("AWS::IAM::Role", "AWS::Lambda::Function", "AWS::Logs::LogGroup", "AWS::SNS::Topic"):
        found = plans.resources(template, kind)
        assert found
        assert all(tag in each["Properties"]["Tags"] for each in found), kind
    assert tag in plans.registrations(template)[0]["Tags"]


def test_tags_that_aws_iot_does_not_take_end_the_synth() -> None:
    """Wherever in the app they come from; the deployment would fail half way."""
    app = App()
    _stack(app)
    Tags.of(app).add("settings", '{"a": 1}')
    with pytest.raises(RuntimeError, match="the CA's tag 'settings' holds characters"):
        app.synth()


def test_a_permissions_boundary_reaches_every_role() -> None:
    """The registrar's and the provisioning role's."""
    app = App()
    stack = _stack(app)
    boundary = "arn:aws:iam::111111111111:policy/boundary"
    policy = aws_iam.ManagedPolicy.from_managed_policy_arn(stack, "Boundary", boundary)
    aws_iam.PermissionsBoundary.of(app).apply(policy)
    roles = plans.resources(plans.template_of(app, stack), "AWS::IAM::Role")
    assert len(roles) == 2
    assert {role["Properties"]["PermissionsBoundary"] for role in roles} == {boundary}


def test_an_aspect_reaches_what_is_ours() -> None:
    """Here: one that traces every function and retains everything, as a platform team's might."""

    @jsii.implements(IAspect)
    class Tracing:
        def visit(self, node: IConstruct) -> None:
            if isinstance(node, aws_lambda.CfnFunction):
                node.tracing_config = aws_lambda.CfnFunction.TracingConfigProperty(mode="Active")

    app = App()
    stack = _stack(app)
    Aspects.of(app).add(Tracing())
    [function] = plans.resources(plans.template_of(app, stack), "AWS::Lambda::Function")
    assert function["Properties"]["TracingConfig"] == {"Mode": "Active"}


def test_a_custom_qualifier_is_followed() -> None:
    """By the assets, as by the user's own."""
    app = App()
    stack = _stack(app, synthesizer=DefaultStackSynthesizer(qualifier="acme"))
    template = plans.template_of(app, stack)
    [function] = plans.resources(template, "AWS::Lambda::Function")
    assert "cdk-acme-assets" in str(function["Properties"]["Code"]["S3Bucket"])


def test_termination_protection_stays_the_users() -> None:
    """On a stack of one's own, and on one of those that SharedCa makes; as the cloud assembly tells the CDK CLI."""
    app = App()
    _stack(app, termination_protection=True)
    shared = SharedCa(app, "FleetCa", plan=plans.sni_only_plan(ca_certificate=plans.ca("Other CA")))
    shared.stacks["prod"].termination_protection = True
    protected = {each.stack_name for each in app.synth().stacks if each.termination_protection}
    assert protected == {"Devices", "FleetCa-prod"}


def test_a_stage_of_the_users_own_holds_a_shared_ca() -> None:
    """Nested, with its stacks named as ever."""
    stage = Stage(App(), "Production")
    shared = SharedCa(stage, "FleetCa", plan=plans.plan())
    names = [stack.stack_name for stack in shared.stacks.values()]
    assert names == ["FleetCa-dev", "FleetCa-staging", "FleetCa-prod"]


@pytest.mark.parametrize(
    "env",
    [Environment(account=plans.PROD), Environment(region="us-east-1")],
    ids=["another account", "another region"],
)
def test_a_stage_of_another_environment_is_refused(env: Environment) -> None:
    """The plan and the aws_cdk.Stage around contradict each other: neither wins silently."""
    stage = Stage(App(), "Elsewhere", env=env)
    with pytest.raises(errors.EnvironmentMismatchError, match="another environment than stage 'dev'"):
        SharedCa(stage, "FleetCa", plan=plans.plan())
    inner = Stage(stage, "Inner")
    with pytest.raises(errors.EnvironmentMismatchError):
        SharedCaPipelineStage(inner, "Dev", plan=plans.plan(), stages=["dev"])


def test_a_stage_of_the_same_environment_is_fine() -> None:
    """It only says again what the plan says."""
    stage = Stage(App(), "Development", env=_ENV)
    made = SharedCa(stage, "FleetCa", plan=plans.sni_only_plan(stages=plans.stages()[:1]))
    assert list(made.stacks) == ["dev"]


def _nested(app: App, **settings: Any) -> NestedStack:
    """A nested stack with a template and a registration."""
    nested = NestedStack(Stack(app, "Parent", env=_ENV), "Nested")
    template = JitpProvisioningTemplate(nested, "Template", body=plans.jitp())
    CaRegistration(nested, "Ca", ca_certificate=plans.ca(), provisioning_template=template, **settings)
    return nested


def test_a_nested_stack_holds_a_registration() -> None:
    """Its account and region are its parent's; the template's name is a name."""
    template = Template.from_stack(_nested(App()))
    template.resource_count_is("Custom::IotCaCertificate", 1)
    template.resource_count_is("AWS::Lambda::Function", 1)
    [provisioning] = template.find_resources("AWS::IoT::ProvisioningTemplate").values()
    assert re.fullmatch(r"Parent-Nested-[0-9a-f]{8}", provisioning["Properties"]["TemplateName"])


def test_a_nested_registrar_may_ask_about_its_own_stack() -> None:
    """Which CloudFormation names: the name of the stack around it would grant nothing."""
    role = Template.from_stack(_nested(App())).find_resources("AWS::IAM::Role")
    granted = [
        statement["Resource"]
        for each in role.values()
        for policy in each["Properties"].get("Policies", ())
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Action"] == "cloudformation:DescribeStacks"
    ]
    beginning = f"arn:aws:cloudformation:{plans.REGION}:{plans.DEV}:stack/"
    assert granted == [{"Fn::Join": ["", [beginning, {"Ref": "AWS::StackName"}, "/*"]]}]


def test_two_nested_stacks_have_templates_of_two_names() -> None:
    """Each with the same construct ids in it."""
    parent = Stack(App(), "Parent", env=_ENV)
    made = [
        JitpProvisioningTemplate(NestedStack(parent, name), "Template", body=plans.jitp())
        for name in ("One", "Two")
    ]
    assert len({each.literal_name for each in made}) == 2


def test_the_tools_read_a_nested_registration() -> None:
    """It is deployed with the stack around it, and its certificate stands in the nested stack's own template."""
    app = App()
    _nested(app)
    folder = app.synth().directory
    [planned] = read_planned(folder)
    assert planned.record.stack_name == "Parent"
    assert planned.template_body is not None
    assert ca_certificate_pem(folder, planned.record).strip() == plans.ca().pem.strip()


def test_an_imported_template_is_used_by_its_name() -> None:
    """Of another stack or app; its role is not ours to pass unless it is named."""
    stack = Stack(App(), "Devices", env=_ENV)
    theirs = JitpProvisioningTemplate.from_template_name(stack, "Theirs", "fleet-provisioning")
    CaRegistration(stack, "Ca", ca_certificate=plans.ca(), provisioning_template=theirs)
    [registration] = plans.registrations(dict(Template.from_stack(stack).to_json()))
    assert registration["RegistrationConfig"] == {"TemplateName": "fleet-provisioning"}


def test_reading_one_ca_is_granted_on_it_alone() -> None:
    """Of a registration of the app, and of one that is referred to by its id."""
    stack = Stack(App(), "Devices", env=_ENV)
    ours = CaRegistration(stack, "Ca", ca_certificate=plans.ca())
    theirs = CaRegistration.from_ca_certificate_id(stack, "Theirs", "0f" * 32)
    role = aws_iam.Role(stack, "Auditor", assumed_by=aws_iam.AccountRootPrincipal())
    for each in (ours, theirs):
        each.grant_read(role)
    [policy] = plans.resources(dict(Template.from_stack(stack).to_json()), "AWS::IAM::Policy")
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    assert len(statements) == 2
    for statement in statements:
        assert statement["Action"] == ["iot:DescribeCACertificate", "iot:ListTagsForResource"]
        assert "*" not in str(statement["Resource"])
