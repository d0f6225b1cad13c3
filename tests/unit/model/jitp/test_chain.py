"""Who signed a device certificate: the signature and the names, each told by itself."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from iot_multiaccount_ca.model.jitp.simulation import simulate
from support.certificates import Authority, make_ca, make_device
from support.simulation_table import ref, template

BODY = template("CommonName", thing={"ThingName": ref("CommonName")})
CA = make_ca("ec-p256", common_name="Chain CA", organization="Example")


def _codes(certificate: x509.Certificate, **options: Any) -> list[str]:
    return [each.code for each in simulate(BODY, certificate, **options).findings]


def _issued_as(issuer: x509.Name, authority: Authority = CA) -> x509.Certificate:
    """A device certificate that names its issuer otherwise than the CA names itself."""
    device = make_device(authority)
    builder = x509.CertificateBuilder(issuer, device.certificate.subject, device.key.public_key(), 7)
    builder = builder.not_valid_before(device.certificate.not_valid_before_utc)
    return builder.not_valid_after(device.certificate.not_valid_after_utc).sign(
        authority.key, hashes.SHA256()
    )


def _name(organization: str, common_name: str, kind: _ASN1Type = _ASN1Type.UTF8String) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization, kind),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name, kind),
        ]
    )


@pytest.mark.parametrize(
    "issuer",
    [
        _name("Example", "Chain CA", _ASN1Type.PrintableString),
        _name("EXAMPLE", "chain ca"),
        _name("Example", " Chain   CA"),
    ],
    ids=["string type", "case", "blanks"],
)
def test_a_name_in_another_form_is_told_as_such(issuer: x509.Name) -> None:
    """Signed by the CA (RFC 5280, 7.1), a warning about the names; no word of a bad signature."""
    run = simulate(BODY, _issued_as(issuer), ca_certificate=CA.certificate)
    assert [each.code for each in run.findings] == ["issuer-form-differs"]
    assert run.chains is True


def test_the_cas_key_under_another_name() -> None:
    """An error that says so: it is not a bad signature, and no other CA."""
    run = simulate(BODY, _issued_as(_name("Other", "Chain CA")), ca_certificate=CA.certificate)
    assert [each.code for each in run.errors] == ["issuer-mismatch"]
    assert "the CA's key signed the certificate, under another name" in run.errors[0].problem


def test_a_name_in_another_form_and_another_key() -> None:
    """The signature is the one cause."""
    forger = make_ca("ec-p256", common_name="Chain CA", organization="Example", key_name="forger")
    certificate = _issued_as(_name("EXAMPLE", "chain ca"), forger)
    assert _codes(certificate, ca_certificate=CA.certificate) == ["signature-mismatch"]


def test_a_chain_is_called_a_chain() -> None:
    """The root was registered, and the intermediate that signed the device lies in the device's own file."""
    line = make_ca("ec-p256", common_name="Line 7", issuer=CA)
    run = simulate(
        BODY, make_device(line).certificate, ca_certificate=CA.certificate, others=(line.certificate,)
    )
    assert [each.code for each in run.errors] == ["chain-instead-of-ca"]
    assert "register 'CN=Line 7'" in run.errors[0].fix


def test_sha_1_is_called_sha_1_and_no_bad_signature() -> None:
    """It is checked by itself: the CA did sign it."""
    authority = make_ca("rsa-2048", common_name="SHA-1 CA")
    run = simulate(
        BODY, make_device(authority, signature_hash="sha1").certificate, ca_certificate=authority.certificate
    )
    assert [each.code for each in run.findings] == ["signature-algorithm-unsupported"]
    assert "SHA-1" in run.errors[0].problem
    assert run.chains is True


@pytest.mark.parametrize("algorithm", ["rsa-2048", "ec-p384", "ec-p521", "ed25519"])
def test_each_kind_of_signature_is_checked(algorithm: str) -> None:
    """True under its CA, False under another of its kind."""
    authority, other = (make_ca(algorithm, common_name="Kind", key_name=key) for key in ("one", "other"))
    device = make_device(authority).certificate
    assert simulate(BODY, device, ca_certificate=authority.certificate).chains is True
    assert simulate(BODY, device, ca_certificate=other.certificate).chains is False
