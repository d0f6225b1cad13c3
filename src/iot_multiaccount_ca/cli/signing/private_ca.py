"""PRIVATE_CA: the CA is an AWS Private CA, and issues under the caller's own credentials."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ...assets import registrar_importable
from ...model.possession.private_ca import PrivateCaProof
from .signer import Asked, Sign, Signer, aws_client

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def _open(arn: str, asked: Asked) -> Iterator[Sign]:
    with registrar_importable():
        from ca_registrar.possession.signing import private_ca
    acm_pca = aws_client("acm-pca", PrivateCaProof(arn).authority.region, asked.profile)
    yield lambda code: private_ca.certificate(asked.ca, code, arn, acm_pca, lifetime=asked.lifetime)


SIGNER = Signer(
    PrivateCaProof.kind, "ARN", "Have this AWS Private CA issue, under your own credentials.", _open
)
