"""Rules of `CaRegistration` and the registrar that the registrations of a stack share."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import App, Aws, Environment, RemovalPolicy, Stack, Stage, aws_iam, aws_logs
from aws_cdk.assertions import Annotations, Match, Template

from iot_multiaccount_ca import (
    CaRegistration,
    CertificateMode,
    JitpProvisioningTemplate,
    OnExisting,
    SharedCa,
    Verification,
    errors,
)
from support import plans

ENV = Environment(account=plans.DEV, region=plans.REGION)


def _stack(app: App | None = None, name: str = "Own") -> Stack:
    return Stack(app or App(), name, env=ENV)


def _registration(stack: Stack, name: str = "Ca", **settings: Any) -> CaRegistration:
    return CaRegistration(stack, name, **{"ca_certificate": plans.ca(), **settings})


def _properties(stack: Stack) -> dict[str, Any]:
    [found] = Template.from_stack(stack).find_resources("Custom::IotCaCertificate").values()
    properties: dict[str, Any] = found["Properties"]
    return properties


def _statements(stack: Stack, kind: str = "AWS::IAM::Role") -> list[dict[str, Any]]:
    template = Template.from_stack(stack)
    documents = []
    for each in template.find_resources(kind).values():
        properties = each["Properties"]
        documents += [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        documents += [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
    return [statement for document in documents for statement in document["Statement"]]


def _actions(stack: Stack) -> set[str]:
    found: set[str] = set()
    for statement in _statements(stack):
        action = statement["Action"]
        found |= {action} if isinstance(action, str) else set(action)
    return found


def test_a_registration_is_sni_only_unless_told() -> None:
    """What AWS recommends is the default, with everything spelled out for the Lambda."""
    stack = _stack()
    registration = _registration(stack)
    properties = _properties(stack)
    assert registration.certificate_mode is CertificateMode.SNI_ONLY
    assert {
        key: value for key, value in properties.items() if key not in ("ServiceToken", "CaCertificatePem")
    } == {
        "ServiceTimeout": 420,
        "CertificateId": plans.ca().certificate_id,
        "CertificateMode": "SNI_ONLY",
        "Active": "true",
        "AutoRegistration": "false",
        "AllowModeChange": "false",
        "OnExisting": "FAIL",
    }


def test_the_settings_arrive_at_the_lambda() -> None:
    """Each setting has its property."""
    stack = _stack()
    _registration(
        stack,
        active=False,
        auto_registration=True,
        allow_mode_change=True,
        on_existing=OnExisting.ADOPT,
        adopt_from_stack="Older",
        provisioning_template="fleet-jitp",
    )
    properties = _properties(stack)
    assert properties["Active"] == "false"
    assert properties["AutoRegistration"] == "true"
    assert properties["AllowModeChange"] == "true"
    assert properties["OnExisting"] == "ADOPT"
    assert properties["AdoptFromStack"] == "Older"
    assert properties["RegistrationConfig"] == {"TemplateName": "fleet-jitp"}


def test_the_service_token_is_the_function_itself() -> None:
    """No Provider framework: one function, and nothing between it and CloudFormation."""
    stack = _stack()
    _registration(stack)
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::Lambda::Function", 1)
    [logical_id] = template.find_resources("AWS::Lambda::Function")
    assert _properties(stack)["ServiceToken"] == {
        "Fn::Join": ["", [f"arn:aws:lambda:{plans.REGION}:{plans.DEV}:function:", {"Ref": logical_id}]]
    }


def test_the_registrars_logical_ids_are_constant() -> None:
    """A ServiceToken cannot change: neither mode, nor verification, nor the place in the tree moves the function."""
    plain, proving, nested = _stack(), _stack(), Stack(Stage(App(), "S"), "Other", env=ENV)
    _registration(plain)
    _registration(proving, certificate_mode="DEFAULT", verification=plans.PROOF)
    _registration(nested)
    for stack in (plain, proving, nested):
        [logical_id] = Template.from_stack(stack).find_resources("AWS::Lambda::Function")
        assert logical_id == "IotCaRegistrar56DA72A7"


def test_lambda_does_not_retry_by_itself() -> None:
    """A crashed Create would run again after its roll-back; the registration waits for this setting."""
    stack = _stack()
    _registration(stack)
    template = Template.from_stack(stack)
    [(logical_id, config)] = template.find_resources("AWS::Lambda::EventInvokeConfig").items()
    assert config["Properties"]["MaximumRetryAttempts"] == 0
    assert config["Properties"]["MaximumEventAgeInSeconds"] == 60
    template.has_resource("Custom::IotCaCertificate", {"DependsOn": [logical_id]})


def test_cloudformation_waits_longer_than_the_lambda_can_run() -> None:
    """ServiceTimeout is the Lambda's timeout and 120 s at least, so that silence fails in minutes."""
    stack = _stack()
    _registration(stack)
    [function] = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
    assert _properties(stack)["ServiceTimeout"] >= function["Properties"]["Timeout"] + 120
    assert function["Properties"]["Runtime"] == "python3.13"


