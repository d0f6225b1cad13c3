"""Certificates out of bytes, in whatever they are wrapped. Judges no certificate, and looks into no key.

What is read: PEM of any label that holds certificates, PKCS#7, DER, base64 and hexadecimal digits, alone or in other
text; each also in UTF-16 or UTF-32, with a byte order mark, as a URL has it, or with ``\\n`` written as two characters.
What is not is called by its name.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import codecs
import re
import urllib.parse
import warnings
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from ....errors import NotADeviceCertificateError, SharedCaError, UnreadableDeviceCertificateError
from . import der

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_T = TypeVar("_T")
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with a byte order mark"),
)
_BEGIN, _END = (re.compile(rf"-----{word} ([A-Z0-9 #]{{1,64}})-----") for word in ("BEGIN", "END"))
_PKCS7_LABELS = frozenset({"PKCS7", "PKCS #7 SIGNED DATA", "CMS"})
_OTHER_LABELS = (
    ("PRIVATE KEY", "a private key"),
    ("CERTIFICATE REQUEST", "a certificate signing request"),
    ("ATTRIBUTE CERTIFICATE", "an attribute certificate"),
    ("PGP", "OpenPGP"),
    ("PUBLIC KEY", "a public key"),
    ("CRL", "a revocation list"),
    ("PARAMETERS", "parameters of keys"),
)
_CONTAINERS = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\xfe\xed\xfe\xed", "a Java keystore"),
    (b"\xce\xce\xce\xce", "a Java keystore"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
)
_TAR, _TAR_PLACE = b"ustar", 257
_WRITTEN_BREAK = re.compile(r"\\r|\\n")
# Around base64 in the source code of firmware: quotes, and a backslash at a line's end.
_NOT_BASE64 = re.compile(r"[\s\"'\\]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{100,}={0,2}")
_URL_ALPHABET = str.maketrans("-_", "+/")
_NEARLY_PEM = re.compile(r"(?:BEGIN|END)\W{1,3}(?:TRUSTED |X509 )?CERTIFICATE", re.IGNORECASE)
# Base64 of DER within other text, such as a table or JSON, with its line breaks; also as URLs have it.
_BASE64_INSIDE = re.compile(
    r"MI[A-P][A-Za-z0-9+/_-]{60,}(?:\r?\n(?!MI[A-P][A-Za-z0-9+/_-]{60})[A-Za-z0-9+/_-]+)*"
)
# Hexadecimal digits of DER: in one row, in groups, or as source code has them.
_BETWEEN_BYTES = r"[\s,:;\"']{0,12}"
_HEX_INSIDE = re.compile(
    rf"(?<![0-9A-Fa-f])(?:0x|\\x)?30{_BETWEEN_BYTES}(?:0x|\\x)?8[0-4](?:{_BETWEEN_BYTES}(?:0x|\\x)?[0-9A-Fa-f]{{2}}){{100,}}"
)
_NOT_HEX = re.compile(r"0x|\\x|[^0-9A-Fa-f]")
# A version that X.509 does not have is not a ValueError.
_UNPARSABLE = (ValueError, UnsupportedAlgorithm, x509.InvalidVersion)
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
# No certificate is so short that its length takes one byte; in text, 0 is followed by ASCII.
_DER = re.compile(rb"\x30[\x80-\x84]")
_LIKE_A_CERTIFICATE = re.compile(
    rb"\x30[\x80-\x84].{0,4}?(?:\x30[\x81-\x84]|" + re.escape(_SIGNED_DATA) + rb")", re.DOTALL
)


def certificates_in(content: bytes) -> tuple[list[x509.Certificate], str]:
    """The certificates in their order, and what they are wrapped in.

    Raises `NotADeviceCertificateError` where there is something else, and `UnreadableDeviceCertificateError` where
    there may be a certificate that cannot be read.
    """
    with warnings.catch_warnings():
        # Subjects that X.509 forbids are what a dry run is for: they become findings.
        warnings.simplefilter("ignore")
        for magic, name in _CONTAINERS:
            if content.startswith(magic):
                raise _unreadable(f"it is {name}: unpack it")
        if content.startswith(_TAR, _TAR_PLACE):
            raise _unreadable("it is a tar archive: unpack it")
        text, encoding = _text(content)
        plain = content.lstrip(b"\r\n\t \xef\xbb\xbf")
        if "-----BEGIN " in text:
            found, form = _in_pem(text)
        elif _DER.match(plain) or _is_one_element(plain):
            found, form = _in_der(plain)
        else:
            found, form = _in_text(text)
    return found, f"{form}, {encoding}" if encoding else form


def _text(content: bytes) -> tuple[str, str]:
    """The bytes as text, and the encoding where it is a strange one."""
    for mark, codec, name in _MARKS:
        if content.startswith(mark):
            return content.decode(codec, "replace"), name
    for codec, name, width in (
        ("utf-16-le", "UTF-16", 2),
        ("utf-16-be", "UTF-16", 2),
        ("utf-32-le", "UTF-32", 4),
    ):
        place = content.find("-----BEGIN".encode(codec))
        if place >= 0 and place % width == 0:
            return content.decode(codec, "replace"), name
    text = content.decode("latin-1")
    for blank, decode in (("%20", urllib.parse.unquote), ("+", urllib.parse.unquote_plus)):
        if f"-----BEGIN{blank}" in text:
            return decode(text), "URL-encoded"
    return text, ""


def _in_pem(text: str) -> tuple[list[x509.Certificate], str]:
    found: list[x509.Certificate] = []
    forms: dict[str, None] = {}
    others: dict[str, None] = {}
    blocks = 0
    for label, body in _blocks(text):
        blocks += 1
        other = next((name for part, name in _OTHER_LABELS if part in label), None)
        content = _decoded(body) if _may_hold(label) else b""
        if label in _PKCS7_LABELS or _SIGNED_DATA in content[:20]:
            found += _in_pkcs7(content)
            forms["PKCS#7"] = None
        elif _may_hold(label):
            found.append(_certificate(content))
            forms["PEM" if label == "CERTIFICATE" else f"PEM ({label})"] = None
        elif other is None and "CERT" in label:
            raise _unreadable(f"its PEM block is labelled {label!r}, and not CERTIFICATE")
        else:
            others[other or f"PEM of {label}"] = None
    if text.count("-----BEGIN ") > blocks and (not blocks or _unended(text)):
        raise _unreadable("a PEM block has no end")
    if not found:
        raise _something_else(" and ".join(others))
    return found, " and ".join(forms)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Label and body of each PEM block; a beginning inside of another block is that one's text.

    The ends are looked up, not searched for from each beginning: a file of beginnings would take minutes.
    """
    ends: dict[str, list[int]] = {}
    for end in _END.finditer(text):
        ends.setdefault(end[1], []).append(end.start())
    at = 0
    for begin in _BEGIN.finditer(text):
        places = ends.get(begin[1], [])
        next_end = bisect.bisect_left(places, begin.end())
        if begin.start() >= at and next_end < len(places):
            at = places[next_end]
            yield begin[1], text[begin.end() : at]


