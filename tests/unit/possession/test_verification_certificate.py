"""The verification certificate itself: what is in it, and that others accept it."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ca_registrar.possession.signing import verification_certificate
from ca_registrar.possession.signing.signing_errors import (
    CaOutOfValidityError,
    IssuanceError,
    MalformedRegistrationCodeError,
    NotTheCasKeyError,
)
from support.certificates import (
    CA_ALGORITHMS,
    NOW,
    Authority,
    make_ca,
    make_device,
    make_verification_certificate,
    registration_code,
)

if TYPE_CHECKING:
    from pathlib import Path

CODE = registration_code()


def build(ca: Authority, **options: dt.datetime | dt.timedelta) -> x509.Certificate:
    pem = verification_certificate.build(ca.certificate, CODE, ca.key, holder="the key", **options)  # type: ignore[arg-type]
    return x509.load_pem_x509_certificate(pem.encode())


@pytest.mark.parametrize("algorithm", CA_ALGORITHMS)
def test_openssl_accepts_it(algorithm: str, tmp_path: Path) -> None:
    """`openssl verify`, at its strictest and as a TLS client certificate, accepts it under every kind of CA."""
    ca = make_ca(algorithm)
    (tmp_path / "ca.pem").write_text(ca.pem)
    pem = verification_certificate.build(ca.certificate, CODE, ca.key, holder="the key")  # type: ignore[arg-type]
    (tmp_path / "verification.pem").write_text(pem)
    openssl = shutil.which("openssl")
    assert openssl, "the openssl command line is needed to show that others accept the certificate"
    command = [
        openssl,
        "verify",
        "-x509_strict",
        "-purpose",
        "sslclient",
        "-CAfile",
        "ca.pem",
        "verification.pem",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "verification.pem: OK\n"), done.stderr


def test_an_intermediate_signs_it_too(tmp_path: Path) -> None:
    """The CA may be an intermediate, or have no subjectKeyIdentifier."""
    root = make_ca("ec-p256", common_name="Root")
    ca = make_ca("rsa-2048", common_name="Factory", issuer=root, subject_key_identifier=False)
    (tmp_path / "root.pem").write_text(root.pem)
    (tmp_path / "ca.pem").write_text(ca.pem)
    pem = verification_certificate.build(ca.certificate, CODE, ca.key, holder="the key")  # type: ignore[arg-type]
    (tmp_path / "verification.pem").write_text(pem)
    command = ["openssl", "verify", "-CAfile", "root.pem", "-untrusted", "ca.pem", "verification.pem"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)


def test_its_common_name_is_the_code() -> None:
    """The whole subject is the registration code as common name."""
    subject = build(make_ca()).subject
    assert [(name.oid, name.value) for name in subject] == [(NameOID.COMMON_NAME, CODE)]


def test_it_is_an_end_entity() -> None:
    """CA:FALSE, digitalSignature alone, client authentication, and identifiers of itself and of the CA."""
    ca = make_ca()
    extensions = build(ca).extensions
    constraints = extensions.get_extension_for_class(x509.BasicConstraints)
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert constraints.critical
    assert constraints.value.ca is False
    assert usage.critical
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign
    purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    of_ca = ca.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    of_issuer = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert of_issuer.key_identifier == of_ca.digest


def test_its_key_is_new_each_time() -> None:
    """The key is P-256, made for this one certificate; serial numbers are random."""
    one, two = build(make_ca()), build(make_ca())
    key = one.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    assert key != two.public_key()
    assert one.serial_number != two.serial_number


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [("rsa-2048", "sha256"), ("ec-p256", "sha256"), ("ec-p384", "sha384"), ("ec-p521", "sha512")],
)
def test_the_hash_follows_the_cas_key(algorithm: str, expected: str) -> None:
    """P-384 takes SHA-384 and P-521 SHA-512: KMS signs with nothing else for these keys."""
    hash_ = build(make_ca(algorithm)).signature_hash_algorithm
    assert hash_ is not None
    assert hash_.name == expected


def test_it_is_short_lived() -> None:
    """Valid from an hour ago, for clocks that run behind, until a day from now."""
    certificate = build(make_ca(), now=NOW)
    assert certificate.not_valid_before_utc == NOW - dt.timedelta(hours=1)
    assert certificate.not_valid_after_utc == NOW + dt.timedelta(days=1)


def test_it_never_outlives_the_ca() -> None:
    """It ends with the CA and starts with it, however long it was asked to live."""
    start, end = NOW - dt.timedelta(minutes=5), NOW + dt.timedelta(hours=3)
    ca = make_ca("ec-p256", not_before=start, not_after=end)
    for lifetime in (dt.timedelta(days=1), dt.timedelta.max):
        certificate = build(ca, now=NOW, lifetime=lifetime)
        assert certificate.not_valid_before_utc == start
        assert certificate.not_valid_after_utc == end


@pytest.mark.parametrize(("days", "says"), [(-2, "is not valid yet"), (3651, "has expired")])
def test_a_ca_out_of_validity_is_refused(days: int, says: str) -> None:
    """AWS IoT registers no expired CA: said before anything is signed."""
    ca = make_ca()
    with pytest.raises(CaOutOfValidityError, match=says):
        build(ca, now=NOW + dt.timedelta(days=days))


@pytest.mark.parametrize("other", ["rsa-2048", "ec-p256", "ec-p384"])
def test_another_key_is_refused(other: str) -> None:
    """A key that is not the CA's is found by comparing public keys, and the message names who holds it."""
    ca, stranger = make_ca(), make_ca(other, common_name="Someone else")
    with pytest.raises(
        NotTheCasKeyError, match=r"the key in a drawer is an .* not the key of the CA 'CN=Fleet CA'"
    ):
        verification_certificate.build(ca.certificate, CODE, stranger.key, holder="the key in a drawer")  # type: ignore[arg-type]


@pytest.mark.parametrize("code", ["", "abc", "g" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n", "٣" * 64])
def test_a_malformed_code_is_refused(code: str) -> None:
    """A registration code is 64 hex digits, and nothing else is signed."""
    with pytest.raises(MalformedRegistrationCodeError, match="64 hex digits"):
        verification_certificate.build(make_ca().certificate, code, make_ca().key, holder="the key")  # type: ignore[arg-type]


def test_an_issued_certificate_is_what_was_asked_for() -> None:
    """What a CA issued for a request is checked: signed by the CA, for the code, for the request's key."""
    ca, stranger = make_ca(), make_ca(common_name="Someone else")
    request = verification_certificate.signing_request(CODE)
    for pem, says in (
        (make_verification_certificate(stranger, CODE), "another issuer"),
        (make_verification_certificate(make_ca(key_name="another key"), CODE), "not signed by the CA"),
        (make_device(ca, "device-1").pem, "another common name"),
        (make_verification_certificate(ca, CODE), "another key"),
        ("no certificate", "does not parse"),
    ):
        with pytest.raises(IssuanceError, match=says):
            verification_certificate.check_issued(pem, ca.certificate, CODE, request)
