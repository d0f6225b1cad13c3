"""Findings of cdk-nag on what this library makes, acknowledged with their reasons. Changes no resource.

For apps that run ``AwsSolutionsChecks``: nothing of cdk-nag is imported, and apps without it pay nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aws_cdk
from aws_cdk import Stack, aws_iam

from ..errors import UnsupportedCdkError
from .activation_function import ActivationFunction
from .alarms import CaExpiryAlarm
from .engines.custom_resource.registrar_function import RegistrarFunction
from .jitr import JitrActivation
from .provisioning_template import JitpProvisioningTemplate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from constructs import Construct, IConstruct

_PACK = "AwsSolutions::AwsSolutions"
_OURS = (RegistrarFunction, ActivationFunction, JitpProvisioningTemplate, JitrActivation, CaExpiryAlarm)
_NO_RESOURCE = "AWS authorizes these actions on no resource (Service Authorization Reference, AWS IoT)"
_REASONS = {
    ":stack/": "CloudFormation gives a stack another id each time it is made: one name, whichever id",
    ":cacert/*": "the clean-up Delete of an old CA runs under the new policy; others' CAs are told apart by tags",
    ":log-group:": "the streams of the function's own log group, whose names are not known before",
    ":secret:": "Secrets Manager ends each ARN in six characters of its own",
    ":cert/*": "which devices will enroll is not known before",
    ":thing/*": "which devices will enroll is not known before",
}
_RUNTIME = "the package's compiled wheels are locked by hash for this runtime of Lambda's, which is supported"
_MANAGED = "the policy that AWS IoT's documents ask for on a provisioning role"
_TOPIC_KEY = "what the CDK grants on the key of an encrypted topic"
_QUEUE = "it is the dead-letter queue itself"


def acknowledge_findings(scope: Construct) -> None:
    """Acknowledge what cdk-nag's AwsSolutions pack finds on this library's constructs in ``scope``, and nothing else's.

    Each finding has its reason, which cdk-nag reports. Call it when the constructs are made, before ``app.synth()``.
    Needs an aws-cdk-lib that has ``Validations`` (2.275 has), as cdk-nag 3 does; raises `UnsupportedCdkError`
    otherwise.
    """
    if not hasattr(aws_cdk, "Validations"):
        raise UnsupportedCdkError(
            "this aws-cdk-lib has no Validations, by which findings are acknowledged",
            fix="upgrade aws-cdk-lib to the version that cdk-nag 3 asks for",
        )
    for each in scope.node.find_all():
        if isinstance(each, _OURS):
            found = {**_by_kind(each), **dict(_wildcards(each))}
            marks = [aws_cdk.Acknowledgment(id=rule, reason=reason) for rule, reason in found.items()]
            if marks:
                aws_cdk.Validations.of(each).acknowledge(*marks)


def _by_kind(ours: IConstruct) -> dict[str, str]:
    if isinstance(ours, JitpProvisioningTemplate):
        roles = [each for each in ours.node.find_all() if isinstance(each, aws_iam.CfnRole)]
        managed = [arn for role in roles for arn in Stack.of(ours).resolve(role.managed_policy_arns) or []]
        return {f"{_PACK}-IAM4[Policy::{_text(arn)}]": _MANAGED for arn in managed}
    if isinstance(ours, JitrActivation):
        return {f"{_PACK}-SQS3": _QUEUE}
    if isinstance(ours, CaExpiryAlarm):
        return {f"{_PACK}-SQS3": _QUEUE, f"{_PACK}-IAM5[Action::kms:GenerateDataKey*]": _TOPIC_KEY}
    return {f"{_PACK}-L1": _RUNTIME}


def _wildcards(ours: IConstruct) -> Iterator[tuple[str, str]]:
    """A finding for each resource with a wildcard in the roles and policies beneath."""
    stack = Stack.of(ours)
    for child in ours.node.find_all():
        if isinstance(child, aws_iam.CfnRole):
            documents = [each["policyDocument"] for each in stack.resolve(child.policies) or []]
        elif isinstance(child, aws_iam.CfnPolicy):
            documents = [stack.resolve(child.policy_document)]
        else:
            continue
        for document in documents:
            for statement in document["Statement"]:
                named = statement["Resource"]
                for resource in named if isinstance(named, list) else [named]:
                    text = _text(resource)
                    if "*" in text:
                        yield f"{_PACK}-IAM5[Resource::{text}]", _reason(text)


def _reason(resource: str) -> str:
    return (
        _NO_RESOURCE if resource == "*" else next(why for part, why in _REASONS.items() if part in resource)
    )


def _text(resource: Any) -> str:
    """A resource as cdk-nag writes it: references in angle brackets."""
    if isinstance(resource, str):
        return resource
    [(function, given)] = resource.items()
    if function == "Fn::Join":
        return str(given[0]).join(_text(each) for each in given[1])
    return f"<{given if function == 'Ref' else '.'.join(given)}>"
