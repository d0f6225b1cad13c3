"""Rules of the alarms: told before a CA expires, and when provisioning fails."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack, aws_kms, aws_sns
from aws_cdk.assertions import Annotations, Match, Template

from iot_multiaccount_ca.constructs.alarms import CaExpiryAlarm, FailedProvisioningAlarm
from iot_multiaccount_ca.errors import InvalidNumberError, InvalidTypeError
from iot_multiaccount_ca.model.ca.certificate import CaCertificate
from support import plans

SCHEDULE = "AWS::Scheduler::Schedule"


def _stack() -> Stack:
    return Stack(App(), "Alarms", env=Environment(account=plans.DEV, region=plans.REGION))


def _ca(days_left: int) -> CaCertificate:
    now = dt.datetime.now(dt.UTC)
    return plans.ca(
        not_before=now - dt.timedelta(days=400),
        not_after=now + dt.timedelta(days=days_left, hours=1),
    )


def _expiry(days_left: int, **how: Any) -> tuple[Stack, CaExpiryAlarm]:
    stack = _stack()
    topic = aws_sns.Topic.from_topic_arn(stack, "Topic", f"arn:aws:sns:{plans.REGION}:{plans.DEV}:alarms")
    return stack, CaExpiryAlarm(stack, "Expiry", ca_certificate=_ca(days_left), topic=topic, **how)


def test_notices_are_sent_90_30_and_7_days_before() -> None:
    """One-time schedules: the day is known at synth, and nothing polls."""
    stack, _ = _expiry(365)
    now = dt.datetime.now(dt.UTC)
    expressions = {
        resource["Properties"]["ScheduleExpression"]
        for resource in Template.from_stack(stack).find_resources(SCHEDULE).values()
    }
    expected = {f"{now + dt.timedelta(days=365 - days, hours=1):%Y-%m-%d}" for days in (90, 30, 7)}
    assert {expression[3:13] for expression in expressions} == expected
    assert all(expression.startswith("at(") for expression in expressions)


def test_a_notice_names_the_ca_and_its_last_day() -> None:
    """Whoever reads it needs no look-up."""
    stack, _ = _expiry(365, days_before=[30])
    [schedule] = Template.from_stack(stack).find_resources(SCHEDULE).values()
    said = schedule["Properties"]["Target"]["Input"]
    ca = _ca(365)
    assert ca.subject in said
    assert f"{ca.not_valid_after:%Y-%m-%d}, in 30 days" in said


def test_days_that_have_passed_are_left_out() -> None:
    """EventBridge Scheduler refuses a time in the past, and the deployment would fail."""
    _, alarm = _expiry(40)
    assert sorted(alarm.schedules) == [7, 30]


def test_a_day_that_passes_before_the_deployment_may_is_left_out() -> None:
    """Between synth and deployment lies time."""
    _, alarm = _expiry(30)
    assert sorted(alarm.schedules) == [7]


def test_an_alarm_that_comes_too_late_warns() -> None:
    """No schedule, no role, and a warning at synth; no failing deployment."""
    stack, alarm = _expiry(3)
    assert alarm.schedules == {}
    template = Template.from_stack(stack)
    template.resource_count_is(SCHEDULE, 0)
    template.resource_count_is("AWS::IAM::Role", 0)
    Annotations.from_stack(stack).has_warning("/Alarms/Expiry", Match.string_like_regexp("no notice of"))


def test_the_schedulers_role_may_publish_to_the_topic_alone() -> None:
    """And is assumed by the scheduler for this account only."""
    stack, _ = _expiry(365)
    [role] = Template.from_stack(stack).find_resources("AWS::IAM::Role").values()
    [trusted] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trusted["Condition"] == {"StringEquals": {"aws:SourceAccount": plans.DEV}}
    published = [each for each in _granted(stack) if each["Action"] == "sns:Publish"]
    assert [each["Resource"] for each in published] == [f"arn:aws:sns:{plans.REGION}:{plans.DEV}:alarms"]


def _granted(stack: Stack) -> list[dict[str, Any]]:
    [policy] = Template.from_stack(stack).find_resources("AWS::IAM::Policy").values()
    statements: list[dict[str, Any]] = policy["Properties"]["PolicyDocument"]["Statement"]
    return statements


def test_the_key_of_an_encrypted_topic_is_granted() -> None:
    """Without it the scheduler's notice is refused, and nobody is told that nobody was told."""
    stack = _stack()
    key = aws_kms.Key(stack, "Key")
    topic = aws_sns.Topic(stack, "Topic", master_key=key)
    CaExpiryAlarm(stack, "Expiry", ca_certificate=_ca(365), topic=topic)
    [granted] = [each for each in _granted(stack) if "kms:Decrypt" in each["Action"]]
    assert granted["Resource"] == stack.resolve(key.key_arn)
    assert "kms:GenerateDataKey*" in granted["Action"]


def test_a_notice_that_is_not_delivered_is_kept() -> None:
    """Each schedule has the queue, and the role may send to it."""
    stack, alarm = _expiry(365)
    template = Template.from_stack(stack)
    [queue] = template.find_resources("AWS::SQS::Queue")
    arn = {"Fn::GetAtt": [queue, "Arn"]}
    for schedule in template.find_resources(SCHEDULE).values():
        assert schedule["Properties"]["Target"]["DeadLetterConfig"] == {"Arn": arn}
    assert any("sqs:SendMessage" in each["Action"] and each["Resource"] == arn for each in _granted(stack))
    assert alarm.dead_letter_queue is not None


@pytest.mark.parametrize("days", [[], [0], [-1], [True], ["30"]])
def test_days_before_are_whole_and_positive(days: list[Any]) -> None:
    """Anything else is told at once."""
    with pytest.raises(InvalidNumberError, match="whole days before"):
        _expiry(365, days_before=days)


def test_the_expiry_alarm_takes_a_ca_certificate() -> None:
    """Not a path, nor PEM."""
    stack = _stack()
    with pytest.raises(InvalidTypeError, match=r"CaCertificate\.from_file"):
        CaExpiryAlarm(stack, "Expiry", ca_certificate="ca.pem", topic=aws_sns.Topic(stack, "T"))  # type: ignore[arg-type]


def test_failed_provisioning_is_found_whatever_its_dimensions() -> None:
    """A Metrics Insights query over the namespace: which dimensions AWS gives the metric is not documented."""
    stack = _stack()
    FailedProvisioningAlarm(stack, "Provisioning", topic=aws_sns.Topic(stack, "Topic"))
    Template.from_stack(stack).has_resource_properties(
        "AWS::CloudWatch::Alarm",
        {
            "Metrics": [
                Match.object_like(
                    {"Expression": 'SELECT SUM("ProvisionThing.ClientError") FROM "AWS/IoT"', "Period": 300}
                )
            ],
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [Match.any_value()],
            "OKActions": [Match.any_value()],
        },
    )


def test_failed_provisioning_without_a_topic_has_no_actions() -> None:
    """The user's own come on top."""
    stack = _stack()
    FailedProvisioningAlarm(stack, "Provisioning", threshold=5)
    Template.from_stack(stack).has_resource_properties(
        "AWS::CloudWatch::Alarm", {"AlarmActions": Match.absent(), "Threshold": 5}
    )


@pytest.mark.parametrize("threshold", [0, -1, True, "1", 1.5])
def test_the_threshold_counts_failures(threshold: Any) -> None:
    """A whole number, 1 or more."""
    with pytest.raises(InvalidNumberError, match="counts failures"):
        FailedProvisioningAlarm(_stack(), "Provisioning", threshold=threshold)
