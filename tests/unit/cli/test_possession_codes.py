"""`iot-ca registration-code`: asking accounts for their codes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from certificates import make_ca, registration_code
from iot_multiaccount_ca.cli import code_requests, main
from iot_multiaccount_ca.model.assembly import METADATA_TYPE, RegistrationRecord

if TYPE_CHECKING:
    from pathlib import Path

CA = make_ca()
SECRET = {"type": "SECRET", "secretId": "fleet-ca", "field": None}
LOOKUP_ROLE = "arn:aws:iam::333333333333:role/cdk-hnb659fds-lookup-role-333333333333-eu-west-1"


def record(**changes: Any) -> RegistrationRecord:
    values: dict[str, Any] = {
        "stage": "prod",
        "account": "333333333333",
        "region": "eu-west-1",
        "partition": "aws",
        "stack_name": "FleetCa-prod",
        "logical_id": "Ca",
        "certificate_mode": "DEFAULT",
        "certificate_id": CA.certificate_id,
        "subject": "CN=Fleet CA",
        "not_valid_before": "2026-01-01T00:00:00Z",
        "not_valid_after": "2036-01-01T00:00:00Z",
        "active": True,
        "auto_registration": True,
        "template_name": None,
        "jitr": False,
        "retiring": False,
        "verification": SECRET,
    }
    return RegistrationRecord(**values | changes)


def write_assembly(folder: Path, *records: RegistrationRecord) -> Path:
    artifacts = {
        f"{each.stack_name}{index}": {
            "type": "aws:cloudformation:stack",
            "metadata": {"/x": [{"type": METADATA_TYPE, "data": each.to_metadata()}]},
        }
        for index, each in enumerate(records)
    }
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    return folder


@dataclass
class Aws:
    """Who may assume which role, and each place's code. Answers are checked against botocore's models."""

    roles: set[str] = field(default_factory=set)
    own_account: str = "111111111111"
    codes: dict[tuple[str, str], str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def session(self, **options: Any) -> Any:
        account = options.get("aws_access_key_id", self.own_account)
        return _Session(self, account, options["region_name"])


class _Session:
    def __init__(self, aws: Aws, account: str, region: str) -> None:
        self._aws, self._account, self._region = aws, account, region

    def client(self, service: str, region_name: str | None = None) -> Any:
        client = _REAL_CLIENT(
            service, region_name=self._region, aws_access_key_id="a", aws_secret_access_key="b"
        )
        return _Stub(self._aws, self._account, self._region, client)


class _Stub:
    def __init__(self, aws: Aws, account: str, region: str, client: Any) -> None:
        self._aws, self._account, self._region, self._client = aws, account, region, client

    def assume_role(self, **parameters: str) -> Any:
        arn = parameters["RoleArn"]
        with Stubber(self._client) as stub:
            if arn not in self._aws.roles:
                stub.add_client_error(
                    "assume_role", "AccessDenied", "not authorized to perform: sts:AssumeRole"
                )
            credentials = {
                "AccessKeyId": arn.split(":")[4] + "0000",
                "SecretAccessKey": "secret",
                "SessionToken": "token",
                "Expiration": "2027-01-01T00:00:00Z",
            }
            stub.add_response("assume_role", {"Credentials": credentials})
            return self._client.assume_role(**parameters)

    def get_caller_identity(self) -> Any:
        return {"Account": self._account}

    def get_registration_code(self) -> Any:
        place = self._account[:12], self._region
        self._aws.asked.append(place)
        with Stubber(self._client) as stub:
            if place not in self._aws.codes:
                stub.add_client_error("get_registration_code", "UnauthorizedException", "no")
            stub.add_response("get_registration_code", {"registrationCode": self._aws.codes.get(place, "")})
            return self._client.get_registration_code()


# Of a session made now: the default one would be made of what the tests put in its place.
_REAL_CLIENT = boto3.Session().client


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    fake = Aws(roles={LOOKUP_ROLE}, codes={("333333333333", "eu-west-1"): registration_code()})
    monkeypatch.setattr("boto3.Session", fake.session)
    return fake


def run(*arguments: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["registration-code", *arguments])
    if caught.value.code:
        raise RuntimeError(caught.value.code)


def test_it_asks_the_default_stages(aws: Aws, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only DEFAULT stages are asked, through CDK's lookup role; a table and a request file are the result."""
    sni = record(stage="dev", account="111111111111", certificate_mode="SNI_ONLY", verification=None)
    app = write_assembly(tmp_path / "cdk.out", sni, record())
    run("--app", str(app), "--out", str(tmp_path / "request.json"))
    assert aws.asked == [("333333333333", "eu-west-1")]
    (request,) = code_requests.read(tmp_path / "request.json")
    assert request == code_requests.CodeRequest(
        "prod", "333333333333", "eu-west-1", registration_code(), CA.certificate_id, "CN=Fleet CA"
    )
    printed = capsys.readouterr().out
    assert "prod   333333333333  eu-west-1  " + registration_code() in printed
    assert "iot-ca verification-cert" in printed


