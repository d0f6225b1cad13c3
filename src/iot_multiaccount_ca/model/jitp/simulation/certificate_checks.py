"""What AWS IoT asks of a device certificate before any template: validity, key, uses, extensions. Reads no template.

What AWS does not document is a warning, with what OpenSSL, the TLS of the local AWS, makes of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from ....text import in_iso
from ...ca import algorithms
from . import der

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from ..findings import Findings

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)
_TLS = "the local AWS's TLS (OpenSSL) refuses it ({}), and AWS documents nothing about it"
_PURPOSE = "unsuitable certificate purpose"
_EXPLICIT = "certificate public key has explicit ECC parameters"
# 20 bytes, without the bit that is the sign's.
_LONGEST_SERIAL = 159
# The tag of a certificate's version, which one of version 1 does not have.
_VERSION = 0xA0
# The curves that AWS IoT takes, by the primes of their fields: a curve may be written out without its name.
_CURVES = {each.prime: each.title for each in algorithms.KEY_ALGORITHMS if each.prime is not None}


def check_certificate(certificate: x509.Certificate, now: dt.datetime, findings: Findings) -> None:
    """Validity, key, signature algorithm, and that it is a device's at all."""
    check_validity(certificate, now, "device", findings)
    if not _check_curve(certificate, findings):
        _check_key(certificate, findings)
    _check_signature_algorithm(certificate, findings)
    _check_serial_number(certificate, findings)
    _check_extensions(certificate, findings)
    _check_uses(certificate, findings)
    constraints = extension(certificate, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        findings.warning(
            "certificate-is-ca",
            "the certificate is a CA's: its basicConstraints say CA:TRUE",
            "give the certificate of a device, and make device certificates with CA:FALSE",
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


def _check_serial_number(certificate: x509.Certificate, findings: Findings) -> None:
    number = certificate.serial_number
    if 0 < number < 2**_LONGEST_SERIAL:
        return
    wrong = "longer than 20 bytes" if number > 0 else "negative" if number else "zero"
    findings.warning(
        "serial-number-irregular",
        f"the certificate's serial number is {wrong}; "
        "RFC 5280 (4.1.2.2) forbids it, the local AWS's TLS (OpenSSL) takes it, and AWS documents nothing about it",
        "issue device certificates with positive serial numbers of at most 20 bytes",
    )


def _check_extensions(certificate: x509.Certificate, findings: Findings) -> None:
    try:
        _ = certificate.extensions
    except (ValueError, x509.DuplicateExtension) as error:
        findings.warning(
            "extensions-unreadable",
            f"the certificate's extensions do not parse, and are not looked at: {error}",
            "issue device certificates whose extensions are DER, each once",
        )


def _check_curve(certificate: x509.Certificate, findings: Findings) -> bool:
    """Whether the key's curve is written out in numbers instead of named; a finding says whether that is all."""
    prime = _explicit_prime(certificate)
    if prime is None:
        return False
    curve = _CURVES.get(prime)
    if curve is None:
        findings.error(
            "key-unsupported",
            "AWS IoT does not take the device's key: ECC of a curve that has no name, with its parameters written out",
            f"make the device a key of {algorithms.KEYS_ALLOWED}",
        )
    else:
        findings.warning(
            "key-curve-explicit",
            f"the key is of {curve}, with the curve's parameters written out and not its name; "
            + _TLS.format(_EXPLICIT),
            "make the key with a named curve (openssl: -param_enc named_curve)",
        )
    return True


def _explicit_prime(certificate: x509.Certificate) -> int | None:
    """The prime of a curve that is given by its parameters (RFC 3279, 2.3.5), not by its name."""
    try:
        # The key's place is the seventh in the certificate's body, the sixth without a version.
        body = der.elements(der.element(certificate.tbs_certificate_bytes)[1])
        _, key_info = body[6 if body[0][0] == _VERSION else 5]
        _, algorithm = der.elements(key_info)[0]
        tag, parameters = der.elements(algorithm)[1]
        _, field = der.elements(parameters)[1] if tag == der.SEQUENCE else (0, b"")
        kind, prime = der.elements(field)[1]
    except (ValueError, IndexError):
        return None
    return int.from_bytes(prime) if kind == der.INTEGER else None


def _check_uses(certificate: x509.Certificate, findings: Findings) -> None:
    """What the extensions allow the key to be used for, and extensions that nobody knows."""
    usage = extension(certificate, x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        findings.warning(
            "key-usage-without-signature",
            "the keyUsage does not allow digitalSignature, with which a device proves its key in TLS; "
            + (
                "the local AWS's TLS (OpenSSL) takes it for its keyAgreement, and AWS documents nothing about it"
                if usage.key_agreement
                else _TLS.format(_PURPOSE)
            ),
            "issue device certificates with digitalSignature, or without keyUsage",
        )
    extended = extension(certificate, x509.ExtendedKeyUsage)
    if extended is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in extended:
        findings.warning(
            "extended-key-usage-without-client",
            f"the extendedKeyUsage does not allow client authentication; {_TLS.format(_PURPOSE)}",
            "issue device certificates with clientAuth, or without extendedKeyUsage",
        )
    for each in _extensions(certificate):
        if each.critical and isinstance(each.value, x509.UnrecognizedExtension):
            findings.warning(
                "critical-extension-unknown",
                f"the extension {each.oid.dotted_string} is critical, and unknown; "
                + _TLS.format("unhandled critical extension"),
                "issue device certificates with this extension not critical",
            )


def check_validity(certificate: x509.Certificate, now: dt.datetime, whose: str, findings: Findings) -> None:
    """Whether a certificate is in its time; ``whose``: device or CA."""
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        findings.error(
            f"{whose.lower()}-certificate-expired",
            f"the {whose} certificate expired at {in_iso(end)}",
            "issue a new one"
            if whose == "device"
            else "register a CA that is valid, and sign the devices with it",
        )
    elif now < start:
        findings.error(
            f"{whose.lower()}-certificate-not-yet-valid",
            f"the {whose} certificate is valid from {in_iso(start)} on",
            "wait, or issue it anew with an earlier start: clocks of factories go wrong",
        )


def extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    """One extension; ``None`` where there is none, or where the extensions do not parse."""
    found = next((each.value for each in _extensions(certificate) if isinstance(each.value, kind)), None)
    return found if isinstance(found, kind) else None


def _extensions(certificate: x509.Certificate) -> Iterable[x509.Extension[x509.ExtensionType]]:
    try:
        return certificate.extensions
    except (ValueError, x509.DuplicateExtension):
        return ()
