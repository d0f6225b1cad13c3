"""Keys, CAs and device certificates for tests, made once per process and never written to the tree.

A CA is told apart by its arguments: the same call gives the same value again, so tests may call freely.
Keys are cached by algorithm and *key name* (the common name unless told): two CAs of different common names
have different keys; give ``key_name`` to make two CAs of one subject with different keys, or of one key.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Mapping

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "ec-p256": ec.SECP256R1,
    "ec-p384": ec.SECP384R1,
    "ec-p521": ec.SECP521R1,
    "ec-secp256k1": ec.SECP256K1,
}
#: The algorithms that AWS IoT takes for a CA and that a test can afford.
CA_ALGORITHMS = ("rsa-2048", "rsa-3072", "rsa-4096", "ec-p256", "ec-p384", "ec-p521")
_HASHES: dict[str, hashes.SHA256 | hashes.SHA384 | hashes.SHA512] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_ATTRIBUTES = {
    "country": NameOID.COUNTRY_NAME,
    "state": NameOID.STATE_OR_PROVINCE_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizational_unit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "dn_qualifier": NameOID.DN_QUALIFIER,
    "serial_number": NameOID.SERIAL_NUMBER,
    "common_name": NameOID.COMMON_NAME,
}
_USAGE_BITS = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
#: One moment for the whole process, so that cached certificates are stable.
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its key."""

    pem: str
    key: PrivateKey = field(repr=False)
    key_pem: str = field(repr=False)
    certificate: x509.Certificate

    @property
    def certificate_id(self) -> str:
        """AWS IoT's id of it: SHA-256 of the DER, 64 hex digits."""
        return certificate_id(self.certificate)


class Authority(KeyPair):
    """A CA."""


class DeviceKeyPair(KeyPair):
    """A device."""


@functools.cache
def make_key(algorithm: str = "rsa-2048", name: str = "a key") -> PrivateKey:
    """A key of ``rsa-<bits>``, ``ec-p256|p384|p521|secp256k1`` or ``ed25519``; one per ``name``."""
    if algorithm == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm in _CURVES:
        return ec.generate_private_key(_CURVES[algorithm]())
    kind, _, bits = algorithm.partition("-")
    if kind != "rsa":
        raise ValueError(f"no such algorithm: {algorithm}")
    return rsa.generate_private_key(public_exponent=65537, key_size=int(bits))


def pem_of_key(key: PrivateKey, *, form: str = "pkcs8", passphrase: str | None = None) -> str:
    """The key as PEM: ``pkcs8``, or ``traditional`` (PKCS#1, SEC 1); encrypted with a passphrase."""
    formats = {
        "pkcs8": serialization.PrivateFormat.PKCS8,
        "traditional": serialization.PrivateFormat.TraditionalOpenSSL,
    }
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(serialization.Encoding.PEM, formats[form], encryption).decode()


@functools.cache
def make_ca(
    algorithm: str = "rsa-2048",
    *,
    common_name: str = "Fleet CA",
    key_name: str | None = None,
    issuer: Authority | None = None,
    not_before: dt.datetime | None = None,
    not_after: dt.datetime | None = None,
    ca: bool | None = True,
    path_length: int | None = None,
    key_usage: bool | x509.KeyUsage = True,
    subject_key_identifier: bool = True,
    signature_hash: str = "sha256",
    organization: str | None = None,
) -> Authority:
    """A CA: self-signed, or an intermediate under ``issuer``; from yesterday, for ten years, unless told.

    ``ca=None`` leaves basicConstraints out, ``ca=False`` says CA:FALSE. ``key_usage``: True is keyCertSign
    and cRLSign, False leaves the extension out. ``signature_hash``: sha256, sha384, sha512, sha1 (RSA).
    """
    key = make_key(algorithm, key_name or common_name)
    signer = issuer.key if issuer else key
    attributes = {"organization": organization} if organization else {}
    subject = make_name(common_name, attributes)
    builder = _builder(subject, issuer.certificate.subject if issuer else subject, key, not_before, not_after)
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=path_length), critical=True)
    if key_usage is True:
        builder = builder.add_extension(usage(key_cert_sign=True, crl_sign=True), critical=True)
    elif key_usage is not False:
        builder = builder.add_extension(key_usage, critical=True)
    if subject_key_identifier:
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(identifier, critical=False)
    if issuer:
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
        builder = builder.add_extension(authority, critical=False)
    certificate = _sign(builder, signer, signature_hash)
    return Authority(_pem(certificate), key, pem_of_key(key), certificate)


