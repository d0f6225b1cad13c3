"""Certificates that AWS does not speak of: a warning each, with what OpenSSL, the TLS of the local AWS, really does."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from iot_multiaccount_ca.model.jitp.simulation import simulate
from support.certificates import make_ca, make_device, make_key, usage
from support.explicit_curve import with_body, with_explicit_curve
from support.simulation_table import ref, template

if TYPE_CHECKING:
    from pathlib import Path

BODY = template("CommonName", thing={"ThingName": ref("CommonName")})
CA = make_ca("ec-p256", common_name="Uses CA")
UNKNOWN = x509.ObjectIdentifier("1.3.6.1.4.1.55555.1")


def _device(*extensions: tuple[x509.ExtensionType, bool]) -> x509.Certificate:
    plain = make_device(CA, "uses")
    builder = x509.CertificateBuilder(
        CA.certificate.subject, plain.certificate.subject, plain.key.public_key(), 7
    )
    builder = builder.not_valid_before(plain.certificate.not_valid_before_utc)
    builder = builder.not_valid_after(plain.certificate.not_valid_after_utc)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(CA.key, hashes.SHA256())


def _refused_by_openssl(certificate: x509.Certificate, folder: Path) -> str | None:
    """What a server of Python's ssl says to a client that presents the certificate; None where it lets it in."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_verify_locations(cadata=CA.pem)
    server.verify_mode = ssl.CERT_REQUIRED
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    own = make_device(CA, "server")
    key = make_device(CA, "uses").key_pem
    for context, chain, private in ((server, own.pem, own.key_pem), (client, pem, key)):
        (folder / "chain.pem").write_text(chain)
        (folder / "key.pem").write_text(private)
        context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True))
    for _ in range(5):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return str(error.verify_message)
    return None


@pytest.mark.parametrize(
    ("extensions", "codes", "refused"),
    [
        ((), [], False),
        (((usage(digital_signature=True), True),), [], False),
        (((usage(key_encipherment=True), True),), ["key-usage-without-signature"], True),
        (((usage(key_agreement=True), False),), ["key-usage-without-signature"], False),
        (
            ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),),
            ["extended-key-usage-without-client"],
            True,
        ),
        (
            ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), False),),
            ["extended-key-usage-without-client"],
            True,
        ),
        (((x509.UnrecognizedExtension(UNKNOWN, b"\x05\x00"), True),), ["critical-extension-unknown"], True),
        (((x509.UnrecognizedExtension(UNKNOWN, b"\x05\x00"), False),), [], False),
    ],
    ids=["none", "right", "no signature", "agreement", "server", "any", "critical", "not critical"],
)
def test_a_warning_says_what_openssl_does(
    extensions: tuple[tuple[x509.ExtensionType, bool], ...], codes: list[str], refused: bool, tmp_path: Path
) -> None:
    """Word for word what it says in the handshake, where it refuses."""
    certificate = _device(*extensions)
    run = simulate(BODY, certificate, ca_certificate=CA.certificate)
    assert [each.code for each in run.findings] == codes
    said = _refused_by_openssl(certificate, tmp_path)
    assert (said is not None) == refused
    if said is not None:
        assert f"refuses it ({said})" in run.warnings[0].problem


@pytest.mark.parametrize("curve", ["ec-p256", "ec-p384", "ec-p521"])
def test_a_curve_by_its_parameters_is_told_by_its_prime(curve: str) -> None:
    """A curve that AWS takes: a warning, and no other finding on the key."""
    certificate = with_explicit_curve(make_device(CA, algorithm=curve).certificate, CA.key)
    run = simulate(BODY, certificate, ca_certificate=CA.certificate)
    assert [each.code for each in run.findings] == ["key-curve-explicit"]
    assert f"P-{curve[-3:]}" in run.warnings[0].problem


def test_openssl_refuses_a_curve_by_its_parameters(tmp_path: Path) -> None:
    """In the words of the warning."""
    device = make_device(CA, "uses")
    certificate = with_explicit_curve(device.certificate, CA.key)
    said = _refused_by_openssl(certificate, tmp_path)
    warning = simulate(BODY, certificate).warnings[0].problem
    assert said is not None
    assert f"({said.lower()})" in warning.lower()


def test_a_curve_without_a_name_is_no_key_for_aws() -> None:
    """By its parameters, and of another prime."""
    certificate = with_explicit_curve(
        make_device(CA, algorithm="ec-p256").certificate, CA.key, prime=2**256 - 2**32 - 977
    )
    assert "key-unsupported" in [each.code for each in simulate(BODY, certificate).errors]


def test_extensions_that_do_not_parse_are_a_warning() -> None:
    """The device is read all the same."""
    broken = x509.UnrecognizedExtension(x509.oid.ExtensionOID.KEY_USAGE, b"\xff\xff")
    assert [each.code for each in simulate(BODY, _device((broken, False))).findings] == [
        "extensions-unreadable"
    ]
    assert make_key("ec-p256", "device uses") is make_device(CA, "uses").key


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (b"\xf9", "negative"),
        (b"\x00", "zero"),
        (b"\x7f" * 21, "longer than 20 bytes"),
        (b"\x7f" * 20, None),
        (b"\x01", None),
    ],
)
def test_a_serial_number_that_rfc_5280_forbids_is_a_warning(
    number: bytes, word: str | None, tmp_path: Path
) -> None:
    """OpenSSL lets it in."""
    body = _device().tbs_certificate_bytes
    assert isinstance(CA.key, ec.EllipticCurvePrivateKey)
    certificate = with_body(body, b"\x02\x01\x07", b"\x02" + bytes([len(number)]) + number, CA.key)
    run = simulate(BODY, certificate, ca_certificate=CA.certificate)
    assert (run.provisioned, run.chains) == (True, True)
    assert _refused_by_openssl(certificate, tmp_path) is None
    found = [each.problem for each in run.findings if each.code == "serial-number-irregular"]
    assert bool(found) == bool(word)
    assert not word or f"is {word}" in found[0]