def test_logs_are_kept_for_a_while_and_the_role_makes_no_others() -> None:
    """A log group with retention; the role writes into it and cannot create groups."""
    stack = _stack()
    _registration(stack)
    Template.from_stack(stack).has_resource_properties("AWS::Logs::LogGroup", {"RetentionInDays": 365})
    assert "logs:CreateLogGroup" not in _actions(stack)


def test_an_sni_only_role_can_use_no_key() -> None:
    """Neither a secret, nor KMS, nor a private CA, nor the registration code."""
    stack = _stack()
    _registration(stack)
    services = {action.split(":")[0] for action in _actions(stack)}
    assert services == {"cloudformation", "iot", "logs"}
    assert "iot:GetRegistrationCode" not in _actions(stack)


def test_the_owners_role_can_read_exactly_the_one_secret() -> None:
    """A name grants the secret of that name with AWS's six random characters, and only in its own account."""
    stack = _stack()
    _registration(stack, certificate_mode="DEFAULT", verification=plans.PROOF)
    [found] = [each for each in _statements(stack) if "secretsmanager" in str(each["Action"])]
    assert found["Action"] == "secretsmanager:GetSecretValue"
    assert found["Resource"] == (
        f"arn:aws:secretsmanager:{plans.REGION}:{plans.DEV}:secret:fleet-ca/private-key-??????"
    )


def test_ca_calls_are_granted_on_cas_of_the_account_and_region() -> None:
    """Only what knows no resource has *."""
    stack = _stack()
    _registration(stack)
    wide = [each["Action"] for each in _statements(stack) if each["Resource"] == "*"]
    assert wide == [["iot:RegisterCACertificate", "iot:ListCACertificates"]]
    [narrow] = [each for each in _statements(stack) if "iot:DeleteCACertificate" in each["Action"]]
    assert narrow["Resource"] == f"arn:aws:iot:{plans.REGION}:{plans.DEV}:cacert/*"


def test_pass_role_is_for_the_provisioning_role_and_iot_only() -> None:
    """PassRole on one role, to one service."""
    stack = _stack()
    _registration(stack, provisioning_template=JitpProvisioningTemplate(stack, "Jitp", body=plans.jitp()))
    [found] = [each for each in _statements(stack) if each["Action"] == "iam:PassRole"]
    [role] = [i for i in Template.from_stack(stack).find_resources("AWS::IAM::Role") if i.startswith("Jitp")]
    assert found["Resource"] == {"Fn::GetAtt": [role, "Arn"]}
    assert found["Condition"] == {"StringEquals": {"iam:PassedToService": "iot.amazonaws.com"}}


def test_two_cas_of_a_stack_share_one_lambda_and_its_role_grows() -> None:
    """The second one's secret is added, and what both need stands there once."""
    stack = _stack()
    _registration(stack)
    proof = Verification.from_secret("other/key")
    _registration(
        stack, "Other", ca_certificate=plans.ca("Other CA"), certificate_mode="DEFAULT", verification=proof
    )
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::Lambda::Function", 1)
    template.resource_count_is("Custom::IotCaCertificate", 2)
    assert {"secretsmanager:GetSecretValue", "iot:GetRegistrationCode"} <= _actions(stack)


def test_only_a_signing_lambda_carries_cryptography() -> None:
    """The package follows what the registrations need, whichever comes first."""

    def code(stack: Stack) -> str:
        [function] = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
        key: str = function["Properties"]["Code"]["S3Key"]
        return key

    plain, signing, grown = _stack(), _stack(), _stack()
    _registration(plain)
    _registration(signing, certificate_mode="DEFAULT", verification=plans.PROOF)
    _registration(grown)
    _registration(
        grown,
        "Other",
        ca_certificate=plans.ca("Other CA"),
        certificate_mode="DEFAULT",
        verification=plans.PROOF,
    )
    assert code(plain) != code(signing) == code(grown)


def test_a_role_of_the_users_own_gets_the_grants() -> None:
    """The policy is attached to it, and the registration waits for the policy."""
    stack = _stack()
    role = aws_iam.Role.from_role_name(stack, "Mine", "my-role")
    _registration(stack, role=role)
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::IAM::Role", 0)
    template.has_resource_properties("AWS::IAM::Policy", {"Roles": ["my-role"]})
    [policy] = template.find_resources("AWS::IAM::Policy")
    [registration] = template.find_resources("Custom::IotCaCertificate").values()
    assert policy in registration["DependsOn"]
    assert any(
        "iot:RegisterCACertificate" in each["Action"] for each in _statements(stack, "AWS::IAM::Policy")
    )


