"""KMS as far as signing goes: really signs, and refuses what KMS refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from support.fakes.wire import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.certificates import PrivateKey

_HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_CURVES = {"secp256r1": "ECC_NIST_P256", "secp384r1": "ECC_NIST_P384", "secp521r1": "ECC_NIST_P521"}
_ECDSA = {"secp256r1": "ECDSA_SHA_256", "secp384r1": "ECDSA_SHA_384", "secp521r1": "ECDSA_SHA_512"}
_RSA = [f"RSASSA_{scheme}_SHA_{bits}" for scheme in ("PKCS1_V1_5", "PSS") for bits in _HASHES]


class FakeKms:
    """Keys of one region by their ARNs."""

    service = "kms"

    def __init__(self) -> None:
        self._keys: dict[str, PrivateKey] = {}
        self._usage: dict[str, str] = {}
        self._refusals: dict[str, Refusal] = {}
        self.signed: list[Mapping[str, Any]] = []

    def add(self, arn: str, key: PrivateKey, *, usage: str = "SIGN_VERIFY") -> None:
        """A key under ``arn``."""
        self._keys[arn], self._usage[arn] = key, usage

    def refuse(self, arn: str, code: str, message: str = "", *, only: str | None = None) -> None:
        """Answer every call (or the one operation) on ``arn`` with an error."""
        self._refusals[f"{arn} {only or ''}"] = Refusal(code, message)

    def answer(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        arn = parameters["KeyId"]
        for key in (f"{arn} ", f"{arn} {operation}"):
            if key in self._refusals:
                raise self._refusals[key]
        if arn not in self._keys:
            raise Refusal("NotFoundException", f"Key '{arn}' does not exist")
        handlers = {"GetPublicKey": self._get_public_key, "Sign": self._sign}
        return handlers[operation](arn, parameters)

    def _get_public_key(self, arn: str, _: Mapping[str, Any]) -> Mapping[str, Any]:
        key = self._keys[arn]
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return {
            "KeyId": arn,
            "PublicKey": key.public_key().public_bytes(serialization.Encoding.DER, form),
            "KeySpec": spec_of(key),
            "KeyUsage": self._usage[arn],
            "SigningAlgorithms": _algorithms(key),
        }

    def _sign(self, arn: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        self.signed.append(parameters)
        key, algorithm, message = self._keys[arn], parameters["SigningAlgorithm"], parameters["Message"]
        if algorithm not in _algorithms(key):
            raise Refusal("InvalidKeyUsageException", f"{algorithm} is not valid for key spec {spec_of(key)}")
        digest = _HASHES[algorithm.rpartition("_")[2]]
        if parameters["MessageType"] != "DIGEST" or len(message) != digest.digest_size:
            raise Refusal("ValidationException", "Digest is invalid length for algorithm " + algorithm)
        if isinstance(key, rsa.RSAPrivateKey):
            signature = key.sign(message, padding.PKCS1v15(), Prehashed(digest))
        else:
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            signature = key.sign(message, ec.ECDSA(Prehashed(digest)))
        return {"KeyId": arn, "Signature": signature, "SigningAlgorithm": algorithm}


def spec_of(key: PrivateKey) -> str:
    """KMS's key spec."""
    if isinstance(key, rsa.RSAPrivateKey):
        return f"RSA_{key.key_size}"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _CURVES.get(key.curve.name, "ECC_SECG_P256K1")
    return "ECC_NIST_EDWARDS25519"


def _algorithms(key: PrivateKey) -> list[str]:
    if isinstance(key, rsa.RSAPrivateKey):
        return list(_RSA)
    return (
        [_ECDSA.get(key.curve.name, "ECDSA_SHA_256")] if isinstance(key, ec.EllipticCurvePrivateKey) else []
    )
