"""The custom-resource Lambda of a stack: one function, whatever the modes, verifications and number of CAs.

Its logical ids are constant: a custom resource's ServiceToken cannot change, so code and policies change in place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import Stack, aws_iam, aws_lambda, aws_logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from .. import assets
from ..model.errors import ConstructError
from ..model.regions import partition_of
from .permissions import Need, document, log_statement, registrar_statements, trust
from .request_properties import LAMBDA_TIMEOUT

if TYPE_CHECKING:
    from aws_cdk import CfnResource

_ID = "IotCaRegistrar"
RUNTIME = "python3.13"
HANDLER = "responder.handler"
_MEMORY_MB = 256
_RETENTION_DAYS = 365
_EVENT_AGE_SECONDS = 60


class RegistrarFunction(Construct):
    """The registrar of one stack. Ask for it with `of`; it grows with the registrations that need it."""

    def __init__(
        self,
        stack: Stack,
        *,
        account: str,
        region: str,
        role: aws_iam.IRole | None,
        log_group: aws_logs.ILogGroup | None,
        signing: bool,
    ) -> None:
        super().__init__(stack, _ID)
        self._environment = (partition_of(region), account, region)
        self._given = (role, log_group)
        self._needs: list[Need] = []
        self._signing = signing
        self._code: dict[bool, Asset] = {}
        self._role_arn, self._policy = self._make_role(role)
        log_group_name, self._log_group_arn = self._make_log_group(log_group)
        self.function = aws_lambda.CfnFunction(
            self,
            "Resource",
            role=self._role_arn,
            code=self._code_property(),
            handler=HANDLER,
            runtime=RUNTIME,
            architectures=["x86_64"],
            memory_size=_MEMORY_MB,
            timeout=LAMBDA_TIMEOUT,
            description="Registers device CAs with AWS IoT (iot-multiaccount-ca)",
            logging_config=aws_lambda.CfnFunction.LoggingConfigProperty(log_group=log_group_name),
        )
        self.service_token = self.function.attr_arn
        # Lambda would run a crashed Create again, after CloudFormation rolled it back.
        self.invoke_config = aws_lambda.CfnEventInvokeConfig(
            self,
            "InvokeConfig",
            function_name=self.function.ref,
            qualifier="$LATEST",
            maximum_retry_attempts=0,
            maximum_event_age_in_seconds=_EVENT_AGE_SECONDS,
        )

    @classmethod
    def of(
        cls,
        stack: Stack,
        *,
        account: str,
        region: str,
        role: aws_iam.IRole | None = None,
        log_group: aws_logs.ILogGroup | None = None,
        signing: bool = False,
    ) -> RegistrarFunction:
        """The stack's registrar, made at the first call. ``signing``: whether it is to carry what signs."""
        found = stack.node.try_find_child(_ID)
        if not isinstance(found, RegistrarFunction):
            return cls(stack, account=account, region=region, role=role, log_group=log_group, signing=signing)
        if signing and not found._signing:
            found._signing = True
            found.function.code = found._code_property()
        for what, given, held in zip(("role", "log_group"), (role, log_group), found._given, strict=True):
            if given is not None and given is not held:
                raise ConstructError(
                    f"two registrations of one stack give the registrar different {what}s",
                    fix=f"all registrations of a stack share one Lambda: give the same {what} to each, the first one "
                    "included",
                )
        return found

    def serve(self, need: Need) -> None:
        """Grant what one more registration needs."""
        self._needs.append(need)
        self._write_policy()

    def order_before(self, resource: CfnResource) -> None:
        """Make ``resource`` wait for everything that its invocation needs beside the function itself."""
        # add_resource_dependency is the newer name; add_dependency the only one before it.
        wait_for = getattr(resource, "add_resource_dependency", None) or resource.add_dependency
        wait_for(self.invoke_config)
        if isinstance(self._policy, aws_iam.CfnPolicy):
            wait_for(self._policy)

    def _code_property(self) -> aws_lambda.CfnFunction.CodeProperty:
        asset = self._code.get(self._signing)
        if asset is None:
            package = "registrar-signing" if self._signing else "registrar"
            asset = Asset(
                self,
                "SigningCode" if self._signing else "Code",
                path=str(assets.lambda_package(package)),
                exclude=list(assets.EXCLUDED),
            )
            self._code[self._signing] = asset
        return aws_lambda.CfnFunction.CodeProperty(s3_bucket=asset.s3_bucket_name, s3_key=asset.s3_object_key)

    def _make_role(self, role: aws_iam.IRole | None) -> tuple[str, aws_iam.CfnRole | aws_iam.CfnPolicy]:
        if role is None:
            made = aws_iam.CfnRole(
                self,
                "Role",
                assume_role_policy_document=trust("lambda.amazonaws.com"),
                description="What the registrar of device CAs may do (iot-multiaccount-ca)",
            )
            return made.attr_arn, made
        policy = aws_iam.CfnPolicy(
            self, "Policy", policy_name=_ID, policy_document=document([]), roles=[role.role_name]
        )
        return role.role_arn, policy

    def _make_log_group(self, log_group: aws_logs.ILogGroup | None) -> tuple[str, str]:
        if log_group is not None:
            return log_group.log_group_name, log_group.log_group_arn
        made = aws_logs.CfnLogGroup(self, "Logs", retention_in_days=_RETENTION_DAYS)
        return made.ref, made.attr_arn

    def _write_policy(self) -> None:
        partition, account, region = self._environment
        statements: list[dict[str, Any]] = [
            log_statement(self._log_group_arn),
            *registrar_statements(partition=partition, account=account, region=region, needs=self._needs),
        ]
        if isinstance(self._policy, aws_iam.CfnPolicy):
            self._policy.policy_document = document(statements)
        else:
            self._policy.policies = [
                aws_iam.CfnRole.PolicyProperty(policy_name=_ID, policy_document=document(statements))
            ]
