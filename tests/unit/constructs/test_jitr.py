"""Rules of `JitrActivation`: the rule on the CA's event, our Lambda with no more rights than it needs, or a target."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import (
    App,
    Environment,
    Stack,
    aws_dynamodb,
    aws_iam,
    aws_iot,
    aws_kms,
    aws_lambda,
    aws_logs,
    aws_ssm,
)
from aws_cdk.assertions import Annotations, Match, Template

from iot_multiaccount_ca import (
    Admission,
    CaRegistration,
    JitpProvisioningTemplate,
    JitrActivation,
    JitrEnrollment,
    errors,
)
from iot_multiaccount_ca.model.assembly import read_registrations
from jitr_activation.settings import read_settings
from support import plans

HERE = f"{plans.REGION}:{plans.DEV}"
CA_ID = "ab" * 32
FUNCTION_ARN = f"arn:aws:lambda:{HERE}:function:mine"
Action = aws_iot.CfnTopicRule.ActionProperty
TO_QUEUE = Action(
    sqs=aws_iot.CfnTopicRule.SqsActionProperty(queue_url="https://queue", role_arn="arn:aws:iam::1:role/r")
)
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Resource": "arn:{{partition}}:iot:{{region}}:{{account}}:*"}],
}


def _stack(app: App | None = None, region: str = plans.REGION, name: str = "Own") -> Stack:
    return Stack(app or App(), name, env=Environment(account=plans.DEV, region=region))


def _ca(stack: Stack, **how: Any) -> CaRegistration:
    return CaRegistration(stack, "Ca", **{"ca_certificate": plans.ca(), "auto_registration": True, **how})


def _open(**how: Any) -> JitrEnrollment:
    return JitrEnrollment(**{"policy": "devices", "admission": Admission.any_certificate(), **how})


def _activation(stack: Stack, enrollment: JitrEnrollment | None = None, **how: Any) -> JitrActivation:
    return JitrActivation(stack, "Jitr", ca_certificate_id=CA_ID, enrollment=enrollment or _open(), **how)


def _of_kind(stack: Stack, kind: str) -> list[dict[str, Any]]:
    return [each["Properties"] for each in Template.from_stack(stack).find_resources(kind).values()]


def _function(stack: Stack) -> dict[str, Any]:
    [found] = [each for each in _of_kind(stack, "AWS::Lambda::Function") if "activation" in each["Handler"]]
    return found


def _payload(stack: Stack) -> dict[str, Any]:
    [rule] = _of_kind(stack, "AWS::IoT::TopicRule")
    payload: dict[str, Any] = rule["TopicRulePayload"]
    return payload


def _granted(stack: Stack) -> dict[str, Any]:
    """What our Lambda may do: resource by action."""
    [role] = [
        role
        for role in _of_kind(stack, "AWS::IAM::Role")
        if "activation" in role["Description"] and "registrar" not in role["Description"]
    ]
    [policy] = role["Policies"]
    granted = {}
    for statement in policy["PolicyDocument"]["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        for action in actions:
            assert action not in granted
            granted[action] = statement["Resource"]
    return granted


def _attached(stack: Stack) -> dict[str, Any]:
    """What policies beside the inline ones allow: resource by action."""
    return {
        action: statement["Resource"]
        for policy in _of_kind(stack, "AWS::IAM::Policy")
        for statement in policy["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


# --- an allow-list that the app makes -----------------------------------------------------------------------


def test_a_table_of_the_app_is_read_and_its_key_used() -> None:
    """One action on the table, one on the key that it is encrypted with, and the name filled by CloudFormation."""
    stack = _stack()
    key = aws_kms.Key(stack, "Key")
    table = aws_dynamodb.Table(
        stack,
        "Fleet",
        partition_key=aws_dynamodb.Attribute(name="id", type=aws_dynamodb.AttributeType.STRING),
        encryption_key=key,
    )
    _activation(stack, _open(admission=Admission(table=table, table_key="id")))
    [logical_id] = Template.from_stack(stack).find_resources("AWS::DynamoDB::Table")
    [key_id] = Template.from_stack(stack).find_resources("AWS::KMS::Key")
    assert _granted(stack)["dynamodb:GetItem"] == {"Fn::GetAtt": [logical_id, "Arn"]}
    assert _attached(stack) == {"kms:Decrypt": {"Fn::GetAtt": [key_id, "Arn"]}}
    settings = _function(stack)["Environment"]["Variables"]["ENROLLMENT"]["Fn::Join"][1]
    assert {"Ref": logical_id} in settings


def test_a_table_without_a_key_of_its_own_asks_for_no_key() -> None:
    """AWS's own key needs no right."""
    stack = _stack()
    table = aws_dynamodb.TableV2(
        stack,
        "Fleet",
        partition_key=aws_dynamodb.Attribute(name="id", type=aws_dynamodb.AttributeType.STRING),
    )
    _activation(stack, _open(admission=Admission(table=table, table_key="id")))
    assert "dynamodb:GetItem" in _granted(stack)
    assert _attached(stack) == {}


