"""The ways in which ``iot-ca verification-cert`` signs, a line each. All run the very code that the Lambda runs."""

from __future__ import annotations

from ...assets import registrar_importable
from . import kms_key, pkcs11_uri, private_ca, private_key
from .signer import Sign

SIGNERS = (
    private_key.SIGNER,
    kms_key.SIGNER,
    private_ca.SIGNER,
    pkcs11_uri.SIGNER,
)


def request_maker() -> Sign:
    """From a registration code to a certificate request, for CAs that sign requests. Its key is thrown away."""
    with registrar_importable():
        from ca_registrar.possession.signing import verification_certificate
    return lambda code: verification_certificate.signing_request(code).pem
