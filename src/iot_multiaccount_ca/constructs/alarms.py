"""Told in time: before a CA expires, and when devices fail to be provisioned. Optional; no other construct makes them.

Schedules, and not Device Defender's audit: its 30 days are fixed, and too late to rotate a fleet.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from aws_cdk import Annotations, Duration, Stack, aws_cloudwatch, aws_iam, aws_scheduler, aws_sqs
from constructs import Construct

from ..errors import InvalidNumberError
from ..model.ca import EXPIRES_SOON_DAYS
from ..model.ca.certificate import CaCertificate
from ..model.checks import check_type
from ..text import counted, plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aws_cdk import aws_sns

#: When to be told, in days before the end: time for a rotation, for its second half, and for the telephone.
DAYS_BEFORE = (EXPIRES_SOON_DAYS, 30, 7)
# A time that passes between synth and deployment is refused by EventBridge Scheduler.
_MARGIN = dt.timedelta(days=1)
_FAILED = 'SELECT SUM("ProvisionThing.ClientError") FROM "AWS/IoT"'


class CaExpiryAlarm(Construct):
    """Publishes to a topic some days before a CA expires, whether or not anybody deploys until then.

    One is enough for a CA, however many stages it is registered in: put it where your other alarms are. The day is
    known at synth, so each notice is a one-time schedule; nothing polls, and nothing runs in between. A notice that
    could not be delivered goes to ``dead_letter_queue`` (14 days, encrypted, TLS only): set an alarm on it.

    Args:
        ca_certificate: the CA that expires.
        topic: in the account and region of the stack; of an encrypted one the key is granted too. A topic that is
            imported by its ARN does not tell its key: import it with ``Topic.from_topic_attributes(key_arn=…)``.
        days_before: when to be told, in days before the end; 90, 30 and 7 by default. Days that have passed are left
            out (synth itself warns from 90 days on).

    ``schedules``: what was made, by days.

    Example: ``CaExpiryAlarm(stack, "Expiry", ca_certificate=plan.ca_certificate, topic=topic)``
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - what CDK calls it
        *,
        ca_certificate: CaCertificate,
        topic: aws_sns.ITopic,
        days_before: Iterable[int] = DAYS_BEFORE,
    ) -> None:
        what = "the CA certificate of the expiry alarm"
        check_type(ca_certificate, CaCertificate, what, "CaCertificate.from_file")
        wanted = _checked_days(days_before)
        super().__init__(scope, id)
        self.schedules: dict[int, aws_scheduler.CfnSchedule] = {}
        #: Where notices end that the topic did not take; None where no notice is still ahead.
        self.dead_letter_queue: aws_sqs.IQueue | None = None
        begin = dt.datetime.now(dt.UTC) + _MARGIN
        ahead = [days for days in wanted if ca_certificate.not_valid_after - dt.timedelta(days=days) > begin]
        if not ahead:
            Annotations.of(self).add_warning_v2(
                "iot-multiaccount-ca:expiry-alarm-too-late",
                f"no notice of {ca_certificate.certificate_id[:16]}… is still ahead: the CA expires on "
                f"{ca_certificate.not_valid_after:%Y-%m-%d}; take the alarm of the next CA",
            )
            return
        self.dead_letter_queue = aws_sqs.Queue(
            self,
            "DeadLetters",
            retention_period=Duration.days(14),
            encryption=aws_sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )
        role = self._scheduler_role(topic, self.dead_letter_queue)
        for days in ahead:
            self.schedules[days] = aws_scheduler.CfnSchedule(
                self,
                f"Before{days}Days",
                description=f"Device CA {ca_certificate.certificate_id[:16]} expires in {counted(days, 'day')}",
                schedule_expression=f"at({ca_certificate.not_valid_after - dt.timedelta(days=days):%Y-%m-%dT%H:%M:%S})",
                schedule_expression_timezone="UTC",
                flexible_time_window=aws_scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
                target=aws_scheduler.CfnSchedule.TargetProperty(
                    arn=topic.topic_arn,
                    role_arn=role.role_arn,
                    input=_notice(ca_certificate, days),
                    dead_letter_config=aws_scheduler.CfnSchedule.DeadLetterConfigProperty(
                        arn=self.dead_letter_queue.queue_arn
                    ),
                ),
            )

    def _scheduler_role(self, topic: aws_sns.ITopic, dead_letters: aws_sqs.IQueue) -> aws_iam.Role:
        """May publish, and report what could not be delivered."""
        role = aws_iam.Role(
            self,
            "Role",
            assumed_by=aws_iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            ),
            description="What tells of a device CA that expires (iot-multiaccount-ca)",
        )
        topic.grant_publish(role)
        dead_letters.grant_send_messages(role)
        return role


class FailedProvisioningAlarm(Construct):
    """Goes off when AWS IoT could not provision a device: a missing field, a policy that does not exist, no rights.

    A device that fails stays PENDING_ACTIVATION and says nothing; the account's metric ``ProvisionThing.ClientError``
    does. One for each account and region: put it into the stage's stack.

    Args:
        topic: told when it goes off and when it is over; by default none: add actions to ``alarm`` then.
        threshold: failures in five minutes at which it goes off; 1 by default.

    Example: ``FailedProvisioningAlarm(shared.stacks["prod"], "Provisioning", topic=topic)``
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - what CDK calls it
        *,
        topic: aws_sns.ITopic | None = None,
        threshold: int = 1,
    ) -> None:
        if isinstance(threshold, bool) or not isinstance(threshold, int) or threshold < 1:
            raise InvalidNumberError(
                "the threshold of the provisioning alarm counts failures",
                value=threshold,
                allowed="1 or more",
            )
        super().__init__(scope, id)
        actions = [topic.topic_arn] if topic is not None else None
        self.alarm = aws_cloudwatch.CfnAlarm(
            self,
            "Resource",
            alarm_description=(
                "AWS IoT could not provision a device (just-in-time provisioning). The cause stands in CloudTrail and "
                "in the AWS IoT log; `iot-ca simulate` shows what a device certificate lacks."
            ),
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=threshold,
            evaluation_periods=1,
            treat_missing_data="notBreaching",
            # A query, not a metric: it finds the metric whatever dimensions AWS gives it.
            metrics=[
                aws_cloudwatch.CfnAlarm.MetricDataQueryProperty(
                    id="failures",
                    expression=_FAILED,
                    period=300,
                    return_data=True,
                    label="devices not provisioned",
                )
            ],
            alarm_actions=actions,
            ok_actions=actions,
        )


def _checked_days(days_before: Iterable[int]) -> list[int]:
    days = sorted(set(days_before), reverse=True)
    if not days or any(isinstance(each, bool) or not isinstance(each, int) or each < 1 for each in days):
        raise InvalidNumberError(
            "days_before of the expiry alarm are whole days before the end",
            value=days,
            allowed="1 or more, at least one",
        )
    return days


def _notice(ca: CaCertificate, days: int) -> str:
    return (
        f"The device CA {plain(ca.subject)} (certificate id {ca.certificate_id}) expires on "
        f"{ca.not_valid_after:%Y-%m-%d}, in {counted(days, 'day')}. From then on AWS IoT registers no device "
        "that it signed. Rotate to the next CA: "
        "make it the plan's ca_certificate, and put this one into retiring (iot-multiaccount-ca)."
    )
