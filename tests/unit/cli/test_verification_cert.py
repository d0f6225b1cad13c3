"""`iot-ca verification-cert`: signing where the CA's key is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from iot_multiaccount_ca import CaCertificate, Verification
from iot_multiaccount_ca.cli import main
from support.certificates import (
    Authority,
    make_ca,
    pem_of_key,
    registration_code,
)
from support.fakes.kms import FakeKms
from support.fakes.private_ca import FakePrivateCa
from support.fakes.wire import Fake, client_of

CODES = {"prod": registration_code("prod"), "prod-us": registration_code("prod-us")}
KEY_ARN = "arn:aws:kms:us-east-1:333333333333:key/11111111-2222-3333-4444-555555555555"
PCA_ARN = "arn:aws:acm-pca:us-east-1:333333333333:certificate-authority/11111111-2222-3333-4444-555555555555"


class Desk:
    """The security team's desk: a CA's files and a request file in one folder."""

    def __init__(self, folder: Path, ca: Authority) -> None:
        self.folder, self.ca = folder, ca
        (folder / "ca.pem").write_text(ca.pem)
        (folder / "ca.key").write_text(ca.key_pem)
        self.request([{"stage": name, "registrationCode": code} for name, code in CODES.items()])

    def request(self, entries: list[dict[str, Any]], **others: Any) -> None:
        common = {"account": "333333333333", "region": "eu-west-1", "caCertificateId": self.ca.certificate_id}
        data = {"version": 1, "requests": [common | entry for entry in entries]} | others
        (self.folder / "request.json").write_text(json.dumps(data))

    def run(self, *options: str, certificate: bool = True) -> None:
        arguments = ["verification-cert", "--request", str(self.folder / "request.json")]
        arguments += ["--ca-certificate", str(self.folder / "ca.pem")] if certificate else []
        with pytest.raises(SystemExit) as caught:
            main([*arguments, "--out", str(self.folder / "out"), *options])
        if caught.value.code:
            raise RuntimeError(caught.value.code)

    def with_key(self, *options: str) -> None:
        self.run("--private-key", str(self.folder / "ca.key"), *options)

    def issued(self, name: str = "prod") -> x509.Certificate:
        text = (self.folder / "out" / f"{name}.verification.pem").read_text()
        certificate = x509.load_pem_x509_certificate(text[text.index("-----") :].encode())
        certificate.verify_directly_issued_by(self.ca.certificate)
        return certificate


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, make_ca())


def failure(desk: Desk, capsys: pytest.CaptureFixture[str], *options: str, **others: Any) -> str:
    """The sentence that a failing run prints; it wrote no certificate."""
    with pytest.raises(RuntimeError):
        desk.run(*options, **others)
    assert not list((desk.folder / "out").glob("*.pem"))
    return capsys.readouterr().err


def test_the_files_are_what_from_pre_issued_takes(desk: Desk) -> None:
    """One file per stage; together they satisfy a plan with these DEFAULT stages."""
    desk.with_key()
    files = {name: desk.folder / "out" / f"{name}.verification.pem" for name in CODES}
    verification = Verification.from_pre_issued(files)
    verification.check_pre_issued(CaCertificate.from_pem(desk.ca.pem), list(CODES))
    found = {stage: verification.request_properties(stage)["RegistrationCode"] for stage in CODES}
    assert found == CODES


def test_it_says_how_to_use_the_files(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """What it prints can be pasted into the app."""
    desk.with_key()
    printed = capsys.readouterr().out
    assert "Verification.from_pre_issued({" in printed
    assert f'"prod": "{desk.folder.as_posix()}/out/prod.verification.pem"' in printed


def test_a_person_can_read_the_files(desk: Desk) -> None:
    """Before the PEM stand stage, account, region and code, and openssl reads the file all the same."""
    desk.with_key()
    path = desk.folder / "out" / "prod.verification.pem"
    for part in ("stage prod", "account 333333333333, region eu-west-1", CODES["prod"]):
        assert part in path.read_text()
    command = ["openssl", "verify", "-CAfile", str(desk.folder / "ca.pem"), str(path)]
    subprocess.run(command, check=True, capture_output=True)


def test_one_signature_serves_for_good(desk: Desk) -> None:
    """The code never changes: without --valid-days the certificate is valid as long as the CA."""
    desk.with_key()
    assert desk.issued().not_valid_after_utc == desk.ca.certificate.not_valid_after_utc


def test_a_shorter_validity_can_be_had(desk: Desk) -> None:
    """--valid-days counts from now."""
    desk.with_key("--valid-days", "7")
    certificate = desk.issued()
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == 7


def test_offline_it_needs_no_aws_and_no_cdk(desk: Desk) -> None:
    """It signs with a key file where boto3, botocore, aws_cdk and constructs cannot be imported."""
    code = (
        "import sys\n"
        "for name in ('boto3', 'botocore', 'aws_cdk', 'constructs', 'jsii'): sys.modules[name] = None\n"
        "from iot_multiaccount_ca.cli import main; main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", code, "verification-cert", "--ca-certificate", "ca.pem"]
    command += ["--private-key", "ca.key", "--request", "request.json", "--out", "out"]
    subprocess.run(command, cwd=desk.folder, check=True, capture_output=True)
    desk.issued()


def test_an_encrypted_key_file_asks_for_its_passphrase(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a person's desk there is someone to ask."""
    (desk.folder / "ca.key").write_text(pem_of_key(desk.ca.key, passphrase="hunter2"))
    monkeypatch.setattr("click.prompt", lambda *_, **__: "hunter2")
    desk.with_key()
    desk.issued()


