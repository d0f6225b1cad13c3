"""A registration as CloudFormation's own ``AWS::IoT::CACertificate``: the resource's properties, whatever renders them.

See "AWS::IoT::CACertificate" in the AWS CloudFormation user guide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ImportMapError
from .options import RegistrationEngine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .assembly import RegistrationRecord
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


def import_map(records: Iterable[RegistrationRecord]) -> dict[str, dict[str, str]]:
    """What `cdk import --resource-mapping` asks for: logical id -> primary identifier of each native registration.

    Registrations in nested stacks are not in it, since `cdk import` imports nothing there.
    Raises `ImportMapError` where no other registration is native, or one logical id stands for two CAs. See "Bringing
    existing resources into CloudFormation management" in the AWS CloudFormation user guide.
    """
    found: dict[str, dict[str, str]] = {}
    nested: list[str] = []
    for record in records:
        if record.engine != RegistrationEngine.NATIVE:
            continue
        if record.nested_template is not None:
            nested.append(record.stack_name)
            continue
        identifier = {"Id": record.certificate_id}
        if found.setdefault(record.logical_id, identifier) != identifier:
            raise ImportMapError(
                "one logical id stands for another CA in each stack, and a map knows no stacks",
                value=record.logical_id,
                fix="synthesize the stacks one at a time, and write a map for each",
            )
    if not found and nested:
        raise ImportMapError(
            "every native registration stands in a nested stack, and `cdk import` imports nothing there",
            value=nested[0],
            fix="keep the engine LAMBDA, or let the registration stand in the outermost stack",
        )
    if not found:
        raise ImportMapError(
            "the app has no registration that could be imported",
            allowed="registrations with engine=RegistrationEngine.NATIVE",
            fix="synthesize the app with the engine that the registrations are to have",
        )
    return found
