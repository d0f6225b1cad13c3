"""`iot-ca create-ca`: a CA for development."""

from __future__ import annotations

import stat
import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from iot_multiaccount_ca import CaCertificate
from iot_multiaccount_ca.cli.root import run as main
from iot_multiaccount_ca.cli.signing.code_requests import CodeRequest, to_json
from iot_multiaccount_ca.model.ca.algorithms import KEY_ALGORITHMS
from support.terminal import in_pipe

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["create-ca", *arguments])
    if caught.value.code:
        raise RuntimeError(caught.value.code)


NAMES = [name for each in KEY_ALGORITHMS for name in each.names]


@pytest.mark.parametrize(
    ("algorithm", "expected"), [(name.lower().replace("_", "-"), name) for name in NAMES]
)
def test_it_is_a_ca_that_the_model_takes(tmp_path: Path, algorithm: str, expected: str) -> None:
    """The certificate passes every rule of CaCertificate, and the key is its own."""
    run("fleet-ca", "--algorithm", algorithm, "--out", str(tmp_path))
    value = CaCertificate.from_file(tmp_path / "fleet-ca.pem")
    assert value.key_algorithm == expected
    assert value.has_subject_key_identifier
    key = serialization.load_pem_private_key((tmp_path / "fleet-ca.key").read_bytes(), password=None)
    assert key.public_key() == value.load().public_key()


def test_it_may_sign_certificates_and_nothing_else(tmp_path: Path) -> None:
    """CA:TRUE, keyUsage keyCertSign and cRLSign, both critical; openssl takes it at its strictest."""
    run("fleet-ca", "--out", str(tmp_path))
    certificate = CaCertificate.from_file(tmp_path / "fleet-ca.pem").load()
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert constraints.critical
    assert constraints.value.ca
    assert usage.critical
    assert usage.value.key_cert_sign
    assert usage.value.crl_sign
    assert not usage.value.digital_signature
    command = ["openssl", "verify", "-x509_strict", "-CAfile", "fleet-ca.pem", "fleet-ca.pem"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)


def test_the_key_is_for_its_owner_only(tmp_path: Path) -> None:
    """Mode 0600 from the moment the file exists."""
    run("fleet-ca", "--out", str(tmp_path))
    assert stat.S_IMODE((tmp_path / "fleet-ca.key").stat().st_mode) == 0o600


def test_it_signs_a_verification_certificate(tmp_path: Path) -> None:
    """Certificate and key work with `iot-ca verification-cert`."""
    run("fleet-ca", "--algorithm", "ec-p256", "--out", str(tmp_path))
    ca = CaCertificate.from_file(tmp_path / "fleet-ca.pem")
    request = CodeRequest("prod", "111111111111", "eu-west-1", "a" * 64, ca.certificate_id, ca.subject)
    (tmp_path / "request.json").write_text(to_json([request]))
    arguments = ["verification-cert", "--ca-certificate", str(tmp_path / "fleet-ca.pem")]
    arguments += [
        "--private-key",
        str(tmp_path / "fleet-ca.key"),
        "--request",
        str(tmp_path / "request.json"),
    ]
    with pytest.raises(SystemExit) as caught:
        main([*arguments, "--out", str(tmp_path), "--yes"])
    assert caught.value.code == 0
    command = ["openssl", "verify", "-CAfile", "fleet-ca.pem", "prod.verification.pem"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)


@pytest.mark.parametrize("existing", ["fleet-ca.pem", "fleet-ca.key"])
def test_it_never_overwrites(tmp_path: Path, existing: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Either file of that name stops it, before anything is written."""
    (tmp_path / existing).write_text("precious")
    with pytest.raises(RuntimeError):
        run("fleet-ca", "--out", str(tmp_path))
    assert "never overwritten" in capsys.readouterr().err
    assert [path.read_text() for path in tmp_path.iterdir()] == ["precious"]


@pytest.mark.parametrize("arguments", [("../evil",), ("fleet-ca", "--common-name", "x" * 65), ("",)])
def test_a_bad_name_is_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """A name stays inside the folder, a common name inside X.509."""
    with pytest.raises(RuntimeError):
        run(*arguments, "--out", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_the_key_is_never_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What it prints are names and the certificate's id."""
    run("fleet-ca", "--out", str(tmp_path))
    printed = capsys.readouterr()
    assert CaCertificate.from_file(tmp_path / "fleet-ca.pem").certificate_id in printed.out
    assert "PRIVATE" not in printed.out + printed.err


@pytest.mark.parametrize("option", ["--common-name", "--organization"])
def test_a_name_that_is_not_text_is_a_sentence(option: str, tmp_path: Path) -> None:
    """What a shell passes on in another encoding."""
    ran = in_pipe("create-ca", option, "Gr\udcf6\udcdfe", cwd=tmp_path)
    assert (ran.code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("iot-ca: a name of the subject is not text; got 'Gr\\udcf6\\udcdfe'")
    assert list(tmp_path.iterdir()) == []
