"""Keys and certificates that commands are given as files: read, asked for their passphrase, told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import CaKeyError, WrongOptionsError
from ..model.reading import read_bytes
from .output import ask_secret

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    from ..local.device import DeviceCertificate

    PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def load_key(path: Path, *, of: str = "the plan's CA certificate") -> PrivateKey:
    """The RSA or EC key in a PEM file; asks for the passphrase of an encrypted one. Raises `CaKeyError`."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    content = read_bytes(path)
    try:
        try:
            key = load_pem_private_key(content, password=None)
        except TypeError:  # it is encrypted
            key = load_pem_private_key(content, password=ask_secret(f"Passphrase of {path}").encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        return key
    raise CaKeyError(
        "the file holds no private key that can be read",
        value=str(path),
        allowed="an RSA or EC key, PEM; with its passphrase, if it has one",
        fix=f"give the key of {of}",
    )


def load_devices(certificates: tuple[Path, ...], keys: tuple[Path, ...]) -> list[DeviceCertificate]:
    """Devices of one's own, a certificate (or chain) and its key each. Raises `WrongOptionsError`, `CaKeyError`."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    if len(certificates) != len(keys):
        raise WrongOptionsError(
            "a device is a certificate and its key",
            value=f"{len(certificates)} --device-certificate, {len(keys)} --device-key",
            fix="give both, in the same order",
        )
    if not certificates:
        return []
    from .local_fleet import require_extra

    require_extra()
    from ..local.device import DeviceCertificate

    devices = []
    for certificate, path in zip(certificates, keys, strict=True):
        key = load_key(path, of="the device's certificate")
        try:
            pem = read_bytes(certificate).decode("ascii")
            leaf = x509.load_pem_x509_certificate(pem.encode())
        except (ValueError, x509.InvalidVersion) as error:
            raise WrongOptionsError(
                "the file holds no device certificate",
                value=str(certificate),
                allowed="an X.509 certificate, PEM; of a chain the device's first",
                fix=f"convert it with `openssl x509` ({error})",
            ) from None
        if leaf.public_key() != key.public_key():
            raise WrongOptionsError(
                "the device's key does not belong to its certificate",
                value=f"{certificate} and {path}",
                fix="give the two in the same order",
            )
        key_pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        devices.append(DeviceCertificate.of(pem, key_pem.decode()))
    return devices
