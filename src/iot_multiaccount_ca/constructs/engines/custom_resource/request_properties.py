"""The registration's request, as the Lambda reads it: the one place in which the constructs write these properties.

The Lambda's ``ca_registrar/properties.py`` is the other side; a test reads both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .settings import SERVICE_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ....model.ca.certificate import CaCertificate, CertificateMode
    from ....model.options import OnExisting


def request_properties(
    *,
    service_token: str,
    ca_certificate: CaCertificate,
    mode: CertificateMode,
    active: bool,
    auto_registration: bool,
    template_name: str | None,
    verification: Mapping[str, Any] | None,
    allow_mode_change: bool,
    on_existing: OnExisting,
    adopt_from_stack: str | None,
    adopt_template_role_arn: str | None,
) -> dict[str, Any]:
    """The properties of one ``Custom::IotCaCertificate``. CloudFormation makes strings of every scalar on the way.

    ``Tags`` is added by the construct when there are any.
    """
    properties: dict[str, Any] = {
        "ServiceToken": service_token,
        "ServiceTimeout": SERVICE_TIMEOUT,
        "CaCertificatePem": ca_certificate.pem,
        "CertificateId": ca_certificate.certificate_id,
        "CertificateMode": mode.value,
        "Active": _text(active),
        "AutoRegistration": _text(auto_registration),
        "AllowModeChange": _text(allow_mode_change),
        "OnExisting": on_existing.value,
    }
    if template_name is not None:
        properties["RegistrationConfig"] = {"TemplateName": template_name}
    if verification is not None:
        properties["Verification"] = dict(verification)
    if adopt_from_stack is not None:
        properties["AdoptFromStack"] = adopt_from_stack
    if adopt_template_role_arn is not None:
        properties["AdoptTemplateRoleArn"] = adopt_template_role_arn
    return properties


def repair_properties(repair: str | None) -> dict[str, Any]:
    """What makes CloudFormation send an Update though nothing else has changed; the Lambda then mends what differs.

    The Lambda does not read it. ``repair``: any text that differs from the last one.
    """
    return {} if repair is None else {"Repair": repair}


def _text(value: bool) -> str:
    return "true" if value else "false"
