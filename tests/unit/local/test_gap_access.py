"""Without the secret of the run nobody is anyone, though an account's number is no secret."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import botocore.config
import botocore.exceptions
import pytest

from iot_multiaccount_ca.local.emulator import LocalAws

if TYPE_CHECKING:
    from support.local_accounts import LocalAccount

REGION = "eu-west-1"


def error_of(call: Any, **arguments: Any) -> str:
    """The code of the error that a call ends with."""
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        call(**arguments)
    return str(raised.value.response["Error"]["Code"])


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("secretsmanager", "list_secrets"),
        ("iam", "list_roles"),
        ("lambda", "list_functions"),
        ("s3", "list_buckets"),
        ("cloudformation", "list_stacks"),
        ("sts", "get_caller_identity"),
    ],
)
@pytest.mark.parametrize("secret", ["test", "", "x" * 40])
def test_an_account_without_the_secret(
    aws: LocalAws, places: list[LocalAccount], service: str, call: str, secret: str
) -> None:
    """Whoever signs with a guess is refused by every service, and the owner is not."""
    account = places[0].account
    getattr(aws.client(service, account=account, region=REGION), call)()
    stranger = aws.client(service, account=account, region=REGION, aws_secret_access_key=secret or " ")
    assert error_of(getattr(stranger, call)) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("service", ["secretsmanager", "s3"])
def test_an_unsigned_call(aws: LocalAws, places: list[LocalAccount], service: str) -> None:
    """Whoever does not sign is refused, also by S3, which AWS lets be called unsigned."""
    unsigned = botocore.config.Config(signature_version=botocore.UNSIGNED)
    client = aws.client(service, account=places[0].account, region=REGION, config=unsigned)
    call = client.list_secrets if service == "secretsmanager" else client.list_buckets
    assert error_of(call) in ("MissingAuthenticationToken", "403")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/_ministack/reset"),
        ("POST", "/_ministack/config"),
        ("GET", "/_ministack/sqs/messages"),
        ("GET", "/_ministack/lambda-code/111111111111/eu-west-1/f"),
        ("POST", "/_ministack/health"),
        ("OPTIONS", "/"),
        ("GET", "/latest/meta-data/iam/security-credentials/"),
    ],
)
def test_the_emulators_own_administration(aws: LocalAws, method: str, path: str) -> None:
    """Nobody resets, configures or reads the local AWS from outside."""
    request = urllib.request.Request(
        f"{aws.endpoint_url}{path}", method=method, data=b"{}" if method == "POST" else None
    )
    context = ssl.create_default_context(cafile=str(aws.trust_anchor))
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request, context=context)
    with raised.value as answer:
        assert answer.code == 403
        assert json.loads(answer.read())["__type"] == "MissingAuthenticationToken"


def test_a_presigned_url(aws: LocalAws, places: list[LocalAccount]) -> None:
    """An address that the owner signed can be used without the secret, as long as nobody changes it."""
    signed = botocore.config.Config(signature_version="s3v4")
    client = aws.client("s3", account=places[0].account, region=REGION, config=signed)
    client.create_bucket(Bucket="presigned", CreateBucketConfiguration={"LocationConstraint": REGION})
    client.put_object(Bucket="presigned", Key="one", Body=b"held")
    client.put_object(Bucket="presigned", Key="two", Body=b"held")
    url = client.generate_presigned_url("get_object", Params={"Bucket": "presigned", "Key": "one"})
    context = ssl.create_default_context(cafile=str(aws.trust_anchor))
    with urllib.request.urlopen(url, context=context) as answer:
        assert answer.read() == b"held"
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(url.replace("/one?", "/two?"), context=context)
    with raised.value as refused:
        assert refused.code == 403


def test_each_run_has_a_secret_of_its_own() -> None:
    """No two runs share one, and it is in the settings of the tools that a run starts."""
    secrets = {LocalAws().settings("111111111111")["AWS_SECRET_ACCESS_KEY"] for _ in range(3)}
    assert len(secrets) == 3
    assert all(len(secret) >= 40 for secret in secrets)


def test_a_function_has_credentials_that_nobody_can_compute(in_process: None) -> None:
    """The session of a function's role is its own in every run; the emulator's is a digest of public names."""
    import hashlib

    from ministack.services import lambda_svc

    arn, role = "arn:aws:lambda:eu-west-1:111111111111:function:f", "arn:aws:iam::111111111111:role/r"
    made = lambda_svc.execution_credentials({"FunctionArn": arn, "FunctionName": "f", "Role": role})
    digest = hashlib.sha256(f"{arn}:{role}".encode()).hexdigest()
    assert made["AWS_SECRET_ACCESS_KEY"] not in (
        hashlib.sha256(f"secret:{digest}".encode()).hexdigest(),
        "test",
    )
    assert digest[:16].upper() not in made["AWS_ACCESS_KEY_ID"]
