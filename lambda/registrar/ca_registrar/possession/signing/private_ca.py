"""The CA is an AWS Private CA: it issues the verification certificate from a request made here.

Checks first that the private CA is ACTIVE and is the plan's CA, and afterwards that it issued what was asked
for. Written against botocore's model and the AWS Private CA API reference, and tested against a fake that
really signs.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, WaiterError
from cryptography import x509

from ...errors import code_of, sentence_of
from . import verification_certificate
from .arns import partition_of, region_of
from .signing_errors import (
    AccessDeniedError,
    AuthorityNotActiveError,
    IssuanceError,
    KeyServiceError,
    NotFoundError,
    NotThePlansCaError,
    PossessionError,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from .. import Clients

#: Issuing takes seconds. Well below the Lambda's deadline, and the answer is asked for once a second.
WAIT_ATTEMPTS = 60
_TOKEN_LENGTH = 36


def prove(
    verification: Mapping[str, str], *, ca_certificate_pem: str, registration_code: str, clients: Clients
) -> str:
    """PEM of the verification certificate, issued by the private CA."""
    arn = verification["CertificateAuthorityArn"]
    ca = verification_certificate.load_ca(ca_certificate_pem)
    return certificate(ca, registration_code, arn, clients.client("acm-pca", region_of(arn)))


def certificate(
    ca: x509.Certificate,
    registration_code: str,
    arn: str,
    acm_pca: Any,
    *,
    lifetime: dt.timedelta | None = None,
) -> str:
    """PEM of a verification certificate that the private CA ``arn`` issued, for a day unless told."""
    _, not_after = verification_certificate.validity(ca, lifetime=lifetime)
    algorithm = verification_certificate.key_algorithm(ca)
    _check_authority(acm_pca, arn, ca)
    request = verification_certificate.signing_request(registration_code)
    csr = request.pem.encode("ascii")
    try:
        issued = acm_pca.issue_certificate(
            CertificateAuthorityArn=arn,
            Csr=csr,
            SigningAlgorithm=algorithm.private_ca_signing_algorithm,
            TemplateArn=f"arn:{partition_of(arn)}:acm-pca:::template/EndEntityCertificate/V1",
            Validity={"Type": "ABSOLUTE", "Value": int(not_after.timestamp())},
            # A call that botocore repeats issues one certificate; another request is another certificate.
            IdempotencyToken=hashlib.sha256(csr).hexdigest()[:_TOKEN_LENGTH],
        )
        reference = {"CertificateAuthorityArn": arn, "CertificateArn": issued["CertificateArn"]}
        acm_pca.get_waiter("certificate_issued").wait(
            **reference, WaiterConfig={"Delay": 1, "MaxAttempts": WAIT_ATTEMPTS}
        )
        answer = acm_pca.get_certificate(**reference)
    except WaiterError as error:
        raise _not_issued(error, arn) from None
    except (ClientError, BotoCoreError) as error:
        raise _sentence(error, arn) from None
    return verification_certificate.check_issued(answer["Certificate"], ca, registration_code, request)


def _check_authority(acm_pca: Any, arn: str, ca: x509.Certificate) -> None:
    try:
        described = acm_pca.describe_certificate_authority(CertificateAuthorityArn=arn)
        status = described["CertificateAuthority"].get("Status")
        if status != "ACTIVE":
            raise AuthorityNotActiveError(
                f"the private CA {arn} is {status}, and issues certificates only while ACTIVE; "
                + _HOW_TO_ACTIVATE.get(str(status), "name a private CA that is ACTIVE")
            )
        pem = acm_pca.get_certificate_authority_certificate(CertificateAuthorityArn=arn)["Certificate"]
    except (ClientError, BotoCoreError) as error:
        raise _sentence(error, arn) from None
    own = x509.load_pem_x509_certificate(pem.encode())
    if own != ca:
        raise NotThePlansCaError(
            f"the private CA {arn} is {own.subject.rfc4514_string()!r} with serial {own.serial_number:x}, and "
            f"the CA to register is {ca.subject.rfc4514_string()!r} with serial {ca.serial_number:x}; give the "
            f"plan the certificate that `aws acm-pca get-certificate-authority-certificate` shows, or name the "
            f"other private CA"
        )


_HOW_TO_ACTIVATE = {
    "DISABLED": "enable it with `aws acm-pca update-certificate-authority --status ACTIVE`",
    "PENDING_CERTIFICATE": "install its CA certificate first",
    "CREATING": "wait until it is made, and install its CA certificate",
    "DELETED": "restore it with `aws acm-pca restore-certificate-authority`",
    "EXPIRED": "install a new CA certificate, and register that",
}


def _not_issued(error: WaiterError, arn: str) -> PossessionError:
    response = error.last_response if isinstance(error.last_response, dict) else {}
    code = str(response.get("Error", {}).get("Code", ""))
    if code in {"", "RequestInProgressException"}:
        return IssuanceError(
            f"the private CA {arn} did not issue the verification certificate within {WAIT_ATTEMPTS} tries; "
            f"look at its audit report, and deploy again"
        )
    return _sentence(ClientError(response, "GetCertificate"), arn)


def _sentence(error: ClientError | BotoCoreError, arn: str) -> PossessionError:
    code, said = code_of(error), sentence_of(error)
    if code == "ResourceNotFoundException":
        return NotFoundError(f"there is no private CA {arn}; name the private CA that signs the devices")
    if code in {"AccessDeniedException", "AccessDenied"}:
        return AccessDeniedError(
            f"this role may not use the private CA {arn}: {said}; for one of another account, share it with "
            f"AWS RAM or add the resource policy that `cdk synth` prints"
        )
    if code == "RequestFailedException":
        return IssuanceError(f"the private CA {arn} failed to issue the verification certificate: {said}")
    if code == "InvalidStateException":
        return AuthorityNotActiveError(f"the private CA {arn} cannot issue in its present state: {said}")
    return KeyServiceError(f"the private CA {arn} cannot issue the verification certificate: {said}")
