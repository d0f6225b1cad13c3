"""A device's certificates, read for a sentence: whose they are, and the value that the TLS library's words leave out.

Takes whatever a device may send: what cannot be read is left out.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID

from ..model.ca import algorithms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_NETSCAPE_TYPE = "2.16.840.1.113730.1.1"
# Those that OpenSSL understands; nobody gets by with another one that is critical.
_UNDERSTOOD = (
    *(x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage, x509.SubjectAlternativeName),
    *(x509.NameConstraints, x509.CertificatePolicies, x509.PolicyConstraints, x509.InhibitAnyPolicy),
    *(x509.CRLDistributionPoints, x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier),
)


def read_chain(ders: Iterable[bytes]) -> list[x509.Certificate]:
    """The certificates, the device's own first, up to one that cannot be read: what follows has no place in a chain."""
    found: list[x509.Certificate] = []
    for der in ders:
        try:
            certificate = x509.load_der_x509_certificate(der)
            # These are read only when they are asked for.
            _ = certificate.subject, certificate.issuer, certificate.not_valid_before_utc
            _ = certificate.not_valid_after_utc
        except (ValueError, x509.InvalidVersion):
            break
        found.append(certificate)
    return found


def name_of(name: x509.Name) -> str:
    """A subject or an issuer."""
    return name.rfc4514_string() or "a name without text"


def is_signed_by(certificate: x509.Certificate, ca: x509.Certificate) -> bool:
    """Whether the CA's own key signed it."""
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def is_ca(certificate: x509.Certificate) -> bool:
    """Whether it says that it is a CA's."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return False


def value_seen(event: str, chain: Sequence[x509.Certificate], at: dt.datetime) -> str | None:
    """What the first certificate holds that the event is about; None where there is none, or the event is another."""
    look = _LOOKS.get(event)
    if look is None:
        return None
    # A CA need not be able to do what a device must.
    for certificate in chain[:1] if event == "usage" else chain:
        seen = look(certificate, at)
        if seen is not None:
            return f"{name_of(certificate.subject)} {seen}"
    return None


def _expired(certificate: x509.Certificate, at: dt.datetime) -> str | None:
    end = certificate.not_valid_after_utc
    return f"was valid until {end:%Y-%m-%d}, and it is {at:%Y-%m-%d}" if end < at else None


def _early(certificate: x509.Certificate, at: dt.datetime) -> str | None:
    start = certificate.not_valid_before_utc
    return f"is valid from {start:%Y-%m-%d}, and it is {at:%Y-%m-%d}" if start > at else None


def _usage(certificate: x509.Certificate, _at: dt.datetime) -> str | None:
    for each in _extensions(certificate):
        if (
            isinstance(each.value, x509.ExtendedKeyUsage)
            and ExtendedKeyUsageOID.CLIENT_AUTH not in each.value
        ):
            return f"has the extendedKeyUsage {', '.join(map(_oid, each.value))}"
        if isinstance(each.value, x509.KeyUsage) and not (
            each.value.digital_signature or each.value.key_agreement
        ):
            return "has a keyUsage without digitalSignature"
        if each.oid.dotted_string == _NETSCAPE_TYPE:
            return "has a Netscape certificate type (nsCertType)"
    return None


def _oid(oid: x509.ObjectIdentifier) -> str:
    return oid.dotted_string if oid._name == "Unknown OID" else oid._name


def _critical(certificate: x509.Certificate, _at: dt.datetime) -> str | None:
    unknown = [
        each.oid.dotted_string
        for each in _extensions(certificate)
        if each.critical and not isinstance(each.value, _UNDERSTOOD)
    ]
    return f"has {', '.join(unknown)}" if unknown else None


def _extensions(certificate: x509.Certificate) -> list[x509.Extension[x509.ExtensionType]]:
    try:
        return list(certificate.extensions)
    except (ValueError, x509.DuplicateExtension):
        return []


def _weak_key(certificate: x509.Certificate, _at: dt.datetime) -> str | None:
    if algorithms.key_algorithm_of(certificate) is not None:
        return None
    return f"has a key {algorithms.describe_key(certificate)}"


def _weak_signature(certificate: x509.Certificate, _at: dt.datetime) -> str | None:
    found = algorithms.unsupported_signature(certificate)
    return None if found is None else f"is signed with {found}"


_LOOKS: dict[str, Callable[[x509.Certificate, dt.datetime], str | None]] = {
    "expired": _expired,
    "not-yet-valid": _early,
    "usage": _usage,
    "critical-extension": _critical,
    "weak-key": _weak_key,
    "weak-signature": _weak_signature,
}
