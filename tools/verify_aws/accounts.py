"""An account and region to try things in: its clients, its endpoint for devices, and how to become a role in it."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore
from botocore.config import Config

from iot_multiaccount_ca.local.device import Broker

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_multiaccount_ca.local.emulator import LocalAws

_PORT = 8883
# A network that is gone shows in seconds: what is left behind then has to be told while somebody is there to read it.
_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})


@dataclass(frozen=True)
class Account:
    """``make_client``: a client of a service, with the credentials that it is given, or the account's own."""

    account_id: str
    region: str
    partition: str
    make_client: Callable[..., Any]
    broker_at: Callable[[str], Broker]

    @functools.cached_property
    def iot(self) -> Any:
        """Its AWS IoT."""
        return self.make_client("iot")

    @functools.cached_property
    def endpoint(self) -> str:
        """The name that devices send as SNI."""
        address = self.iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
        return str(address).partition(":")[0]

    @property
    def broker(self) -> Broker:
        """Where devices connect."""
        return self.broker_at(self.endpoint)

    def as_role(self, role_arn: str) -> Callable[..., Any]:
        """What makes clients with the rights of a role. Raises botocore's ClientError where it may not be assumed."""
        sts = self.make_client("sts")
        given = sts.assume_role(RoleArn=role_arn, RoleSessionName="iot-ca-verify")["Credentials"]
        credentials = {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }
        return functools.partial(self.make_client, **credentials)


def of_profile(profile: str, region: str) -> Account:
    """The account that a profile of the AWS configuration leads to."""
    session = boto3.Session(profile_name=profile, region_name=region)
    arn = session.client("sts").get_caller_identity()["Arn"]
    # The roots that Amazon's endpoints are signed by are among those that botocore trusts.
    anchors = (Path(botocore.__file__).parent / "cacert.pem").read_text(encoding="utf-8")
    return Account(
        account_id=arn.split(":")[4],
        region=region,
        partition=arn.split(":")[1],
        make_client=functools.partial(session.client, config=_CONFIG),
        broker_at=lambda endpoint: Broker(endpoint, _PORT, anchors),
    )


def of_local_aws(aws: LocalAws, account: str, region: str) -> Account:
    """An account of the local AWS."""
    return Account(
        account_id=account,
        region=region,
        partition="aws",
        make_client=functools.partial(_local_client, aws, account, region),
        broker_at=lambda _: Broker("127.0.0.1", aws.broker_port, aws.broker_trust_anchor()),
    )


def _local_client(aws: LocalAws, account: str, region: str, service: str, **credentials: Any) -> Any:
    return aws.client(service, account=account, region=region, **credentials)
