"""SECRET: the CA's key is PEM in Secrets Manager, and the stack's role may read it."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ...errors import (
    ForeignSecretError,
    InvalidSecretFieldError,
    InvalidSecretNameError,
    KeyMaterialGivenError,
    PartialSecretArnError,
    WrongArnError,
)
from ..ca.key_material import holds_private_key
from ..policies import document
from ..target import Target
from .arns import Arn, key_arn, literal, parse
from .grants import ForeignPolicy, Permission, only_roles, root_of, statement
from .proof import Proof

if TYPE_CHECKING:
    from ..ca.certificate import CaCertificate

_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}", re.ASCII)
_RESOURCE = re.compile(r"secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SecretProof(Proof):
    """The CA's key is PEM in Secrets Manager: the secret itself, or one field of its JSON.

    Raises a `VerificationError` for what cannot be a secret, and where a key itself is given.

    Args:
        name_or_arn: a name in the stage's own account and region, or the full ARN of a secret anywhere in the
            partition.
        field: the key of the secret's JSON object that holds the PEM; by default the secret is the PEM itself.
        encryption_key_arn: the customer managed KMS key that encrypts the secret; needed for a secret of another
            account, and wherever it is not the default ``aws/secretsmanager``.
    """

    name_or_arn: str
    _: KW_ONLY
    field: str | None = None
    encryption_key_arn: str | None = None

    kind: ClassVar[str] = "SECRET"
    signs_in_lambda: ClassVar[bool] = True
    not_rehearsable: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        _secret(self.name_or_arn)
        _check_field(self.field)
        if self.encryption_key_arn is not None:
            _encryption_key(self.encryption_key_arn)

    @property
    def arns(self) -> tuple[Arn, ...]:
        secret = _secret(self.name_or_arn)
        key = self.encryption_key_arn
        return (
            *((secret,) if isinstance(secret, Arn) else ()),
            *((_encryption_key(key),) if key is not None else ()),
        )

    def request_properties(self, stage_name: str | None = None) -> dict[str, str]:
        del stage_name
        found = {"Type": self.kind, "SecretId": self.name_or_arn}
        return found if self.field is None else {**found, "Field": self.field}

    def metadata(self, stage_name: str | None = None) -> dict[str, Any]:
        del stage_name
        return {"type": self.kind, "secretId": self.name_or_arn, "field": self.field}

    def check_target(self, target: Target) -> None:
        Proof.check_target(self, target)
        secret = _secret(self.name_or_arn)
        if isinstance(secret, Arn) and secret.account != target.account and self.encryption_key_arn is None:
            raise ForeignSecretError(
                f"the secret belongs to account {secret.account}, and account {target.account} cannot read it: "
                f"the default key aws/secretsmanager never serves another account",
                value=secret.text,
                allowed="a secret encrypted with a customer managed KMS key",
                fix="encrypt it with such a key, and name that with Verification.from_secret(…, "
                "encryption_key_arn=…)",
            )

    def _permissions(self, target: Target, ca_certificate: CaCertificate | None) -> tuple[Permission, ...]:
        """Read the one secret; decrypt with its key, through Secrets Manager only."""
        del ca_certificate
        secret = _secret(self.name_or_arn)
        if isinstance(secret, str):
            # Secrets Manager ends each ARN in a hyphen and six characters of its own.
            resource, region = target.arn("secretsmanager", f"secret:{secret}-??????"), target.region
        else:
            resource, region = secret.text, secret.region
        read = Permission(("secretsmanager:GetSecretValue",), (resource,))
        if self.encryption_key_arn is None:
            return (read,)
        decrypt = Permission(
            ("kms:Decrypt",), (self.encryption_key_arn,), _through_secrets_manager(region, target.partition)
        )
        return (read, decrypt)

    def foreign_policies(
        self,
        account: str,
        *,
        role_pattern: str | None = None,
        ca_certificate: CaCertificate | None = None,
    ) -> tuple[ForeignPolicy, ...]:
        del ca_certificate
        return tuple(
            _resource_policy(used, account, role_pattern)
            if used.service == "secretsmanager"
            else _key_policy(used, account, role_pattern)
            for used in self.arns
            if used.account != account
        )


def _secret(value: object) -> Arn | str:
    """A secret's full ARN, or its name as it is."""
    text = literal(value, what="the secret", allowed="a name, or the full ARN of a secret")
    if not text.startswith("arn:"):
        if not _NAME.fullmatch(text):
            raise InvalidSecretNameError(
                "no secret can have this name",
                value=text,
                allowed="1 to 512 of letters, digits and /_+=.@-, or a full ARN",
                fix="take the name or ARN that `aws secretsmanager list-secrets` shows",
            )
        return text
    arn = parse(
        text, "the ARN of a secret", "arn:aws:secretsmanager:eu-west-1:111111111111:secret:name-AbCdEf"
    )
    if arn.service != "secretsmanager" or not arn.resource.startswith("secret:"):
        raise WrongArnError(
            "this is the ARN of something else than a secret",
            value=text,
            allowed="arn:…:secretsmanager:…:secret:…",
            fix="use Verification.from_kms_key for a KMS key, from_private_ca for a private CA",
        )
    if not _RESOURCE.fullmatch(arn.resource):
        raise PartialSecretArnError(
            "the secret's ARN is not complete: it lacks the six characters that Secrets Manager adds",
            value=text,
            allowed="…:secret:<name>-<six characters>",
            fix="take the whole ARN that `aws secretsmanager describe-secret` shows, or give the name alone",
        )
    return arn


def _encryption_key(value: object) -> Arn:
    return key_arn(value, what="the secret's encryption key")


def _check_field(field: object) -> None:
    if field is None:
        return
    if not isinstance(field, str):
        raise InvalidSecretFieldError(
            "the field of the secret is not text", value=type(field).__name__, allowed="text, or None"
        )
    if holds_private_key(field):
        raise KeyMaterialGivenError(
            "what reads like a private key itself stands where the field's name belongs",
            allowed="the key in the secret's JSON object",
            fix="keep the key out of the app: everything in it ends up in cdk.out; treat this key as exposed",
        )
    if not field.strip():
        raise InvalidSecretFieldError(
            "the field of the secret is not a name",
            value=field,
            allowed="the key in the secret's JSON object, as text",
            fix="leave field out for a secret that is the PEM itself",
        )


def _resource_policy(secret: Arn, account: str, role_pattern: str | None) -> ForeignPolicy:
    read = statement(
        "ReadForCaRegistration",
        root_of(secret.partition, account),
        ("secretsmanager:GetSecretValue",),
        only_roles(role_pattern),
    )
    return ForeignPolicy(secret.text, "resource policy", document([read]))


def _key_policy(key: Arn, account: str, role_pattern: str | None) -> ForeignPolicy:
    # The key lies in the region of the secret, and only through Secrets Manager there is it used.
    conditions = {**_through_secrets_manager(key.region, key.partition), **only_roles(role_pattern)}
    decrypt = statement(
        "DecryptForCaRegistration", root_of(key.partition, account), ("kms:Decrypt",), conditions
    )
    return ForeignPolicy(key.text, "key policy", document([decrypt]))


def _through_secrets_manager(region: str, partition: str) -> dict[str, Any]:
    # In China both forms of the service's name are in use.
    name = f"secretsmanager.{region}.amazonaws.com"
    return {"StringEquals": {"kms:ViaService": [name, f"{name}.cn"] if partition == "aws-cn" else name}}
