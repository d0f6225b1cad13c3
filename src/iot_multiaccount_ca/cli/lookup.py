"""Sessions in a stage's account, through CDK's lookup role: it may read, and change nothing. Makes no other call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..model.errors import SharedCaError
from ..model.regions import partition_of

if TYPE_CHECKING:
    import boto3

DEFAULT_QUALIFIER = "hnb659fds"


class StageAccessError(SharedCaError):
    """No credentials for a stage's account."""


def session_for(
    account: str,
    region: str,
    *,
    profile: str | None = None,
    role_name: str | None = None,
    qualifier: str = DEFAULT_QUALIFIER,
) -> boto3.Session:
    """A session in ``account`` and ``region``: the role's, or the caller's own where that is the account's.

    ``role_name``: a role in the account, instead of ``cdk-<qualifier>-lookup-role-<account>-<region>`` which
    ``cdk bootstrap`` makes. Raises `StageAccessError`.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    name = role_name or f"cdk-{qualifier}-lookup-role-{account}-{region}"
    role_arn = f"arn:{partition_of(region)}:iam::{account}:role/{name}"
    try:
        own = boto3.Session(profile_name=profile, region_name=region)
        sts = own.client("sts", region_name=region)
        try:
            answer = sts.assume_role(RoleArn=role_arn, RoleSessionName="iot-ca")
        except ClientError:
            if role_name is None and sts.get_caller_identity()["Account"] == account:
                return own
            raise
    except (ClientError, BotoCoreError) as error:
        raise StageAccessError(
            f"no access to account {account} in {region}: {error}",
            value=role_arn,
            allowed="a role in the account that the present credentials may assume",
            fix="bootstrap the account with --trust (see cdk bootstrap), or name another role with --role-name, "
            "or other credentials with --profile",
        ) from None
    return _session(answer["Credentials"], region)


def _session(credentials: dict[str, Any], region: str) -> boto3.Session:
    import boto3

    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name=region,
    )
