"""Serial number and subject of a device certificate: a strict reader of so much DER, and of nothing else.

AWS IoT has checked the certificate and its signature before; this reads what the CA signed (RFC 5280, 4.1), and refuses
whatever is not plain DER. Not ``cryptography``: 15 MB and a slow cold start for two fields.
"""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass

_SEQUENCE, _SET, _INTEGER, _OID, _VERSION = 0x30, 0x31, 0x02, 0x06, 0xA0
# The last arc below 2.5.4, as JITP calls the fields.
_FIELDS = {
    b"\x55\x04\x06": "Country",
    b"\x55\x04\x0a": "Organization",
    b"\x55\x04\x0b": "OrganizationalUnit",
    b"\x55\x04\x2e": "DistinguishedNameQualifier",
    b"\x55\x04\x08": "StateName",
    b"\x55\x04\x03": "CommonName",
    b"\x55\x04\x05": "SerialNumber",
}
# UTF8String, NumericString, PrintableString, IA5String, VisibleString, UniversalString, BMPString. A TeletexString is
# not among them: nobody agrees on how it reads.
_ENCODINGS = {
    0x0C: "utf-8",
    0x12: "ascii",
    0x13: "ascii",
    0x16: "ascii",
    0x1A: "ascii",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}


class UnreadableCertificateError(Exception):
    """A certificate that is not plain DER."""


@dataclass(frozen=True)
class Certificate:
    """What a rule can ask of a device certificate.

    ``fingerprint``: SHA-256 of the DER; ``serial_number``: as hex; both in lower case. ``subject``: the values of each
    field that it has, in order; None is one that cannot be read as text.
    """

    fingerprint: str
    serial_number: str
    subject: dict[str, list[str | None]]


def read_certificate(pem: str) -> Certificate:
    """The certificate in a PEM text; raises `UnreadableCertificateError`."""
    try:
        der = ssl.PEM_cert_to_DER_cert(pem.strip())
    except ValueError as error:
        raise UnreadableCertificateError(str(error)) from None
    tbs, _ = _element(_only(der, _SEQUENCE), _SEQUENCE)
    if tbs[:1] == bytes([_VERSION]):
        _, tbs = _element(tbs, _VERSION)
    serial, tbs = _element(tbs, _INTEGER)
    for _ in ("signature", "issuer", "validity"):
        _, tbs = _element(tbs, _SEQUENCE)
    subject, _ = _element(tbs, _SEQUENCE)
    return Certificate(hashlib.sha256(der).hexdigest(), _number(serial), _subject(subject))


def _element(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the first element, which must have this tag, and what follows it."""
    if len(data) < 2 or data[0] != tag:
        message = f"tag {tag:#x} is missing"
        raise UnreadableCertificateError(message)
    length, begin = data[1], 2
    if length >= 0x80:
        begin += length - 0x80
        long = data[2:begin]
        length = int.from_bytes(long)
        # DER: the shortest form, never the indefinite one.
        if not 3 <= begin <= 5 or len(long) != begin - 2 or length < 0x80 or long[0] == 0:
            message = "a length is not DER"
            raise UnreadableCertificateError(message)
    if len(data) < begin + length:
        message = "an element is cut off"
        raise UnreadableCertificateError(message)
    return data[begin : begin + length], data[begin + length :]


def _only(data: bytes, tag: int) -> bytes:
    content, rest = _element(data, tag)
    if rest:
        message = "something follows the end"
        raise UnreadableCertificateError(message)
    return content


def _number(content: bytes) -> str:
    if not content or content[0] >= 0x80 or (len(content) > 1 and content[0] == 0 and content[1] < 0x80):
        message = "the serial number is not a DER integer, or negative"
        raise UnreadableCertificateError(message)
    return f"{int.from_bytes(content):x}"


def _subject(names: bytes) -> dict[str, list[str | None]]:
    found: dict[str, list[str | None]] = {}
    while names:
        attributes, names = _element(names, _SET)
        while attributes:
            attribute, attributes = _element(attributes, _SEQUENCE)
            kind, value = _element(attribute, _OID)
            if kind in _FIELDS:
                found.setdefault(_FIELDS[kind], []).append(_text(value))
    return found


def _text(value: bytes) -> str | None:
    tag = value[0] if value else 0
    content = _only(value, tag)
    try:
        return content.decode(_ENCODINGS[tag])
    except (KeyError, UnicodeDecodeError):
        return None
