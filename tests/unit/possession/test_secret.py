"""SECRET: the CA's key as PEM in Secrets Manager."""

from __future__ import annotations

import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ca_registrar.possession import PossessionError, prove
from ca_registrar.possession.signing import signing_errors as causes
from support.certificates import (
    Authority,
    make_ca,
    make_key,
    pem_of_key,
    registration_code,
)
from support.fakes.secrets import FakeSecrets
from support.fakes.wire import FakeClients, Refusal

CODE = registration_code()
NAME = "fleet-ca/private-key"


def prove_with(
    ca: Authority, value: str | bytes | Refusal | None, field: str | None = None
) -> x509.Certificate:
    verification = {"Type": "SECRET", "SecretId": NAME} | ({"Field": field} if field else {})
    pem = prove(
        verification,
        ca_certificate_pem=ca.pem,
        registration_code=CODE,
        clients=FakeClients(FakeSecrets({NAME: value})),
    )
    certificate = x509.load_pem_x509_certificate(pem.encode())
    certificate.verify_directly_issued_by(ca.certificate)
    return certificate


@pytest.mark.parametrize("algorithm", ["rsa-2048", "ec-p256", "ec-p384", "ec-p521"])
@pytest.mark.parametrize("form", ["pkcs8", "traditional"])
def test_any_unencrypted_pem_signs(algorithm: str, form: str) -> None:
    """PKCS#8, PKCS#1 and SEC 1 keys of every kind of CA."""
    ca = make_ca(algorithm)
    prove_with(ca, pem_of_key(ca.key, form=form))


def test_an_openssh_key_signs() -> None:
    """The form that ssh-keygen writes is PEM too."""
    ca = make_ca("ec-p256")
    form, none = serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    prove_with(ca, ca.key.private_bytes(serialization.Encoding.PEM, form, none).decode())


def test_a_key_as_openssl_ecparam_writes_it_signs() -> None:
    """`openssl ecparam -genkey` puts the curve's parameters before the key, `openssl pkey -text` words around it."""
    ca = make_ca("ec-p256")
    parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    prove_with(ca, f"{parameters}{pem_of_key(ca.key, form='traditional')}\nprinted by a person\n")


def test_a_binary_secret_signs() -> None:
    """A secret that was uploaded as a file is binary."""
    ca = make_ca()
    prove_with(ca, ca.key_pem.encode())


@pytest.mark.parametrize("lost", [" ", "\\n", "\\r\\n"])
def test_lost_line_ends_are_put_back(lost: str) -> None:
    """The console's key/value form turns line ends into spaces, scripts turn them into backslash and n."""
    ca = make_ca()
    prove_with(ca, json.dumps({"key": ca.key_pem.replace("\n", lost)}), "key")


def test_a_json_field_signs() -> None:
    """With a field, the secret is a JSON object and the key one of its values; without, it may be a JSON string."""
    ca = make_ca()
    prove_with(ca, json.dumps({"note": "x", "key": ca.key_pem}), "key")
    prove_with(ca, json.dumps(ca.key_pem))


def test_a_secret_of_another_region_is_asked_there() -> None:
    """The client's region comes from the ARN; a name is asked where the Lambda runs."""
    arn = "arn:aws:secretsmanager:us-east-1:222222222222:secret:fleet-ca-AbCdEf"
    ca = make_ca()
    clients = FakeClients(("us-east-1", FakeSecrets({arn: ca.key_pem})), FakeSecrets({NAME: ca.key_pem}))
    for secret_id, region in ((arn, "us-east-1"), (NAME, "eu-west-1")):
        prove(
            {"Type": "SECRET", "SecretId": secret_id},
            ca_certificate_pem=ca.pem,
            registration_code=CODE,
            clients=clients,
        )
        assert clients.asked[-1] == ("secretsmanager", region)


