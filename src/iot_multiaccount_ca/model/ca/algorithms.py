"""The key and signature algorithms that AWS IoT takes for a CA, and how KMS spells them: one line of a table each.

The Lambda has a table of its own (``ca_registrar/possession/signing/algorithms.py``); a test compares the two. What
stands in no line is refused: there is no default. Signs nothing.

See "Supported certificate signing algorithms" of X.509 client certificates in the AWS IoT developer guide, and "Key
spec reference" in the AWS KMS developer guide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ...errors import UnsupportedKeyError

if TYPE_CHECKING:
    from cryptography import x509

SMALLEST_RSA = 2048


@dataclass(frozen=True, slots=True)
class KeyAlgorithm:
    """A kind of CA key.

    Args:
        name: what `CaCertificate.key_algorithm` says; for RSA, the bits follow it.
        title: for messages.
        curve: of an ECC key; None for RSA.
        signature_hash: what its signatures are made with; KMS knows no other for an ECC key.
        kms_key_specs: KMS's key specs of this kind, which for RSA are the names of `name` too.
        kms_signing_algorithm: the one that kms:Sign is asked for.
        prime: of an ECC key's field (FIPS 186-5, SP 800-186): what tells a curve whose name is not given.
    """

    name: str
    title: str
    curve: type[ec.EllipticCurve] | None
    signature_hash: type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]
    kms_key_specs: tuple[str, ...]
    kms_signing_algorithm: str
    prime: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What `CaCertificate.key_algorithm` usually says; other RSA keys are taken too, but KMS has none."""
        return (self.name,) if self.curve is not None else self.kms_key_specs


_RSA_SPECS = ("RSA_2048", "RSA_3072", "RSA_4096")
_P256, _P384, _P521 = 2**256 - 2**224 + 2**192 + 2**96 - 1, 2**384 - 2**128 - 2**96 + 2**32 - 1, 2**521 - 1
KEY_ALGORITHMS = (
    KeyAlgorithm("RSA", "RSA", None, hashes.SHA256, _RSA_SPECS, "RSASSA_PKCS1_V1_5_SHA_256"),
    KeyAlgorithm("EC_P256", "P-256", ec.SECP256R1, hashes.SHA256, ("ECC_NIST_P256",), "ECDSA_SHA_256", _P256),
    KeyAlgorithm("EC_P384", "P-384", ec.SECP384R1, hashes.SHA384, ("ECC_NIST_P384",), "ECDSA_SHA_384", _P384),
    KeyAlgorithm("EC_P521", "P-521", ec.SECP521R1, hashes.SHA512, ("ECC_NIST_P521",), "ECDSA_SHA_512", _P521),
)

_CURVE_TITLES = [each.title for each in KEY_ALGORITHMS if each.curve is not None]
#: What may be given, for messages.
KEYS_ALLOWED = (
    f"RSA of {SMALLEST_RSA} bits or more, ECC {', '.join(_CURVE_TITLES[:-1])} or {_CURVE_TITLES[-1]}"
)

#: The hashes that AWS IoT takes in a signature, each with the head of its DigestInfo (RFC 8017, section 9.2).
HASHES = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
#: By the OID of the signature: in words, and the hashes that AWS IoT takes with it. The OID of RSASSA-PSS leaves the
#: hash to its parameters; each of the others is of one hash.
SIGNATURE_ALGORITHMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "1.2.840.113549.1.1.11": ("RSA with SHA-256", ("sha256",)),
    "1.2.840.113549.1.1.12": ("RSA with SHA-384", ("sha384",)),
    "1.2.840.113549.1.1.13": ("RSA with SHA-512", ("sha512",)),
    "1.2.840.113549.1.1.10": ("RSASSA-PSS", tuple(HASHES)),
    "1.2.840.10045.4.3.2": ("ECDSA with SHA-256", ("sha256",)),
    "1.2.840.10045.4.3.3": ("ECDSA with SHA-384", ("sha384",)),
    "1.2.840.10045.4.3.4": ("ECDSA with SHA-512", ("sha512",)),
    "2.16.840.1.101.3.4.3.2": ("DSA with SHA-256", ("sha256",)),
}
#: What may have signed, for messages.
SIGNATURES_ALLOWED = ", ".join(title for title, _ in SIGNATURE_ALGORITHMS.values())


def algorithm_of(key: object) -> KeyAlgorithm | None:
    """The line of a public or private key of ``cryptography``; None for a key that AWS IoT does not take in a CA."""
    if isinstance(key, (rsa.RSAPublicKey, rsa.RSAPrivateKey)):
        return _named("RSA") if key.key_size >= SMALLEST_RSA else None
    if isinstance(key, (ec.EllipticCurvePublicKey, ec.EllipticCurvePrivateKey)):
        return next(
            (each for each in KEY_ALGORITHMS if each.curve and isinstance(key.curve, each.curve)), None
        )
    return None


def key_algorithm_of(certificate: x509.Certificate) -> str | None:
    """The name of a certificate's key, such as ``RSA_2048`` or ``EC_P256``; None for one that AWS IoT does not take."""
    key = _public_key(certificate)
    found = algorithm_of(key)
    if found is None:
        return None
    return f"{found.name}_{key.key_size}" if isinstance(key, rsa.RSAPublicKey) else found.name


def describe_key(certificate: x509.Certificate) -> str:
    """A certificate's key in words, whatever it is."""
    key = _public_key(certificate)
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ECC {key.curve.name}"
    return type(key).__name__ if key else certificate.public_key_algorithm_oid.dotted_string


def unsupported_signature(certificate: x509.Certificate) -> str | None:
    """What signed the certificate, in words, where AWS IoT does not take it; None where it does."""
    oid = certificate.signature_algorithm_oid.dotted_string
    try:
        algorithm = certificate.signature_hash_algorithm
        found = algorithm.name if algorithm else None
    except Exception:  # an algorithm that cryptography does not know
        found = None
    title, taken = SIGNATURE_ALGORITHMS.get(oid, (f"signature algorithm {oid}", ()))
    if found in taken:
        return None
    if found is None or found in HASHES:
        return title
    # As people write it: SHA-1, SHA-224, but SHA3-256.
    return found.upper() if found.startswith("sha3") else found.upper().replace("SHA", "SHA-", 1)


def kms_signing_algorithm(key_algorithm: str) -> str:
    """The algorithm that kms:Sign signs with for a CA of this key.

    Raises `UnsupportedKeyError` for an unknown key algorithm, and for one that no KMS key has.
    """
    by_name = {name: each for each in KEY_ALGORITHMS for name in each.names}
    if key_algorithm not in by_name:
        raise UnsupportedKeyError(
            "no KMS key can be the key of this CA",
            value=key_algorithm,
            allowed=", ".join(by_name),
            fix="prove possession in another way, such as Verification.from_pre_issued",
        )
    return by_name[key_algorithm].kms_signing_algorithm


def _named(name: str) -> KeyAlgorithm:
    return next(each for each in KEY_ALGORITHMS if each.name == name)


def _public_key(certificate: x509.Certificate) -> object:
    try:
        return certificate.public_key()
    except Exception:  # an unknown algorithm, a curve that cryptography leaves out
        return None
