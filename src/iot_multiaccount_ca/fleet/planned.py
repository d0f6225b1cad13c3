"""What a synthesized app plans for each stage, with the role that looks it up and the template body that goes with it.

Reads the cloud assembly's files once, however many stages there are. Asks no AWS, and runs no app.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AssemblyError
from ..model.assembly import RegistrationRecord, load_json, read_registrations

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

#: A CA that expires sooner than this is worth a warning.
EXPIRES_SOON_DAYS = 90
_TEMPLATE = "AWS::IoT::ProvisioningTemplate"


@dataclass(frozen=True, slots=True)
class PlannedRegistration:
    """One planned registration and what the assembly says around it.

    ``lookup_role_arn``: the role that the app's synthesizer names for look-ups, or None (a synthesizer without one).
    ``template_body``: JSON text of the stack's own provisioning template, or None where the template is another's.
    """

    record: RegistrationRecord
    lookup_role_arn: str | None = None
    external_id: str | None = None
    template_body: str | None = None


def read_planned(assembly: str | os.PathLike[str]) -> list[PlannedRegistration]:
    """The planned registrations of a cloud assembly, in deploy order.

    Raises `AssemblyError` where the folder is no cloud assembly, or one without registrations.
    """
    records = read_registrations(assembly)
    if not records:
        raise AssemblyError(
            "the cloud assembly has no CA registrations",
            value=str(assembly),
            allowed="the assembly of an app with a SharedCa, a SharedCaPipelineStage or a CaRegistration",
            fix="give --app the folder that the app's `cdk synth` wrote",
        )
    stacks = {
        (name, account, region): (folder, properties)
        for name, account, region, folder, properties in _stacks(Path(assembly))
    }
    planned = []
    for record in records:
        folder, properties = stacks.get((record.stack_name, record.account, record.region), (None, {}))
        role = properties.get("lookupRole") or {}
        arn = role.get("arn")
        planned.append(
            PlannedRegistration(
                record,
                lookup_role_arn=arn.replace("${AWS::Partition}", record.partition) if arn else None,
                external_id=role.get("assumeRoleExternalId"),
                template_body=_body(folder, properties, record.template_name),
            )
        )
    return planned


def _stacks(folder: Path) -> Iterator[tuple[str, str, str, Path, Mapping[str, Any]]]:
    for artifact_id, artifact in load_json(folder / "manifest.json").get("artifacts", {}).items():
        properties = artifact.get("properties", {})
        if artifact.get("type") == "cdk:cloud-assembly":
            yield from _stacks(folder / properties["directoryName"])
        elif artifact.get("type") == "aws:cloudformation:stack":
            account, _, region = artifact.get("environment", "").removeprefix("aws://").partition("/")
            yield properties.get("stackName", artifact_id), account, region, folder, properties


def _body(folder: Path | None, properties: Mapping[str, Any], template_name: str | None) -> str | None:
    if folder is None or template_name is None:
        return None
    for resource in load_json(folder / properties["templateFile"]).get("Resources", {}).values():
        wanted = resource.get("Properties", {})
        if resource.get("Type") == _TEMPLATE and wanted.get("TemplateName") == template_name:
            body = wanted.get("TemplateBody")
            return body if isinstance(body, str) else None
    return None
