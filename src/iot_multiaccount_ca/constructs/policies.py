"""What our Lambdas may do, statement by statement. Builds plain policy documents; grants nothing to anyone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..model.jitr.enrollment import thing_pattern
from ..model.policies import allow

if TYPE_CHECKING:
    from ..model.jitr.enrollment import JitrEnrollment
    from ..model.target import Target


def activation_statements(target: Target, enrollment: JitrEnrollment) -> list[dict[str, Any]]:
    """The statements of one activation Lambda, for what its enrollment says, and no more.

    AttachPolicy and AttachThingPrincipal are authorized on the certificate (Service Authorization Reference, AWS IoT);
    which certificates will come is not known before.
    """
    on_certificates = ["iot:DescribeCertificate", "iot:AttachPolicy", "iot:UpdateCertificate"]
    statements = []
    if enrollment.thing_name is not None:
        on_certificates.append("iot:AttachThingPrincipal")
        things = target.arn("iot", f"thing/{thing_pattern(enrollment.thing_name)}")
        statements.append(allow(["iot:CreateThing", "iot:ListThingPrincipals"], [things]))
        if enrollment.thing_groups:
            groups = [target.arn("iot", f"thinggroup/{group}") for group in enrollment.thing_groups]
            statements.append(allow(["iot:AddThingToThingGroup"], [things, *groups]))
    statements.insert(0, allow(on_certificates, [target.arn("iot", "cert/*")]))
    admission = enrollment.admission
    if admission.parameter_name is not None:
        parameter = target.arn("ssm", f"parameter/{admission.parameter_name.lstrip('/')}")
        statements.append(allow(["ssm:GetParameter"], [parameter]))
    if admission.table_name is not None:
        statements.append(
            allow(["dynamodb:GetItem"], [target.arn("dynamodb", f"table/{admission.table_name}")])
        )
    if admission.table is not None:
        statements.append(allow(["dynamodb:GetItem"], [admission.table.table_arn]))
    return statements


def log_statement(log_group_arn: str) -> dict[str, Any]:
    """Write into the one log group; not make others."""
    return allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log_group_arn])
