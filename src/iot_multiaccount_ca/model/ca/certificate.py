"""The device CA's certificate and the modes it can be registered in. Parses and checks; knows no clock, no AWS."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ...errors import (
    CaCertificateError,
    CertificateChainError,
    InvalidCertificateModeError,
    MissingKeyCertSignError,
    NotACaCertificateError,
    PrivateKeyGivenError,
    UnreadableCertificateError,
    UnsupportedKeyError,
    UnsupportedSignatureError,
)
from ..reading import read_bytes
from . import algorithms
from .key_material import holds_private_key

if TYPE_CHECKING:
    import datetime as dt
    import os

_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
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

    Everything else is read from ``pem``: ``certificate_id`` (64 hex digits, SHA-256 of the DER), ``subject``
    (RFC 4514), ``not_valid_before`` and ``not_valid_after`` (aware, UTC), ``key_algorithm`` (such as ``RSA_2048`` or
    ``EC_P256``), ``has_subject_key_identifier``.
    Two values are equal when they are the same certificate, whatever stood around it in the file.

    Args:
        pem: PEM text with the one certificate; what stands around it is dropped.
    """

    pem: str = field(compare=False, repr=False)
    certificate_id: str = field(init=False)
    subject: str = field(init=False, compare=False)
    not_valid_before: dt.datetime = field(init=False, compare=False)
    not_valid_after: dt.datetime = field(init=False, compare=False)
    key_algorithm: str = field(init=False, compare=False)
    has_subject_key_identifier: bool = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        certificate = _parse(self.pem)
        _check_ca(certificate)
        facts = {
            "pem": certificate.public_bytes(Encoding.PEM).decode("ascii"),
            "certificate_id": hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
            "subject": certificate.subject.rfc4514_string(),
            "not_valid_before": certificate.not_valid_before_utc,
            "not_valid_after": certificate.not_valid_after_utc,
            "key_algorithm": _key_algorithm(certificate),
            "has_subject_key_identifier": _has(certificate, x509.SubjectKeyIdentifier),
        }
        for name, fact in facts.items():
            object.__setattr__(self, name, fact)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> CaCertificate:
        """Read the certificate from a PEM file.

        Args:
            path: of the file, relative to the working directory, as with `open`.
        """
        if holds_private_key(str(path)):
            raise PrivateKeyGivenError(
                "a private key itself stands where the path of the CA certificate belongs",
                allowed="the path of a PEM file",
                fix="keep the key out of the app",
            )
        try:
            text = read_bytes(path).decode("ascii", "replace")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise UnreadableCertificateError(
                f"the CA certificate cannot be read: {reason}",
                value=str(path),
                fix="give the path of the PEM file, relative to the working directory",
            ) from None
        try:
            return cls(text)
        except CaCertificateError as error:
            raise type(error)(
                f"{error.problem} (in {path})", value=error.value, allowed=error.allowed, fix=error.fix
            ) from None

    @classmethod
    def from_pem(cls, pem: str | bytes) -> CaCertificate:
        """Read the certificate from PEM text.

        Args:
            pem: the text; what stands around the one certificate is dropped.
        """
        return cls(pem.decode("ascii", "replace") if isinstance(pem, bytes) else pem)

    def load(self) -> x509.Certificate:
        """The certificate as ``cryptography`` has it, for what this value does not carry."""
        return x509.load_pem_x509_certificate(self.pem.encode("ascii"))


def _parse(text: object) -> x509.Certificate:
    if not isinstance(text, str):
        raise UnreadableCertificateError(
            "the CA certificate is not text", value=type(text).__name__, allowed="PEM as str or bytes"
        )
    if _PRIVATE_KEY.search(text):
        raise PrivateKeyGivenError(
            "a private key stands where the CA certificate belongs",
            fix="give the certificate file alone, and keep the key out of the app",
        )
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise UnreadableCertificateError(
            "no PEM certificate",
            allowed="one block from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----",
            fix="a DER file becomes PEM with `openssl x509 -inform der -in ca.der -out ca.pem`",
        )
    try:
        certificates = x509.load_pem_x509_certificates(text.encode("utf-8", "replace"))
    except (ValueError, x509.InvalidVersion) as error:
        raise UnreadableCertificateError(
            f"the PEM certificate does not parse: {error}", allowed="one X.509 certificate in PEM"
        ) from None
    if len(certificates) > 1:
        raise CertificateChainError(
            f"{len(certificates)} certificates",
            value=[each.subject.rfc4514_string() for each in certificates],
            allowed="one: the CA that signs the device certificates",
            fix="leave only that CA in the file (AWS IoT wants the CA that signed the devices, not its issuer)",
        )
    return certificates[0]


def _check_ca(certificate: x509.Certificate) -> None:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        raise NotACaCertificateError(
            "the certificate has no basicConstraints extension",
            value=certificate.subject.rfc4514_string(),
            allowed="basicConstraints = CA:TRUE",
            fix=_HOW_TO_MAKE,
        ) from None
    except ValueError as error:
        raise UnreadableCertificateError(f"the certificate's extensions do not parse: {error}") from None
    if not constraints.ca:
        raise NotACaCertificateError(
            "the certificate is not a CA: its basicConstraints say CA:FALSE",
            value=certificate.subject.rfc4514_string(),
            allowed="basicConstraints = CA:TRUE",
            fix="give the CA that signs the devices, not a device certificate",
        )
    if _has(certificate, x509.KeyUsage):
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        if not usage.key_cert_sign:
            raise MissingKeyCertSignError(
                "the CA may not sign certificates: its keyUsage lacks keyCertSign",
                value=certificate.subject.rfc4514_string(),
                allowed="a keyUsage with keyCertSign, or none at all",
                fix="issue the CA certificate anew with keyUsage = critical, keyCertSign, cRLSign",
            )
    _key_algorithm(certificate)
    unsupported = algorithms.unsupported_signature(certificate)
    if unsupported is not None:
        raise UnsupportedSignatureError(
            "AWS IoT does not take the signature of the CA certificate",
            value=unsupported,
            allowed=algorithms.SIGNATURES_ALLOWED,
            fix="issue the CA certificate anew with SHA-256",
        )


def _key_algorithm(certificate: x509.Certificate) -> str:
    found = algorithms.key_algorithm_of(certificate)
    if found is None:
        raise UnsupportedKeyError(
            "AWS IoT does not take the key of the CA",
            value=algorithms.describe_key(certificate),
            allowed=algorithms.KEYS_ALLOWED,
            fix="make a CA with one of these keys; devices of the old CA need certificates of the new one",
        )
    return found


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
