"""`iot-ca verification-cert --pkcs11-uri`: the CA's key in an HSM; against SoftHSM, from Debian's softhsm2."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509

from iot_multiaccount_ca.cli.signing import pkcs11_key, pkcs11_uri
from iot_multiaccount_ca.cli.signing.signer import Asked
from iot_multiaccount_ca.errors import Pkcs11Error
from support.certificates import Authority, make_ca, registration_code

PIN = "246810"
MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)


class Token:
    """A SoftHSM token of one test's own that holds a CA's key."""

    def __init__(self, folder: Path, ca: Authority) -> None:
        self.folder, self.ca = folder, ca
        util, module = (
            shutil.which("softhsm2-util"),
            next((path for path in MODULES if Path(path).is_file()), None),
        )
        assert util, "softhsm2-util is missing: apt-get install softhsm2 (make test-all needs it)"
        assert module, f"libsofthsm2.so is in none of {MODULES}: apt-get install softhsm2"
        self.util, self.module = util, module
        (folder / "tokens").mkdir()
        (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\n")
        self.environment = os.environ | {"SOFTHSM2_CONF": str(folder / "softhsm2.conf")}
        self.softhsm("--init-token", "--free", "--label", "fleet", "--so-pin", "135791", "--pin", PIN)
        (folder / "ca.key").write_text(ca.key_pem)
        imported = [
            "--import",
            str(folder / "ca.key"),
            "--token",
            "fleet",
            "--label",
            "fleet ca",
            "--id",
            "a1b2",
        ]
        self.softhsm(*imported, "--pin", PIN)
        (folder / "ca.key").unlink()
        (folder / "ca.pem").write_text(ca.pem)
        entry = {
            "stage": "prod",
            "account": "333333333333",
            "region": "eu-west-1",
            "registrationCode": registration_code(),
            "caCertificateId": ca.certificate_id,
            "caSubject": "CN=Fleet CA",
        }
        (folder / "request.json").write_text(json.dumps({"version": 1, "requests": [entry]}))

    def softhsm(self, *arguments: str) -> None:
        subprocess.run([self.util, *arguments], env=self.environment, check=True, capture_output=True)

    def sign(self, path: str, query: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command in a process of its own: a PKCS#11 module reads its settings once."""
        uri = f"pkcs11:{path}?module-path={self.module}{query}"
        command = [
            sys.executable,
            "-c",
            "from iot_multiaccount_ca.cli import main; main()",
            "verification-cert",
        ]
        command += ["--ca-certificate", "ca.pem", "--request", "request.json", "--pkcs11-uri", uri, "--yes"]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment | environment,
            text=True,
            capture_output=True,
            input="",
        )

    def issued(self) -> x509.Certificate:
        text = (self.folder / "prod.verification.pem").read_text()
        certificate = x509.load_pem_x509_certificate(text[text.index("-----") :].encode())
        certificate.verify_directly_issued_by(self.ca.certificate)
        return certificate


@pytest.fixture
def token(tmp_path: Path) -> Token:
    return Token(tmp_path, make_ca("ec-p256"))


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["rsa-2048", "rsa-4096", "ec-p256", "ec-p384", "ec-p521"])
def test_a_key_in_a_token_signs(algorithm: str, tmp_path: Path) -> None:
    """Every kind of CA key, found by its label; the key stays in the token."""
    token = Token(tmp_path, make_ca(algorithm))
    done = token.sign("token=fleet;object=fleet%20ca", f"&pin-value={PIN}")
    assert done.returncode == 0, done.stderr
    token.issued()


@pytest.mark.slow
def test_a_key_is_found_by_its_id(token: Token) -> None:
    """RFC 7512 writes the id in percent signs; the PIN may come from a file or the environment."""
    (token.folder / "pin").write_text(f"{PIN}\n")
    done = token.sign("token=fleet;id=%a1%b2;type=private", f"&pin-source=file:{token.folder / 'pin'}")
    assert done.returncode == 0, done.stderr
    token.issued()
    (token.folder / "prod.verification.pem").unlink()
    done = token.sign("token=fleet;id=%a1%b2", **{pkcs11_key.PIN_VARIABLE: PIN})
    assert done.returncode == 0, done.stderr
    token.issued()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "pin", "says"),
    [
        ("token=fleet;object=fleet%20ca", "999999", "the PIN is wrong"),
        ("token=fleet;object=other", PIN, "the token has no such private key"),
        ("token=other;object=fleet%20ca", PIN, "0 tokens fit the PKCS#11 URI"),
    ],
)
def test_a_wrong_pin_key_or_token_is_a_sentence(token: Token, path: str, pin: str, says: str) -> None:
    """Without the PIN in it, without a traceback, and without a file."""
    done = token.sign(path, f"&pin-value={pin}")
    assert done.returncode != 0
    assert says in done.stderr
    assert pin not in done.stderr
    assert "Traceback" not in done.stderr
    assert not (token.folder / "prod.verification.pem").exists()


