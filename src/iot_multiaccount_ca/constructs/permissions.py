"""What the registrar may do, statement by statement. Builds plain policy documents; grants nothing to anyone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..model.certificate import CertificateMode

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def registrar_statements(
    *,
    partition: str,
    account: str,
    region: str,
    needs: Iterable[tuple[CertificateMode, Verification | None]],
    pass_roles: Iterable[str],
) -> list[dict[str, Any]]:
    """The statements of one stack's registrar: what its registrations need together, and no more.

    ``needs``: mode and verification of each registration. ``pass_roles``: ARNs of the provisioning roles.
    """
    pairs = list(needs)
    without_resource = list(_WITHOUT_RESOURCE)
    if any(mode is CertificateMode.DEFAULT for mode, _ in pairs):
        without_resource.append("iot:GetRegistrationCode")
    statements = [
        _allow(without_resource, ["*"]),
        _allow(list(_ON_CA_CERTIFICATES), [f"arn:{partition}:iot:{region}:{account}:cacert/*"]),
    ]
    roles = list(dict.fromkeys(pass_roles))
    if roles:
        statements.append(
            _allow(["iam:PassRole"], roles, {"StringEquals": {"iam:PassedToService": "iot.amazonaws.com"}})
        )
    for verification in dict.fromkeys(proof for _, proof in pairs if proof is not None):
        statements += [
            _allow(list(each.actions), list(each.resources), each.conditions)
            for each in verification.permissions(partition, account, region)
        ]
    return statements


def log_statement(log_group_arn: str) -> dict[str, Any]:
    """Write into the one log group; not make others."""
    return _allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log_group_arn])


def trust(service: str) -> dict[str, Any]:
    """A trust policy for one AWS service."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(actions: list[str], resources: list[str], conditions: Any = None) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Action": actions if len(actions) > 1 else actions[0],
        "Resource": resources if len(resources) > 1 else resources[0],
    }
    if conditions:
        statement["Condition"] = conditions
    return statement
