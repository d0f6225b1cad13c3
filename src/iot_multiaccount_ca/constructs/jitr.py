"""Just-in-time registration (JITR) of one CA: the topic rule on its registered event, and what the event goes to.

Either our activation Lambda, which admits devices as a `JitrEnrollment` says, or a target of the user's own.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from aws_cdk import Annotations, Token, aws_iam, aws_iot, aws_lambda, aws_sqs
from constructs import Construct

from ..errors import (
    AutoRegistrationOffError,
    EnvironmentMismatchError,
    ExclusiveArgumentsError,
    InvalidTypeError,
    UnsupportedTargetError,
    UnusedArgumentError,
)
from ..model.assembly import JITR_METADATA_TYPE
from ..model.checks import is_certificate_id
from ..model.jitr.enrollment import JitrEnrollment
from ..model.jitr.settings import CA_VARIABLE, ENROLLMENT_VARIABLE, POLICY_VARIABLE, rule_sql
from ..model.policies import allow, document, trust
from ..model.target import is_token
from .activation_function import ActivationFunction
from .allow_list import check_list, grant_list
from .place import Place
from .provisioning_template import retained
from .registration import CaRegistration
from .registry import Enrollment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_logs

    from .registration import ICaRegistration

Action = aws_iot.CfnTopicRule.ActionProperty
_SQL_VERSION = "2016-03-23"
_KEPT_SECONDS = 14 * 24 * 3600


class JitrActivation(Construct):
    """Enrolls unknown devices of one CA by just-in-time registration.

    Args:
        ca_registration: a `CaRegistration` with ``auto_registration=True`` and without a provisioning template, or what
            `CaRegistration.from_ca_certificate_id` gives.
        ca_certificate_id: instead of it, the id of a CA that is registered otherwise: 64 hex digits, or a Token.
        enrollment: a `JitrEnrollment`; our Lambda activates whom it admits, and gives them policy and thing.
        target: instead of it, a Lambda function of your own (it gets the permission it needs), an
            ``aws_iot.CfnTopicRule.ActionProperty``, or a list of either; what an action needs (a role, a permission) is
            yours.
        error_action: replaces the dead-letter queue for what the rule could not deliver; by default
            ``dead_letter_queue`` (14 days, encrypted, TLS only), which also gets what our Lambda failed at three times.
        role: of your own, for our Lambda; by default one that may do what the enrollment needs. Needed where an
            allow-list that is given by name alone is encrypted with a key of yours.
        log_group: of your own, for our Lambda; by default one that keeps a year.

    Raises a `SharedCaError`; among them `RivalEnrollmentsError` for a CA that has a provisioning template.
    See "Just-in-time registration" in the AWS IoT developer guide.

    Example: ``JitrActivation(stack, "Jitr", ca_registration=ca, enrollment=JitrEnrollment(policy="devices"))``
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - what CDK calls it
        *,
        ca_registration: ICaRegistration | None = None,
        ca_certificate_id: str | None = None,
        enrollment: JitrEnrollment | None = None,
        target: aws_lambda.IFunction | Action | Sequence[aws_lambda.IFunction | Action] | None = None,
        error_action: Action | None = None,
        role: aws_iam.IRole | None = None,
        log_group: aws_logs.ILogGroup | None = None,
    ) -> None:
        ca_id = _ca_id(ca_registration, ca_certificate_id)
        targets = _check_targets(enrollment, target)
        _check_error_action(error_action)
        if enrollment is None and (role is not None or log_group is not None):
            raise UnusedArgumentError(
                "the JitrActivation has a target, and a role or log_group for a Lambda that is not made",
                fix="leave role and log_group out: they are for our Lambda, which an enrollment makes",
            )
        place = Place.of(scope, id)
        super().__init__(scope, id)
        _claim(
            self,
            place,
            ca_registration,
            ca_id,
            Enrollment.EVENT if enrollment is None else Enrollment.ACTIVATION,
        )
        self._place = place
        self._queue: aws_sqs.CfnQueue | None = None
        self._imported_queue: aws_sqs.IQueue | None = None
        #: Our Lambda; None where the event goes to a target of the user's own.
        self.function: ActivationFunction | None = None
        if enrollment is not None or error_action is None:
            self._make_queue()
        if enrollment is not None:
            self.function = self._activation(ca_id, enrollment, role, log_group)
            targets = [self.function.arn]
        #: The topic rule.
        self.rule = self._make_rule(ca_id, targets, error_action)
        if isinstance(ca_registration, CaRegistration):
            told = enrollment.settings() if enrollment is not None else True
            ca_registration.node.add_metadata(JITR_METADATA_TYPE, told)

    def _make_rule(
        self, ca_id: str, targets: Sequence[str | Action], error_action: Action | None
    ) -> aws_iot.CfnTopicRule:
        """The topic rule, and the permission to call each of the targets that is a function, given by its ARN."""
        rule = aws_iot.CfnTopicRule(
            self,
            "Resource",
            topic_rule_payload=aws_iot.CfnTopicRule.TopicRulePayloadProperty(
                sql=rule_sql(ca_id),
                aws_iot_sql_version=_SQL_VERSION,
                description="Registered device certificates of one CA (iot-multiaccount-ca)",
                actions=[_to_lambda(each) if isinstance(each, str) else each for each in targets],
                error_action=error_action or self._to_queue(),
            ),
        )
        for number, function in enumerate(each for each in targets if isinstance(each, str)):
            aws_lambda.CfnPermission(
                self,
                f"MayInvoke{number or ''}",
                action="lambda:InvokeFunction",
                function_name=function,
                principal="iot.amazonaws.com",
                source_account=self._place.account,
                source_arn=rule.attr_arn,
            )
        return rule

    @property
    def dead_letter_queue(self) -> aws_sqs.IQueue | None:
        """The queue for events that could not be delivered or handled; None where ``error_action`` replaces it."""
        if self._queue is not None and self._imported_queue is None:
            self._imported_queue = aws_sqs.Queue.from_queue_arn(
                self, "ImportedDeadLetters", self._queue.attr_arn
            )
        return self._imported_queue

    def _activation(
        self,
        ca_id: str,
        enrollment: JitrEnrollment,
        role: aws_iam.IRole | None,
        log_group: aws_logs.ILogGroup | None,
    ) -> ActivationFunction:
        place = self._place
        queue = cast("aws_sqs.CfnQueue", self._queue)
        if enrollment.admission.closed:
            Annotations.of(self).add_warning_v2(
                "iot-multiaccount-ca:nobody-is-admitted",
                "just-in-time registration admits nobody: give the JitrEnrollment an Admission with a list or a rule",
            )
        resolved = enrollment.resolve_policy(
            account=place.account, region=place.region, partition=place.partition
        )
        check_list(enrollment.admission, place, self.node.path)
        policy_name = enrollment.policy_name
        if resolved is not None:
            policy = aws_iot.CfnPolicy(self, "DevicePolicy", policy_document=resolved)
            # Devices that were admitted hold it: without it they could do nothing, and AWS would not delete it.
            retained(policy)
            policy_name = policy.ref
        function = ActivationFunction(
            self,
            "Function",
            place=place,
            enrollment=enrollment,
            environment={
                CA_VARIABLE: ca_id,
                ENROLLMENT_VARIABLE: json.dumps(enrollment.settings(), sort_keys=True, separators=(",", ":")),
                POLICY_VARIABLE: str(policy_name),
            },
            dead_letters=queue.attr_arn,
            role=role,
            log_group=log_group,
        )
        if enrollment.admission.parameter is not None or enrollment.admission.table is not None:
            grant_list(enrollment.admission, function.grant_principal())
        return function

    def _make_queue(self) -> None:
        queue = aws_sqs.CfnQueue(
            self, "DeadLetters", message_retention_period=_KEPT_SECONDS, sqs_managed_sse_enabled=True
        )
        statement = {
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": "sqs:*",
            "Resource": queue.attr_arn,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        aws_sqs.CfnQueuePolicy(
            self, "DeadLettersPolicy", queues=[queue.ref], policy_document=document([statement])
        )
        self._queue = queue

    def _to_queue(self) -> Action:
        """What the rule could not deliver goes to the same queue, under a role for that alone."""
        place, queue = self._place, cast("aws_sqs.CfnQueue", self._queue)
        trusted = trust({"Service": "iot.amazonaws.com"})
        trusted["Statement"][0]["Condition"] = {
            "StringEquals": {"aws:SourceAccount": place.account},
            "ArnLike": {"aws:SourceArn": place.target.arn("iot", "rule/*")},
        }
        role = aws_iam.CfnRole(
            self,
            "RuleRole",
            assume_role_policy_document=trusted,
            policies=[
                aws_iam.CfnRole.PolicyProperty(
                    policy_name="DeadLetters",
                    policy_document=document([allow(["sqs:SendMessage"], [queue.attr_arn])]),
                )
            ],
            description="What a topic rule reports undelivered events with (iot-multiaccount-ca)",
        )
        return Action(
            sqs=aws_iot.CfnTopicRule.SqsActionProperty(
                queue_url=queue.ref, role_arn=role.attr_arn, use_base64=False
            )
        )


def _to_lambda(arn: str) -> Action:
    return Action(lambda_=aws_iot.CfnTopicRule.LambdaActionProperty(function_arn=arn))


def _ca_id(registration: ICaRegistration | None, certificate_id: str | None) -> str:
    """The CA's certificate id, literal or a Token; raises unless one of the two names it."""
    if (registration is None) == (certificate_id is None):
        raise ExclusiveArgumentsError(
            f"the JitrActivation has {'neither' if registration is None else 'both'} of ca_registration and "
            "ca_certificate_id",
            allowed="one of them",
        )
    found = certificate_id if registration is None else getattr(registration, "ca_certificate_id", None)
    if not (is_certificate_id(found) or is_token(found)):
        raise InvalidTypeError(
            "the CA of the JitrActivation is named by nothing that could be a CA",
            value=found if registration is None else type(registration).__name__,
            allowed="a CaRegistration, or a CA's certificate id: 64 hex digits (lower case), or a Token",
        )
    return found


def _check_targets(enrollment: object, target: Any) -> list[str | Action]:
    """The targets that are not our Lambda: actions as they are, functions as their ARNs."""
    if (enrollment is None) == (target is None):
        raise ExclusiveArgumentsError(
            f"the JitrActivation has {'neither' if enrollment is None else 'both'} of enrollment and target",
            allowed="enrollment: our Lambda decides; or target: your own does",
            fix="to hear of events beside our Lambda, make a second JitrActivation with a target",
        )
    if enrollment is not None:
        if not isinstance(enrollment, JitrEnrollment):
            raise InvalidTypeError(
                "the enrollment of the JitrActivation is of another kind",
                value=type(enrollment).__name__,
                allowed="JitrEnrollment",
            )
        return []
    targets = list(target) if isinstance(target, (list, tuple)) else [target]
    for each in targets:
        if not isinstance(each, Action) and not hasattr(each, "function_arn"):
            raise UnsupportedTargetError(
                "the JITR target is of an unsupported kind",
                value=type(each).__name__,
                allowed="a Lambda function, a CfnTopicRule.ActionProperty, or a list of them",
                fix="write the action as aws_iot.CfnTopicRule.ActionProperty(sqs=…) (kinesis, sns, republish, …)",
            )
    if not 1 <= len(targets) <= 10:
        raise UnsupportedTargetError(
            "the JITR targets are too many, or none",
            value=len(targets),
            allowed="1 to 10 actions in a topic rule",
        )
    return [each if isinstance(each, Action) else each.function_arn for each in targets]


def _check_error_action(action: object) -> None:
    if action is not None and not isinstance(action, Action):
        raise UnsupportedTargetError(
            "the error action of the JitrActivation is of an unsupported kind",
            value=type(action).__name__,
            allowed="a CfnTopicRule.ActionProperty, or None for the dead-letter queue",
        )


def _claim(
    scope: Construct, place: Place, registration: ICaRegistration | None, ca_id: str, enrollment: Enrollment
) -> None:
    """Check the registration, and tell the app of it; a CA that is known at deployment only is not checked."""
    path = scope.node.path
    if not isinstance(registration, CaRegistration):
        if not Token.is_unresolved(ca_id):
            place.registry.claim_enrollment((ca_id, place.account, place.region), enrollment, path)
        return
    target = registration.target
    if target[1:] != (place.account, place.region):
        raise EnvironmentMismatchError(
            f"{path} listens in account {place.account}, {place.region}, and the CA is registered in {target[1]}, "
            f"{target[2]}",
            fix="put both into one stack, or into stacks of one account and region",
        )
    place.registry.claim_enrollment(target, enrollment, path)
    if not registration.auto_registration:
        raise AutoRegistrationOffError(
            f"{path}: the CA's auto-registration is off, and no event would ever come",
            fix="give the CaRegistration auto_registration=True",
        )
