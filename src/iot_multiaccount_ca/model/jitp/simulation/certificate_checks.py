"""What AWS IoT asks of a device certificate before any template: chain, validity, key, signature. Reads no template."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from .subject import rfc4514

if TYPE_CHECKING:
    import datetime as dt

    from .values import Findings

_SMALLEST_RSA = 2048
_CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})
_HASHES = frozenset({"sha256", "sha384", "sha512"})
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
    try:
        key = certificate.public_key()
    except Exception:  # an unknown algorithm, a curve that cryptography leaves out
        key = None
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size >= _SMALLEST_RSA:
            return
        found = f"RSA of {key.key_size} bits"
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name in _CURVES:
            return
        found = f"ECC {key.curve.name}"
    else:
        found = type(key).__name__ if key else certificate.public_key_algorithm_oid.dotted_string
    findings.error(
        "key-unsupported",
        f"AWS IoT does not take the device's key: {found}",
        "make the device a key of RSA with 2048 bits or more, or ECC P-256, P-384 or P-521",
    )


def _check_signature_algorithm(certificate: x509.Certificate, findings: Findings) -> None:
    try:
        algorithm = certificate.signature_hash_algorithm
        name = algorithm.name if algorithm else None
    except Exception:  # an algorithm that cryptography does not know
        name = None
    if name not in _HASHES:
        findings.error(
            "signature-algorithm-unsupported",
            "AWS IoT does not take the signature of the device certificate: "
            f"{name or certificate.signature_algorithm_oid.dotted_string}",
            "sign device certificates with SHA-256, SHA-384 or SHA-512, by an RSA or ECDSA key",
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