def test_an_account_can_be_asked_before_there_is_an_app(aws: Aws, tmp_path: Path) -> None:
    """--target breaks the circle: the app wants the certificate, the certificate the code."""
    (tmp_path / "ca.pem").write_text(CA.pem)
    options = ["--target", "prod=333333333333/eu-west-1", "--ca-certificate", str(tmp_path / "ca.pem")]
    run(*options, "--out", str(tmp_path / "new" / "request.json"))
    (request,) = code_requests.read(tmp_path / "new" / "request.json")
    assert (request.name, request.ca_certificate_id) == ("prod", CA.certificate_id)


def test_two_cas_of_a_stage_are_two_requests(aws: Aws, tmp_path: Path) -> None:
    """In a rotation both CAs sign the one code, which is asked for once."""
    old = record(certificate_id="0" * 64, retiring=True)
    unproved = record(certificate_id="1" * 64, retiring=True, verification=None)
    app = write_assembly(tmp_path / "cdk.out", record(), old, unproved)
    run("--app", str(app), "--out", str(tmp_path / "request.json"))
    names = [each.name for each in code_requests.read(tmp_path / "request.json")]
    assert names == [f"prod-{CA.certificate_id[:8]}", "prod-00000000"]
    assert len(aws.asked) == 1


def test_the_callers_own_account_needs_no_role(aws: Aws, tmp_path: Path) -> None:
    """Where the lookup role cannot be taken, but the credentials are the account's, these ask."""
    aws.roles.clear()
    aws.own_account = "333333333333"
    run("--target", "prod=333333333333/eu-west-1", "--out", str(tmp_path / "request.json"))
    assert aws.asked == [("333333333333", "eu-west-1")]


def test_another_role_can_be_named(aws: Aws, tmp_path: Path) -> None:
    """--role-name is taken in the account, and never quietly replaced by the caller's own credentials."""
    aws.roles = {"arn:aws:iam::333333333333:role/Auditor"}
    target = ["--target", "prod=333333333333/eu-west-1", "--out", str(tmp_path / "request.json")]
    run(*target, "--role-name", "Auditor")
    aws.own_account = "333333333333"
    with pytest.raises(RuntimeError):
        run(*target, "--role-name", "Other")


def test_no_access_is_a_sentence(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    """It names account, role and what to do."""
    aws.roles.clear()
    with pytest.raises(RuntimeError):
        run("--target", "prod=333333333333/eu-west-1")
    said = capsys.readouterr().err
    for part in ("no access to account 333333333333 in eu-west-1", LOOKUP_ROLE, "--role-name", "--profile"):
        assert part in said


def test_no_code_is_a_sentence(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    """AWS IoT's refusal is told with the account."""
    aws.codes.clear()
    with pytest.raises(RuntimeError):
        run("--target", "prod=333333333333/eu-west-1")
    assert "account 333333333333 gives no registration code in eu-west-1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("records", "options", "says"),
    [
        ([record(certificate_mode="SNI_ONLY", verification=None)], [], "the app has no DEFAULT stage"),
        ([record()], ["--stage", "prd"], "there is no DEFAULT stage 'prd'"),
    ],
)
def test_nothing_to_ask_is_a_sentence(
    aws: Aws,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    records: list[RegistrationRecord],
    options: list[str],
    says: str,
) -> None:
    """No DEFAULT stage, or none of the wanted name: nobody is asked."""
    with pytest.raises(RuntimeError):
        run("--app", str(write_assembly(tmp_path / "cdk.out", *records)), *options)
    assert says in capsys.readouterr().err
    assert aws.asked == []


@pytest.mark.parametrize(
    "target", ["prod", "prod=333/eu-west-1", "prod=333333333333/Ireland", "=333333333333/eu-west-1"]
)
def test_a_malformed_target_is_a_sentence(aws: Aws, target: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Name, account and region are checked before anyone is asked."""
    with pytest.raises(RuntimeError):
        run("--target", target)
    assert "iot-ca: " in capsys.readouterr().err
    assert aws.asked == []


def test_a_folder_that_is_no_app_is_a_sentence(
    aws: Aws, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says to synthesize first."""
    with pytest.raises(RuntimeError):
        run("--app", str(tmp_path))
    assert "cdk synth" in capsys.readouterr().err
