"""What a synthesized app plans for each stage, with the role that looks it up and the template body that goes with it.

Reads the cloud assembly's files once, however many stages there are. Asks no AWS, and runs no app.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import AssemblyError
from ..model.assembly import RegistrationRecord, read_stacks_and_registrations
from ..model.possession.verification import way_of

if TYPE_CHECKING:
    import os

_TEMPLATE = "AWS::IoT::ProvisioningTemplate"


@dataclass(frozen=True, slots=True)
class PlannedRegistration:
    """One planned registration and what the assembly says around it.

    ``selector``: how the CDK CLI names the stack. ``lookup_role_arn``: the role that the app's synthesizer names for
    look-ups, or None (a synthesizer without one). ``template_body``: JSON text of the stack's own provisioning
    template, or None where the template is another's.
    """

    record: RegistrationRecord
    selector: str = ""
    lookup_role_arn: str | None = None
    external_id: str | None = None
    template_body: str | None = None

    @property
    def deploy(self) -> str:
        """The command that deploys its stack, and no other."""
        return f"cdk deploy --exclusively {shlex.quote(self.selector or self.record.stack_name)}"


def read_planned(assembly: str | os.PathLike[str]) -> list[PlannedRegistration]:
    """The planned registrations of a cloud assembly, in deploy order.

    Raises `AssemblyError` where the folder is no cloud assembly, or one without registrations, and `UnknownProofError`
    where one of them proves possession in a way that is not known here.
    """
    found = read_stacks_and_registrations(assembly)
    if not found:
        raise AssemblyError(
            "the cloud assembly has no CA registrations",
            value=str(assembly),
            allowed="the assembly of an app with a SharedCa, a SharedCaPipelineStage or a CaRegistration",
            fix="give --app the folder that the app's `cdk synth` wrote",
        )
    templates: dict[tuple[Any, str], dict[str, Any]] = {}
    planned = []
    for stack, record in found:
        if record.verification is not None:
            way_of(record.verification)
        key = (stack.folder, record.nested_template or stack.template_file)
        if key not in templates:
            templates[key] = stack.template(record.nested_template).get("Resources", {})
        arn = stack.lookup_role_arn
        planned.append(
            PlannedRegistration(
                record,
                selector=stack.selector,
                lookup_role_arn=arn.replace("${AWS::Partition}", record.partition) if arn else None,
                external_id=stack.external_id,
                template_body=_body(templates[key], record.template_name),
            )
        )
    return planned


def _body(resources: dict[str, Any], template_name: str | None) -> str | None:
    for resource in resources.values() if template_name is not None else ():
        wanted = resource.get("Properties")
        if (
            resource.get("Type") == _TEMPLATE
            and isinstance(wanted, dict)
            and _name(wanted.get("TemplateName")) == template_name
        ):
            body = wanted.get("TemplateBody")
            return body if isinstance(body, str) else None
    return None


def _name(written: Any) -> Any:
    """A template's name as the record has it: what follows its literal beginning is told at deployment, as 8 digits."""
    joined = written.get("Fn::Join") if isinstance(written, dict) else None
    if isinstance(joined, list) and len(joined) == 2 and isinstance(joined[1], list) and joined[1]:
        return f"{joined[1][0]}{'?' * 8}"
    return written
