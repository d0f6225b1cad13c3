"""A verification certificate that was signed ahead of time. Signs nothing, imports no cryptography."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from ..errors import PreIssuedExpiredError, RegistrationCodeMismatchError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from . import Clients


def prove(
    verification: Mapping[str, str], *, ca_certificate_pem: str, registration_code: str, clients: Clients
) -> str:
    """The certificate as it is, when it is for this account's registration code."""
    del ca_certificate_pem, clients  # nothing is signed here, and nobody asked
    issued_for = verification["RegistrationCode"]
    if issued_for != registration_code:
        raise RegistrationCodeMismatchError(
            f"the pre-issued verification certificate is for registration code {issued_for}, but this account "
            f"and region have {registration_code}; write that code to a request file with `iot-ca "
            f"registration-code`, have it signed with `iot-ca verification-cert --ca-certificate CA "
            f"--private-key KEY --request FILE --out DIR`, and deploy again with the new file"
        )
    until = verification.get("NotValidAfter")
    if until is not None and dt.datetime.fromisoformat(until) <= dt.datetime.now(dt.UTC):
        raise PreIssuedExpiredError(
            f"the pre-issued verification certificate expired at {until}, and AWS IoT takes none that has; have it "
            f"signed anew for registration code {registration_code} with `iot-ca verification-cert`, and deploy again "
            f"with the new file"
        )
    return verification["CertificatePem"]
