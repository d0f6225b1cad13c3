"""Just-in-time provisioning. A CA's registrationConfig is applied when an unknown device of it connects.

The template is applied by the emulator's own fleet-provisioning engine, with parameters from the device certificate
and under the provisioning role; never with this project's dry run, or the two would prove each other.
The device is cut off and connects again. What fails leaves its certificate PENDING_ACTIVATION, and a line in the log.
"""

from __future__ import annotations

import hashlib
import json
import logging
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID
from ministack.core.responses import request_scope
from ministack.services import iot

_LOG = logging.getLogger("iot_jitp")
_PREFIX = "AWS::IoT::Certificate::"
# A table of its own: what judges shares none with what is judged.
_SUBJECT = {
    "Country": NameOID.COUNTRY_NAME,
    "Organization": NameOID.ORGANIZATION_NAME,
    "OrganizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "DistinguishedNameQualifier": NameOID.DN_QUALIFIER,
    "StateName": NameOID.STATE_OR_PROVINCE_NAME,
    "CommonName": NameOID.COMMON_NAME,
}
# A public CloudTrail record of JITP's RegisterThing has \= where the subject has =; the others are inferred.
_ESCAPED = str.maketrans({each: f"\\{each}" for each in ',+"\\<>;='})


class ProvisioningError(Exception):
    """Why a device is not provisioned."""


def close() -> None:
    """Provision after the emulator's just-in-time registration, before it cuts the device off."""
    register = iot._mtls_auto_register

    async def auto_register(der: bytes, peer: object, server_name: str | None = None) -> bool:
        if not await register(der, peer, server_name):
            return False
        pending = iot._mtls_active_registrations(hashlib.sha256(der).hexdigest(), "PENDING_ACTIVATION")
        for account, region, certificate in pending:
            await _provision(account, region, certificate)
        return True

    iot._mtls_auto_register = auto_register


async def _provision(account: str, region: str, certificate: dict[str, Any]) -> None:
    with request_scope(account, region):
        ca = iot._ca_certificates[certificate["caCertificateId"]]
        config = ca.get("registrationConfig")
        if not config:
            return
        where = f"certificate {certificate['certificateId']} in {account}/{region}"
        try:
            template = _template(config)
            plan = iot._provisioning_plan(
                template, _parameters(template, certificate), certificate["certificateId"]
            )
            thing = await iot._apply_provisioning_plan(plan, certificate, template["provisioningRoleArn"])
        except (ProvisioningError, iot._ProvisioningRejected) as error:
            _LOG.warning("JITP: %s stays PENDING_ACTIVATION: %s", where, error)
        except Exception:
            # Whatever the template holds, the broker goes on.
            _LOG.exception("JITP: %s stays PENDING_ACTIVATION", where)
        else:
            _LOG.info("JITP: %s is %s, thing %s", where, certificate["status"], thing)


def _template(config: dict[str, Any]) -> dict[str, Any]:
    """The template that a registrationConfig names or holds, as the engine takes it."""
    name = config.get("templateName")
    if not name:
        version = iot._provisioning_template_version(1, config.get("templateBody"), 0.0)
        return {
            "templateName": "of the CA's registrationConfig",
            "versions": {"1": version},
            "defaultVersionId": 1,
            "provisioningRoleArn": config.get("roleArn") or "",
        }
    template: dict[str, Any] | None = iot._provisioning_templates.get(name)
    if template is None:
        message = f"there is no provisioning template {name}"
        raise ProvisioningError(message)
    if template["type"] != "JITP":
        message = f"template {name} is of type {template['type']}, not JITP"
        raise ProvisioningError(message)
    if not template.get("enabled"):
        message = f"template {name} is not enabled"
        raise ProvisioningError(message)
    return template


def _parameters(template: dict[str, Any], certificate: dict[str, Any]) -> dict[str, str]:
    """The declared parameters that the certificate has; one that it lacks needs a Default."""
    body = iot._provisioning_template_body(template)
    declared = (json.loads(body) if isinstance(body, str) else body).get("Parameters") or {}
    device = x509.load_pem_x509_certificate(certificate["certificatePem"].encode())
    found: dict[str, str] = {}
    for name, declaration in declared.items():
        value = _value(name.removeprefix(_PREFIX), device) if name.startswith(_PREFIX) else None
        if value is not None:
            found[name] = value
        elif name != f"{_PREFIX}Id" and "Default" not in declaration:  # Id is the engine's own
            message = f"the device certificate's subject has nothing for {name}, which has no Default"
            raise ProvisioningError(message)
    return found


def _value(field: str, device: x509.Certificate) -> str | None:
    """What AWS IoT passes: of the certificate its serial number, of the subject text with the escapes of RFC 2253."""
    if field == "SerialNumber":
        return str(device.serial_number)
    held = device.subject.get_attributes_for_oid(_SUBJECT[field]) if field in _SUBJECT else []
    if not held:
        return None
    text = str(held[0].value).translate(_ESCAPED)
    if text[:1] in (" ", "#"):
        text = "\\" + text
    return text[:-1] + "\\ " if text.endswith(" ") and text != "\\ " else text