def test_a_parameter_of_the_app_is_read() -> None:
    """By the parameter's own grant."""
    stack = _stack()
    parameter = aws_ssm.StringParameter(stack, "Admitted", string_value="none")
    _activation(stack, _open(admission=Admission(parameter=parameter)))
    assert "ssm:GetParameter" in _attached(stack)
    [logical_id] = Template.from_stack(stack).find_resources("AWS::SSM::Parameter")
    settings = _function(stack)["Environment"]["Variables"]["ENROLLMENT"]["Fn::Join"][1]
    assert {"Ref": logical_id} in settings


def test_the_key_of_a_secure_string_is_granted_to_whatever_role_runs() -> None:
    """Ours, or the user's own."""
    for own in (False, True):
        stack = _stack()
        key = aws_kms.Key(stack, "Key")
        role = aws_iam.Role(stack, "Mine", assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"))
        secret = aws_ssm.StringParameter.from_secure_string_parameter_attributes(
            stack, "Admitted", parameter_name="/fleet/admitted", encryption_key=key
        )
        _activation(stack, _open(admission=Admission(parameter=secret)), role=role if own else None)
        assert {"kms:Decrypt", "ssm:GetParameter"} <= set(_attached(stack))


@pytest.mark.parametrize("kind", ["table", "parameter"])
def test_a_list_of_another_account_or_region_is_refused(kind: str) -> None:
    """The Lambda looks by name, in its own account and region."""
    app = App()
    elsewhere, stack = _stack(app, region="us-east-1", name="Elsewhere"), _stack(app)
    if kind == "parameter":
        admission = Admission(parameter=aws_ssm.StringParameter(elsewhere, "P", string_value="none"))
    else:
        arn = f"arn:aws:dynamodb:{plans.REGION}:222222222222:table/fleet"
        admission = Admission(table=aws_dynamodb.Table.from_table_arn(stack, "T", arn))
    with pytest.raises(errors.EnvironmentMismatchError, match=f"{kind}_name="):
        _activation(stack, _open(admission=admission))


# --- the rule and our Lambda --------------------------------------------------------------------------------


def test_the_rule_listens_to_the_cas_event_and_invokes_our_lambda() -> None:
    """The id is what AWS IoT answered, so the rule is made after the registration."""
    stack = _stack()
    JitrActivation(stack, "Jitr", ca_registration=_ca(stack), enrollment=_open())
    payload = _payload(stack)
    [logical_id] = Template.from_stack(stack).find_resources("Custom::IotCaCertificate")
    topic = "SELECT * FROM '$aws/events/certificates/registered/"
    assert payload["Sql"] == {"Fn::Join": ["", [topic, {"Ref": logical_id}, "'"]]}
    assert payload["AwsIotSqlVersion"] == "2016-03-23"
    [action] = payload["Actions"]
    assert list(action) == ["Lambda"]
    assert _function(stack)["Environment"]["Variables"]["CA_CERTIFICATE_ID"] == {"Ref": logical_id}


def test_only_this_rule_may_invoke_our_lambda() -> None:
    """By its ARN and account: another account's rule is not enough."""
    stack = _stack()
    _activation(stack)
    [permission] = _of_kind(stack, "AWS::Lambda::Permission")
    [rule] = Template.from_stack(stack).find_resources("AWS::IoT::TopicRule")
    assert permission["Principal"] == "iot.amazonaws.com"
    assert permission["SourceAccount"] == plans.DEV
    assert permission["SourceArn"] == {"Fn::GetAtt": [rule, "Arn"]}


def test_what_cannot_be_delivered_or_done_goes_to_one_queue() -> None:
    """By the rule's error action, and by Lambda after three attempts; encrypted, TLS only, kept for 14 days."""
    stack = _stack()
    activation = _activation(stack)
    [queue] = Template.from_stack(stack).find_resources("AWS::SQS::Queue")
    arn = {"Fn::GetAtt": [queue, "Arn"]}
    assert _of_kind(stack, "AWS::SQS::Queue") == [
        {"MessageRetentionPeriod": 1_209_600, "SqsManagedSseEnabled": True}
    ]
    assert _payload(stack)["ErrorAction"]["Sqs"]["QueueUrl"] == {"Ref": queue}
    assert _function(stack)["DeadLetterConfig"] == {"TargetArn": arn}
    [retries] = _of_kind(stack, "AWS::Lambda::EventInvokeConfig")
    assert retries["MaximumRetryAttempts"] == 2
    [policy] = _of_kind(stack, "AWS::SQS::QueuePolicy")
    [statement] = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert activation.dead_letter_queue is not None
    assert activation.dead_letter_queue is activation.dead_letter_queue


def test_the_rules_role_may_send_to_that_queue_alone() -> None:
    """And is assumed for rules of this account and region only."""
    stack = _stack()
    _activation(stack)
    [role] = [role for role in _of_kind(stack, "AWS::IAM::Role") if "topic rule" in role["Description"]]
    [trusted] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "iot.amazonaws.com"}
    assert trusted["Condition"] == {
        "StringEquals": {"aws:SourceAccount": plans.DEV},
        "ArnLike": {"aws:SourceArn": f"arn:aws:iot:{HERE}:rule/*"},
    }
    [policy] = role["Policies"]
    [statement] = policy["PolicyDocument"]["Statement"]
    [queue] = Template.from_stack(stack).find_resources("AWS::SQS::Queue")
    assert statement == {
        "Effect": "Allow",
        "Action": "sqs:SendMessage",
        "Resource": {"Fn::GetAtt": [queue, "Arn"]},
    }


