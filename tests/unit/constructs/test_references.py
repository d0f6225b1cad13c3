"""Rules of references to a registration from other stacks: a rotation goes on under them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aws_cdk import App, CfnOutput, Environment, NestedStack, Stack, aws_iam
from aws_cdk.assertions import Template

from iot_multiaccount_ca import CaRegistration, RetiringCa, SharedCa
from support import plans

if TYPE_CHECKING:
    from iot_multiaccount_ca import CaCertificate

_ENV = Environment(account=plans.DEV, region=plans.REGION)


def _synthesized(ca: CaCertificate, *retiring: CaCertificate) -> tuple[dict[str, Any], dict[str, Any]]:
    """The stage's stack, and another one that uses its registration by id, ARN and grant."""
    app = App()
    plan = plans.sni_only_plan(ca_certificate=ca, retiring=[RetiringCa(each) for each in retiring])
    shared = SharedCa(app, "FleetCa", plan=plan)
    registration = shared.registrations["dev"]
    other = Stack(app, "Other", env=_ENV)
    CfnOutput(other, "Id", value=registration.ca_certificate_id)
    CfnOutput(other, "Arn", value=registration.ca_certificate_arn)
    registration.grant_read(aws_iam.Role(other, "Auditor", assumed_by=aws_iam.AccountRootPrincipal()))
    return plans.template_of(app, shared.stacks["dev"]), plans.template_of(app, other)


def test_no_step_of_a_rotation_changes_an_export_in_use() -> None:
    """CloudFormation refuses to remove, rename or change one: there is none, before, in the overlap and after it."""
    old, new = plans.ca("Old CA"), plans.ca("New CA")
    for ca, retiring in ((old, ()), (new, (old,)), (new, ())):
        stage, other = _synthesized(ca, *retiring)
        assert "ImportValue" not in json.dumps(other)
        assert all("Export" not in each for each in stage["Outputs"].values())


def test_another_stack_follows_the_rotation() -> None:
    """What it refers to is the current CA, literally, so that its next deployment has something to change."""
    old, new = plans.ca("Old CA"), plans.ca("New CA")
    for ca, retiring in ((old, ()), (new, (old,)), (new, ())):
        _, other = _synthesized(ca, *retiring)
        arn = f"arn:aws:iot:{plans.REGION}:{plans.DEV}:cacert/{ca.certificate_id}"
        assert other["Outputs"]["Id"]["Value"] == ca.certificate_id
        assert other["Outputs"]["Arn"]["Value"] == arn
        [policy] = plans.resources(other, "AWS::IAM::Policy")
        assert policy["Properties"]["PolicyDocument"]["Statement"][0]["Resource"] == arn


def test_the_own_stack_refers_to_what_aws_iot_answered() -> None:
    """So that whatever uses the registration is made after it; in a nested stack as a parameter, as CDK has it."""
    stack = Stack(App(), "Own", env=_ENV)
    registration = CaRegistration(stack, "Ca", ca_certificate=plans.ca())
    CfnOutput(stack, "Id", value=registration.ca_certificate_id)
    nested = NestedStack(stack, "Nested")
    CfnOutput(nested, "Id", value=registration.ca_certificate_id)
    template = Template.from_stack(stack)
    [logical_id] = template.find_resources("Custom::IotCaCertificate")
    assert template.find_outputs("Id")["Id"]["Value"] == {"Ref": logical_id}
    assert plans.ca().certificate_id not in json.dumps(Template.from_stack(nested).to_json())
