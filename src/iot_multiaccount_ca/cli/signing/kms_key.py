"""KMS_KEY: the CA's key is in AWS KMS, and signs there under the caller's own credentials."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ...assets import registrar_importable
from ...model.possession.kms_key import KmsKeyProof
from .signer import Asked, Sign, Signer, aws_client

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def _open(arn: str, asked: Asked) -> Iterator[Sign]:
    with registrar_importable():
        from ca_registrar.possession.signing import kms_key
    kms = aws_client("kms", KmsKeyProof(arn).key.region, asked.profile)
    yield lambda code: kms_key.certificate(asked.ca, code, arn, kms, lifetime=asked.lifetime)


SIGNER = Signer(KmsKeyProof.kind, "ARN", "Sign with this KMS key, under your own credentials.", _open)