def test_a_lambda_that_makes_no_thing_may_make_none() -> None:
    """Certificates, its log group and its queue: that is all."""
    stack = _stack()
    _activation(stack)
    granted = _granted(stack)
    certificates = f"arn:aws:iot:{HERE}:cert/*"
    assert {action: resource for action, resource in granted.items() if action.startswith("iot:")} == {
        "iot:DescribeCertificate": certificates,
        "iot:AttachPolicy": certificates,
        "iot:UpdateCertificate": certificates,
    }
    assert {action for action in granted if not action.startswith("iot:")} == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "sqs:SendMessage",
    }


@pytest.mark.parametrize(
    ("how", "more"),
    [
        (
            {"thing_name": "sensor-{CommonName}", "thing_groups": ["new", "old"]},
            {
                "iot:AttachThingPrincipal": f"arn:aws:iot:{HERE}:cert/*",
                "iot:CreateThing": f"arn:aws:iot:{HERE}:thing/sensor-*",
                "iot:ListThingPrincipals": f"arn:aws:iot:{HERE}:thing/sensor-*",
                "iot:AddThingToThingGroup": [
                    f"arn:aws:iot:{HERE}:thing/sensor-*",
                    f"arn:aws:iot:{HERE}:thinggroup/new",
                    f"arn:aws:iot:{HERE}:thinggroup/old",
                ],
            },
        ),
        (
            {"admission": Admission(parameter_name="/fleet/admitted")},
            {"ssm:GetParameter": f"arn:aws:ssm:{HERE}:parameter/fleet/admitted"},
        ),
        (
            {"admission": Admission(table_name="fleet")},
            {"dynamodb:GetItem": f"arn:aws:dynamodb:{HERE}:table/fleet"},
        ),
    ],
)
def test_the_role_grows_with_what_is_asked_for(how: dict[str, Any], more: dict[str, Any]) -> None:
    """The things of that name, the one parameter or table; nothing on *."""
    plain, stack = _stack(), _stack()
    _activation(plain)
    _activation(stack, _open(**how))
    granted = _granted(stack)
    assert {action: granted[action] for action in set(granted) - set(_granted(plain))} == more
    assert "*" not in granted.values()


