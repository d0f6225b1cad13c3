"""What a rehearsal's device needs in its subject: what its stages' templates and rules ask for, and no more."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from .device import SUBJECT_FIELDS
from .stacks import stacks_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ..model.assembly import RegistrationRecord

_PARAMETER = "AWS::IoT::Certificate::"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def needed_fields(assembly: Path, records: Iterable[RegistrationRecord]) -> list[str]:
    """The subject's fields, beside the common name, without which a device of these stages would be refused."""
    needed: set[str] = set()
    for record in records:
        if record.template_name is not None:
            needed |= _declared(_template_body(assembly, record))
        if record.enrollment is not None:
            needed |= _asked(record.enrollment)
    return [name for name in SUBJECT_FIELDS if name in needed]


def _template_body(assembly: Path, record: RegistrationRecord) -> Mapping[str, Any]:
    """The JITP template that the record's stack makes; empty where it comes from elsewhere, or is a reference."""
    for stack in stacks_of(assembly):
        if (stack.name, stack.account, stack.region) != (record.stack_name, record.account, record.region):
            continue
        for resource in stack.template().get("Resources", {}).values():
            properties = resource.get("Properties", {})
            if (
                resource.get("Type") == "AWS::IoT::ProvisioningTemplate"
                and properties.get("TemplateName") == record.template_name
                and isinstance(properties.get("TemplateBody"), str)
            ):
                body: Mapping[str, Any] = json.loads(properties["TemplateBody"])
                return body
    return {}


def _declared(body: Mapping[str, Any]) -> set[str]:
    return {
        name.removeprefix(_PARAMETER)
        for name, declaration in (body.get("Parameters") or {}).items()
        if "Default" not in declaration
    }


def _asked(enrollment: Mapping[str, Any]) -> set[str]:
    rules = enrollment.get("admission", {}).get("subject") or {}
    return {*rules, *_PLACEHOLDER.findall(json.dumps(enrollment))}
