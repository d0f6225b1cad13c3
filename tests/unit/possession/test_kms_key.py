"""KMS_KEY: the CA's key signs inside KMS."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from ca_registrar.possession import PossessionError, prove
from ca_registrar.possession.signing import signing_errors as causes
from ca_registrar.possession.signing.remote_key import remote_key
from support.certificates import (
    CA_ALGORITHMS,
    Authority,
    make_ca,
    make_key,
    registration_code,
)
from support.fakes.kms import FakeKms
from support.fakes.wire import FakeClients

CODE = registration_code()
KEY_ARN = "arn:aws:kms:eu-west-1:333333333333:key/11111111-2222-3333-4444-555555555555"


def kms_of(ca: Authority) -> FakeKms:
    kms = FakeKms()
    kms.add(KEY_ARN, ca.key)
    return kms


def prove_with(kms: FakeKms, ca: Authority) -> x509.Certificate:
    pem = prove(
        {"Type": "KMS_KEY", "KeyArn": KEY_ARN},
        ca_certificate_pem=ca.pem,
        registration_code=CODE,
        clients=FakeClients(kms),
    )
    return x509.load_pem_x509_certificate(pem.encode())


@pytest.mark.parametrize("algorithm", CA_ALGORITHMS)
def test_every_kind_of_key_signs(algorithm: str) -> None:
    """RSA 2048, 3072 and 4096, P-256, P-384 and P-521: the certificate is signed by the CA."""
    ca = make_ca(algorithm)
    prove_with(kms_of(ca), ca).verify_directly_issued_by(ca.certificate)


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("rsa-2048", "RSASSA_PKCS1_V1_5_SHA_256"),
        ("ec-p256", "ECDSA_SHA_256"),
        ("ec-p384", "ECDSA_SHA_384"),
        ("ec-p521", "ECDSA_SHA_512"),
    ],
)
def test_one_digest_is_signed_with_the_algorithm_of_the_key(algorithm: str, expected: str) -> None:
    """One kms:Sign, of a digest, with the algorithm that the role is granted."""
    ca = make_ca(algorithm)
    kms = kms_of(ca)
    prove_with(kms, ca)
    (signed,) = kms.signed
    assert (signed["SigningAlgorithm"], signed["MessageType"]) == (expected, "DIGEST")


def test_a_key_that_is_not_the_cas_never_signs() -> None:
    """The public key is compared first: nothing is signed with another key."""
    kms = kms_of(make_ca(common_name="Someone else"))
    with pytest.raises(causes.NotTheCasKeyError, match="not the key of the CA") as caught:
        prove_with(kms, make_ca())
    assert KEY_ARN in str(caught.value)
    assert kms.signed == []


def test_a_signature_that_does_not_verify_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes back from the signer is verified with the CA's certificate before AWS IoT is asked."""
    ca, stranger = make_ca(), make_ca(common_name="Someone else")
    kms = kms_of(ca)
    original = FakeKms.answer

    def swap(self: FakeKms, operation: str, parameters: Any) -> Any:
        if operation == "Sign":
            self.add(KEY_ARN, stranger.key)
        return original(self, operation, parameters)

    monkeypatch.setattr(FakeKms, "answer", swap)
    with pytest.raises(causes.IssuanceError, match="does not verify"):
        prove_with(kms, ca)


def test_a_key_of_another_region_is_asked_there() -> None:
    """The client's region comes from the ARN."""
    arn = KEY_ARN.replace("eu-west-1", "us-east-1")
    ca = make_ca()
    kms = FakeKms()
    kms.add(arn, ca.key)
    clients = FakeClients(("us-east-1", kms))
    prove(
        {"Type": "KMS_KEY", "KeyArn": arn}, ca_certificate_pem=ca.pem, registration_code=CODE, clients=clients
    )
    assert clients.asked == [("kms", "us-east-1")]


def test_a_key_for_encryption_is_refused() -> None:
    """A key whose usage is not SIGN_VERIFY cannot have signed devices."""
    ca = make_ca()
    kms = FakeKms()
    kms.add(KEY_ARN, ca.key, usage="ENCRYPT_DECRYPT")
    with pytest.raises(causes.WrongKeyTypeError, match="ENCRYPT_DECRYPT"):
        prove_with(kms, ca)


