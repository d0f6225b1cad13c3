"""Device certificates out of files, text and bytes. Reads certificates only: a key beside one is never looked at."""

from __future__ import annotations

import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509

from ....errors import NotADeviceCertificateError, UnreadableDeviceCertificateError
from .certificate_checks import extension
from .chain import is_issuer
from .encodings import certificates_in

if TYPE_CHECKING:
    from collections.abc import Sequence

#: In bytes. A longer file is read only if its beginning shows a sign of certificates: a folder may hold anything.
_LARGEST_FILE = 1_000_000
_LARGEST_BATCH = 64_000_000
# DER, or the marks of PEM, base64 and hexadecimal digits, also in UTF-16 and UTF-32.
_SIGN = re.compile(
    rb"\A.{0,8}\x30[\x80-\x84]|(?:-\0{0,3}){4}|M\0{0,3}I\0{0,3}[A-P]|3\0{0,3}0\W{0,4}(?:0x|\\x)?8", re.DOTALL
)
#: Certificates without a CA among them that are held against each other, each against each.
_MOST_COMPARED = 20
_ALLOWED = "one X.509 certificate, PEM, PKCS#7 or DER"

DeviceCertificate = str | bytes | os.PathLike[str] | x509.Certificate


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text or file holds: device certificates, and others such as their CA's. ``form``: what they came in."""

    devices: tuple[x509.Certificate, ...]
    others: tuple[x509.Certificate, ...]
    form: str


def load_device_certificate(given: DeviceCertificate) -> x509.Certificate:
    """The device certificate in text, in bytes, or in the file at a path. A string that holds no PEM is a path.

    Of a chain it is the one that issued no other, wherever it stands. Raises `UnreadableDeviceCertificateError`.
    """
    return read_one_device(given).devices[0]


def read_one_device(given: DeviceCertificate) -> Reading:
    """The same, with the certificates around it."""
    if isinstance(given, x509.Certificate):
        return Reading((given,), (), "")
    content, path = b"", None
    if isinstance(given, str) and "-----BEGIN" in given:
        content = given.encode("utf-8", "replace")
    elif isinstance(given, bytes):
        content = given
    elif isinstance(given, str | os.PathLike):
        path = given
    else:
        raise UnreadableDeviceCertificateError(
            "this is not a device certificate",
            value=type(given).__name__,
            allowed="PEM as str or bytes, a path, or an x509.Certificate",
        )
    source = "" if path is None else f" in {os.fspath(path)}"
    try:
        found = read_devices(content if path is None else read_file(path))
    except NotADeviceCertificateError as error:
        raise UnreadableDeviceCertificateError(
            f"no certificate{source or ' in what was given'}: {error.problem}",
            allowed=_ALLOWED,
            fix="give the device's certificate, not its key or its signing request",
        ) from None
    except UnreadableDeviceCertificateError as error:
        if error.value:  # it names its file
            raise
        raise UnreadableDeviceCertificateError(
            f"the device certificate{source} cannot be read: {error.problem}", allowed=_ALLOWED
        ) from None
    if len(found.devices) > 1:
        raise UnreadableDeviceCertificateError(
            f"{len(found.devices)} device certificates{source}: none of them issued another",
            allowed="one device certificate, with its CAs if you like",
            fix="give them one by one",
        )
    return found


def read_file(path: str | os.PathLike[str]) -> bytes:
    """A file's content.

    Raises `NotADeviceCertificateError` for a large file whose beginning shows no certificate, and
    `UnreadableDeviceCertificateError` for one that cannot be read, or only in part.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(_LARGEST_FILE)
            if file.peek(1) and _SIGN.search(content):
                content += file.read(_LARGEST_BATCH - _LARGEST_FILE)
            rest = file.peek(1)
    except (OSError, ValueError) as error:
        raise UnreadableDeviceCertificateError(
            f"the device certificate cannot be read: {getattr(error, 'strerror', None) or error}",
            value=str(path),
            fix="give the path of the certificate's file, relative to the working directory",
        ) from None
    if rest and len(content) == _LARGEST_FILE:
        raise NotADeviceCertificateError(f"no certificate in its first {_LARGEST_FILE:,} bytes")
    if rest:
        raise UnreadableDeviceCertificateError(
            f"it is larger than {_LARGEST_BATCH:,} bytes", value=str(path), fix="split it into smaller files"
        )
    return content


def read_devices(content: bytes) -> Reading:
    """Every device certificate in the bytes of a file, and every other certificate.

    Raises `NotADeviceCertificateError` where there is something else than a certificate, and
    `UnreadableDeviceCertificateError` where there may be one that cannot be read.
    """
    if not content.strip():
        raise UnreadableDeviceCertificateError("it is empty")
    found, form = certificates_in(content)
    found = list(dict.fromkeys(map(_checked, found)))
    issuers = _issuers(found)
    # Where each issued another, such as a CA before and after its renewal, none is left out.
    devices = set(range(len(found))) - issuers or set(range(len(found)))
    # A CA's certificate beside those of devices, though it issued none of them, is not a device's.
    ends = {number for number in devices if not _is_ca(found[number])} or devices
    return Reading(
        tuple(each for number, each in enumerate(found) if number in ends),
        tuple(each for number, each in enumerate(found) if number not in ends),
        form,
    )


def _issuers(found: Sequence[x509.Certificate]) -> frozenset[int]:
    """Places of those that issued another one."""
    if len(found) == 1:
        return frozenset()
    candidates = [number for number, each in enumerate(found) if _is_ca(each)] or list(range(len(found)))
    if len(candidates) == len(found) > _MOST_COMPARED:
        return frozenset()  # a batch of devices and nothing else
    return frozenset(
        number
        for number in candidates
        if any(is_issuer(each, found[number]) for place, each in enumerate(found) if place != number)
    )


def _is_ca(certificate: x509.Certificate) -> bool:
    constraints = extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _checked(certificate: x509.Certificate) -> x509.Certificate:
    """The same, once its lazily parsed parts have been seen to parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                _ = certificate.subject, certificate.issuer
            except ValueError as error:
                raise UnreadableDeviceCertificateError(
                    f"a name in it has text of another type than it says, such as a TeletexString in Latin-1: {error}"
                ) from None
            _ = certificate.serial_number
            _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except ValueError as error:
        raise UnreadableDeviceCertificateError(f"it does not parse: {error}") from None
    return certificate
