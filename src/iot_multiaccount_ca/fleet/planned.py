"""What a synthesized app plans for each stage, with the role that looks it up and the template body that goes with it.

Reads the cloud assembly's files once, however many stages there are. Asks no AWS, and runs no app.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .. import text
from ..errors import AssemblyError
from ..model.assembly import RegistrationRecord, read_stacks_and_registrations
from ..model.assembly_sets import read_stacks_and_sets
from ..model.jitr.settings import CA_VARIABLE, are_settings
from ..model.options import REPAIR_CONTEXT, RegistrationEngine
from ..model.record_forms import SYNTHESIZE, TEXT, check_fields, or_none

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from ..model.ownership import StackId

_FUNCTION, _TEMPLATE = "AWS::Lambda::Function", "AWS::IoT::ProvisioningTemplate"


class LogicalId(str):
    """A resource of the registration's stack."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class PlannedFunction:
    """A Lambda function of the stack; of its environment what is literal."""

    logical_id: LogicalId
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SetStack:
    """The stack of a stack set that a registration is in. ``anew``: how it is made again, a sentence."""

    stack_id: str
    anew: str


@dataclass(frozen=True, slots=True)
class PlannedRegistration:
    """One planned registration and what the assembly says around it.

    ``selector``: how the CDK CLI names the stack. ``lookup_role_arn``: the role that the app's synthesizer names for
    look-ups, or None (a synthesizer without one). ``template_body``: JSON text of the stack's own provisioning
    template, or None where the template is another's; ``template_role``: its provisioning role, an ARN or a resource of
    the stack. ``tags``: the user's own on the CA, as far as they are literal. ``activation``: the Lambda that decides
    under just-in-time registration. ``retained``: whether the CA stays registered when it leaves the stack.
    ``in_set``: the stack, where a stack set has it: no deployment of the app's mends that one.
    ``selectors``: those of the app's stacks with registrations, by account, region and
    stack name.
    """

    record: RegistrationRecord
    selector: str = ""
    lookup_role_arn: str | None = None
    external_id: str | None = None
    template_body: str | None = None
    template_role: str | LogicalId | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    activation: PlannedFunction | None = None
    retained: bool = False
    in_set: SetStack | None = None
    selectors: Mapping[tuple[str, str, str], str] = field(default_factory=dict, repr=False)

    @property
    def deploy(self) -> str:
        """The command that deploys its stack, and no other."""
        return f"cdk deploy {self.quoted_stack} --exclusively"

    @property
    def repair(self) -> str:
        """The command by which CloudFormation has its registration mended, though the template is what it was.

        The time in it differs from that of the last repair, which is all that it is there for.
        """
        return repair_command([self])

    @property
    def is_repairable(self) -> bool:
        """Whether what carries it out mends it when it is asked to."""
        return self.record.engine == RegistrationEngine.LAMBDA

    @property
    def quoted_stack(self) -> str:
        """Its stack, as the CDK CLI names it, for a command line."""
        return text.shell(text.one_stack(self.selector or self.record.stack_name))

    def name_of(self, stack: StackId) -> str:
        """A stack as the CDK CLI names it, where it is one of the app's; else by its own name."""
        return self._selector_of(stack) or stack.name

    def deployment_of(self, stack: StackId) -> str:
        """What to do to deploy another stack: a command where it is one of the app's."""
        selector = self._selector_of(stack)
        return (
            f"run `cdk deploy {text.shell(text.one_stack(selector))} --exclusively`"
            if selector
            else "deploy it with its own app"
        )

    def _selector_of(self, stack: StackId) -> str | None:
        return self.selectors.get((stack.account, stack.region, stack.name))

    def is_own_stack(self, stack: StackId) -> bool:
        """Whether that is its stack, in this incarnation or another; a nested one is named after the one around it."""
        record = self.record
        nested = record.nested_template is not None and stack.name.startswith(f"{record.stack_name}-")
        here = (record.account, record.region)
        return (nested or stack.name == record.stack_name) and (stack.account, stack.region) == here

    def template_name(self, stack: StackId | None) -> str | None:
        """The template's name as it is once ``stack`` is the registration's: a retained one carries digits of its id.

        Only of the stack's own template: another stack's carries that one's.
        """
        name = self.record.template_name
        known = stack is not None and self.template_body is not None and self.is_own_stack(stack)
        if name is None or stack is None or not known or not stack.digits:
            return name
        return name.replace("?" * len(stack.digits), stack.digits)


def repair_command(planned: Iterable[PlannedRegistration]) -> str:
    """The one command that has these registrations mended, and deploys no other stack."""
    stacks = " ".join(dict.fromkeys(each.quoted_stack for each in planned))
    now = text.in_iso(dt.datetime.now(dt.UTC))
    return f"cdk deploy {stacks} --exclusively -c {REPAIR_CONTEXT}={now}"