def test_a_key_of_a_kind_that_no_ca_has_is_refused() -> None:
    """secp256k1 is a KMS key spec, and none that AWS IoT takes."""
    kms = FakeKms()
    kms.add(KEY_ARN, make_key("ec-secp256k1"))
    with pytest.raises(causes.WrongKeyTypeError, match="ECC_SECG_P256K1"):
        prove_with(kms, make_ca())


BAD_ANSWERS: dict[str, tuple[str, str, type[PossessionError], str]] = {
    "unknown": ("NotFoundException", "", causes.NotFoundError, "there is no KMS key"),
    "disabled": ("DisabledException", "is disabled.", causes.KeyNotUsableError, "aws kms enable-key"),
    "pending deletion": (
        "KMSInvalidStateException",
        "is pending deletion.",
        causes.KeyNotUsableError,
        "aws kms cancel-key-deletion",
    ),
    "symmetric": (
        "UnsupportedOperationException",
        "",
        causes.WrongKeyTypeError,
        "not an asymmetric key for signing",
    ),
    "another usage": (
        "InvalidKeyUsageException",
        "",
        causes.WrongKeyTypeError,
        "not an asymmetric key for signing",
    ),
    "not granted": ("AccessDeniedException", "not authorized", causes.AccessDeniedError, "key policy"),
    "out of order": (
        "DependencyTimeoutException",
        "later",
        causes.KeyServiceError,
        "DependencyTimeoutException",
    ),
}


@pytest.mark.parametrize(
    ("case", "operation"),
    [
        (case, operation)
        for case in BAD_ANSWERS
        for operation in ("GetPublicKey", "Sign")
        # KMS says this of a key that is not a pair, and a call before Sign has found that out.
        if (case, operation) != ("symmetric", "Sign")
    ],
)
def test_a_refusal_is_a_sentence(case: str, operation: str) -> None:
    """Each refusal of KMS, for either call, has a cause of its own and names the key."""
    code, message, cause, says = BAD_ANSWERS[case]
    ca = make_ca()
    kms = kms_of(ca)
    kms.refuse(KEY_ARN, code, message, only=operation)
    with pytest.raises(cause, match=says) as caught:
        prove_with(kms, ca)
    assert KEY_ARN in str(caught.value)


@pytest.mark.parametrize("algorithm", ["rsa-2048", "ec-p256"])
def test_a_remote_key_only_signs(algorithm: str) -> None:
    """It cannot be exported or decrypt; copies are itself; a signature is made of the digest."""
    key = make_key(algorithm)
    assert isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey))
    digests: list[tuple[bytes, str]] = []

    def sign(digest: bytes, name: str) -> bytes:
        digests.append((digest, name))
        return b"signature"

    remote: Any = remote_key(key.public_key(), sign)
    assert copy.copy(remote) is copy.deepcopy(remote) is remote
    assert remote.key_size == key.key_size
    assert "PRIVATE" not in repr(remote)
    arguments = (padding.PKCS1v15(),) if algorithm.startswith("rsa") else ()
    for hash_, data in ((hashes.SHA256(), b"data"), (Prehashed(hashes.SHA256()), digest_of(b"data"))):
        scheme = (*arguments, hash_) if arguments else (ec.ECDSA(hash_),)
        assert remote.sign(data, *scheme) == b"signature"
    assert digests == [(digest_of(b"data"), "sha256")] * 2
    refused = ["private_numbers", "private_bytes", "decrypt" if arguments else "exchange"]
    for name in refused:
        with pytest.raises(NotImplementedError, match="elsewhere"):
            getattr(remote, name)(serialization.Encoding.PEM)


def test_an_rsa_remote_key_makes_no_other_signature() -> None:
    """PSS would be another algorithm than the granted one."""
    key = make_key("rsa-2048")
    assert isinstance(key, rsa.RSAPrivateKey)
    remote: Any = remote_key(key.public_key(), lambda digest, name: b"")
    with pytest.raises(NotImplementedError, match="PKCS #1"):
        remote.sign(b"data", padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


def digest_of(data: bytes) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(data)
    return digest.finalize()
