"""What a stage's role needs to use one secret, key or private CA, and what its owner must add. Data only.

Each grant names the one thing, and is tied by conditions to the one purpose where AWS has a condition for
it. See the Service Authorization Reference for AWS KMS, AWS Secrets Manager and AWS Private CA.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..ca.algorithms import KEY_ALGORITHMS, kms_signing_algorithm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .arns import Arn

END_ENTITY_TEMPLATE = "template/EndEntityCertificate/V1"
_READ_PRIVATE_CA = (
    "acm-pca:DescribeCertificateAuthority",
    "acm-pca:GetCertificate",
    "acm-pca:GetCertificateAuthorityCertificate",
)


@dataclass(frozen=True, slots=True)
class Permission:
    """One Allow statement: ``actions`` on ``resources`` under ``conditions`` (IAM's own shape, or None)."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ForeignPolicy:
    """What the owner of a secret, key or private CA in another account must add for a stage to use it.

    ``resource_arn``: on what. ``kind``: which policy, in words. ``document``: the policy to add (a statement
    to merge into a key policy, the whole resource policy elsewhere).
    """

    resource_arn: str
    kind: str
    document: Mapping[str, Any]

    def to_json(self) -> str:
        """The document as a person pastes it."""
        return json.dumps(self.document, indent=2)


def secret_permissions(
    secret: Arn | str, encryption_key: Arn | None, *, partition: str, account: str, region: str
) -> tuple[Permission, ...]:
    """Read the one secret; decrypt with its key, through Secrets Manager only."""
    if isinstance(secret, str):
        # Secrets Manager ends each ARN in a hyphen and six characters of its own.
        resource = f"arn:{partition}:secretsmanager:{region}:{account}:secret:{secret}-??????"
        secret_region = region
    else:
        resource, secret_region = secret.text, secret.region
    permissions = [Permission(("secretsmanager:GetSecretValue",), (resource,))]
    if encryption_key is not None:
        via = {"StringEquals": {"kms:ViaService": _via_secrets_manager(secret_region, partition)}}
        permissions.append(Permission(("kms:Decrypt",), (encryption_key.text,), via))
    return tuple(permissions)


def kms_permissions(key: Arn, key_algorithm: str | None) -> tuple[Permission, ...]:
    """Sign digests with the one key and the algorithm that follows it; read its public half."""
    return (
        Permission(("kms:Sign",), (key.text,), {"StringEquals": _signing_condition(key_algorithm)}),
        Permission(("kms:GetPublicKey",), (key.text,)),
    )


def private_ca_permissions(authority: Arn) -> tuple[Permission, ...]:
    """Issue end-entity certificates from the one private CA, and never a CA certificate."""
    template = {"StringEquals": {"acm-pca:TemplateArn": end_entity_template(authority.partition)}}
    return (
        Permission(("acm-pca:IssueCertificate",), (authority.text,), template),
        Permission(_READ_PRIVATE_CA, (authority.text,)),
    )


def secret_policies(
    secret: Arn, encryption_key: Arn | None, *, account: str, role_pattern: str | None
) -> tuple[ForeignPolicy, ...]:
    """The secret's resource policy, and the statement for its key."""
    who = _principal(secret.partition, account)
    only = _only(role_pattern)
    policies = [
        ForeignPolicy(
            secret.text,
            "the resource policy of the secret",
            _document(_statement("ReadForCaRegistration", who, ("secretsmanager:GetSecretValue",), only)),
        )
    ]
    if encryption_key is not None and encryption_key.account != account:
        via = {"StringEquals": {"kms:ViaService": _via_secrets_manager(secret.region, secret.partition)}}
        policies.append(
            ForeignPolicy(
                encryption_key.text,
                "a statement in the key policy of the secret's KMS key",
                _document(_statement("DecryptForCaRegistration", who, ("kms:Decrypt",), {**via, **only})),
            )
        )
    return tuple(policies)


def kms_policies(
    key: Arn, key_algorithm: str | None, *, account: str, role_pattern: str | None
) -> tuple[ForeignPolicy, ...]:
    """The two statements for the key policy."""
    who = _principal(key.partition, account)
    only = _only(role_pattern)
    sign = {"StringEquals": _signing_condition(key_algorithm), **only}
    document = _document(
        _statement("SignForCaRegistration", who, ("kms:Sign",), sign),
        _statement("CompareForCaRegistration", who, ("kms:GetPublicKey",), only),
    )
    return (ForeignPolicy(key.text, "two statements in the key policy", document),)


def private_ca_policies(authority: Arn, *, account: str) -> tuple[ForeignPolicy, ...]:
    """The resource policy of the private CA, in the two statements that AWS Private CA prescribes."""
    who = {"AWS": account}
    template = {"StringEquals": {"acm-pca:TemplateArn": end_entity_template(authority.partition)}}
    read = (*_READ_PRIVATE_CA, "acm-pca:ListPermissions", "acm-pca:ListTags")
    document = _document(
        {**_statement("ReadForCaRegistration", who, read, {}), "Resource": authority.text},
        {
            **_statement("IssueForCaRegistration", who, ("acm-pca:IssueCertificate",), template),
            "Resource": authority.text,
        },
    )
    return (ForeignPolicy(authority.text, "the resource policy of the private CA", document),)


def end_entity_template(partition: str) -> str:
    """The ARN of AWS Private CA's template for end-entity certificates."""
    return f"arn:{partition}:acm-pca:::{END_ENTITY_TEMPLATE}"


def _signing_condition(key_algorithm: str | None) -> dict[str, Any]:
    # Where the CA is not known, whatever fits a CA's key.
    any_algorithm = [each.kms_signing_algorithm for each in KEY_ALGORITHMS]
    return {
        "kms:SigningAlgorithm": any_algorithm
        if key_algorithm is None
        else kms_signing_algorithm(key_algorithm),
        "kms:MessageType": "DIGEST",
    }


def _via_secrets_manager(region: str, partition: str) -> str | list[str]:
    # In China both forms of the service's name are in use.
    name = f"secretsmanager.{region}.amazonaws.com"
    return [name, f"{name}.cn"] if partition == "aws-cn" else name


def _principal(partition: str, account: str) -> dict[str, str]:
    # The account, not the role: KMS refuses a policy that names a role which does not exist yet.
    return {"AWS": f"arn:{partition}:iam::{account}:root"}


def _only(role_pattern: str | None) -> dict[str, Any]:
    return {"ArnLike": {"aws:PrincipalArn": role_pattern}} if role_pattern else {}


def _statement(
    sid: str, principal: Mapping[str, str], actions: tuple[str, ...], conditions: Mapping[str, Any]
) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": dict(principal),
        "Action": list(actions) if len(actions) > 1 else actions[0],
        "Resource": "*",
    }
    if conditions:
        statement["Condition"] = dict(conditions)
    return statement


def _document(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [dict(statement) for statement in statements]}
