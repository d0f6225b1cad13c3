"""The kinds of CA keys that AWS IoT takes, and how KMS and AWS Private CA sign for each: one line of a table each.

The library has a table of its own (``model/ca/algorithms.py``); a test compares the two. What stands in no line is
refused: there is no default.
"""

from __future__ import annotations

from typing import NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

SMALLEST_RSA = 2048
SignatureHash = hashes.SHA256 | hashes.SHA384 | hashes.SHA512


class KeyAlgorithm(NamedTuple):
    """A kind of key. ``curve``: None for RSA. ``signature_hash``: the only one that KMS takes for an ECC key.

    ``kms_signing_algorithm``, ``private_ca_signing_algorithm``: what kms:Sign and acm-pca:IssueCertificate are asked
    for. RSA could do more, and needs no more.
    """

    name: str
    title: str
    curve: type[ec.EllipticCurve] | None
    signature_hash: SignatureHash
    kms_key_specs: tuple[str, ...]
    kms_signing_algorithm: str
    private_ca_signing_algorithm: str


_256, _384, _512 = hashes.SHA256(), hashes.SHA384(), hashes.SHA512()
_RSA = ("RSA_2048", "RSA_3072", "RSA_4096")
KEY_ALGORITHMS = (
    KeyAlgorithm("RSA", "RSA", None, _256, _RSA, "RSASSA_PKCS1_V1_5_SHA_256", "SHA256WITHRSA"),
    KeyAlgorithm(
        "EC_P256", "P-256", ec.SECP256R1, _256, ("ECC_NIST_P256",), "ECDSA_SHA_256", "SHA256WITHECDSA"
    ),
    KeyAlgorithm(
        "EC_P384", "P-384", ec.SECP384R1, _384, ("ECC_NIST_P384",), "ECDSA_SHA_384", "SHA384WITHECDSA"
    ),
    KeyAlgorithm(
        "EC_P521", "P-521", ec.SECP521R1, _512, ("ECC_NIST_P521",), "ECDSA_SHA_512", "SHA512WITHECDSA"
    ),
)

_CURVES = [each.title for each in KEY_ALGORITHMS if each.curve is not None]
#: What may be given, for messages.
KEYS_ALLOWED = f"RSA of {SMALLEST_RSA} bits or more, ECC {', '.join(_CURVES[:-1])} or {_CURVES[-1]}"


def algorithm_of(key: object) -> KeyAlgorithm | None:
    """The line of a public or private key of ``cryptography``; None for a key that AWS IoT does not take in a CA."""
    if isinstance(key, (rsa.RSAPublicKey, rsa.RSAPrivateKey)):
        large = key.key_size >= SMALLEST_RSA
        return next((each for each in KEY_ALGORITHMS if large and each.curve is None), None)
    if isinstance(key, (ec.EllipticCurvePublicKey, ec.EllipticCurvePrivateKey)):
        return next(
            (each for each in KEY_ALGORITHMS if each.curve and isinstance(key.curve, each.curve)), None
        )
    return None


def algorithm_of_kms(key_spec: str) -> KeyAlgorithm | None:
    """The line of a KMS key spec; None for a key that cannot be a CA's."""
    return next((each for each in KEY_ALGORITHMS if key_spec in each.kms_key_specs), None)
