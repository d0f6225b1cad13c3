"""Gap 9, for keys: conditions on what a signature is asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from places import Place, policy_document

if TYPE_CHECKING:
    from collections.abc import Callable


def _signer(place: Place, key_arn: str, condition: dict[str, str]) -> Callable[..., Any]:
    """``kms:Sign`` of a role that may sign with the key under a condition."""
    iam = place.aws.client("iam", account=place.account, region=place.region)
    trust = policy_document("sts:AssumeRole", Principal={"AWS": f"arn:aws:iam::{place.account}:root"})
    role = iam.create_role(RoleName="signer", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    statement = {
        "Effect": "Allow",
        "Action": "kms:Sign",
        "Resource": key_arn,
        "Condition": {"StringEquals": condition},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName="signer", PolicyName="p", PolicyDocument=document)
    sts = place.aws.client("sts", account=place.account, region=place.region)
    given = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    kms = place.aws.client(
        "kms",
        account=place.account,
        region=place.region,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    sign: Callable[..., Any] = kms.sign
    return sign


def test_a_signature_is_allowed_by_its_algorithm_and_kind_of_message(places: list[Place]) -> None:
    """As the condition says, and not otherwise."""
    place = places[0]
    keys = place.aws.client("kms", account=place.account, region=place.region)
    key_arn = keys.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    right = {"SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_256", "MessageType": "DIGEST"}
    sign = _signer(place, key_arn, {f"kms:{key}": value for key, value in right.items()})
    assert sign(KeyId=key_arn, Message=b"0" * 32, **right)["Signature"]
    for other in ({"SigningAlgorithm": "RSASSA_PSS_SHA_256"}, {"MessageType": "RAW"}):
        with pytest.raises(ClientError, match="AccessDenied"):
            sign(KeyId=key_arn, Message=b"0" * 32, **{**right, **other})
