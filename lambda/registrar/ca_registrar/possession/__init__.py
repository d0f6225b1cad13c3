"""Proof that we hold the CA's key: turns a verification into a verification certificate.

One module per way of proof, imported when asked for: the package that signs nothing carries no ``cryptography``. No
key is stored, logged or put into an error.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import PossessionError, UnknownVerificationTypeError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Clients", "PossessionError", "prove"]

#: The ways by their kind, a module each; what signs, and needs ``cryptography``, lies in ``signing``.
WAYS = {
    "SECRET": "signing.secret",
    "KMS_KEY": "signing.kms_key",
    "PRIVATE_CA": "signing.private_ca",
    "PRE_ISSUED": "pre_issued",
}


class Clients(Protocol):
    """Where the boto3 clients come from."""

    def client(self, service_name: str, region: str | None = None) -> Any:
        """A client of the service, in the region or the Lambda's own."""


def prove(
    verification: Mapping[str, str], *, ca_certificate_pem: str, registration_code: str, clients: Clients
) -> str:
    """PEM of a verification certificate of the CA for ``registration_code``.

    Whatever is wrong with the secret, key or authority is found before AWS IoT is asked: a `PossessionError`.
    """
    kind = verification.get("Type")
    if not isinstance(kind, str) or kind not in WAYS:
        raise UnknownVerificationTypeError(
            f"this Lambda knows no verification of type {str(kind)[:40]!r}, only {', '.join(WAYS)}; deploy the "
            "stack with the version of the library that wrote it"
        )
    way = importlib.import_module(f".{WAYS[kind]}", __name__)
    certificate: str = way.prove(
        verification,
        ca_certificate_pem=ca_certificate_pem,
        registration_code=registration_code,
        clients=clients,
    )
    return certificate
