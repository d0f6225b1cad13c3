"""The registration's request, as the Lambda reads it: the one place in which the constructs write these properties.

The Lambda's ``ca_registrar/properties.py`` is the other side; a test reads both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .settings import SERVICE_TIMEOUT

if TYPE_CHECKING:
    from ....model.registration import RegistrationRequest


def request_properties(request: RegistrationRequest, *, service_token: str) -> dict[str, Any]:
    """The properties of one ``Custom::IotCaCertificate``. CloudFormation makes strings of every scalar on the way.

    ``Tags`` is added by the construct when there are any.
    """
    properties: dict[str, Any] = {
        "ServiceToken": service_token,
        "ServiceTimeout": SERVICE_TIMEOUT,
        "CaCertificatePem": request.ca_certificate.pem,
        "CertificateId": request.ca_certificate.certificate_id,
        "CertificateMode": request.certificate_mode.value,
        "Active": _text(request.active),
        "AutoRegistration": _text(request.enrolls),
        "AllowModeChange": _text(request.allow_mode_change),
        "OnExisting": request.on_existing.value,
    }
    if request.template is not None:
        properties["RegistrationConfig"] = {"TemplateName": request.template.name}
    if request.verification is not None:
        properties["Verification"] = request.verification.request_properties(request.stage)
    if request.adopt_from_stack is not None:
        properties["AdoptFromStack"] = request.adopt_from_stack
    if request.adopt_template_role_arn is not None:
        properties["AdoptTemplateRoleArn"] = request.adopt_template_role_arn
    return properties


def repair_properties(repair: str | None) -> dict[str, Any]:
    """What makes CloudFormation send an Update though nothing else has changed; the Lambda then mends what differs.

    The Lambda does not read it. ``repair``: any text that differs from the last one.
    """
    return {} if repair is None else {"Repair": repair}


def _text(value: bool) -> str:
    return "true" if value else "false"
