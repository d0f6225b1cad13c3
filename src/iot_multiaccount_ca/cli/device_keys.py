"""Keys and certificates that commands are given as files: read, asked for their passphrase, told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import CaKeyError, WrongOptionsError
from ..model.reading import read_bytes
from .output import ask_secret

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    from ..local.device import DeviceCertificate

    PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_ENCRYPTED = object()


def load_key(path: Path, *, of: str = "the plan's CA certificate") -> PrivateKey:
    """The RSA or EC key in a PEM file; asks for the passphrase of an encrypted one. Raises `CaKeyError`."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    content = read_bytes(path)
    key = _key_in(content, None)
    if key is _ENCRYPTED:
        # Not within a try for what the file holds: that there is nobody to ask is another cause.
        key = _key_in(content, ask_secret(f"Passphrase of {path}").encode())
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
    from cryptography.hazmat.primitives import serialization

    from ..local.device import DeviceCertificate

    devices = []
    for certificate, path in zip(certificates, keys, strict=True):
        key = load_key(path, of="the device's certificate")
        chain = _chain_in(certificate)
        _check_pair(certificate, chain, path, key)
        pem = "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in chain)
        key_pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        devices.append(DeviceCertificate.of(pem, key_pem.decode()))
    return devices


def _key_in(content: bytes, passphrase: bytes | None) -> object:
    """The private key in a PEM file; `_ENCRYPTED` where it needs a passphrase, None where there is none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(content, password=passphrase)
    except TypeError:
        return _ENCRYPTED
    except (ValueError, UnsupportedAlgorithm):
        return None


def _chain_in(path: Path) -> list[x509.Certificate]:
    """The certificates in a PEM file, whatever stands around them."""
    from cryptography import x509

    content = read_bytes(path)
    try:
        return x509.load_pem_x509_certificates(content)
    except (ValueError, x509.InvalidVersion):
        is_text = b"-----BEGIN" in content
        raise WrongOptionsError(
            "the file holds no device certificate",
            value=str(path),
            allowed="an X.509 certificate, PEM; of a chain the device's first",
            fix="give the file with the device's certificate"
            if is_text
            else "convert it: `openssl x509 -inform DER` for DER, `openssl pkcs12 -nokeys` for PKCS#12",
        ) from None


def _check_pair(path: Path, chain: list[x509.Certificate], key_path: Path, key: PrivateKey) -> None:
    """Raise `WrongOptionsError` for a key that is not the certificate's, or that AWS IoT takes from no device."""
    from ..model.ca.algorithms import KEYS_ALLOWED, algorithm_of, describe_key

    place = next((at for at, each in enumerate(chain) if each.public_key() == key.public_key()), None)
    if place is None:
        raise WrongOptionsError(
            "the device's key does not belong to its certificate",
            value=f"{path} and {key_path}",
            fix="give the two in the same order",
        )
    if place > 0:
        raise WrongOptionsError(
            "the device's certificate is not the first of its chain",
            value=f"{path}, where it is the {place + 1}. of {len(chain)}",
            fix="put it first, as TLS sends it, and then the CA that signed it",
        )
    if algorithm_of(key) is None:
        raise WrongOptionsError(
            "AWS IoT takes no device with such a key",
            value=f"{path}: {describe_key(chain[0])}",
            allowed=KEYS_ALLOWED,
            fix="issue the device's certificate anew for another key",
        )
