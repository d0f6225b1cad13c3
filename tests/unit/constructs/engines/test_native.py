"""Rules of registrations that CloudFormation carries out by itself, without a Lambda."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from aws_cdk import App, Environment, RemovalPolicy, Stack, Tags, aws_iam
from aws_cdk.assertions import Annotations, Match, Template

from iot_multiaccount_ca import (
    CaRegistration,
    CertificateMode,
    JitpProvisioningTemplate,
    RegistrationEngine,
    SharedCa,
    Verification,
    errors,
)
from iot_multiaccount_ca.model.assembly import ca_certificate_pem, read_registrations
from support import plans
from support.certificates import make_ca, make_verification_certificate, registration_code

if TYPE_CHECKING:
    from iot_multiaccount_ca.model.plan.plan import SharedCaPlan

ENV = Environment(account=plans.DEV, region=plans.REGION)
NATIVE = RegistrationEngine.NATIVE
KIND = "AWS::IoT::CACertificate"


def _native(plan: SharedCaPlan) -> tuple[App, SharedCa]:
    app = App()
    return app, SharedCa(app, "FleetCa", plan=plan)


def _template(stack: Stack) -> dict[str, Any]:
    return dict(Template.from_stack(stack).to_json())


def _registration(stack: Stack) -> dict[str, Any]:
    [found] = plans.resources(_template(stack), KIND)
    return found


def test_a_native_stack_is_the_ca_its_template_and_their_role() -> None:
    """No function, no asset, no log group, no other role."""
    _, shared = _native(plans.sni_only_plan(engine=NATIVE))
    kinds = sorted(each["Type"] for each in _template(shared.stacks["dev"])["Resources"].values())
    assert kinds == ["AWS::IAM::Role", KIND, "AWS::IoT::ProvisioningTemplate"]


def test_the_settings_are_cloudformations() -> None:
    """The mode is written out: CloudFormation's own default is DEFAULT."""
    _, shared = _native(plans.sni_only_plan(engine=NATIVE))
    properties = _registration(shared.stacks["dev"])["Properties"]
    template = properties["RegistrationConfig"]["TemplateName"]
    assert template["Ref"].startswith("ProvisioningTemplate")
    assert (properties["CertificateMode"], properties["Status"]) == ("SNI_ONLY", "ACTIVE")
    assert properties["AutoRegistrationStatus"] == "ENABLE"
    assert properties["CACertificatePem"] == plans.ca().pem
    assert "VerificationCertificatePem" not in properties


def test_the_outputs_are_those_of_the_lambda() -> None:
    """What reads them need not know the engine."""
    native, by_lambda = (
        _template(_native(plans.sni_only_plan(engine=engine))[1].stacks["dev"])["Outputs"]
        for engine in (NATIVE, RegistrationEngine.LAMBDA)
    )
    assert native.keys() == by_lambda.keys()


def test_both_engines_have_one_logical_id() -> None:
    """So that a deployment which swaps them is refused whole, and the ownership tags match both ways."""
    ids = {
        engine: [
            logical_id
            for logical_id, each in _template(shared.stacks["dev"])["Resources"].items()
            if each["Type"] in (KIND, "Custom::IotCaCertificate")
        ]
        for engine in (NATIVE, RegistrationEngine.LAMBDA)
        for _, shared in [_native(plans.sni_only_plan(engine=engine))]
    }
    assert ids[NATIVE] == ids[RegistrationEngine.LAMBDA]


def test_a_registrar_elsewhere_knows_whose_it_is() -> None:
    """The registrar's two ownership tags, with the stack's own id, also beside the user's tags and under another id."""
    app = App()
    stack = Stack(app, "Own", env=ENV)
    registration = CaRegistration(stack, "Ca", ca_certificate=plans.ca(), engine=NATIVE)
    resource = registration.node.default_child
    assert resource is not None
    resource.override_logical_id("Renamed")  # type: ignore[attr-defined]
    expected = [
        {"Key": "iot-multiaccount-ca:logical-id", "Value": "Renamed"},
        {"Key": "iot-multiaccount-ca:stack-id", "Value": {"Ref": "AWS::StackId"}},
    ]
    assert _registration(stack)["Properties"]["Tags"] == expected


def test_tags_of_the_app_come_beside_the_ownership_tags() -> None:
    """`Tags.of` works as with the Lambda."""
    app = App()
    stack = Stack(app, "Own", env=ENV)
    CaRegistration(stack, "Ca", ca_certificate=plans.ca(), engine=NATIVE)
    Tags.of(app).add("team", "devices")
    tags = {each["Key"]: each["Value"] for each in _registration(stack)["Properties"]["Tags"]}
    assert tags["team"] == "devices"
    assert tags["iot-multiaccount-ca:stack-id"] == {"Ref": "AWS::StackId"}
    assert tags["iot-multiaccount-ca:logical-id"].startswith("Ca")


