"""The custom-resource Lambda of a stack: one function, whatever the modes, verifications and number of CAs.

Its logical ids are constant: a custom resource's ServiceToken cannot change, so code and policies change in place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from aws_cdk import aws_iam, aws_lambda, aws_logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from .... import assets
from ....errors import SharedFunctionError
from ....model.options import Capability
from ....model.policies import document, trust
from ...given_role import attach, tell
from ...order import resource_after
from ...policies import log_statement
from . import settings
from .permissions import registrar_statements

if TYPE_CHECKING:
    from aws_cdk import CfnResource

    from ....model.registration import RegistrationRequest
    from ...place import Place

_ID = "IotCaRegistrar"


class RegistrarFunction(Construct):
    """The registrar of one stack. Ask for it with `serve`; it grows with the registrations that need it."""

    def __init__(
        self,
        place: Place,
        request: RegistrationRequest,
        *,
        role: aws_iam.IRole | None,
        log_group: aws_logs.ILogGroup | None,
    ) -> None:
        super().__init__(place.stack, _ID)
        self._place = place
        self._given = (role, log_group)
        self._requests = [request]
        self._signing = Capability.PROOF in request.asks_for
        log_group_name, self._log_group_arn = self._make_log_group(log_group)
        self._role_arn, self._policy = self._make_role(role)
        self.function = aws_lambda.CfnFunction(
            self,
            "Resource",
            role=self._role_arn,
            code=self._code(),
            handler=settings.HANDLER,
            runtime=settings.RUNTIME,
            architectures=["x86_64"],
            memory_size=settings.MEMORY_MB,
            timeout=settings.LAMBDA_TIMEOUT,
            description="Registers device CAs with AWS IoT (iot-multiaccount-ca)",
            logging_config=aws_lambda.CfnFunction.LoggingConfigProperty(log_group=log_group_name),
        )
        name = self.function.ref
        self.service_token = place.target.arn("lambda", f"function:{name}")
        self.invoke_config = aws_lambda.CfnEventInvokeConfig(
            self,
            "InvokeConfig",
            function_name=name,
            qualifier="$LATEST",
            maximum_retry_attempts=settings.RETRIES,
            maximum_event_age_in_seconds=settings.EVENT_AGE_SECONDS,
        )

    @classmethod
    def serve(
        cls,
        place: Place,
        request: RegistrationRequest,
        *,
        role: aws_iam.IRole | None = None,
        log_group: aws_logs.ILogGroup | None = None,
    ) -> RegistrarFunction:
        """The stack's registrar, able to do what one more registration needs; made for the first one."""
        held = place.single(_ID)
        if isinstance(held, cls):
            held._serve_another(request, role, log_group)
            return held
        made = cls(place, request, role=role, log_group=log_group)
        place.singles[_ID] = made
        return made

    def _serve_another(
        self, request: RegistrationRequest, role: aws_iam.IRole | None, log_group: aws_logs.ILogGroup | None
    ) -> None:
        for what, given, held in zip(("role", "log_group"), (role, log_group), self._given, strict=True):
            if given is not None and given is not held:
                raise SharedFunctionError(
                    f"two registrations of one stack give the registrar different {what}s",
                    fix=f"all registrations of a stack share one Lambda: give the same {what} to each, the first one "
                    "included",
                )
        self._requests.append(request)
        if Capability.PROOF in request.asks_for and not self._signing:
            self._signing = True
            self.function.code = self._code()
        if self._policy is None:
            tell(self, cast("aws_iam.IRole", self._given[0]), self._statements([request]))
        elif isinstance(self._policy, aws_iam.CfnPolicy):
            self._policy.policy_document = document(self._statements(self._requests))
        else:
            self._policy.policies = [_inline(document(self._statements(self._requests)))]

    def order_before(self, resource: CfnResource) -> None:
        """Make ``resource`` wait for everything that its invocation needs beside the function itself."""
        resource_after(resource, self.invoke_config)
        if isinstance(self._policy, aws_iam.CfnPolicy):
            resource_after(resource, self._policy)

    def _code(self) -> aws_lambda.CfnFunction.CodeProperty:
        package = "registrar-signing" if self._signing else "registrar"
        # CDK copies a folder into the assembly once, however many stacks have an asset of it.
        asset = Asset(
            self, package, path=str(assets.lambda_package(package)), exclude=assets.excluded(package)
        )
        return aws_lambda.CfnFunction.CodeProperty(s3_bucket=asset.s3_bucket_name, s3_key=asset.s3_object_key)

    def _make_role(
        self, role: aws_iam.IRole | None
    ) -> tuple[str, aws_iam.CfnRole | aws_iam.CfnPolicy | None]:
        """The role's ARN, and what its rights stand in; None for a role that must not be changed."""
        statements = self._statements(self._requests)
        if role is None:
            made = aws_iam.CfnRole(
                self,
                "Role",
                assume_role_policy_document=trust({"Service": "lambda.amazonaws.com"}),
                policies=[_inline(document(statements))],
                description="What the registrar of device CAs may do (iot-multiaccount-ca)",
            )
            return made.attr_arn, made
        policy = attach(self, self._place, role, _ID, statements)
        if policy is None:
            tell(self, role, statements)
        return role.role_arn, policy

    def _make_log_group(self, log_group: aws_logs.ILogGroup | None) -> tuple[str, str]:
        if log_group is not None:
            return log_group.log_group_name, log_group.log_group_arn
        made = aws_logs.CfnLogGroup(self, "Logs", retention_in_days=settings.LOG_RETENTION_DAYS)
        name = made.ref
        return name, self._place.target.arn("logs", f"log-group:{name}:*")

    def _statements(self, requests: list[RegistrationRequest]) -> list[dict[str, Any]]:
        place = self._place
        return [
            log_statement(self._log_group_arn),
            *registrar_statements(place.target, stack_name=place.own_stack_name, requests=requests),
        ]


def _inline(statements: dict[str, Any]) -> aws_iam.CfnRole.PolicyProperty:
    return aws_iam.CfnRole.PolicyProperty(policy_name=_ID, policy_document=statements)
