"""Conditions on what a signature is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from support.local_accounts import LocalAccount, policy_document

if TYPE_CHECKING:
    from collections.abc import Callable


def _signer(place: LocalAccount, key_arn: str, condition: dict[str, str]) -> Callable[..., Any]:
    """``kms:Sign`` of a role that may sign with the key under a condition."""
    document = policy_document("kms:Sign", Resource=key_arn, Condition={"StringEquals": condition})
    sign: Callable[..., Any] = place.assumed("kms", document).sign
    return sign


def test_a_signature_is_allowed_by_its_algorithm_and_kind_of_message(places: list[LocalAccount]) -> None:
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