CA = make_ca()
BAD_VALUES: dict[str, tuple[str | bytes | None, str | None, type[PossessionError], str]] = {
    "empty": (" ", None, causes.SecretHasNoValueError, "empty"),
    "no value": (None, None, causes.SecretHasNoValueError, "empty"),
    "binary rubbish": (b"\xff\xfe\x00", None, causes.SecretHasNoValueError, "no text"),
    "rubbish": ("hunter2", None, causes.NoPrivateKeyError, "no PEM private key"),
    "a certificate": (CA.pem, None, causes.NoPrivateKeyError, "a certificate, but no private key"),
    "two keys": (CA.key_pem * 2, None, causes.NoPrivateKeyError, "2 private keys"),
    "JSON without a field named": (
        json.dumps({"key": CA.key_pem}),
        None,
        causes.SecretFieldMissingError,
        "name the field",
    ),
    "JSON without the field": (
        json.dumps({"a": 1}),
        "key",
        causes.SecretFieldMissingError,
        "'key' is missing",
    ),
    "a field of no text": (json.dumps({"key": 7}), "key", causes.SecretFieldMissingError, "holds no text"),
    "a field, but no JSON": (CA.key_pem, "key", causes.SecretNotJsonError, "leave field out"),
    "encrypted PKCS#8": (
        pem_of_key(CA.key, passphrase="hunter2"),
        None,
        causes.EncryptedKeyError,
        "an encrypted private key",
    ),
    "encrypted PKCS#1": (
        pem_of_key(CA.key, form="traditional", passphrase="hunter2"),
        None,
        causes.EncryptedKeyError,
        "an encrypted private key",
    ),
    "a torn PEM": (CA.key_pem.replace("M", "!"), None, causes.UnreadableKeyError, "does not parse"),
    "Ed25519": (pem_of_key(make_key("ed25519")), None, causes.WrongKeyTypeError, "another kind .Ed25519."),
    "another curve": (pem_of_key(make_key("ec-secp256k1")), None, causes.WrongKeyTypeError, "secp256k1"),
    "another key": (pem_of_key(make_key()), None, causes.NotTheCasKeyError, "not the key of the CA"),
}


@pytest.mark.parametrize("case", BAD_VALUES)
def test_a_bad_value_is_a_sentence(case: str) -> None:
    """Each thing that can be wrong with a secret's value has a cause of its own, and names the secret."""
    value, field, cause, says = BAD_VALUES[case]
    with pytest.raises(cause, match=says) as caught:
        prove_with(CA, value, field)
    assert NAME in str(caught.value)


BAD_ANSWERS: dict[str, tuple[Refusal, type[PossessionError], str]] = {
    "unknown": (Refusal("ResourceNotFoundException"), causes.NotFoundError, "there is no secret"),
    "pending deletion": (
        Refusal(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        ),
        causes.SecretPendingDeletionError,
        "restore-secret",
    ),
    "refused otherwise": (
        Refusal("InvalidRequestException", "No."),
        causes.KeyServiceError,
        "refuses to read",
    ),
    "not decryptable": (Refusal("DecryptionFailure"), causes.SecretNotDecryptableError, "encryption_key_arn"),
    "key not granted": (
        Refusal("AccessDeniedException", "Access to KMS is not allowed"),
        causes.SecretNotDecryptableError,
        "encryption_key_arn",
    ),
    "not granted": (
        Refusal("AccessDeniedException", "User is not authorized"),
        causes.AccessDeniedError,
        "may not read",
    ),
    "out of order": (Refusal("InternalServiceError", "Sorry", 500), causes.KeyServiceError, "Sorry"),
}


@pytest.mark.parametrize("case", BAD_ANSWERS)
def test_a_refusal_is_a_sentence(case: str) -> None:
    """Each refusal of Secrets Manager has a cause of its own, names the secret and says what to do."""
    refusal, cause, says = BAD_ANSWERS[case]
    with pytest.raises(cause, match=says) as caught:
        prove_with(CA, refusal)
    assert NAME in str(caught.value)
