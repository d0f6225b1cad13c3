"""`iot-ca verification-cert`: signing where the CA's key is."""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from cryptography import x509
from cryptography.x509.oid import NameOID

from iot_multiaccount_ca import CaCertificate, Verification
from iot_multiaccount_ca.cli import files, main
from support.certificates import (
    Authority,
    make_ca,
    pem_of_key,
    registration_code,
)
from support.fakes.kms import FakeKms
from support.fakes.private_ca import FakePrivateCa
from support.fakes.wire import Fake, client_of
from support.terminal import in_pipe, in_terminal

CODES = {"prod": registration_code("prod"), "prod-us": registration_code("prod-us")}
REGIONS = {"prod": "eu-west-1", "prod-us": "us-east-1"}
KEY_ARN = "arn:aws:kms:us-east-1:333333333333:key/11111111-2222-3333-4444-555555555555"
PCA_ARN = "arn:aws:acm-pca:us-east-1:333333333333:certificate-authority/11111111-2222-3333-4444-555555555555"


class Desk:
    """The security team's desk: a CA's files and a request file in one folder."""

    def __init__(self, folder: Path, ca: Authority) -> None:
        self.folder, self.ca = folder, ca
        (folder / "ca.pem").write_text(ca.pem)
        self.key(ca.key_pem)
        self.request(
            [
                {"stage": name, "region": REGIONS[name], "registrationCode": code}
                for name, code in CODES.items()
            ]
        )

    def key(self, pem: str) -> None:
        path = self.folder / "ca.key"
        path.write_text(pem)
        path.chmod(0o600)

    def request(self, entries: list[dict[str, Any]], **others: Any) -> None:
        common = {
            "account": "333333333333",
            "region": "eu-west-1",
            "caCertificateId": self.ca.certificate_id,
            "caSubject": "CN=Fleet CA",
        }
        data = {"version": 1, "requests": [common | entry for entry in entries]} | others
        (self.folder / "request.json").write_text(json.dumps(data))

    def run(self, *options: str, certificate: bool = True, yes: bool = True) -> None:
        arguments = ["verification-cert", "--request", str(self.folder / "request.json")]
        arguments += ["--ca-certificate", str(self.folder / "ca.pem")] if certificate else []
        arguments += ["--yes"] if yes else []
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


@pytest.mark.parametrize(("options", "days"), [((), 7), (("--valid-days", "30"), 30)])
def test_a_certificate_lives_for_days(desk: Desk, options: tuple[str, ...], days: int) -> None:
    """A week unless told: whoever has one can register the CA as DEFAULT as long as it lives."""
    desk.with_key(*options)
    certificate = desk.issued()
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == days


def test_a_certificate_never_outlives_the_ca(desk: Desk) -> None:
    """However many days are asked for."""
    desk.with_key("--valid-days", "36500")
    assert desk.issued().not_valid_after_utc == desk.ca.certificate.not_valid_after_utc


