"""Where something stands: accounts, regions and partitions by their form. Holds AWS's naming rules, and asks nobody."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeGuard

from ..errors import InvalidAccountError, InvalidRegionError, UnresolvedTargetError

_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}", re.ASCII)
# How CDK writes a text that it does not know yet, and a list: behind a "$" or a "#".
_TOKEN = "{Token["  # noqa: S105

#: Regions in which AWS IoT Core answers (AWS General Reference, "AWS IoT Core endpoints"). A test holds it against
#: botocore's list. A region that is missing here is a warning, never an error: AWS adds regions.
KNOWN_REGIONS = frozenset(
    {
        "af-south-1",
        "ap-east-1",
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-south-2",
        "ap-southeast-1",
        "ap-southeast-2",
        "ap-southeast-3",
        "ap-southeast-4",
        "ap-southeast-5",
        "ap-southeast-7",
        "ca-central-1",
        "ca-west-1",
        "cn-north-1",
        "cn-northwest-1",
        "eu-central-1",
        "eu-central-2",
        "eu-north-1",
        "eu-south-1",
        "eu-south-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "il-central-1",
        "me-central-1",
        "me-south-1",
        "mx-central-1",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-gov-east-1",
        "us-gov-west-1",
        "us-west-1",
        "us-west-2",
    }
)

_PARTITIONS = (
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("us-isof-", "aws-iso-f"),
    ("eu-isoe-", "aws-iso-e"),
    ("eusc-", "aws-eusc"),
)

# An ARN of these names no region: the services are global in a partition.
_WITHOUT_REGION = frozenset({"iam", "sts"})


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One account in one region, and the partition both lie in. As text: ``account 111111111111, eu-west-1``.

    Takes what it is given: `check_account` and `check_region` say whether account and region can be.

    Args:
        partition: such as ``aws``.
        account: 12 digits.
        region: such as ``eu-west-1``.
    """

    partition: str
    account: str
    region: str

    @classmethod
    def of(cls, account: str, region: str) -> Target:
        """The target of an account and region; the partition is the region's.

        Args:
            account: 12 digits.
            region: such as ``eu-west-1``.
        """
        return cls(partition_of(region), account, region)

    def arn(self, service: str, resource: str) -> str:
        """The ARN of something here, such as ``arn("iot", "cacert/*")``. See "ARN format" in the IAM user guide.

        Args:
            service: as ARNs name it; ``iam`` and ``sts`` have no region in theirs.
            resource: what follows the account, such as ``cacert/*``.
        """
        region = "" if service in _WITHOUT_REGION else self.region
        return f"arn:{self.partition}:{service}:{region}:{self.account}:{resource}"

    def __str__(self) -> str:
        return f"account {self.account}, {self.region}"


def managed_policy(partition: str, name: str) -> str:
    """The ARN of a policy that AWS manages, such as ``service-role/AWSIoTThingsRegistration``."""
    return f"arn:{partition}:iam::aws:policy/{name}"


def is_token(value: object) -> TypeGuard[str]:
    """Whether CDK wrote the value as a placeholder for what is only known at deployment."""
    return isinstance(value, str) and _TOKEN in value


def partition_of(region: str) -> str:
    """The partition that a region lies in, by its prefix: ``aws`` unless it says otherwise."""
    return next((partition for prefix, partition in _PARTITIONS if region.startswith(prefix)), "aws")


def is_account(value: object) -> TypeGuard[str]:
    """Whether it is a literal string of 12 ASCII digits."""
    return isinstance(value, str) and _ACCOUNT.fullmatch(value) is not None


def is_region(value: object) -> TypeGuard[str]:
    """Whether it is a literal string of the form of a region's name; it need not be one that is known."""
    return isinstance(value, str) and _REGION.fullmatch(value) is not None


def check_account(account: object, *, where: str) -> None:
    """Raise `InvalidAccountError` unless ``account`` is a literal string of 12 ASCII digits."""
    if is_token(account):
        raise UnresolvedTargetError(
            f"the account of {where} is only known at deployment (a CDK Token)",
            allowed="12 digits, as a literal string",
            fix="write the account out: who owns DEFAULT in a region cannot be proved for an unknown account",
        )
    if not is_account(account):
        raise InvalidAccountError(
            f"the account of {where} is not an AWS account id",
            value=account,
            allowed="12 digits, as a string",
            fix='write it in quotes with its leading zeros, such as "012345678901"',
        )


def check_region(region: object, *, where: str) -> None:
    """Raise `InvalidRegionError` unless ``region`` has the form of an AWS region."""
    if is_token(region):
        raise UnresolvedTargetError(
            f"the region of {where} is only known at deployment (a CDK Token)",
            allowed="a region's name, as a literal string",
            fix="write the region out: who owns DEFAULT in a region cannot be proved for an unknown region",
        )
    if not is_region(region):
        raise InvalidRegionError(
            f"the region of {where} is malformed",
            value=region,
            allowed="a region's name, such as eu-west-1",
            fix="give the region itself, not an availability zone or a display name",
        )
