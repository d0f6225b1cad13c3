"""What AWS IoT asks of a device certificate before any template: chain, validity, key, signature. Reads no template."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from ...ca import algorithms
from .subject import rfc4514

if TYPE_CHECKING:
    import datetime as dt

    from ..findings import Findings

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


def check_certificate(certificate: x509.Certificate, now: dt.datetime, findings: Findings) -> None:
    """Validity, key, signature algorithm, and that it is a device's at all."""
    _check_validity(certificate, now, "device", findings)
    _check_key(certificate, findings)
    _check_signature_algorithm(certificate, findings)
    constraints = _extension(certificate, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        findings.warning(
            "certificate-is-ca",
            "the certificate is a CA's: its basicConstraints say CA:TRUE",
            "give the certificate of a device, and make device certificates with CA:FALSE",
        )


def check_chain(
    certificate: x509.Certificate, authority: x509.Certificate, now: dt.datetime, findings: Findings
) -> bool:
    """Whether the CA signed the certificate. AWS IoT wants the CA that signs the devices, not another of its chain."""
    _check_validity(authority, now, "CA", findings)
    if certificate.issuer != authority.subject:
        findings.error(
            "issuer-mismatch",
            f"the certificate's issuer is {rfc4514(certificate.issuer)!r}, and the CA's subject is "
            f"{rfc4514(authority.subject)!r}",
            "register the CA that signs the devices, not its issuer, or sign the devices with this CA",
        )
        return False
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        findings.error(
            "signature-mismatch",
            f"the CA {rfc4514(authority.subject)!r} is named as issuer, and its key did not sign the certificate",
            "another CA of the same subject did: register that one, or sign the device with this one",
        )
        return False
    _check_key_identifiers(certificate, authority, findings)
    return True


def _check_validity(certificate: x509.Certificate, now: dt.datetime, whose: str, findings: Findings) -> None:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        findings.error(
            f"{whose.lower()}-certificate-expired",
            f"the {whose} certificate expired at {end:%Y-%m-%dT%H:%M:%SZ}",
            "issue a new one"
            if whose == "device"
            else "register a CA that is valid, and sign the devices with it",
        )
    elif now < start:
        findings.error(
            f"{whose.lower()}-certificate-not-yet-valid",
            f"the {whose} certificate is valid from {start:%Y-%m-%dT%H:%M:%SZ} on",
            "wait, or issue it anew with an earlier start: clocks of factories go wrong",
        )


def _check_key(certificate: x509.Certificate, findings: Findings) -> None:
    if algorithms.key_algorithm_of(certificate) is None:
        findings.error(
            "key-unsupported",
            f"AWS IoT does not take the device's key: {algorithms.describe_key(certificate)}",
            f"make the device a key of {algorithms.KEYS_ALLOWED}",
        )


def _check_signature_algorithm(certificate: x509.Certificate, findings: Findings) -> None:
    unsupported = algorithms.unsupported_signature(certificate)
    if unsupported is not None:
        findings.error(
            "signature-algorithm-unsupported",
            f"AWS IoT does not take the signature of the device certificate: {unsupported}",
            f"sign device certificates with {algorithms.SIGNATURES_ALLOWED}",
        )


def _check_key_identifiers(
    certificate: x509.Certificate, authority: x509.Certificate, findings: Findings
) -> None:
    of_issuer = _extension(certificate, x509.AuthorityKeyIdentifier)
    of_authority = _extension(authority, x509.SubjectKeyIdentifier)
    if of_issuer is None or of_authority is None or of_issuer.key_identifier is None:
        return
    if of_issuer.key_identifier != of_authority.digest:
        findings.warning(
            "authority-key-identifier-mismatch",
            "the CA signed the certificate, and the certificate's authorityKeyIdentifier names another key",
            "issue device certificates with the CA's subjectKeyIdentifier: it tells CAs of one subject apart",
        )


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