def _certificate(content: bytes) -> x509.Certificate:
    """The first element: a TRUSTED CERTIFICATE has OpenSSL's trust settings after it."""

    def read() -> x509.Certificate:
        return x509.load_der_x509_certificate(content[: der.element(content)[2]])

    return _parsed(read)


def _may_hold(label: str) -> bool:
    """Whether a PEM block of this label holds certificates."""
    return label in _PKCS7_LABELS or (label.endswith("CERTIFICATE") and label != "ATTRIBUTE CERTIFICATE")


def _unended(text: str) -> bool:
    """Whether a block of certificates lacks its end: what is lost would not be missed."""
    begun, ended = (Counter(match[1] for match in word.finditer(text)) for word in (_BEGIN, _END))
    return any(_may_hold(label) and count > ended[label] for label, count in begun.items())


def _decoded(body: str) -> bytes:
    lines = _WRITTEN_BREAK.sub("\n", body).split("\n")
    plain = _NOT_BASE64.sub("", "".join(line for line in lines if ":" not in line))
    try:
        return base64.b64decode(plain, validate=True)
    except binascii.Error as error:
        raise _unreadable(f"it is not base64: {error}") from None


def _in_pkcs7(content: bytes) -> list[x509.Certificate]:
    found = _parsed(lambda: pkcs7.load_der_pkcs7_certificates(content))
    if not found:
        raise _something_else("PKCS#7 without a certificate")
    return found


