"""ARNs of what can prove possession. Parses and checks; asks nobody."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...errors import KeyMaterialGivenError, UnresolvedVerificationError, WrongArnError
from ..ca.key_material import holds_private_key
from ..target import is_token

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?P<service>[a-z0-9-]+):(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12})"
    r":(?P<resource>[^\s]+)",
    re.ASCII,
)
_KEY = re.compile(r"key/[A-Za-z0-9-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Arn:
    """The parts of an ARN that names one thing in one account and region."""

    text: str
    partition: str
    service: str
    region: str
    account: str
    resource: str


def key_arn(value: object, *, what: str = "the KMS key") -> Arn:
    """A KMS key's ARN; never an alias, which no policy can grant."""
    text = literal(value, what=what, allowed="the ARN of a KMS key")
    arn = parse(text, f"the ARN of {what}", "arn:aws:kms:eu-west-1:111111111111:key/<key id>")
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


def literal(value: object, *, what: str, allowed: str) -> str:
    """A text that stands in the app as it is: no Token, and no key by mistake."""
    if is_token(value):
        raise UnresolvedVerificationError(
            f"{what} is only known at deployment (a CDK Token)",
            allowed=f"{allowed}, as a literal string",
            fix="make it in a stack of its own and write its name or ARN out: what the role may use is then "
            "exact",
        )
    if not isinstance(value, str):
        raise WrongArnError(f"{what} is not text", value=type(value).__name__, allowed=allowed)
    if holds_private_key(value):
        raise KeyMaterialGivenError(
            f"what reads like a private key itself stands where {what} belongs",
            allowed=allowed,
            fix="keep the key out of the app: everything in it ends up in cdk.out; treat this key as exposed",
        )
    return value


def parse(text: str, what: str, example: str) -> Arn:
    """The parts of an ARN, of whatever service; raises `WrongArnError` for what is none."""
    match = _ARN.fullmatch(text)
    if match is None:
        raise WrongArnError(f"{what} is not an ARN", value=text, allowed=example, fix="give the whole ARN")
    return Arn(text=text, **match.groupdict())
