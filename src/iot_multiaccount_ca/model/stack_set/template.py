"""The neutral template: one text that registers the CA in whatever account and region it is deployed to.

No account, region or partition of a stack stands in it; CloudFormation fills them in each.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ...errors import StackSetBodyTooLongError
from ..ca.certificate import CertificateMode
from ..jitp.template_body import PROVISIONING_POLICY, ROLE_DESCRIPTION
from ..native import ca_certificate_properties
from ..options import RegistrationEngine
from ..ownership import TAG_LOGICAL_ID, TAG_STACK_ID
from ..policies import trust
from ..registration import RegistrationRequest, TemplateReference
from ..target import managed_policy
from .neutral import neutral_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..ca.certificate import CaCertificate
    from ..jitp.template_body import JitpTemplateBody
    from ..plan.retiring import RetiringCa

#: What CloudFormation takes of a set's template that is not in a bucket, in bytes.
LONGEST_BODY = 51_200
#: Of the set and of each of its stacks.
DESCRIPTION = "AWS IoT device CA, SNI_ONLY (iot-multiaccount-ca)"


def render(
    *,
    ca_certificate: CaCertificate,
    provisioning: JitpTemplateBody | None,
    retiring: Iterable[RetiringCa],
    active: bool,
    template_name: str,
    retain: bool,
    reader: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The template's document. ``retain``: keep what a leaving account has, but never a retiring CA, nor the role of
    ``reader``."""
    resources: dict[str, Any] = {}
    reference = None
    if provisioning is not None:
        resources |= _provisioning(provisioning, template_name)
        reference = template_name
    name, resources_of_ca = _registration(ca_certificate, reference, active=active)
    resources |= resources_of_ca
    if retain:
        for resource in resources.values():
            resource |= {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
    for old in retiring:
        resources |= _registration(old.ca_certificate, reference, active=old.active)[1]
    if reader is not None:
        resources["ReaderRole"] = reader
    return {
        "Description": DESCRIPTION,
        "Resources": resources,
        "Outputs": {
            "CaCertificateId": {"Value": {"Ref": name}},
            "CertificateMode": {"Value": CertificateMode.SNI_ONLY.value},
        },
    }


def body_of(document: dict[str, Any]) -> str:
    """The document as CloudFormation gets it; raises `StackSetBodyTooLongError` with what takes the space."""
    body = _text(document)
    size = len(body.encode())
    if size > LONGEST_BODY:
        parts = {name: len(_text(each).encode()) for name, each in document["Resources"].items()}
        largest = sorted(parts.items(), key=lambda part: -part[1])[:3]
        raise StackSetBodyTooLongError(
            "the template of the set is too long for CloudFormation",
            value=f"{size:,} bytes, of which {', '.join(f'{name} {bytes_:,}' for name, bytes_ in largest)}",
            allowed=f"{LONGEST_BODY:,}",
            fix="let retiring CAs go, or shorten the JITP template: name a policy instead of writing its document",
        )
    return body


def _provisioning(provisioning: JitpTemplateBody, name: str) -> dict[str, Any]:
    return {
        "ProvisioningRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": trust({"Service": "iot.amazonaws.com"}),
                "ManagedPolicyArns": [neutral_text(managed_policy("{{partition}}", PROVISIONING_POLICY))],
                "Description": ROLE_DESCRIPTION,
            },
        },
        "ProvisioningTemplate": {
            "Type": "AWS::IoT::ProvisioningTemplate",
            "Properties": {
                "TemplateName": name,
                "TemplateType": "JITP",
                "Enabled": True,
                "ProvisioningRoleArn": {"Fn::GetAtt": ["ProvisioningRole", "Arn"]},
                "TemplateBody": neutral_text(provisioning.text),
            },
        },
    }


def logical_id_of(ca: CaCertificate) -> str:
    """The logical id of a CA's resource: another CA is another resource."""
    return f"Ca{ca.certificate_id[:16]}"


def registration_of(ca: CaCertificate, template_name: str | None, *, active: bool) -> RegistrationRequest:
    """What is registered of one CA, in every account."""
    template = TemplateReference(template_name, template_name) if template_name is not None else None
    return RegistrationRequest(
        ca_certificate=ca, template=template, active=active, engine=RegistrationEngine.NATIVE
    )


def _registration(
    ca: CaCertificate, template_name: str | None, *, active: bool
) -> tuple[str, dict[str, Any]]:
    logical_id = logical_id_of(ca)
    properties = ca_certificate_properties(registration_of(ca, template_name, active=active))
    if template_name is not None:
        # By reference: the template is made before the CA, and removed after it.
        properties["RegistrationConfig"] = {"TemplateName": {"Ref": "ProvisioningTemplate"}}
    properties["Tags"] = [
        {"Key": TAG_LOGICAL_ID, "Value": logical_id},
        {"Key": TAG_STACK_ID, "Value": {"Ref": "AWS::StackId"}},
    ]
    return logical_id, {logical_id: {"Type": "AWS::IoT::CACertificate", "Properties": properties}}


def _text(document: object) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
