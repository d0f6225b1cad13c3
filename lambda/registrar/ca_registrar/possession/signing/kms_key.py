"""The CA's key is in KMS: it signs the digest of the verification certificate there, and never leaves.

Asks for the public key first: a key that is not the CA's never signs anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ...errors import code_of, sentence_of
from . import verification_certificate
from .algorithms import KEY_ALGORITHMS, algorithm_of_kms
from .arns import region_of
from .remote_key import remote_key
from .signing_errors import (
    AccessDeniedError,
    KeyNotUsableError,
    KeyServiceError,
    NotFoundError,
    PossessionError,
    WrongKeyTypeError,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from cryptography import x509

    from .. import Clients


def prove(
    verification: Mapping[str, str], *, ca_certificate_pem: str, registration_code: str, clients: Clients
) -> str:
    """PEM of the verification certificate, signed by the key in KMS."""
    key_arn = verification["KeyArn"]
    ca = verification_certificate.load_ca(ca_certificate_pem)
    return certificate(ca, registration_code, key_arn, clients.client("kms", region_of(key_arn)))


def certificate(
    ca: x509.Certificate,
    registration_code: str,
    key_arn: str,
    kms: Any,
    *,
    lifetime: dt.timedelta | None = None,
) -> str:
    """PEM of a verification certificate, signed with ``kms:Sign`` by the key ``key_arn``."""
    verification_certificate.validity(ca)
    public_key, algorithm = _public_key(kms, key_arn)

    def sign_digest(digest: bytes, _hash_name: str) -> bytes:
        try:
            answer = kms.sign(KeyId=key_arn, Message=digest, MessageType="DIGEST", SigningAlgorithm=algorithm)
        except (ClientError, BotoCoreError) as error:
            raise _sentence(error, key_arn, "kms:Sign") from None
        signature: bytes = answer["Signature"]
        return signature

    return verification_certificate.build(
        ca,
        registration_code,
        remote_key(public_key, sign_digest),
        holder=f"the KMS key {key_arn}",
        lifetime=lifetime,
    )


def _public_key(kms: Any, key_arn: str) -> tuple[rsa.RSAPublicKey | ec.EllipticCurvePublicKey, str]:
    try:
        answer = kms.get_public_key(KeyId=key_arn)
    except (ClientError, BotoCoreError) as error:
        raise _sentence(error, key_arn, "kms:GetPublicKey") from None
    usage, spec = answer.get("KeyUsage"), str(answer.get("KeySpec"))
    if usage != "SIGN_VERIFY":
        raise WrongKeyTypeError(
            f"the KMS key {key_arn} has key usage {usage}, and only SIGN_VERIFY keys sign; name the key that "
            f"signed the devices' certificates"
        )
    algorithm = algorithm_of_kms(spec)
    if algorithm is None:
        specs = [spec for each in KEY_ALGORITHMS for spec in each.kms_key_specs]
        raise WrongKeyTypeError(
            f"the KMS key {key_arn} is of spec {spec}; the key of a CA that AWS IoT takes is one of "
            f"{', '.join(specs)}"
        )
    key = serialization.load_der_public_key(answer["PublicKey"])
    if not isinstance(key, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey)):
        raise WrongKeyTypeError(f"the KMS key {key_arn} is neither an RSA nor an ECC key")
    return key, algorithm.kms_signing_algorithm


def _sentence(error: ClientError | BotoCoreError, key_arn: str, action: str) -> PossessionError:
    code, said = code_of(error), sentence_of(error)
    if code == "NotFoundException":
        return NotFoundError(f"there is no KMS key {key_arn}; name the key that holds the CA's private key")
    if code == "DisabledException":
        return KeyNotUsableError(
            f"the KMS key {key_arn} is disabled; enable it with `aws kms enable-key --key-id {key_arn}`, "
            f"deploy, and disable it again if you like: only a new registration needs it"
        )
    if code in {"KMSInvalidStateException", "KeyUnavailableException"}:
        return KeyNotUsableError(
            f"the KMS key {key_arn} cannot sign in its present state: {said}; where it is pending deletion, "
            f"`aws kms cancel-key-deletion --key-id {key_arn}` and `aws kms enable-key` bring it back"
        )
    if code in {"UnsupportedOperationException", "InvalidKeyUsageException"}:
        return WrongKeyTypeError(
            f"the KMS key {key_arn} is not an asymmetric key for signing ({said}); name the SIGN_VERIFY key that "
            f"holds the CA's private key"
        )
    if code in {"AccessDeniedException", "AccessDenied"}:
        return AccessDeniedError(
            f"no {action} on the KMS key {key_arn} for this role: {said}; the key policy must let this account "
            f"use it, and for a key of another account hold the statements that `cdk synth` prints"
        )
    return KeyServiceError(f"{action} failed on the KMS key {key_arn}: {said}")
