"""Private keys that sign elsewhere: in KMS, in an HSM. They carry a public key and a way to sign, and no
secret.

``cryptography``'s certificate builder takes them like its own. Everything that a certificate does not need
(export, decryption, key agreement) is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

#: Signs a digest made with the named hash (sha256, sha384, sha512). RSA: PKCS #1 v1.5. ECDSA: DER of r and s.
SignDigest = Callable[[bytes, str], bytes]


def remote_key(
    public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, sign_digest: SignDigest
) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    """The private half of ``public_key``, which ``sign_digest`` alone can use."""
    if isinstance(public_key, rsa.RSAPublicKey):
        return RemoteRsaKey(public_key, sign_digest)
    return RemoteEcKey(public_key, sign_digest)


class RemoteRsaKey(rsa.RSAPrivateKey):
    """An RSA key elsewhere."""

    def __init__(self, public_key: rsa.RSAPublicKey, sign_digest: SignDigest) -> None:
        self._public_key = public_key
        self._sign_digest = sign_digest

    @property
    def key_size(self) -> int:
        return self._public_key.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        return self._public_key

    def sign(self, data: Any, padding_: Any, algorithm: Any) -> bytes:
        if not isinstance(padding_, padding.PKCS1v15):
            raise NotImplementedError("only PKCS #1 v1.5 signatures are made with this key")
        return self._sign_digest(*_digest(bytes(data), algorithm))

    def decrypt(self, *_: Any, **__: Any) -> NoReturn:
        _refuse()

    def private_numbers(self, *_: Any, **__: Any) -> NoReturn:
        _refuse()

    def private_bytes(self, *_: Any, **__: Any) -> NoReturn:
        _refuse()

    def __copy__(self) -> RemoteRsaKey:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> RemoteRsaKey:
        return self


class RemoteEcKey(ec.EllipticCurvePrivateKey):
    """A key on an elliptic curve elsewhere."""

    def __init__(self, public_key: ec.EllipticCurvePublicKey, sign_digest: SignDigest) -> None:
        self._public_key = public_key
        self._sign_digest = sign_digest

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public_key.curve

    @property
    def key_size(self) -> int:
        return self._public_key.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public_key

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        return self._sign_digest(*_digest(bytes(data), signature_algorithm.algorithm))

    def exchange(self, *_: Any, **__: Any) -> NoReturn:
        _refuse()

    def private_numbers(self, *_: Any, **__: Any) -> NoReturn:
        _refuse()

    def private_bytes(self, *_: Any, **__: Any) -> NoReturn:
        _refuse()

    def __copy__(self) -> RemoteEcKey:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> RemoteEcKey:
        return self


def _digest(data: bytes, algorithm: Any) -> tuple[bytes, str]:
    if isinstance(algorithm, utils.Prehashed):
        return data, algorithm._algorithm.name
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize(), algorithm.name


def _refuse() -> NoReturn:
    raise NotImplementedError("the private key lies elsewhere: it only signs")