def _in_der(content: bytes, form: str = "DER") -> tuple[list[x509.Certificate], str]:
    if _SIGNED_DATA in content[:20]:
        return _in_pkcs7(content), "PKCS#7" if form == "DER" else f"PKCS#7, {form}"
    found = []
    rest = content
    while _DER.match(rest):
        try:
            _, _, length = der.element(rest)
            found.append(x509.load_der_x509_certificate(rest[:length]))
        except _UNPARSABLE as error:
            other = _not_a_certificate(rest, error)
            if found and isinstance(other, NotADeviceCertificateError):
                break
            raise other from None
        rest = rest[length:]
    if not found:
        raise _not_a_certificate(content, ValueError("it is too short for a certificate"))
    if rest.strip(b"\x00\r\n \xff"):
        form += f", {len(rest):,} bytes after it"
    return found, form


def _is_one_element(content: bytes) -> bool:
    """Whether the bytes are DER from end to end, as a short key is; a text that begins with 0 is not."""
    try:
        return content[:1] == bytes([der.SEQUENCE]) and der.element(content)[2] == len(content)
    except ValueError:
        return False


def _not_a_certificate(content: bytes, error: Exception) -> SharedCaError:
    readers: tuple[tuple[str, Callable[[], object]], ...] = (
        ("a certificate signing request", lambda: x509.load_der_x509_csr(content)),
        ("a revocation list", lambda: x509.load_der_x509_crl(content)),
        ("a public key", lambda: serialization.load_der_public_key(content)),
        ("a private key", lambda: serialization.load_der_private_key(content, None)),
    )
    for name, read in readers:
        try:
            read()
        except TypeError:  # a key under a passphrase
            return _something_else("a private key")
        except _UNPARSABLE:
            continue
        return _something_else(name)
    if content[4:7] == b"\x02\x01\x03":
        return _unreadable("it is PKCS#12: export the certificate from it (openssl pkcs12 -nokeys -clcerts)")
    return _unreadable(f"it does not parse: {error}")


def _in_text(text: str) -> tuple[list[x509.Certificate], str]:
    if _NEARLY_PEM.search(text):
        raise _unreadable("its PEM block does not begin with -----BEGIN CERTIFICATE-----")
    pieces = list(_inside(text))
    plain = _NOT_BASE64.sub("", _WRITTEN_BREAK.sub("\n", text))
    if len(pieces) <= 1 and _BASE64.fullmatch(plain):
        whole = _from_base64(plain)
        if _DER.match(whole):
            return _in_der(whole, "bare base64")
    found: list[x509.Certificate] = []
    forms: dict[str, None] = {}
    for content, form in pieces:
        if _LIKE_A_CERTIFICATE.match(content):
            certificates, wrapped = _in_der(content, form)
            found += certificates
            forms[wrapped] = None
    if not found:
        raise _something_else("")
    return found, " and ".join(forms)


def _inside(text: str) -> Iterator[tuple[bytes, str]]:
    for match in _BASE64_INSIDE.finditer(text):
        yield _from_base64(match[0]), "base64 in other text"
    for match in _HEX_INSIDE.finditer(text):
        yield bytes.fromhex(_NOT_HEX.sub("", match[0])), "hexadecimal"


def _from_base64(text: str) -> bytes:
    """What a text of base64 holds, whichever alphabet it has; a character too many is none of it."""
    plain = re.sub(r"\s", "", text).rstrip("=").translate(_URL_ALPHABET)
    plain = plain[: len(plain) - (len(plain) % 4 == 1)]
    return base64.b64decode(plain + "=" * (-len(plain) % 4))


def _parsed(read: Callable[[], _T]) -> _T:
    try:
        return read()
    except _UNPARSABLE as error:
        raise _unreadable(f"it does not parse: {error}") from None


def _unreadable(reason: str) -> UnreadableDeviceCertificateError:
    return UnreadableDeviceCertificateError(reason)


def _something_else(what: str) -> NotADeviceCertificateError:
    return NotADeviceCertificateError(what or "no certificate in it")