def test_a_log_group_of_the_users_own_is_used() -> None:
    """No second one is made."""
    stack = _stack()
    _registration(stack, log_group=aws_logs.LogGroup(stack, "Mine"))
    Template.from_stack(stack).resource_count_is("AWS::Logs::LogGroup", 1)


def test_a_second_role_for_the_one_lambda_is_refused() -> None:
    """All registrations of a stack share it."""
    stack = _stack()
    _registration(stack)
    role = aws_iam.Role.from_role_name(stack, "Mine", "my-role")
    with pytest.raises(errors.SharedFunctionError, match="share one Lambda"):
        _registration(stack, "Other", ca_certificate=plans.ca("Other CA"), role=role)


def test_retain_is_retain_except_on_create() -> None:
    """A registration that stays when the stack goes, but not when its Create fails."""
    stack = _stack()
    _registration(stack, removal_policy=RemovalPolicy.RETAIN)
    Template.from_stack(stack).has_resource(
        "Custom::IotCaCertificate",
        {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"},
    )


def test_what_stays_on_a_template_that_goes_is_refused() -> None:
    """AWS IoT deletes no template that a CA uses: the stack's deletion would fail."""
    stack = _stack()
    going = JitpProvisioningTemplate(stack, "Going", body=plans.jitp())
    with pytest.raises(errors.RemovalPolicyConflictError, match="RemovalPolicy.RETAIN too"):
        _registration(stack, provisioning_template=going, removal_policy=RemovalPolicy.RETAIN)
    staying = JitpProvisioningTemplate(
        stack, "Staying", body=plans.jitp(), removal_policy=RemovalPolicy.RETAIN
    )
    _registration(stack, provisioning_template=staying, removal_policy=RemovalPolicy.RETAIN)
    _registration(
        stack, "Other", ca_certificate=plans.ca("B"), provisioning_template="theirs", removal_policy="RETAIN"
    )


def test_the_default_child_is_the_custom_resource() -> None:
    """The CDK's escape hatch works as everywhere."""
    stack = _stack()
    child = _registration(stack).node.default_child
    assert getattr(child, "cfn_resource_type", None) == "Custom::IotCaCertificate"


def test_id_and_arn_are_what_cloudformation_answers() -> None:
    """References to the registration wait for it."""
    stack = _stack()
    registration = _registration(stack)
    [logical_id] = Template.from_stack(stack).find_resources("Custom::IotCaCertificate")
    assert stack.resolve(registration.ca_certificate_id) == {"Ref": logical_id}
    assert stack.resolve(registration.ca_certificate_arn) == {
        "Fn::Join": ["", [f"arn:aws:iot:{plans.REGION}:{plans.DEV}:cacert/", {"Ref": logical_id}]]
    }


def test_a_registration_can_be_referred_to_by_its_id() -> None:
    """The ARN is of the stack's account and region."""
    stack = _stack()
    found = CaRegistration.from_ca_certificate_id(stack, "Known", "ab" * 32)
    assert found.ca_certificate_id == "ab" * 32
    assert f":iot:{plans.REGION}:{plans.DEV}:cacert/{'ab' * 32}" in str(
        stack.resolve(found.ca_certificate_arn)
    )


@pytest.mark.parametrize("given", ["", "AB" * 32, "ab" * 31, "arn:aws:iot:eu-west-1:1:cacert/1", None])
def test_a_registration_is_referred_to_by_what_can_be_an_id(given: Any) -> None:
    """As JitrActivation takes it: another text names no CA, and its ARN grants nothing."""
    with pytest.raises(errors.InvalidTypeError, match="64 hex digits"):
        CaRegistration.from_ca_certificate_id(_stack(), "Known", given)


def test_a_pre_issued_certificate_that_expired_is_a_warning() -> None:
    """A new registration would be refused, one that stands needs none: its stack can still be deployed."""
    import datetime as dt

    from support.certificates import make_ca, make_verification_certificate, registration_code

    long_ago = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    authority = make_ca("ec-p256", common_name="Fleet CA")
    issued = make_verification_certificate(
        authority, registration_code(), not_before=long_ago, not_after=long_ago + dt.timedelta(days=1)
    )
    stack = _stack()
    proof = Verification.from_pre_issued({"dev": issued})
    _registration(stack, certificate_mode="DEFAULT", verification=proof)
    Annotations.from_stack(stack).has_warning(
        "*", Match.string_like_regexp("signed anew for registration code")
    )
    Annotations.from_stack(stack).has_no_error("*", Match.any_value())


def test_what_another_account_must_grant_is_printed() -> None:
    """A secret of another account: the policy that its owners add stands in the synth's output."""
    stack = _stack()
    arn = "arn:aws:secretsmanager:eu-west-1:999999999999:secret:fleet-ca-AbCdEf"
    key = "arn:aws:kms:eu-west-1:999999999999:key/11111111-2222-3333-4444-555555555555"
    proof = Verification.from_secret(arn, encryption_key_arn=key)
    _registration(stack, certificate_mode="DEFAULT", verification=proof)
    Annotations.from_stack(stack).has_info("*", Match.string_like_regexp("another account owns"))


# --- what is refused ----------------------------------------------------------------------------------------------


def _refused(kind: type[errors.SharedCaError], **settings: Any) -> str:
    with pytest.raises(kind) as caught:
        _registration(_stack(), **settings)
    assert type(caught.value) is kind
    return str(caught.value)


def test_an_environment_agnostic_stack_is_refused() -> None:
    """Who owns DEFAULT cannot be proved for an unknown account."""
    with pytest.raises(errors.EnvironmentAgnosticError, match="env="):
        _registration(Stack(App(), "Anywhere"))


@pytest.mark.parametrize(
    ("account", "region", "kind"),
    [
        ("1234", plans.REGION, errors.InvalidAccountError),
        (plans.DEV, "Ireland", errors.InvalidRegionError),
        (plans.DEV, "eu-west-1a", errors.InvalidRegionError),
    ],
)
def test_a_stack_that_stands_nowhere_is_refused(
    account: str, region: str, kind: type[errors.SharedCaError]
) -> None:
    """As a stage of a plan is: the CDK takes any text for an account or a region."""
    stack = Stack(App(), "Nowhere", env=Environment(account=account, region=region))
    with pytest.raises(kind, match="stack Nowhere"):
        _registration(stack)


def test_default_without_verification_is_refused_here_too() -> None:
    """As in a plan."""
    _refused(errors.MissingVerificationError, certificate_mode=CertificateMode.DEFAULT)


def test_sni_only_with_verification_is_refused() -> None:
    """AWS takes no proof in this mode; the role shall not have the right for nothing."""
    _refused(errors.UnusedVerificationError, verification=plans.PROOF)


def test_a_template_without_auto_registration_is_refused() -> None:
    """No device would ever be provisioned."""
    _refused(errors.AutoRegistrationOffError, provisioning_template="fleet", auto_registration=False)


def test_adopt_from_stack_without_adopt_is_refused() -> None:
    """The one means nothing without the other."""
    _refused(errors.AdoptionNotAllowedError, adopt_from_stack="Older")


@pytest.mark.parametrize(
    ("named", "error"),
    [
        ({"adopt_from_stack": "*"}, errors.InvalidNameError),
        ({"adopt_from_stack": Aws.STACK_ID}, errors.InvalidNameError),
        ({"adopt_template_role_arn": "arn:aws:iam::999999999999:role/r"}, errors.ForeignAdoptionError),
    ],
    ids=["every stack", "a Token", "another account's role"],
)
def test_what_is_adopted_from_is_named(named: dict[str, Any], error: type[Exception]) -> None:
    """The registrar's role may ask about it, or pass it: no pattern, and nothing of elsewhere."""
    with pytest.raises(error):
        _registration(_stack(), on_existing="ADOPT", **named)


@pytest.mark.parametrize("ca", ["-----BEGIN CERTIFICATE-----", None])
def test_a_ca_of_another_kind_is_refused(ca: Any) -> None:
    """Text is not a CaCertificate."""
    _refused(errors.InvalidTypeError, ca_certificate=ca)


def test_a_template_of_another_kind_is_refused() -> None:
    """A body is not a template yet."""
    _refused(errors.InvalidTypeError, provisioning_template=plans.jitp())


def test_an_unknown_mode_is_refused() -> None:
    """As in a stage."""
    _refused(errors.InvalidCertificateModeError, certificate_mode="BOTH")


def test_a_bad_template_name_is_refused() -> None:
    """AWS takes 1 to 36 of a small alphabet."""
    _refused(errors.InvalidNameError, provisioning_template="fleet template")


def test_default_in_two_accounts_is_refused_wherever_they_stand() -> None:
    """A SharedCa in a Stage and a bare registration in a stack of its own."""
    app = App()
    SharedCa(Stage(app, "Prod"), "FleetCa", plan=plans.plan())
    stack = Stack(app, "Own", env=Environment(account="444444444444", region=plans.REGION))
    with pytest.raises(errors.MultipleDefaultOwnersError, match="Prod/FleetCa/prod"):
        _registration(stack, certificate_mode="DEFAULT", verification=plans.PROOF)