@pytest.mark.slow
@pytest.mark.parametrize("other", ["ec-p256", "ec-p384", "rsa-2048"])
def test_a_key_that_is_not_the_cas_is_refused(token: Token, other: str) -> None:
    """Compared with the CA's certificate, whatever its kind."""
    stranger = make_ca(other, common_name="Someone else")
    (token.folder / "ca.pem").write_text(stranger.pem)
    request = token.folder / "request.json"
    request.write_text(request.read_text().replace(token.ca.certificate_id, stranger.certificate_id))
    done = token.sign("token=fleet;object=fleet%20ca", f"&pin-value={PIN}")
    assert done.returncode != 0
    assert "not the key of the CA" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("file:key.pem", "not a PKCS#11 URI"),
        ("pkcs11:token=fleet?module-path=/bin/sh", "names no key"),
        ("pkcs11:token=fleet;object=ca", "module is not a file"),
        ("pkcs11:token=fleet;object=ca?module-path=/nowhere.so", "module is not a file"),
        ("pkcs11:colour=red;object=ca?module-path=/bin/sh", "not known here"),
        ("pkcs11:object=ca?module-path=/bin/sh&pin-source=/nowhere", "PIN cannot be read"),
    ],
)
def test_a_bad_uri_is_a_sentence(uri: str, says: str) -> None:
    """Each part that is missing or unknown."""
    with pytest.raises(Pkcs11Error, match=says):
        pkcs11_key.parse(uri)


@pytest.mark.parametrize(
    "uri", ["1357924680", "1357924680:x", "pkcs11:1357924680;object=ca", "pkcs11:object=ca?1357924680"]
)
def test_what_has_no_name_is_not_repeated(uri: str) -> None:
    """It may be the PIN."""
    with pytest.raises(Pkcs11Error) as caught:
        pkcs11_key.parse(uri)
    assert "1357924680" not in str(caught.value)


def test_a_module_that_is_none_is_said_to_be(tmp_path: Path) -> None:
    """With what the system says of it; a token is not to blame."""
    (tmp_path / "text.so").write_text("no library")
    uri = pkcs11_key.parse(f"pkcs11:object=ca?module-path={tmp_path / 'text.so'}&pin-value=1")
    with (
        pytest.raises(Pkcs11Error, match=r"module does not work: .*text\.so"),
        pkcs11_key.open_key(uri, make_ca().certificate, remote_key=None, ask_pin=str),
    ):
        pass


def test_a_pin_is_in_no_repr() -> None:
    """A parsed URI can be printed."""
    uri = pkcs11_key.parse(
        f"pkcs11:token=a%20b;object=c;id=%01%ff?module-path={sys.executable}&pin-value={PIN}"
    )
    assert (uri.token, uri.label, uri.key_id, uri.pin) == ("a b", "c", b"\x01\xff", PIN)
    assert PIN not in repr(uri)


@pytest.mark.parametrize(
    ("query", "mode", "says"),
    [
        (f"&pin-value={PIN}", 0o600, "the PIN stands among the arguments"),
        ("&pin-source=pin", 0o644, "others than its owner can read or change pin"),
        ("&pin-source=pin", 0o600, None),
    ],
)
def test_a_pin_that_others_can_read_is_warned_of(
    query: str,
    mode: int,
    says: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On the command line, or in a file for all; the warning does not repeat it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pin").write_text(PIN)
    (tmp_path / "pin").chmod(mode)
    uri = f"pkcs11:object=ca?module-path={sys.executable}{query}"
    with (
        pytest.raises(Pkcs11Error),
        pkcs11_uri.SIGNER.open(uri, Asked(make_ca().certificate, dt.timedelta(days=7), None)),
    ):
        pass
    said = capsys.readouterr().err
    assert PIN not in said
    assert (says in said) if says else (said == "")


@pytest.mark.parametrize(
    "uri",
    [
        f"pkcs11:object=ca?module-path=/nowhere&pin-value={PIN}",
        f"pkcs11:pin-value={PIN}",
        f"pin-value={PIN}",
        f"pkcs12:object=ca?pin-value={PIN}",
    ],
)
def test_a_pin_in_a_uri_that_cannot_be_is_warned_of(uri: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is in the shell's history all the same; neither the warning nor the error repeats it."""
    asked = Asked(make_ca().certificate, dt.timedelta(days=7), None)
    with pytest.raises(Pkcs11Error) as caught, pkcs11_uri.SIGNER.open(uri, asked):
        pass
    said = capsys.readouterr().err
    assert "the PIN stands among the arguments" in said
    assert PIN not in said + str(caught.value)
