"""One verification certificate that was signed ahead of time: reads it, checks it against a CA. Signs nothing."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ...errors import (
    InvalidTypeError,
    KeyMaterialGivenError,
    PreIssuedCommonNameError,
    PreIssuedSignatureError,
    UnreadablePreIssuedError,
)
from ..ca.key_material import holds_private_key
from ..checks import is_registration_code
from ..reading import read_bytes

HOW_TO_SIGN = (
    "`iot-ca registration-code` writes the request, `iot-ca verification-cert` signs it where the CA's key is"
)


@dataclass(frozen=True, slots=True)
class PreIssued:
    """One stage's verification certificate. ``registration_code``: its common name."""

    stage: str
    pem: str = field(repr=False)
    registration_code: str

    @property
    def not_valid_after(self) -> dt.datetime:
        """Until when AWS IoT takes it; aware, UTC."""
        return x509.load_pem_x509_certificate(self.pem.encode("ascii")).not_valid_after_utc

    def validity_problem(self, now: dt.datetime | None = None) -> str | None:
        """Why AWS IoT would refuse it at ``now`` (by default: now), as a sentence; None when it would not."""
        certificate = x509.load_pem_x509_certificate(self.pem.encode("ascii"))
        start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        now = now or dt.datetime.now(dt.UTC)
        if start <= now < end:
            return None
        state = "has expired" if now >= end else "is not valid yet"
        return (
            f"the pre-issued verification certificate of stage {self.stage!r} {state}: it is valid from "
            f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, and AWS IoT takes none outside of that; fix: "
            f"have it signed anew for registration code {self.registration_code} ({HOW_TO_SIGN})"
        )


def read(stage: object, value: object) -> PreIssued:
    """A stage's certificate out of PEM text or a file; raises a `PreIssuedError`."""
    if not isinstance(stage, str):
        raise InvalidTypeError(
            "a stage's name is not text", value=type(stage).__name__, allowed="the name of a stage"
        )
    _check_no_key(stage, "the name of a stage")
    what = f"the pre-issued verification certificate of stage {stage!r}"
    text = _pem_text(value, what)
    if "PRIVATE KEY" in text:
        raise _key_given(what)
    try:
        certificates = x509.load_pem_x509_certificates(text.encode())
    except (ValueError, x509.InvalidVersion):
        certificates = []
    if len(certificates) != 1:
        raise UnreadablePreIssuedError(
            f"{what} does not parse"
            if not certificates
            else f"{what} comes with {len(certificates) - 1} more",
            allowed="one certificate in PEM, as text or the path of its file",
            fix=HOW_TO_SIGN,
        )
    certificate = certificates[0]
    names = [name.value for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if len(names) != 1 or not is_registration_code(names[0]):
        raise PreIssuedCommonNameError(
            f"{what} has no registration code as its common name",
            value=certificate.subject.rfc4514_string(),
            allowed="a common name of 64 hex digits, the account's registration code in the region",
            fix=HOW_TO_SIGN,
        )
    return PreIssued(stage, certificate.public_bytes(Encoding.PEM).decode("ascii"), names[0])


def _pem_text(value: object, what: str) -> str:
    if isinstance(value, str) and "-----BEGIN" in value:
        return value
    if not isinstance(value, (str, os.PathLike)):
        raise InvalidTypeError(
            f"{what} is neither text nor a path",
            value=type(value).__name__,
            allowed="PEM text, or the path of a file",
        )
    _check_no_key(str(value), what)
    try:
        return read_bytes(value).decode("ascii", "replace")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no path"
        raise UnreadablePreIssuedError(
            f"{what} cannot be read: {reason}",
            value=str(value),
            allowed="PEM text, or the path of its file relative to the working directory",
            fix=HOW_TO_SIGN,
        ) from None


def _check_no_key(text: str, what: str) -> None:
    if holds_private_key(text):
        raise _key_given(what)


def _key_given(what: str) -> KeyMaterialGivenError:
    return KeyMaterialGivenError(
        f"what reads like a private key itself stands where {what} belongs",
        allowed="the certificate alone, PEM, or the path of its file",
        fix="give the certificate, and keep the key out of the app: treat this key as exposed",
    )


def check_signature(issued: PreIssued, ca: x509.Certificate) -> None:
    """Raise `PreIssuedSignatureError` unless the CA signed it."""
    certificate = x509.load_pem_x509_certificate(issued.pem.encode("ascii"))
    try:
        certificate.verify_directly_issued_by(ca)
    except Exception:  # InvalidSignature; ValueError and TypeError for another issuer or kind of key
        raise PreIssuedSignatureError(
            f"the pre-issued verification certificate of stage {issued.stage!r} is not signed by the plan's CA "
            f"{ca.subject.rfc4514_string()!r}",
            value=f"issuer {certificate.issuer.rfc4514_string()}",
            allowed="a certificate that this very CA signed",
            fix=HOW_TO_SIGN,
        ) from None
