"""Device certificates out of files, text and bytes. Reads certificates only: a key beside one is never looked at."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from cryptography import x509

from ....errors import UnreadableDeviceCertificateError

_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
_DER_SEQUENCE = 0x30
#: No certificate that a device sends is near this, and a folder may hold anything: what is beyond is not read.
_LARGEST_FILE = 1_000_000

DeviceCertificate = str | bytes | os.PathLike[str] | x509.Certificate


def load_device_certificate(given: DeviceCertificate) -> x509.Certificate:
    """The device certificate in PEM text, in PEM or DER bytes, or in the file at a path.

    Of a chain it is the first, as a device sends it in TLS. A string that holds no PEM is a path.
    """
    if isinstance(given, x509.Certificate):
        return _checked(given, "")
    if isinstance(given, bytes):
        return _parse(given, "")
    if isinstance(given, str) and "-----BEGIN" in given:
        return _parse(given.encode("utf-8", "replace"), "")
    if isinstance(given, str | os.PathLike):
        try:
            with Path(given).open("rb") as file:
                content = file.read(_LARGEST_FILE)
        except (OSError, ValueError) as error:
            raise UnreadableDeviceCertificateError(
                f"the device certificate cannot be read: {getattr(error, 'strerror', None) or error}",
                value=str(given),
                fix="give the path of the certificate's PEM file, relative to the working directory",
            ) from None
        return _parse(content, f" in {given}")
    raise UnreadableDeviceCertificateError(
        "this is no device certificate",
        value=type(given).__name__,
        allowed="PEM as str or bytes, a path, or an x509.Certificate",
    )


def holds_certificate(path: Path) -> bool:
    """Whether a file looks like a certificate, PEM or DER: for folders, where keys and requests lie beside them."""
    if path.suffix.lower() == ".der":
        return True
    with path.open("rb") as file:
        return _BEGIN in file.read(_LARGEST_FILE)


def _parse(content: bytes, source: str) -> x509.Certificate:
    start = content.find(_BEGIN)
    end = content.find(_END, start)
    try:
        with warnings.catch_warnings():
            # Subjects that X.509 forbids are what a dry run is for: they become findings.
            warnings.simplefilter("ignore")
            if start >= 0:
                if end < 0:
                    raise ValueError("the PEM block has no end")
                return _checked(x509.load_pem_x509_certificate(content[start : end + len(_END)]), source)
            if content[:1] and content[0] == _DER_SEQUENCE:
                return _checked(x509.load_der_x509_certificate(content), source)
    except ValueError as error:
        raise UnreadableDeviceCertificateError(
            f"the device certificate{source} does not parse: {error}",
            allowed="one X.509 certificate, PEM or DER",
        ) from None
    raise _no_certificate(source)


def _no_certificate(source: str) -> UnreadableDeviceCertificateError:
    return UnreadableDeviceCertificateError(
        f"no certificate{source or ' in what was given'}",
        allowed="one block from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----",
        fix="give the device's certificate, not its key or its signing request",
    )


def _checked(certificate: x509.Certificate, source: str) -> x509.Certificate:
    """The same, once its lazily parsed parts have been seen to parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _ = certificate.subject, certificate.issuer, certificate.extensions
            _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except ValueError as error:
        raise UnreadableDeviceCertificateError(
            f"the device certificate{source} does not parse: {error}",
            allowed="one X.509 certificate, PEM or DER",
        ) from None
    return certificate
