"""A registration as CloudFormation's own ``AWS::IoT::CACertificate``: the resource's properties, whatever renders them.

See "AWS::IoT::CACertificate" in the AWS CloudFormation user guide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .registration import RegistrationRequest


def ca_certificate_properties(request: RegistrationRequest) -> dict[str, Any]:
    """The properties of one registration but for its tags, which name the stack.

    ``CertificateMode`` is always written out: CloudFormation's default is DEFAULT.
    """
    template, proof = request.template, request.verification
    properties: dict[str, Any] = {
        "CACertificatePem": request.ca_certificate.pem,
        "CertificateMode": request.certificate_mode.value,
        "Status": "ACTIVE" if request.active else "INACTIVE",
        "AutoRegistrationStatus": "ENABLE" if request.enrolls else "DISABLE",
    }
    if template is not None:
        properties["RegistrationConfig"] = {"TemplateName": template.name}
    if proof is not None:
        issued = proof.request_properties(request.stage)
        properties["VerificationCertificatePem"] = issued["CertificatePem"]
    return properties
