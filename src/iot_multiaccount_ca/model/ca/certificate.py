"""The device CA's certificate and the modes it can be registered in. Parses and checks; knows no clock, no AWS."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from ...errors import (
    CertificateChainError,
    InvalidCertificateModeError,
    MissingKeyCertSignError,
    NotACaCertificateError,
    PrivateKeyGivenError,
    UnreadableCertificateError,
    UnsupportedKeyError,
    UnsupportedSignatureError,
)

if TYPE_CHECKING:
    import datetime as dt
    import os

_CURVES = {"secp256r1": "EC_P256", "secp384r1": "EC_P384", "secp521r1": "EC_P521"}
_SIGNATURE_HASHES = frozenset({"sha256", "sha384", "sha512"})
_SMALLEST_RSA = 2048
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_KEYS_ALLOWED = "RSA of 2048 bits or more, ECC P-256, P-384 or P-521"
_HOW_TO_MAKE = "make the CA with `iot-ca create-ca`, or add basicConstraints = CA:TRUE to its extensions"


class CertificateMode(StrEnum):
    """How AWS IoT registers a CA in an account, in AWS's own words.

    ``DEFAULT``: one account of a region, with proof that you hold the CA's key. ``SNI_ONLY``: any number of
    accounts, without proof; devices must send SNI.
    See RegisterCACertificate, ``certificateMode``, in the AWS IoT API reference.
    """

    DEFAULT = "DEFAULT"
    SNI_ONLY = "SNI_ONLY"


@dataclass(frozen=True, slots=True)
class CaCertificate:
    """The certificate of the CA that signs the devices: a root or an intermediate, never a chain.

    Make one with `from_file` or `from_pem`; both raise a `CaCertificateError` for what AWS IoT would refuse.
    Whether it is valid today is not checked here: a plan must still load on the day its CA expires.

    ``pem``: the certificate alone, PEM. ``certificate_id``: 64 hex digits, SHA-256 of the DER. ``subject``: RFC 4514.
    ``not_valid_before``, ``not_valid_after``: aware, UTC. ``key_algorithm``: such as ``RSA_2048`` or ``EC_P256``.
    Two values are equal when they are the same certificate, whatever stood around it in the file.
    """

    pem: str = field(compare=False, repr=False)
    certificate_id: str
    subject: str = field(compare=False)
    not_valid_before: dt.datetime = field(compare=False)
    not_valid_after: dt.datetime = field(compare=False)
    key_algorithm: str = field(compare=False)
    has_subject_key_identifier: bool = field(compare=False, repr=False)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> CaCertificate:
        """Read the certificate from a PEM file. The path is relative to the working directory, as with `open`."""
        try:
            text = Path(path).read_bytes().decode("ascii", "replace")
        except OSError as error:
            raise UnreadableCertificateError(
                f"the CA certificate cannot be read: {error.strerror}",
                value=str(path),
                fix="give the path of the PEM file, relative to the working directory",
            ) from None
        return cls._from_text(text, source=f" in {path}")

    @classmethod
    def from_pem(cls, pem: str | bytes) -> CaCertificate:
        """Read the certificate from PEM text. Text around the one certificate is dropped."""
        text = pem.decode("ascii", "replace") if isinstance(pem, bytes) else pem
        return cls._from_text(text, source="")

    @classmethod
    def _from_text(cls, text: str, *, source: str) -> CaCertificate:
        certificate = _parse(text, source)
        _check_ca(certificate, source)
        return cls(
            pem=certificate.public_bytes(Encoding.PEM).decode("ascii"),
            certificate_id=hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
            subject=certificate.subject.rfc4514_string(),
            not_valid_before=certificate.not_valid_before_utc,
            not_valid_after=certificate.not_valid_after_utc,
            key_algorithm=_key_algorithm(certificate, source),
            has_subject_key_identifier=_has(certificate, x509.SubjectKeyIdentifier),
        )

    def load(self) -> x509.Certificate:
        """The certificate as ``cryptography`` has it, for what this value does not carry."""
        return x509.load_pem_x509_certificate(self.pem.encode("ascii"))


def _parse(text: object, source: str) -> x509.Certificate:
    if not isinstance(text, str):
        raise UnreadableCertificateError(
            "the CA certificate is no text", value=type(text).__name__, allowed="PEM as str or bytes"
        )
    if _PRIVATE_KEY.search(text):
        raise PrivateKeyGivenError(
            f"a private key stands where the CA certificate belongs{source}",
            fix="give the certificate file alone, and keep the key out of the app",
        )
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise UnreadableCertificateError(
            f"no PEM certificate{source}",
            allowed="one block from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----",
            fix="a DER file becomes PEM with `openssl x509 -inform der -in ca.der -out ca.pem`",
        )
    try:
        certificates = x509.load_pem_x509_certificates(text.encode("utf-8"))
    except ValueError as error:
        raise UnreadableCertificateError(
            f"the PEM certificate does not parse{source}: {error}", allowed="one X.509 certificate in PEM"
        ) from None
    if len(certificates) > 1:
        raise CertificateChainError(
            f"{len(certificates)} certificates{source}",
            value=[each.subject.rfc4514_string() for each in certificates],
            allowed="one: the CA that signs the device certificates",
            fix="leave only that CA in the file (AWS IoT wants the CA that signed the devices, not its issuer)",
        )
    return certificates[0]


def _check_ca(certificate: x509.Certificate, source: str) -> None:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        raise NotACaCertificateError(
            f"the certificate{source} has no basicConstraints extension",
            value=certificate.subject.rfc4514_string(),
            allowed="basicConstraints = CA:TRUE",
            fix=_HOW_TO_MAKE,
        ) from None
    except ValueError as error:
        raise UnreadableCertificateError(
            f"the certificate's extensions{source} do not parse: {error}"
        ) from None
    if not constraints.ca:
        raise NotACaCertificateError(
            f"the certificate{source} is not a CA: its basicConstraints say CA:FALSE",
            value=certificate.subject.rfc4514_string(),
            allowed="basicConstraints = CA:TRUE",
            fix="give the CA that signs the devices, not a device certificate",
        )
    if _has(certificate, x509.KeyUsage):
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        if not usage.key_cert_sign:
            raise MissingKeyCertSignError(
                f"the CA{source} may not sign certificates: its keyUsage lacks keyCertSign",
                value=certificate.subject.rfc4514_string(),
                allowed="a keyUsage with keyCertSign, or none at all",
                fix="issue the CA certificate anew with keyUsage = critical, keyCertSign, cRLSign",
            )
    signature_hash = _signature_hash(certificate)
    _key_algorithm(certificate, source)
    if signature_hash not in _SIGNATURE_HASHES:
        raise UnsupportedSignatureError(
            f"AWS IoT does not take the signature of the CA certificate{source}",
            value=signature_hash or certificate.signature_algorithm_oid.dotted_string,
            allowed="SHA-256, SHA-384 or SHA-512 with RSA or ECDSA",
            fix="issue the CA certificate anew with SHA-256",
        )


def _signature_hash(certificate: x509.Certificate) -> str | None:
    try:
        algorithm = certificate.signature_hash_algorithm
    except Exception:  # an algorithm that cryptography does not know
        return None
    return algorithm.name if algorithm else None


def _key_algorithm(certificate: x509.Certificate, source: str) -> str:
    try:
        key = certificate.public_key()
    except Exception:  # an unknown algorithm, a curve that cryptography leaves out
        key = None
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _SMALLEST_RSA:
        return f"RSA_{key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, rsa.RSAPublicKey):
        found = f"RSA {key.key_size}"
    elif isinstance(key, ec.EllipticCurvePublicKey):
        found = f"ECC {key.curve.name}"
    else:
        found = type(key).__name__ if key else certificate.public_key_algorithm_oid.dotted_string
    raise UnsupportedKeyError(
        f"AWS IoT does not take the key of the CA{source}",
        value=found,
        allowed=_KEYS_ALLOWED,
        fix="make a CA with one of these keys; devices of the old CA need certificates of the new one",
    )


def _has(certificate: x509.Certificate, extension: type[x509.ExtensionType]) -> bool:
    return any(isinstance(each.value, extension) for each in certificate.extensions)


def resolve_mode(mode: object, *, where: str) -> CertificateMode | None:
    """A certificate mode given as enum or in AWS's own words, or `None`; raises `InvalidCertificateModeError`."""
    if mode is None or isinstance(mode, CertificateMode):
        return mode
    try:
        return CertificateMode(str(mode))
    except ValueError:
        raise InvalidCertificateModeError(
            f"the certificate mode of {where} is unknown",
            value=mode,
            allowed="CertificateMode.DEFAULT, CertificateMode.SNI_ONLY",
            fix="leave it out for the plan's choice",
        ) from None
