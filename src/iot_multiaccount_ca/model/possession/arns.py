"""ARNs of the secrets, keys and private CAs that can prove possession. Parses and checks; asks nobody."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...errors import (
    InvalidSecretNameError,
    KeyMaterialGivenError,
    PartialSecretArnError,
    UnresolvedVerificationError,
    WrongArnError,
)
from ..target import is_token

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?P<service>[a-z0-9-]+):(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12})"
    r":(?P<resource>[^\s]+)",
    re.ASCII,
)
_SECRET_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}", re.ASCII)
_SECRET = re.compile(r"secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}", re.ASCII)
_KEY = re.compile(r"key/[A-Za-z0-9-]+", re.ASCII)
_PRIVATE_CA = re.compile(r"certificate-authority/[A-Za-z0-9-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Arn:
    """The parts of an ARN that names one thing in one account and region."""

    text: str
    partition: str
    service: str
    region: str
    account: str
    resource: str


def secret_id(value: object) -> Arn | str:
    """A secret's full ARN, or its name as it is."""
    text = _literal(value, what="the secret", allowed="a name, or the full ARN of a secret")
    if not text.startswith("arn:"):
        if not _SECRET_NAME.fullmatch(text):
            raise InvalidSecretNameError(
                "no secret can have this name",
                value=text,
                allowed="1 to 512 of letters, digits and /_+=.@-, or a full ARN",
                fix="take the name or ARN that `aws secretsmanager list-secrets` shows",
            )
        return text
    arn = _parse(
        text, "the ARN of a secret", "arn:aws:secretsmanager:eu-west-1:111111111111:secret:name-AbCdEf"
    )
    if arn.service != "secretsmanager" or not arn.resource.startswith("secret:"):
        raise WrongArnError(
            "this is the ARN of something else than a secret",
            value=text,
            allowed="arn:…:secretsmanager:…:secret:…",
            fix="use Verification.from_kms_key for a KMS key, from_private_ca for a private CA",
        )
    if not _SECRET.fullmatch(arn.resource):
        raise PartialSecretArnError(
            "the secret's ARN is not complete: it lacks the six characters that Secrets Manager adds",
            value=text,
            allowed="…:secret:<name>-<six characters>",
            fix="take the whole ARN that `aws secretsmanager describe-secret` shows, or give the name alone",
        )
    return arn


def key_arn(value: object, *, what: str = "the KMS key") -> Arn:
    """A KMS key's ARN; never an alias, which no policy can grant."""
    text = _literal(value, what=what, allowed="the ARN of a KMS key")
    arn = _parse(text, f"the ARN of {what}", "arn:aws:kms:eu-west-1:111111111111:key/<key id>")
    if arn.service == "kms" and arn.resource.startswith("alias/"):
        raise WrongArnError(
            f"{what} is given by an alias, and IAM grants the use of keys, not of aliases",
            value=text,
            allowed="arn:…:kms:…:key/…",
            fix="take KeyMetadata.Arn from `aws kms describe-key --key-id alias/…`",
        )
    if arn.service != "kms" or not _KEY.fullmatch(arn.resource):
        raise WrongArnError(
            f"{what} is given by the ARN of something else",
            value=text,
            allowed="arn:…:kms:…:key/…",
            fix="use Verification.from_secret for a secret, from_private_ca for a private CA",
        )
    return arn


def private_ca_arn(value: object) -> Arn:
    """A private CA's ARN."""
    text = _literal(value, what="the private CA", allowed="the ARN of an AWS Private CA")
    example = "arn:aws:acm-pca:eu-west-1:111111111111:certificate-authority/<id>"
    arn = _parse(text, "the ARN of the private CA", example)
    if arn.service != "acm-pca" or not _PRIVATE_CA.fullmatch(arn.resource):
        raise WrongArnError(
            "the private CA is given by the ARN of something else",
            value=text,
            allowed="arn:…:acm-pca:…:certificate-authority/…",
            fix="take the ARN that `aws acm-pca list-certificate-authorities` shows",
        )
    return arn


def _literal(value: object, *, what: str, allowed: str) -> str:
    if is_token(value):
        raise UnresolvedVerificationError(
            f"{what} is only known at deployment (a CDK Token)",
            allowed=f"{allowed}, as a literal string",
            fix="make it in a stack of its own and write its name or ARN out: what the role may use is then "
            "exact",
        )
    if not isinstance(value, str):
        raise WrongArnError(f"{what} is no text", value=type(value).__name__, allowed=allowed)
    if "PRIVATE KEY" in value:
        raise KeyMaterialGivenError(
            f"a private key itself stands where {what} belongs",
            allowed=allowed,
            fix="keep the key out of the app: everything in it ends up in cdk.out; treat this key as exposed",
        )
    return value


def _parse(text: str, what: str, example: str) -> Arn:
    match = _ARN.fullmatch(text)
    if match is None:
        raise WrongArnError(f"{what} is no ARN", value=text, allowed=example, fix="give the whole ARN")
    return Arn(text=text, **match.groupdict())