def test_a_wrong_passphrase_is_a_sentence(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And does not repeat it."""
    (desk.folder / "ca.key").write_text(pem_of_key(desk.ca.key, passphrase="hunter2"))
    monkeypatch.setattr("click.prompt", lambda *_, **__: "hunter3")
    said = failure(desk, capsys, "--private-key", str(desk.folder / "ca.key"))
    assert "this passphrase does not open" in said
    assert "hunter3" not in said


def test_another_cas_key_is_refused(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Found before anything is signed or written."""
    (desk.folder / "ca.key").write_text(make_ca(common_name="Someone else").key_pem)
    assert "not the key of the CA" in failure(desk, capsys, "--private-key", str(desk.folder / "ca.key"))


def test_a_missing_key_file_is_a_sentence(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """The path is named."""
    assert "cannot be read" in failure(desk, capsys, "--private-key", "nowhere.key")


def answer_with(monkeypatch: pytest.MonkeyPatch, fake: Fake) -> list[tuple[str, str]]:
    """Let boto3 sessions hand out the fake's clients; what was asked for."""
    asked: list[tuple[str, str]] = []
    client = client_of(fake, "us-east-1")

    class Session:
        def __init__(self, **_: Any) -> None: ...

        def client(self, service: str, region_name: str) -> Any:
            asked.append((service, region_name))
            return client

    monkeypatch.setattr("boto3.Session", Session)
    return asked


def test_a_kms_key_signs(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the caller's own credentials, in the key's region."""
    kms = FakeKms()
    kms.add(KEY_ARN, desk.ca.key)
    asked = answer_with(monkeypatch, kms)
    desk.run("--kms-key", KEY_ARN)
    desk.issued()
    assert asked == [("kms", "us-east-1")]
    assert len(kms.signed) == len(CODES)


def test_a_private_ca_issues(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the caller's own credentials, in the private CA's region, as long as it can."""
    monkeypatch.setattr("botocore.waiter.time.sleep", lambda seconds: None)
    asked = answer_with(monkeypatch, FakePrivateCa(PCA_ARN, desk.ca))
    desk.run("--private-ca", PCA_ARN)
    assert desk.issued().not_valid_after_utc == desk.ca.certificate.not_valid_after_utc
    assert asked == [("acm-pca", "us-east-1")]


def test_requests_for_a_ca_that_signs_requests(desk: Desk) -> None:
    """--csr-only needs neither certificate nor key: one request per stage, for the code, and no key file."""
    desk.run("--csr-only", certificate=False)
    text = (desk.folder / "out" / "prod.verification.csr").read_text()
    request = x509.load_pem_x509_csr(text[text.index("-----") :].encode())
    assert request.is_signature_valid
    assert request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == CODES["prod"]
    assert {path.suffix for path in (desk.folder / "out").iterdir()} == {".csr"}


@pytest.mark.parametrize(
    "options", [(), ("--csr-only", "--kms-key", KEY_ARN), ("--private-key", "k", "--kms-key", "a")]
)
def test_exactly_one_way_to_sign(
    desk: Desk, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    """None and two are sentences that name the ways."""
    assert "allowed: one of --private-key, --kms-key" in failure(desk, capsys, *options)


def test_requests_for_another_ca_are_left_out(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """A file may ask several CAs; only the own ones are signed, and a file without any is refused."""
    desk.request(
        [
            {"stage": "prod", "registrationCode": CODES["prod"]},
            {
                "stage": "old",
                "registrationCode": CODES["prod"],
                "caCertificateId": "0" * 64,
                "caSubject": "CN=Old",
            },
        ]
    )
    desk.with_key()
    assert "left out old: it asks for the CA CN=Old" in capsys.readouterr().err
    assert [path.name for path in (desk.folder / "out").iterdir()] == ["prod.verification.pem"]


def test_no_request_for_this_ca_is_refused(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Signing for another CA by mistake is not possible."""
    desk.request([{"stage": "prod", "registrationCode": CODES["prod"], "caCertificateId": "0" * 64}])
    said = failure(desk, capsys, "--private-key", str(desk.folder / "ca.key"))
    assert "no request of the file asks for the CA" in said


BAD_ENTRIES: dict[str, tuple[Any, str]] = {
    "a path": ({"stage": "../../etc/cron.d/x"}, "can be no file's name"),
    "a hidden path": ({"stage": "a/b"}, "can be no file's name"),
    "no stage": ({"stage": None}, "can be no file's name"),
    "a device's name as code": ({"registrationCode": "device-0001"}, "registrationCode of request 1"),
    "an account name": ({"account": "production"}, "account of request 1"),
    "a region with a line end": ({"region": "eu\n-west-1"}, "region of request 1"),
    "a number as certificate id": ({"caCertificateId": 5}, "caCertificateId of request 1"),
}


@pytest.mark.parametrize("case", BAD_ENTRIES)
def test_a_strange_request_is_refused(desk: Desk, capsys: pytest.CaptureFixture[str], case: str) -> None:
    """The file came from elsewhere: nothing but registration codes is signed, and no path leaves the folder."""
    change, says = BAD_ENTRIES[case]
    desk.request([{"stage": "prod", "registrationCode": CODES["prod"]} | change])
    assert says in failure(desk, capsys, "--private-key", str(desk.folder / "ca.key"))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 2, "requests": [{}]}', '{"version": 1, "requests": []}']
)
def test_a_file_that_is_no_request_is_refused(
    desk: Desk, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """Torn, of another version, or empty."""
    (desk.folder / "request.json").write_text(text)
    assert "request" in failure(desk, capsys, "--private-key", str(desk.folder / "ca.key"))


def test_two_requests_of_one_name_are_refused(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """They would write one file, also where the file system knows no capitals."""
    desk.request([{"stage": name, "registrationCode": CODES["prod"]} for name in ("prod", "Prod")])
    assert "two requests of one name" in failure(desk, capsys, "--private-key", str(desk.folder / "ca.key"))
