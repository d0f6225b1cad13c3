"""Finds the one private key in a text. Never lets the text, or an error that has seen it, escape."""

from __future__ import annotations

import re

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from .algorithms import KEYS_ALLOWED, algorithm_of
from .signing_errors import EncryptedKeyError, NoPrivateKeyError, UnreadableKeyError, WrongKeyTypeError

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----(.*?)-----END \1-----", re.DOTALL)
_OPENSSH = "OPENSSH PRIVATE KEY"


def load(
    text: str, *, holder: str, passphrase: str | None = None
) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    """The private key in ``text``: PKCS#8, PKCS#1, SEC 1 or OpenSSH, in PEM.

    ``holder`` names the secret or file for the errors. Line ends that were lost on the way (the console's key/value
    form turns them into spaces, scripts into ``\\n``) are put back. A Lambda has no ``passphrase`` to give: an
    encrypted key is refused there.
    """
    label, pem = _only_block(text, holder)
    key, failure = _load(label, pem, passphrase)
    if failure == "encrypted":
        raise EncryptedKeyError(_encrypted(holder))
    if failure is not None and passphrase is not None:
        raise UnreadableKeyError(
            f"{holder} holds a private key that this passphrase does not open; check both"
        )
    if failure is not None:
        raise UnreadableKeyError(
            f"{holder} holds a PEM private key that does not parse ({label}); put the key there again as it "
            f"came from openssl, with its line ends"
        )
    if isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)) and algorithm_of(key) is not None:
        return key
    raise WrongKeyTypeError(f"{holder} holds {_kind(key)}; AWS IoT takes CAs with keys of {KEYS_ALLOWED}")


def _only_block(text: str, holder: str) -> tuple[str, str]:
    blocks = _BLOCK.findall(text)
    if not blocks:
        found = "a certificate, but no private key" if "BEGIN CERTIFICATE" in text else "no PEM private key"
        raise NoPrivateKeyError(
            f"{holder} holds {found}; put the CA's key there, from -----BEGIN PRIVATE KEY----- to its END line"
        )
    if len(blocks) > 1:
        raise NoPrivateKeyError(f"{holder} holds {len(blocks)} private keys; leave only the CA's key there")
    label, body = blocks[0]
    if "\n" not in body.strip():
        body = re.sub(r"(\\r|\\n|\s)+", "\n", body)
    return label, f"-----BEGIN {label}-----\n{body.strip()}\n-----END {label}-----\n"


def _load(label: str, pem: str, passphrase: str | None) -> tuple[object, str | None]:
    # Answers the failure instead of raising it: an error raised here would keep the caught one as its context.
    if passphrase is None and _is_encrypted(label, pem):
        return None, "encrypted"
    load = serialization.load_ssh_private_key if label == _OPENSSH else serialization.load_pem_private_key
    try:
        return load(pem.encode(), password=passphrase.encode() if passphrase is not None else None), None
    except TypeError:  # a passphrase is missing, or there is one too many
        if passphrase is not None:
            return _load(label, pem, None)
        return None, "encrypted"
    except Exception as error:  # ValueError, UnsupportedAlgorithm, and OpenSSL's own
        encrypted = label == _OPENSSH and passphrase is None and "password" in str(error).lower()
        return None, "encrypted" if encrypted else "unreadable"


def _is_encrypted(label: str, pem: str) -> bool:
    """Whether the block says of itself that it is encrypted."""
    return label == "ENCRYPTED PRIVATE KEY" or "Proc-Type: 4,ENCRYPTED" in pem


def _encrypted(holder: str) -> str:
    return (
        f"{holder} holds an encrypted private key, and there is no passphrase to give; store the key "
        f"unencrypted (`openssl pkey -in key.pem` writes it so; Secrets Manager encrypts it), or sign ahead of "
        f"time where the key is (`iot-ca verification-cert`)"
    )


def _kind(key: object) -> str:
    if isinstance(key, rsa.RSAPrivateKey):
        return f"an RSA key of {key.key_size} bits"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return f"an ECC key on {key.curve.name}"
    return f"a key of another kind ({type(key).__name__.removesuffix('PrivateKey').lstrip('_')})"