@pytest.mark.parametrize(("begins", "ends"), [(-9, -1), (1, 9)], ids=["expired", "not valid yet"])
def test_for_a_ca_that_is_not_valid_nothing_is_shown_or_asked(
    begins: int, ends: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it would sign could be used nowhere."""
    now = dt.datetime.now(dt.UTC)
    desk = Desk(
        tmp_path,
        make_ca(not_before=now + dt.timedelta(days=begins), not_after=now + dt.timedelta(days=ends)),
    )
    said = failure(desk, capsys, "--private-key", str(desk.folder / "ca.key"), yes=False)
    assert "AWS IoT registers no such CA" in said
    assert "to be signed" not in said


@pytest.mark.parametrize("days", ["0", "-1", "36501", "9999999999", "a week"])
def test_days_out_of_range_are_refused(desk: Desk, capsys: pytest.CaptureFixture[str], days: str) -> None:
    """Before anything is signed."""
    said = failure(desk, capsys, "--private-key", str(desk.folder / "ca.key"), "--valid-days", days)
    assert "--valid-days" in said


# --- what is shown and asked ---------------------------------------------------------------------------------


def arguments(desk: Desk) -> list[str]:
    """Sign with the key file, and ask."""
    files = {
        "--ca-certificate": "ca.pem",
        "--private-key": "ca.key",
        "--request": "request.json",
        "--out": "out",
    }
    return [
        "verification-cert",
        *(part for name, file in files.items() for part in (name, f"{desk.folder}/{file}")),
    ]


def test_what_is_to_be_signed_is_shown(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Account, region, stage and code of each, the CA's subject and id, and until when, with --yes too."""
    desk.with_key()
    shown = capsys.readouterr().err
    expected = [
        "333333333333",
        *REGIONS.values(),
        *CODES,
        *CODES.values(),
        desk.ca.certificate_id,
        "CN=Fleet CA",
        "UTC",
    ]
    assert [each for each in expected if each not in shown] == []


def test_of_very_many_each_is_shown(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is signed was shown."""
    codes = {f"s{number}": registration_code(str(number)) for number in range(300)}
    desk.request([{"stage": name, "registrationCode": code} for name, code in codes.items()])
    desk.with_key()
    shown = capsys.readouterr().err
    assert [
        name for name, code in codes.items() if f"{name} 333333333333 eu-west-1 {code}" not in shown
    ] == []
    assert len(list((desk.folder / "out").iterdir())) == len(codes)


@pytest.mark.parametrize(("typed", "code", "written"), [("y\n", 0, 2), ("n\n", 1, 0), ("\n", 1, 0)])
@pytest.mark.parametrize("columns", [60, 120])
def test_it_asks_before_it_signs(desk: Desk, columns: int, typed: str, code: int, written: int) -> None:
    """Only yes signs; no is the default, and exit code 1. No code is cut, however narrow the terminal."""
    ran = in_terminal(*arguments(desk), columns=columns, answer=("with this CA? [y/N]", typed))
    assert ran.code == code, ran.plain
    assert len(list((desk.folder / "out").glob("*"))) == written
    assert [each for each in CODES.values() if each not in ran.plain] == []
    assert ("nothing was signed" in ran.plain) == (code == 1)


def test_without_a_terminal_it_signs_on_yes_only(desk: Desk) -> None:
    """What is to be signed is listed all the same, and the sentence says how to go on."""
    ran = in_pipe(*arguments(desk))
    assert ran.code == 2
    assert CODES["prod"] in ran.stderr
    assert "no terminal to ask on; fix: look at what is listed above, and add --yes" in ran.stderr
    assert not (desk.folder / "out").exists()
    assert in_pipe(*arguments(desk), "--yes").code == 0


@pytest.mark.parametrize("way", ["--private-key", "--csr-only"])
def test_codes_that_contradict_one_another_are_warned_of(
    way: str, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two of one account in a region, and one of two accounts; one code for two stages of an account is none."""
    options = [way, *([str(desk.folder / "ca.key")] if way == "--private-key" else [])]
    codes = [registration_code(str(number)) for number in range(2)]
    two = {"stage": "two", "registrationCode": codes[1]}
    shared = {"stage": "shared", "account": "111111111111", "registrationCode": codes[0].upper()}
    desk.request([{"stage": "prod", "registrationCode": codes[0]}, two, shared])
    desk.run(*options)
    said = capsys.readouterr().err
    assert "warning: account 333333333333 has one code in eu-west-1, and here stand 2" in said
    assert f"warning: the code {codes[0]} stands for the accounts 111111111111, 333333333333" in said
    same = {"stage": "same", "registrationCode": codes[0].upper()}
    elsewhere = {"stage": "us", "region": "us-east-1", "registrationCode": codes[0]}
    desk.request([{"stage": "prod", "registrationCode": codes[0]}, same, elsewhere])
    desk.run(*options, "--force")
    assert "warning" not in capsys.readouterr().err


def test_of_very_many_warnings_the_first_are_shown(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """And how many there are more: they are not to hide what is signed."""
    desk.request(
        [
            {"stage": f"{way}{n}", "account": f"{n:012d}", "registrationCode": registration_code(f"{way}{n}")}
            for n in range(30)
            for way in ("a", "b")
        ]
    )
    desk.with_key()
    said = capsys.readouterr().err
    assert said.count("warning: account") == 20
    assert "and 10 more warnings of this kind" in said


def test_a_key_that_others_can_read_is_warned_of(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, with the command that mends it; a key for its owner alone is nothing to speak of."""
    desk.with_key()
    assert "warning" not in capsys.readouterr().err
    for mode in (0o640, 0o604, 0o620):
        (desk.folder / "ca.key").chmod(mode)
        desk.with_key("--force")
        assert f"chmod 600 {desk.folder / 'ca.key'}" in capsys.readouterr().err


def test_a_certificate_in_place_of_a_key_is_for_all_to_read(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is told to hide it."""
    (desk.folder / "public.pem").write_text(desk.ca.pem)
    said = failure(desk, capsys, "--private-key", str(desk.folder / "public.pem"))
    assert "holds a certificate, but no private key" in said
    assert "chmod" not in said


@pytest.mark.parametrize("option", ["--private-key", "--kms-key", "--private-ca", "--pkcs11-uri"])
def test_a_key_itself_as_an_option_is_not_repeated(
    desk: Desk, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    """It is in the shell's history already; our messages do not add to that."""
    key = "".join(desk.ca.key_pem.splitlines()[1:-1])
    said = failure(desk, capsys, option, key)
    assert f"stands after {option}" in said
    assert key[40:80] not in said


def test_a_file_is_not_written_over(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a file nor what a link points to, and no other file is written then; --force replaces the link itself."""
    out, kept = desk.folder / "out", desk.folder / "kept"
    out.mkdir()
    kept.write_text("kept")
    target = out / "prod-us.verification.pem"
    for make in (
        lambda: target.write_text("kept"),
        lambda: target.symlink_to(kept),
        lambda: target.symlink_to("no"),
    ):
        make()
        with pytest.raises(RuntimeError):
            desk.with_key()
        assert "not written over" in capsys.readouterr().err
        assert list(out.iterdir()) == [target]
        target.unlink()
    target.symlink_to(kept)
    desk.with_key("--force")
    assert desk.issued("prod-us")
    assert not target.is_symlink()
    assert kept.read_text() == "kept"
    with pytest.raises(RuntimeError):
        desk.with_key()


@pytest.mark.parametrize("way", ["--private-key", "--csr-only"])
def test_of_a_set_all_files_are_written_or_none(
    way: str, desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the disk is full after some: not half of them, no folder for them, and none is told as written."""
    desk.request([{"stage": f"s{n}", "registrationCode": registration_code(str(n))} for n in range(10)])
    create = files.create

    def until_full(path: Path, content: bytes, *, mode: int) -> None:
        if path.name.startswith("s5"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        create(path, content, mode=mode)

    monkeypatch.setattr(files, "create", until_full)
    with pytest.raises(RuntimeError):
        desk.run(way, *([str(desk.folder / "ca.key")] if way == "--private-key" else []))
    said = capsys.readouterr()
    assert "no space left on device" in said.err
    assert said.out == ""
    assert not (desk.folder / "out").exists()


def test_requests_for_one_ca_alone_are_made_where_it_is_named(desk: Desk) -> None:
    """--csr-only with --ca-certificate leaves out what other CAs are asked for."""
    other = {"stage": "old", "registrationCode": CODES["prod"], "caCertificateId": "0" * 64}
    desk.request([{"stage": "prod", "registrationCode": CODES["prod"]}, other])
    desk.run("--csr-only")
    assert [path.name for path in (desk.folder / "out").iterdir()] == ["prod.verification.csr"]


def test_requests_are_not_written_over_either(desk: Desk) -> None:
    """--csr-only has the same rule."""
    desk.run("--csr-only", certificate=False)
    with pytest.raises(RuntimeError):
        desk.run("--csr-only", certificate=False)
    desk.run("--csr-only", "--force", certificate=False)


def test_offline_it_needs_no_aws_and_no_cdk(desk: Desk) -> None:
    """It signs with a key file where boto3, botocore, aws_cdk and constructs cannot be imported."""
    code = (
        "import sys\n"
        "for name in ('boto3', 'botocore', 'aws_cdk', 'constructs', 'jsii'): sys.modules[name] = None\n"
        "from iot_multiaccount_ca.cli import main; main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", code, "verification-cert", "--ca-certificate", "ca.pem"]
    command += ["--private-key", "ca.key", "--request", "request.json", "--out", "out", "--yes"]
    subprocess.run(command, cwd=desk.folder, check=True, capture_output=True)
    desk.issued()


def test_an_encrypted_key_file_asks_for_its_passphrase(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a person's desk there is someone to ask."""
    desk.key(pem_of_key(desk.ca.key, passphrase="hunter2"))
    answer_secretly(monkeypatch, "hunter2")
    desk.with_key()
    desk.issued()


def test_a_wrong_passphrase_is_a_sentence(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And does not repeat it."""
    desk.key(pem_of_key(desk.ca.key, passphrase="hunter2"))
    answer_secretly(monkeypatch, "hunter3")
    said = failure(desk, capsys, "--private-key", str(desk.folder / "ca.key"))
    assert "this passphrase does not open" in said
    assert "hunter3" not in said


def test_another_cas_key_is_refused(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Found before anything is signed or written."""
    desk.key(make_ca(common_name="Someone else").key_pem)
    assert "not the key of the CA" in failure(desk, capsys, "--private-key", str(desk.folder / "ca.key"))


def test_a_missing_key_file_is_a_sentence(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """The path is named."""
    assert "cannot be read" in failure(desk, capsys, "--private-key", "nowhere.key")


def answer_secretly(monkeypatch: pytest.MonkeyPatch, passphrase: str) -> None:
    """Somebody sits at the terminal and types."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.prompt", lambda *_, **__: passphrase)


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
    """Under the caller's own credentials, in the private CA's region."""
    monkeypatch.setattr("botocore.waiter.time.sleep", lambda seconds: None)
    asked = answer_with(monkeypatch, FakePrivateCa(PCA_ARN, desk.ca))
    desk.run("--private-ca", PCA_ARN)
    certificate = desk.issued()
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == 7
    assert asked == [("acm-pca", "us-east-1")]


@pytest.mark.parametrize("way", [("--kms-key", KEY_ARN), ("--private-ca", PCA_ARN)])
@pytest.mark.parametrize(
    "body",
    [b"", b"<html>sign in</html>", b"[]", b"{", b"{}", b'{"PublicKey": 5, "CertificateAuthority": "x"}'],
)
def test_an_answer_that_is_none_of_awss_is_a_sentence(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    way: tuple[str, str],
    body: bytes,
) -> None:
    """A proxy's page, under status 200: no fault of the key, and no bug."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setattr(
        "botocore.httpsession.URLLib3Session.send",
        lambda *_: AWSResponse("", 200, {}, SimpleNamespace(stream=lambda: [body])),
    )
    said = failure(desk, capsys, *way)
    assert "the answer is none of AWS's but" in said
    assert "bug" not in said


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
    "a path": ({"stage": "../../etc/cron.d/x"}, "cannot be a file's name"),
    "a hidden path": ({"stage": "a/b"}, "cannot be a file's name"),
    "no stage": ({"stage": None}, "stage of request 1 of the file is not text"),
    "a device's name as code": ({"registrationCode": "device-0001"}, "registrationCode of request 1"),
    "a number as code": ({"registrationCode": 12}, "registrationCode of request 1 of the file is not text"),
    "an account name": ({"account": "production"}, "the account of request 1"),
    "an account as a number": ({"account": 333333333333}, "account of request 1 of the file is not text"),
    "a region with a line end": ({"region": "eu\n-west-1"}, "the region of request 1"),
    "no region at all": ({"region": "e"}, "the region of request 1"),
    "a number as certificate id": ({"caCertificateId": 5}, "caCertificateId of request 1"),
    "no certificate id": ({"caCertificateId": None}, "caCertificateId of request 1"),
    "half a certificate id": ({"caCertificateId": "ab" * 16}, "caCertificateId of request 1"),
    "a list as subject": ({"caSubject": ["CN=x"]}, "caSubject of request 1 of the file is not text"),
    "a book as subject": ({"caSubject": "x" * 5_000}, "caSubject of request 1 of the file is too long"),
    "a field of another spelling": ({"caCertificateID": "0" * 64}, "a field that no request file has"),
}


@pytest.mark.parametrize("case", BAD_ENTRIES)
def test_a_strange_request_is_refused(desk: Desk, capsys: pytest.CaptureFixture[str], case: str) -> None:
    """The file came from elsewhere: nothing but registration codes is signed, and no path leaves the folder."""
    change, says = BAD_ENTRIES[case]
    desk.request([{"stage": "prod", "registrationCode": CODES["prod"]} | change])
    assert says in failure(desk, capsys, "--private-key", str(desk.folder / "ca.key"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "[{}]",
        '{"version": 2, "requests": [{}]}',
        '{"version": true, "requests": [{}]}',
        '{"version": 1, "requests": []}',
        '{"version": 1, "requests": {}}',
        '{"version": 1, "requests": ["prod"]}',
        '{"version": 1, "requests": [{}], "more": 1}',
        '{"version": 1, "requests": [{}], "about": 1}',
        '{"version": 1, "version": 1, "requests": [{}]}',
    ],
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
