"""What a rehearsal's device needs in its subject: what its stages' templates and rules ask for, and no more."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ..fleet.planned import read_planned
from ..model.jitp.template_body import JitpTemplateBody
from .device import SUBJECT_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ..fleet.planned_sets import PlannedSet
    from ..model.assembly import RegistrationRecord

_PARAMETER = "AWS::IoT::Certificate::"
# What JITP passes by that name is the certificate's own number; only rules of an enrollment read the subject's.
_OF_EVERY_CERTIFICATE = "SerialNumber"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def needed_fields(
    assembly: Path, records: Iterable[RegistrationRecord], sets: Iterable[PlannedSet] = ()
) -> list[str]:
    """The subject's fields, beside the common name, without which a device of these stages would be refused."""
    needed: set[str] = set()
    asked_for = list(records)
    ids = {each.certificate_id for each in asked_for}
    for stack_set in sets:
        body = stack_set.jitp_template("111111111111", stack_set.record.regions[0])
        if body is not None and any(ca.certificate_id in ids for ca in stack_set.record.cas):
            needed |= _declared(body)
    for planned in read_planned(assembly) if asked_for else ():
        record = planned.record
        if record not in asked_for:
            continue
        if planned.template_body is not None:  # a template that comes from elsewhere is not known
            needed |= _declared(planned.template_body)
        if record.enrollment is not None:
            needed |= _asked(record.enrollment)
    return [name for name in SUBJECT_FIELDS if name in needed]


def _declared(body: str) -> set[str]:
    parameters = JitpTemplateBody(body).body.get("Parameters") or {}
    declared = {
        name.removeprefix(_PARAMETER)
        for name, declaration in parameters.items()
        if "Default" not in declaration
    }
    return declared - {_OF_EVERY_CERTIFICATE}


def _asked(enrollment: Mapping[str, Any]) -> set[str]:
    rules = (enrollment.get("admission") or {}).get("subject") or {}
    return {*rules, *_PLACEHOLDER.findall(json.dumps(enrollment))}