def read_planned(assembly: str | os.PathLike[str]) -> list[PlannedRegistration]:
    """The planned registrations of a cloud assembly, in deploy order.

    None where the app has stack sets alone. Raises `AssemblyError` where the folder is not a cloud assembly, or has
    neither, and `UnknownProofError` where a registration proves possession in a way that is not known here.
    """
    found = read_stacks_and_registrations(assembly)
    if not found and not read_stacks_and_sets(assembly):
        raise AssemblyError(
            "the cloud assembly has no CA registrations",
            value=str(assembly),
            allowed="the assembly of an app with a SharedCa, a SharedCaPipelineStage, a CaRegistration or a "
            "SharedCaStackSet",
            fix="give --app the folder that the app's `cdk synth` wrote",
        )
    selectors = {
        (record.account, record.region, record.stack_name): stack.selector for stack, record in found
    }
    templates: dict[tuple[Any, str], dict[str, Any]] = {}
    planned = []
    for stack, record in found:
        _check_parts(record)
        key = (stack.folder, record.nested_template or stack.template_file)
        if key not in templates:
            templates[key] = stack.template(record.nested_template)["Resources"]
        resource = templates[key].get(record.logical_id, {})
        planned.append(
            PlannedRegistration(
                record,
                selector=stack.selector,
                selectors=selectors,
                lookup_role_arn=stack.lookup_role(record.partition),
                external_id=stack.external_id,
                tags=_tags(_properties(resource)),
                retained=str(resource.get("DeletionPolicy", "")).startswith("Retain"),
                activation=_activation(templates[key], record),
                **_template(templates[key], record.template_name),
            )
        )
    return planned


def _check_parts(record: RegistrationRecord) -> None:
    """Raise `AssemblyError` or `UnknownProofError` for a proof or an enrollment that cannot be one."""
    if record.verification is not None:
        # Imported here: it brings cryptography along, which help and apps without an owner do not need.
        from ..model.possession.verification import way_of

        way_of(record.verification)
        forms = {name: or_none(TEXT) if name == "field" else TEXT for name in record.verification}
        check_fields(record.verification, forms, f"the proof of {record.label} in the cloud assembly")
    if record.enrollment is not None and not are_settings(record.enrollment):
        raise AssemblyError(
            f"the enrollment of {record.label} in the cloud assembly is malformed",
            value=record.enrollment,
            allowed="the settings of a JitrEnrollment",
            fix=SYNTHESIZE,
        )


def _properties(resource: Mapping[str, Any]) -> dict[str, Any]:
    held = resource.get("Properties")
    return held if isinstance(held, dict) else {}


def _template(resources: Mapping[str, Any], template_name: str | None) -> dict[str, Any]:
    """Body and role of the stack's own template of that name."""
    for resource in resources.values() if template_name is not None else ():
        wanted = _properties(resource)
        if resource.get("Type") == _TEMPLATE and _name(wanted.get("TemplateName")) == template_name:
            body = wanted.get("TemplateBody")
            return {
                "template_body": body if isinstance(body, str) else None,
                "template_role": _arn_or_resource(wanted.get("ProvisioningRoleArn")),
            }
    return {}


def _arn_or_resource(value: Any) -> str | LogicalId | None:
    of = value.get("Fn::GetAtt") if isinstance(value, dict) else None
    if isinstance(of, list) and of and isinstance(of[0], str) and of[0]:
        return LogicalId(of[0])
    return value if isinstance(value, str) else None


def _tags(wanted: Mapping[str, Any]) -> dict[str, str]:
    tags = wanted.get("Tags")
    pairs = [
        (each.get("Key"), each.get("Value"))
        for each in (tags if isinstance(tags, list) else ())
        if isinstance(each, dict)
    ]
    return {key: value for key, value in pairs if isinstance(key, str) and isinstance(value, str)}


def _activation(resources: Mapping[str, Any], record: RegistrationRecord) -> PlannedFunction | None:
    """Our Lambda for the CA: the one that is told which CA it is for."""
    for logical_id, resource in resources.items() if record.enrollment is not None else ():
        environment = _properties(resource).get("Environment")
        variables = environment.get("Variables") if isinstance(environment, dict) else None
        if resource.get("Type") != _FUNCTION or not isinstance(variables, dict):
            continue
        if CA_VARIABLE in variables and variables[CA_VARIABLE] in (
            {"Ref": record.logical_id},
            record.certificate_id,
        ):
            literal = {name: value for name, value in variables.items() if isinstance(value, str)}
            return PlannedFunction(LogicalId(logical_id), literal)
    return None


def _name(written: Any) -> Any:
    """A template's name as the record has it: what follows its literal beginning is told at deployment, as 8 digits."""
    joined = written.get("Fn::Join") if isinstance(written, dict) else None
    if isinstance(joined, list) and len(joined) == 2 and isinstance(joined[1], list) and joined[1]:
        return f"{joined[1][0]}{'?' * 8}"
    return written