def test_partitions_are_the_regions_own() -> None:
    """In China no ARN says arn:aws:, neither in roles nor in the devices' policy."""
    stack = _stack(region="cn-north-1")
    table = Admission(table_name="fleet")
    _activation(stack, _open(policy=DOCUMENT, thing_name="{CommonName}", admission=table))
    text = json.dumps(Template.from_stack(stack).to_json())
    assert "arn:aws-cn:iot:cn-north-1:111111111111:cert/*" in text
    assert "arn:aws:" not in text


def test_the_lambda_reads_what_the_construct_writes() -> None:
    """One contract, both sides: every condition arrives as it was meant."""
    stack = _stack()
    admission = Admission(
        table_name="fleet", table_key="id", listed_by="SERIAL_NUMBER", subject={"CommonName": "a.*"}
    )
    _activation(
        stack, _open(admission=admission, thing_name="{CommonName}", thing_type="t", thing_groups=["g"])
    )
    settings = read_settings(_function(stack)["Environment"]["Variables"])
    assert settings.ca_certificate_id == CA_ID
    assert settings.policy_name == "devices"
    assert settings.admission.allow_list is not None
    assert vars(settings.admission.allow_list) == {
        "source": "TABLE",
        "name": "fleet",
        "key": "id",
        "by": "SERIAL_NUMBER",
    }
    assert settings.admission.subject == {"CommonName": "a.*"}
    assert settings.thing is not None
    assert vars(settings.thing) == {"name": "{CommonName}", "kind": "t", "groups": ("g",)}


def test_a_policy_document_becomes_a_policy_that_stays() -> None:
    """Devices that were admitted hold it; the Lambda learns its name at deployment."""
    stack = _stack()
    _activation(stack, _open(policy=DOCUMENT))
    [(logical_id, policy)] = Template.from_stack(stack).find_resources("AWS::IoT::Policy").items()
    assert policy["DeletionPolicy"] == "RetainExceptOnCreate"
    assert policy["Properties"]["PolicyDocument"]["Statement"] == [{"Resource": f"arn:aws:iot:{HERE}:*"}]
    assert "PolicyName" not in policy["Properties"]
    assert _function(stack)["Environment"]["Variables"]["POLICY_NAME"] == {"Ref": logical_id}


def test_an_activation_that_admits_nobody_warns() -> None:
    """Closed is the default; that nobody opened it is said at synth."""
    stack = _stack()
    _activation(stack, JitrEnrollment(policy="devices"))
    Annotations.from_stack(stack).has_warning("/Own/Jitr", Match.string_like_regexp("admits nobody"))


def test_role_and_log_group_can_be_the_users_own() -> None:
    """The role gets the grants, before the function is made; no other is made for the Lambda."""
    stack = _stack()
    role = aws_iam.Role.from_role_name(stack, "Mine", "mine")
    logs = aws_logs.LogGroup.from_log_group_name(stack, "MyLogs", "my-logs")
    _activation(stack, role=role, log_group=logs)
    template = Template.from_stack(stack)
    [(policy_id, policy)] = template.find_resources("AWS::IAM::Policy").items()
    assert policy["Properties"]["Roles"] == ["mine"]
    assert "iot:UpdateCertificate" in json.dumps(policy)
    [function] = template.find_resources("AWS::Lambda::Function").values()
    assert policy_id in function["DependsOn"]
    assert function["Properties"]["LoggingConfig"] == {"LogGroup": "my-logs"}
    template.resource_count_is("AWS::Logs::LogGroup", 0)


