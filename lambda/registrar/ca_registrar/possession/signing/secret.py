"""The CA's key as PEM in Secrets Manager. Reads the one secret, signs in memory, and forgets the key.

No error here has seen the secret: what parses it answers a failure instead of raising, so that no context
keeps it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from ...errors import code_of, sentence_of
from . import private_key, verification_certificate
from .arns import region_of
from .signing_errors import (
    AccessDeniedError,
    KeyServiceError,
    NotFoundError,
    PossessionError,
    SecretFieldMissingError,
    SecretHasNoValueError,
    SecretNotDecryptableError,
    SecretNotJsonError,
    SecretPendingDeletionError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .. import Clients


def prove(
    verification: Mapping[str, str], *, ca_certificate_pem: str, registration_code: str, clients: Clients
) -> str:
    """PEM of the verification certificate, signed with the key in the secret."""
    secret_id = verification["SecretId"]
    field = verification.get("Field")
    ca = verification_certificate.load_ca(ca_certificate_pem)
    verification_certificate.validity(ca)
    text = _key_text(_value(clients, secret_id), field, secret_id)
    holder = f"the secret {secret_id}" + (f" (field {field!r})" if field else "")
    key = private_key.load(text, holder=holder)
    return verification_certificate.build(
        ca, registration_code, key, holder=f"the key in {holder.removeprefix('the ')}"
    )


def _value(clients: Clients, secret_id: str) -> str:
    try:
        answer = clients.client("secretsmanager", region_of(secret_id)).get_secret_value(SecretId=secret_id)
    except (ClientError, BotoCoreError) as error:
        raise _sentence(error, secret_id) from None
    text = _text(answer)
    if text is None or not text.strip():
        raise SecretHasNoValueError(
            f"the secret {secret_id} is empty or no text; put the CA's key there as PEM text"
        )
    return text


def _text(answer: Mapping[str, Any]) -> str | None:
    value = answer.get("SecretString")
    if isinstance(value, str):
        return value
    binary = answer.get("SecretBinary")
    try:
        return binary.decode("utf-8") if isinstance(binary, bytes) else None
    except UnicodeDecodeError:
        return None


def _key_text(text: str, field: str | None, secret_id: str) -> str:
    value = _parse(text)
    if field is None:
        if isinstance(value, dict):
            raise SecretFieldMissingError(
                f"the secret {secret_id} holds a JSON object; name the field that holds the key: "
                f"Verification.from_secret(…, field=…)"
            )
        return value if isinstance(value, str) else text
    if not isinstance(value, dict):
        raise SecretNotJsonError(
            f"the secret {secret_id} is not a JSON object, so it has no field {field!r}; leave field out for a "
            f"secret that is the PEM itself"
        )
    found = value.get(field)
    if not isinstance(found, str) or not found.strip():
        state = "holds no text" if field in value else "is missing"
        raise SecretFieldMissingError(
            f"the field {field!r} {state} in the secret {secret_id}; name the field that holds the key as PEM "
            f"text"
        )
    return found


def _parse(text: str) -> object:
    # A JSONDecodeError carries the whole document: it must not become the context of another error.
    try:
        return json.loads(text)
    except ValueError:
        return None


def _sentence(error: ClientError | BotoCoreError, secret_id: str) -> PossessionError:
    code, said = code_of(error), sentence_of(error)
    if code == "ResourceNotFoundException":
        return NotFoundError(
            f"there is no secret {secret_id} in this account and region, or it has no current value; check the "
            f"name, or give the full ARN of a secret elsewhere"
        )
    if code == "InvalidRequestException":
        if "deletion" in said.lower() or "deleted" in said.lower():
            return SecretPendingDeletionError(
                f"the secret {secret_id} is scheduled for deletion; restore it with `aws secretsmanager "
                f"restore-secret --secret-id {secret_id}`, or name another"
            )
        return KeyServiceError(f"Secrets Manager refuses to read the secret {secret_id}: {said}")
    if code == "DecryptionFailure" or (code == "AccessDeniedException" and "kms" in said.lower()):
        return SecretNotDecryptableError(
            f"Secrets Manager cannot decrypt the secret {secret_id}: {said}; enable its KMS key, name that key "
            f"with Verification.from_secret(…, encryption_key_arn=…), and let its key policy allow this account"
        )
    if code in {"AccessDeniedException", "AccessDenied"}:
        return AccessDeniedError(
            f"the secret {secret_id} does not exist in this account and region, or this stack's role may not "
            f"read it: {said}; create it under that name, or, for a secret of another account, add the resource "
            f"policy that `cdk synth` prints"
        )
    return KeyServiceError(f"Secrets Manager cannot give the secret {secret_id}: {said}")