def make_device(
    authority: Authority,
    common_name: str = "device-0001",
    *,
    algorithm: str = "ec-p256",
    key_name: str | None = None,
    subject: Mapping[str, str] | None = None,
    name: x509.Name | None = None,
    not_before: dt.datetime | None = None,
    not_after: dt.datetime | None = None,
    signature_hash: str = "sha256",
    ca: bool = False,
    serial_number: int | None = None,
) -> DeviceKeyPair:
    """A device certificate under ``authority``, as a factory would make it.

    ``subject``: more of the subject, by the names ``country``, ``state``, ``organization``,
    ``organizational_unit``, ``dn_qualifier`` and ``serial_number``. ``name``: the whole subject, instead of both.
    """
    key = make_key(algorithm, key_name or f"device {common_name}")
    name = make_name(common_name, subject or {}) if name is None else name
    builder = _builder(name, authority.certificate.subject, key, not_before, not_after, serial_number)
    issuer_identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issuer_identifier, critical=False)
    )
    certificate = _sign(builder, authority.key, signature_hash)
    return DeviceKeyPair(_pem(certificate), key, pem_of_key(key), certificate)


def make_verification_certificate(
    authority: Authority,
    registration_code: str,
    *,
    not_before: dt.datetime | None = None,
    not_after: dt.datetime | None = None,
) -> str:
    """PEM of a verification certificate as anyone could make it by hand, without the product's own code."""
    return make_device(
        authority, registration_code, key_name="verification", not_before=not_before, not_after=not_after
    ).pem


def registration_code(seed: str = "111111111111/eu-west-1") -> str:
    """64 hex digits, as GetRegistrationCode answers, stable for a seed."""
    return hashlib.sha256(f"registration code of {seed}".encode()).hexdigest()


def certificate_id(certificate: x509.Certificate) -> str:
    """AWS IoT's id of a certificate: SHA-256 of the DER, 64 hex digits."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def make_name(common_name: str, attributes: Mapping[str, str]) -> x509.Name:
    """A subject of the common name and the given attributes (see ``make_device``)."""
    everything = {**attributes, "common_name": common_name}
    return x509.Name([x509.NameAttribute(_ATTRIBUTES[key], value) for key, value in everything.items()])


def usage(**allowed: bool) -> x509.KeyUsage:
    """A keyUsage extension with the given bits only."""
    return x509.KeyUsage(**{bit: allowed.get(bit, False) for bit in _USAGE_BITS})


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: PrivateKey,
    not_before: dt.datetime | None,
    not_after: dt.datetime | None,
    serial_number: int | None = None,
) -> x509.CertificateBuilder:
    start = not_before or NOW - dt.timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial_number or x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(not_after or start + dt.timedelta(days=3650))
    )


def _sign(builder: x509.CertificateBuilder, key: PrivateKey, name: str = "sha256") -> x509.Certificate:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return builder.sign(key, None)
    if name == "sha1":
        return _sign_with_sha1(builder, key)
    return builder.sign(key, _HASHES[name])


def _sign_with_sha1(builder: x509.CertificateBuilder, key: PrivateKey) -> x509.Certificate:
    # cryptography signs no certificate with SHA-1: take a SHA-256 one, name SHA-1 in it, sign it anew.
    assert isinstance(key, rsa.RSAPrivateKey)
    sha256_with_rsa, sha1_with_rsa = (bytes.fromhex(f"2a864886f70d0101{last}") for last in ("0b", "05"))
    signed = builder.sign(key, hashes.SHA256())
    tbs = signed.tbs_certificate_bytes.replace(sha256_with_rsa, sha1_with_rsa)
    der = signed.public_bytes(serialization.Encoding.DER)
    der = der.replace(sha256_with_rsa, sha1_with_rsa)
    der = der.replace(signed.signature, key.sign(tbs, padding.PKCS1v15(), hashes.SHA1()))
    return x509.load_der_x509_certificate(der)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
