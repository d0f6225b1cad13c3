"""The activation Lambda of one CA under just-in-time registration, with its role and log group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from aws_cdk import aws_iam, aws_lambda, aws_logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from .. import assets
from ..model.policies import allow, document, trust
from .engines.custom_resource.settings import LOG_RETENTION_DAYS, RUNTIME
from .given_role import attach, tell
from .order import resource_after
from .policies import activation_statements, log_statement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model.jitr.enrollment import JitrEnrollment
    from .place import Place

HANDLER = "activation.handler"
_PACKAGE = "jitr"
_MEMORY_MB = 256
_TIMEOUT = 60
_RETRIES = 2


class ActivationFunction(Construct):
    """Our Lambda for one CA. Lambda itself runs a failed event twice more, then hands it to the dead-letter queue."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - what CDK calls it
        *,
        place: Place,
        enrollment: JitrEnrollment,
        environment: Mapping[str, str],
        dead_letters: str,
        role: aws_iam.IRole | None,
        log_group: aws_logs.ILogGroup | None,
    ) -> None:
        """``dead_letters``: ARN of a queue."""
        super().__init__(scope, id)
        self._given_role = role
        logs_name, logs_arn = self._logs(place, log_group)
        statements = [
            log_statement(logs_arn),
            allow(["sqs:SendMessage"], [dead_letters]),
            *activation_statements(place.target, enrollment),
        ]
        role_arn, policy = self._make_role(place, role, statements)
        function = self._make_function(role_arn, environment, dead_letters, logs_name)
        if policy is not None:
            # Lambda looks at once whether the role may send to the queue.
            resource_after(function, policy)
        aws_lambda.CfnEventInvokeConfig(
            self,
            "InvokeConfig",
            function_name=function.ref,
            qualifier="$LATEST",
            maximum_retry_attempts=_RETRIES,
        )
        #: The function's ARN.
        self.arn: str = function.attr_arn
        #: The function's name.
        self.name: str = function.ref
        #: The name of its log group.
        self.log_group_name: str = logs_name

    def _logs(self, place: Place, log_group: aws_logs.ILogGroup | None) -> tuple[str, str]:
        """Name and ARN of the log group, the user's own or ours."""
        if log_group is not None:
            return log_group.log_group_name, log_group.log_group_arn
        name = aws_logs.CfnLogGroup(self, "Logs", retention_in_days=LOG_RETENTION_DAYS).ref
        return name, place.target.arn("logs", f"log-group:{name}:*")

    def _make_function(
        self, role_arn: str, environment: Mapping[str, str], dead_letters: str, logs_name: str
    ) -> aws_lambda.CfnFunction:
        asset = Asset(
            self, _PACKAGE, path=str(assets.lambda_package(_PACKAGE)), exclude=assets.excluded(_PACKAGE)
        )
        return aws_lambda.CfnFunction(
            self,
            "Resource",
            role=role_arn,
            code=aws_lambda.CfnFunction.CodeProperty(
                s3_bucket=asset.s3_bucket_name, s3_key=asset.s3_object_key
            ),
            handler=HANDLER,
            runtime=RUNTIME,
            architectures=["x86_64"],
            memory_size=_MEMORY_MB,
            timeout=_TIMEOUT,
            description="Activates device certificates of one CA (iot-multiaccount-ca)",
            environment=aws_lambda.CfnFunction.EnvironmentProperty(variables=dict(environment)),
            dead_letter_config=aws_lambda.CfnFunction.DeadLetterConfigProperty(target_arn=dead_letters),
            logging_config=aws_lambda.CfnFunction.LoggingConfigProperty(log_group=logs_name),
        )

    def grant_principal(self) -> aws_iam.IRole:
        """The role that others may grant something to."""
        if self._given_role is not None:
            return self._given_role
        made = cast("aws_iam.CfnRole", self.node.find_child("Role"))
        return aws_iam.Role.from_role_name(self, "RoleForGrants", made.ref)

    def _make_role(
        self, place: Place, role: aws_iam.IRole | None, statements: list[dict[str, Any]]
    ) -> tuple[str, aws_iam.CfnPolicy | None]:
        if role is not None:
            policy = attach(self, place, role, _PACKAGE, statements)
            if policy is None:
                tell(self, role, statements)
            return role.role_arn, policy
        made = aws_iam.CfnRole(
            self,
            "Role",
            assume_role_policy_document=trust({"Service": "lambda.amazonaws.com"}),
            policies=[
                aws_iam.CfnRole.PolicyProperty(policy_name=_PACKAGE, policy_document=document(statements))
            ],
            description="What the activation of device certificates may do (iot-multiaccount-ca)",
        )
        return made.attr_arn, None