@pytest.mark.parametrize("engine", ["NATIVE", "NONE"])
def test_a_tag_that_cloudformation_does_not_take_ends_the_synth(engine: str) -> None:
    """An empty value: AWS IoT's own call has it, the resource type has not."""
    for each, problems in ((engine, 1), ("LAMBDA", 0)):
        stack = Stack(App(), "Own", env=ENV)
        policy = RemovalPolicy.RETAIN if each == "NONE" else RemovalPolicy.DESTROY
        made = CaRegistration(stack, "Ca", ca_certificate=plans.ca(), engine=each, removal_policy=policy)
        made.tags.set_tag("team", "")
        assert len(made.node.validate()) == problems


def test_a_native_owner_brings_its_own_proof() -> None:
    """DEFAULT with a certificate that was signed ahead of time."""
    authority = make_ca("ec-p256", common_name="Fleet CA")
    issued = make_verification_certificate(authority, registration_code())
    proof = Verification.from_pre_issued({"prod": issued})
    _, shared = _native(plans.plan(verification=proof, engine=NATIVE))
    properties = _registration(shared.stacks["prod"])["Properties"]
    assert properties["CertificateMode"] == CertificateMode.DEFAULT
    assert properties["VerificationCertificatePem"].strip() == issued.strip()


@pytest.mark.parametrize(("engine", "keeps"), [(NATIVE, True), (RegistrationEngine.LAMBDA, False)])
def test_a_proof_that_has_expired_is_kept_where_the_ca_is_registered(
    engine: RegistrationEngine, keeps: bool
) -> None:
    """A new one is another resource to CloudFormation, of the same id: advice to sign anew must not lead there."""
    authority = make_ca("ec-p256", common_name="Fleet CA")
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    issued = make_verification_certificate(authority, registration_code(), not_after=yesterday)
    plan = plans.plan(verification=Verification.from_pre_issued({"prod": issued}), engine=engine)
    _, shared = _native(plan)
    [warning] = Annotations.from_stack(shared.stacks["prod"]).find_warning("*", Match.any_value())
    assert ("keep this proof" in str(warning.entry.data)) is keeps


@pytest.mark.parametrize("policy", ["DESTROY", "RETAIN"])
def test_ca_template_and_role_share_their_removal_policy(policy: str) -> None:
    """A template that a CA uses cannot be deleted."""
    _, shared = _native(plans.sni_only_plan(engine=NATIVE, removal_policy=RemovalPolicy[policy]))
    found = _template(shared.stacks["dev"])["Resources"].values()
    wanted = "RetainExceptOnCreate" if policy == "RETAIN" else None
    assert {each.get("DeletionPolicy") for each in found} == {wanted}


def test_a_role_for_a_lambda_that_is_not_made_is_refused() -> None:
    """It would be ignored without a word."""
    stack = Stack(App(), "Own", env=ENV)
    role = aws_iam.Role(stack, "Mine", assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"))
    with pytest.raises(errors.UnusedArgumentError, match="has a role, and its engine"):
        CaRegistration(stack, "Ca", ca_certificate=plans.ca(), engine=NATIVE, role=role)


def test_the_assembly_tells_the_engine_and_the_certificate() -> None:
    """What the command line knows of a registration does not depend on who carries it out."""
    app, _ = _native(plans.sni_only_plan(engine=NATIVE))
    folder = app.synth().directory
    records = read_registrations(folder)
    assert [record.engine for record in records] == ["NATIVE"] * 3
    assert ca_certificate_pem(folder, records[0]) == plans.ca().pem


def test_one_stage_may_have_the_lambda() -> None:
    """A stage's engine beats the plan's; the others stay without."""
    plan = plans.sni_only_plan(engine=NATIVE)
    dev, *others = plan.stages
    _, shared = _native(
        attrs.evolve(plan, stages=[attrs.evolve(dev, engine=RegistrationEngine.LAMBDA), *others])
    )
    assert plans.registrations(_template(shared.stacks["dev"]))
    assert not plans.registrations(_template(shared.stacks["prod"]))


def test_a_template_of_the_users_own_is_named() -> None:
    """Outside of a plan, too."""
    stack = Stack(App(), "Own", env=ENV)
    template = JitpProvisioningTemplate(stack, "Template", body=plans.jitp())
    CaRegistration(stack, "Ca", ca_certificate=plans.ca(), engine=NATIVE, provisioning_template=template)
    assert "RegistrationConfig" in json.loads(json.dumps(_registration(stack)))["Properties"]