def test_the_registration_says_that_jitr_enrols_its_devices() -> None:
    """To tools that read the assembly; auto-registration on, and no registration config."""
    app = App()
    stack = _stack(app)
    JitrActivation(stack, "Jitr", ca_registration=_ca(stack), enrollment=_open())
    [record] = read_registrations(app.synth().directory)
    assert (record.jitr, record.auto_registration, record.template_name) == (True, True, None)
    [registration] = _of_kind(stack, "Custom::IotCaCertificate")
    assert registration["AutoRegistration"] == "true"
    assert "RegistrationConfig" not in registration


# --- a target of the user's own -----------------------------------------------------------------------------


def test_a_function_of_the_users_own_gets_the_event_and_the_permission() -> None:
    """And no Lambda of ours is made."""
    stack = _stack()
    mine = aws_lambda.Function.from_function_attributes(
        stack, "Mine", function_arn=FUNCTION_ARN, same_environment=True
    )
    activation = JitrActivation(stack, "Jitr", ca_certificate_id=CA_ID, target=mine)
    assert _payload(stack)["Actions"] == [{"Lambda": {"FunctionArn": FUNCTION_ARN}}]
    [permission] = _of_kind(stack, "AWS::Lambda::Permission")
    assert permission["FunctionName"] == FUNCTION_ARN
    assert _of_kind(stack, "AWS::Lambda::Function") == []
    assert activation.function is None
    assert activation.dead_letter_queue is not None


def test_actions_are_taken_as_they_are() -> None:
    """One or a list of them, and an error action of the user's own: then no queue is made."""
    stack = _stack()
    activation = JitrActivation(
        stack, "Jitr", ca_certificate_id=CA_ID, target=[TO_QUEUE, TO_QUEUE], error_action=TO_QUEUE
    )
    payload = _payload(stack)
    assert [list(each) for each in payload["Actions"]] == [["Sqs"], ["Sqs"]]
    assert payload["ErrorAction"]["Sqs"]["QueueUrl"] == "https://queue"
    assert _of_kind(stack, "AWS::SQS::Queue") == []
    assert activation.dead_letter_queue is None


class _Rule:
    """An action of another library."""

    def bind(self) -> None:
        """As aws_iot_alpha has it."""


@pytest.mark.parametrize(
    "target", ["arn:aws:lambda:x", _Rule(), {"sqs": {}}, [], [TO_QUEUE, None], [TO_QUEUE] * 11]
)
def test_a_target_of_an_unsupported_kind_is_refused(target: Any) -> None:
    """With what may be given instead."""
    with pytest.raises(errors.UnsupportedTargetError, match="allowed: "):
        JitrActivation(_stack(), "Jitr", ca_certificate_id=CA_ID, target=target)
    with pytest.raises(errors.UnsupportedTargetError, match="ActionProperty"):
        _activation(_stack(), error_action="queue")


@pytest.mark.parametrize("how", [{}, {"enrollment": _open(), "target": TO_QUEUE}])
def test_either_our_lambda_decides_or_the_users_target(how: dict[str, Any]) -> None:
    """Both would be two deciders, neither none."""
    with pytest.raises(errors.ExclusiveArgumentsError, match="of enrollment and target"):
        JitrActivation(_stack(), "Jitr", ca_certificate_id=CA_ID, **how)


def test_role_and_log_group_are_for_our_lambda() -> None:
    """Given with a target they would do nothing."""
    stack = _stack()
    role = aws_iam.Role.from_role_name(stack, "Mine", "mine")
    with pytest.raises(errors.UnusedArgumentError, match="not made"):
        JitrActivation(stack, "Jitr", ca_certificate_id=CA_ID, target=TO_QUEUE, role=role)


