"""Whether a CA signed a certificate: the signature by itself, and the names beside it. Reads no template.

AWS IoT wants the CA that signs the devices, not another of its chain. RFC 5280 compares names in 7.1: without regard to
case, to blanks in a row, and to the type of string that they are written in.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa

from .certificate_checks import check_validity, extension
from .subject import rfc4514

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from ..findings import Findings


def check_chain(
    certificate: x509.Certificate,
    authority: x509.Certificate,
    now: dt.datetime,
    findings: Findings,
    others: Sequence[x509.Certificate] = (),
) -> bool | None:
    """Whether the CA signed the certificate; ``None`` where its signature cannot be checked.

    ``others``: the certificates that came with the device's, such as an intermediate CA's.
    """
    check_validity(authority, now, "CA", findings)
    signed = is_signed_by(certificate, authority)
    same = _comparable(certificate.issuer) == _comparable(authority.subject)
    names = (
        f"the certificate's issuer is {rfc4514(certificate.issuer)!r}, and the CA's subject is "
        f"{rfc4514(authority.subject)!r}"
    )
    # Looked for where it matters alone: of a bundle with its CA each signature would be checked twice.
    between = None if signed else next((each for each in others if is_issuer(certificate, each)), None)
    if between is not None and between != authority:
        findings.error(
            "chain-instead-of-ca",
            f"the device's certificate comes in a chain, and {rfc4514(between.subject)!r} in it signed the device's, "
            f"not {rfc4514(authority.subject)!r}",
            f"register {rfc4514(between.subject)!r}: AWS IoT wants the CA that signs the devices, not its issuer",
        )
        return False
    if signed is None:
        findings.warning(
            "signature-unchecked",
            "the signature of the certificate is of a kind that cannot be checked here"
            + ("" if same else f"; {names}"),
            "sign device certificates with SHA-256, SHA-384 or SHA-512, by an RSA or ECDSA key",
        )
        return None
    if not same:
        findings.error(
            "issuer-mismatch",
            f"the CA's key signed the certificate, under another name: {names}" if signed else names,
            "register the CA certificate of the name that the devices have for their issuer"
            if signed
            else "register the CA that signs the devices, not its issuer, or sign the devices with this CA",
        )
        return False
    if not signed:
        findings.error(
            "signature-mismatch",
            f"the CA {rfc4514(authority.subject)!r} is named as issuer, and its key did not sign the certificate",
            "another CA of the same subject did: register that one, or sign the device with this one",
        )
        return False
    _note_form(certificate, authority, findings)
    _check_key_identifiers(certificate, authority, findings)
    return True


def is_issuer(certificate: x509.Certificate, candidate: x509.Certificate) -> bool:
    """Whether the other one's name and key issued the certificate."""
    same = _comparable(certificate.issuer) == _comparable(candidate.subject)
    return same and is_signed_by(certificate, candidate) is True


def is_signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool | None:
    """Whether the other one's key signed the certificate, whatever the names; ``None`` where it cannot be checked."""
    try:
        key, parameters = authority.public_key(), certificate.signature_algorithm_parameters
        hashed = certificate.signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError):
        return None
    signature, signed = certificate.signature, certificate.tbs_certificate_bytes
    try:
        match key, parameters:
            case rsa.RSAPublicKey(), padding.PKCS1v15() | padding.PSS():
                key.verify(signature, signed, parameters, hashed)  # type: ignore[arg-type]
            case ec.EllipticCurvePublicKey(), ec.ECDSA():
                key.verify(signature, signed, parameters)
            case dsa.DSAPublicKey(), None if hashed is not None:
                key.verify(signature, signed, hashed)
            case ((ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey()), None) if hashed is None:
                key.verify(signature, signed)
            case _:
                return False  # a signature of another kind than the key
    except InvalidSignature:
        return False
    except (UnsupportedAlgorithm, ValueError, TypeError):
        return None
    return True


def _note_form(certificate: x509.Certificate, authority: x509.Certificate, findings: Findings) -> None:
    if certificate.issuer.public_bytes() == authority.subject.public_bytes():
        return
    findings.warning(
        "issuer-form-differs",
        "the CA's key signed the certificate, and the certificate writes the CA's name in another form: "
        f"{rfc4514(certificate.issuer)!r} for {rfc4514(authority.subject)!r}, in "
        + (
            "another type of string"
            if rfc4514(certificate.issuer) == rfc4514(authority.subject)
            else "other case or blanks"
        )
        + "; RFC 5280 (7.1) takes them for one name, and TLS stacks that compare bytes do not",
        "issue device certificates with the CA's subject byte for byte, or try one such device before you make many",
    )


def _comparable(name: x509.Name) -> list[frozenset[tuple[str, Any]]]:
    return [frozenset((each.oid.dotted_string, _folded(each.value)) for each in rdn) for rdn in name.rdns]


def _folded(value: str | bytes) -> str | bytes:
    if isinstance(value, bytes):
        return value
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


def _check_key_identifiers(
    certificate: x509.Certificate, authority: x509.Certificate, findings: Findings
) -> None:
    of_issuer = extension(certificate, x509.AuthorityKeyIdentifier)
    of_authority = extension(authority, x509.SubjectKeyIdentifier)
    if of_issuer is None or of_authority is None or of_issuer.key_identifier is None:
        return
    if of_issuer.key_identifier != of_authority.digest:
        findings.warning(
            "authority-key-identifier-mismatch",
            "the CA signed the certificate, and the certificate's authorityKeyIdentifier names another key",
            "issue device certificates with the CA's subjectKeyIdentifier: it tells CAs of one subject apart",
        )
