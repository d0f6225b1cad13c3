"""What our Lambdas may do, statement by statement. Builds plain policy documents; grants nothing to anyone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..model.certificate import CertificateMode
from ..model.jitr import thing_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model.certificate import CaCertificate
    from ..model.jitr import JitrEnrollment
    from ..model.verification import Verification

# These know no resource: AWS authorizes them on * only (Service Authorization Reference, AWS IoT).
_WITHOUT_RESOURCE = ("iot:RegisterCACertificate", "iot:ListCACertificates")
# On every CA of the account and region, not on one id: the clean-up Delete of an old CA runs under the new policy.
_ON_CA_CERTIFICATES = (
    "iot:DescribeCACertificate",
    "iot:UpdateCACertificate",
    "iot:DeleteCACertificate",
    "iot:TagResource",
    "iot:UntagResource",
    "iot:ListTagsForResource",
)


@dataclass(frozen=True, slots=True)
class Need:
    """What one registration asks of the registrar's role. ``pass_role``: ARN of its provisioning role."""

    ca_certificate: CaCertificate
    mode: CertificateMode
    verification: Verification | None
    pass_role: str | None

    @property
    def signs_in_lambda(self) -> bool:
        """Whether the Lambda has to carry what builds certificates."""
        return self.verification is not None and self.verification.signs_in_lambda


def registrar_statements(
    *,
    partition: str,
    account: str,
    region: str,
    needs: Iterable[Need],
) -> list[dict[str, Any]]:
    """The statements of one stack's registrar: what its registrations need together, and no more."""
    registrations = list(needs)
    without_resource = list(_WITHOUT_RESOURCE)
    if any(each.mode is CertificateMode.DEFAULT for each in registrations):
        without_resource.append("iot:GetRegistrationCode")
    statements = [
        allow(without_resource, ["*"]),
        allow(list(_ON_CA_CERTIFICATES), [f"arn:{partition}:iot:{region}:{account}:cacert/*"]),
    ]
    roles = list(dict.fromkeys(each.pass_role for each in registrations if each.pass_role is not None))
    if roles:
        statements.append(
            allow(["iam:PassRole"], roles, {"StringEquals": {"iam:PassedToService": "iot.amazonaws.com"}})
        )
    for each in registrations:
        if each.verification is None:
            continue
        for grant in each.verification.permissions(
            partition, account, region, ca_certificate=each.ca_certificate
        ):
            statement = allow(list(grant.actions), list(grant.resources), grant.conditions)
            if statement not in statements:
                statements.append(statement)
    return statements


def activation_statements(
    *, partition: str, account: str, region: str, enrollment: JitrEnrollment
) -> list[dict[str, Any]]:
    """The statements of one activation Lambda, for what its enrollment says, and no more.

    AttachPolicy and AttachThingPrincipal are authorized on the certificate (Service Authorization Reference, AWS IoT);
    which certificates will knock is not known before.
    """

    def arn(service: str, resource: str) -> str:
        return f"arn:{partition}:{service}:{region}:{account}:{resource}"

    on_certificates = ["iot:DescribeCertificate", "iot:AttachPolicy", "iot:UpdateCertificate"]
    statements = []
    if enrollment.thing_name is not None:
        on_certificates.append("iot:AttachThingPrincipal")
        things = arn("iot", f"thing/{thing_pattern(enrollment.thing_name)}")
        statements.append(allow(["iot:CreateThing"], [things]))
        if enrollment.thing_groups:
            groups = [arn("iot", f"thinggroup/{group}") for group in enrollment.thing_groups]
            statements.append(allow(["iot:AddThingToThingGroup"], [things, *groups]))
    statements.insert(0, allow(on_certificates, [arn("iot", "cert/*")]))
    admission = enrollment.admission
    if admission.parameter_name is not None:
        parameter = arn("ssm", f"parameter/{admission.parameter_name.lstrip('/')}")
        statements.append(allow(["ssm:GetParameter"], [parameter]))
    if admission.table_name is not None:
        statements.append(allow(["dynamodb:GetItem"], [arn("dynamodb", f"table/{admission.table_name}")]))
    return statements


def log_statement(log_group_arn: str) -> dict[str, Any]:
    """Write into the one log group; not make others."""
    return allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log_group_arn])


def trust(service: str) -> dict[str, Any]:
    """A trust policy for one AWS service."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": statements}


def allow(actions: list[str], resources: list[str], conditions: Any = None) -> dict[str, Any]:
    """One statement that allows."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Action": actions if len(actions) > 1 else actions[0],
        "Resource": resources if len(resources) > 1 else resources[0],
    }
    if conditions:
        statement["Condition"] = conditions
    return statement
