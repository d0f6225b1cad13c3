"""A CA for development, the shape that AWS IoT takes. Makes it, and writes nothing.

A CA of a real fleet belongs in an HSM, KMS or AWS Private CA: a key that was once a file can have been copied.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from ..model.ca.algorithms import KEY_ALGORITHMS

ALGORITHMS = {name.lower().replace("_", "-"): (name, each) for each in KEY_ALGORITHMS for name in each.names}
DEFAULT_ALGORITHM, DEFAULT_COMMON_NAME, DEFAULT_DAYS = "rsa-2048", "Development device CA", 3650
_CLOCK_SKEW = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class DevelopmentCa:
    """Certificate and key, PEM; the key is PKCS #8 without a passphrase."""

    certificate: x509.Certificate
    certificate_pem: bytes
    key_pem: bytes


def make(
    algorithm: str = DEFAULT_ALGORITHM,
    common_name: str = DEFAULT_COMMON_NAME,
    organization: str | None = None,
    lifetime: dt.timedelta = dt.timedelta(days=DEFAULT_DAYS),
) -> DevelopmentCa:
    """Make a CA; ``algorithm``: one of `ALGORITHMS`."""
    key = _new_key(algorithm)
    signature_hash = ALGORITHMS[algorithm][1].signature_hash()
    certificate = _self_signed(key, signature_hash, common_name, organization, lifetime)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return DevelopmentCa(certificate, certificate.public_bytes(serialization.Encoding.PEM), private)


def _new_key(algorithm: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    name, kind = ALGORITHMS[algorithm]
    if kind.curve is not None:
        return ec.generate_private_key(kind.curve())
    return rsa.generate_private_key(public_exponent=65537, key_size=int(name.rpartition("_")[2]))


def _self_signed(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    signature_hash: hashes.SHA256 | hashes.SHA384 | hashes.SHA512,
    common_name: str,
    organization: str | None,
    lifetime: dt.timedelta,
) -> x509.Certificate:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    subject = x509.Name(attributes)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        .sign(key, signature_hash)
    )