# --- the CA -------------------------------------------------------------------------------------------------


def test_the_ca_is_named_once() -> None:
    """By its registration or by its id."""
    stack = _stack()
    with pytest.raises(errors.ExclusiveArgumentsError, match="neither"):
        JitrActivation(stack, "A", enrollment=_open())
    with pytest.raises(errors.ExclusiveArgumentsError, match="both"):
        JitrActivation(stack, "B", ca_registration=_ca(stack), ca_certificate_id=CA_ID, enrollment=_open())


@pytest.mark.parametrize(
    "how", [{"ca_certificate_id": "a/#"}, {"ca_certificate_id": 7}, {"ca_registration": "ca"}]
)
def test_a_ca_that_could_not_be_is_refused(how: dict[str, Any]) -> None:
    """Its id stands in the topic filter: nothing else gets in there."""
    with pytest.raises(errors.InvalidTypeError, match="64 hex"):
        JitrActivation(_stack(), "Jitr", enrollment=_open(), **how)


def test_an_enrollment_of_another_kind_is_refused() -> None:
    """Such as a JITP template."""
    with pytest.raises(errors.InvalidTypeError, match="JitrEnrollment"):
        _activation(_stack(), plans.jitp())  # type: ignore[arg-type]


def test_jitr_on_a_ca_with_a_template_is_refused_in_any_order() -> None:
    """Wherever in the app they stand, and however the CA is named."""
    app = App()
    stack = _stack(app)
    template = JitpProvisioningTemplate(stack, "Template", body=plans.jitp())
    ca = _ca(stack, provisioning_template=template)
    with pytest.raises(errors.RivalEnrollmentsError, match="just-in-time provisioning"):
        JitrActivation(stack, "Jitr", ca_registration=ca, enrollment=_open())
    with pytest.raises(errors.RivalEnrollmentsError, match="first connect"):
        JitrActivation(
            _stack(app, name="Other"), "Jitr", ca_certificate_id=plans.ca().certificate_id, target=TO_QUEUE
        )
    other = _stack()
    JitrActivation(other, "Jitr", ca_certificate_id=plans.ca().certificate_id, enrollment=_open())
    with pytest.raises(errors.RivalEnrollmentsError, match="Own/Jitr"):
        _ca(other, provisioning_template="mine")


def test_two_of_our_lambdas_on_one_ca_are_refused() -> None:
    """What one keeps out the other might let in; to be told beside it is another thing."""
    stack = _stack()
    _activation(stack)
    JitrActivation(stack, "Told", ca_certificate_id=CA_ID, target=TO_QUEUE)
    JitrActivation(stack, "ToldAgain", ca_certificate_id=CA_ID, target=TO_QUEUE)
    with pytest.raises(errors.RivalEnrollmentsError, match="Own/Jitr"):
        JitrActivation(stack, "Again", ca_certificate_id=CA_ID, enrollment=_open())


def test_a_registration_without_auto_registration_is_refused() -> None:
    """No event would ever come."""
    stack = _stack()
    with pytest.raises(errors.AutoRegistrationOffError, match="auto_registration=True"):
        JitrActivation(stack, "Jitr", ca_registration=_ca(stack, auto_registration=None), enrollment=_open())


def test_a_ca_registered_elsewhere_is_refused() -> None:
    """The event comes where the CA is registered."""
    app = App()
    ca = _ca(_stack(app))
    with pytest.raises(errors.EnvironmentMismatchError, match="us-east-1"):
        JitrActivation(_stack(app, "us-east-1", "Far"), "Jitr", ca_registration=ca, enrollment=_open())


def test_a_ca_known_at_deployment_only_is_taken() -> None:
    """A Token, such as an imported value."""
    stack = _stack()
    imported = CaRegistration.from_ca_certificate_id(stack, "Ca", CA_ID)
    JitrActivation(stack, "Jitr", ca_registration=imported, enrollment=_open())
    assert CA_ID in _payload(stack)["Sql"]
