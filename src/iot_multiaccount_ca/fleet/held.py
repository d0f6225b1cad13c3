"""The two sides of a comparison: what an assembly plans, a saved plan said, or AWS holds now. Judges nothing."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import AssemblyError, SharedCaError
from ..model.assembly import RegistrationRecord, read_registrations
from ..model.assembly_files import read_stacks
from ..model.ownership import read_ownership
from ..model.record_forms import RECORD_VERSION
from .changes import Held
from .planned import read_planned
from .planned_sets import read_planned_sets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from .changes import Place
    from .result import StageResult

_SHAPE, _VERSION = "iot-ca/plan", 1
_OF_THE_CA = ("subject", "notValidBefore", "notValidAfter")


@dataclass(frozen=True, slots=True)
class Side:
    """Registrations in deploy order; ``stacks``: of an assembly, all of them; ``sets``: the fields of each stack set by
    its name, or None where nobody has looked."""

    registrations: tuple[Held, ...]
    stacks: frozenset[Place] = frozenset()
    sets: Mapping[str, Mapping[str, Any]] | None = None


def of_assembly(folder: Path) -> Side:
    """What an app plans; an app without registrations is a side with none."""
    stacks = frozenset((each.name, each.account, each.region) for each in read_stacks(folder))
    held = [
        Held(each.record, digest(each.template_body))
        for each in (read_planned(folder) if read_registrations(folder) else ())
    ]
    sets = {
        each.record.name: {key: value for key, value in each.record.to_metadata().items() if key != "version"}
        for each in read_planned_sets(folder)
    }
    return Side(tuple(held), stacks, sets)


def of_document(document: Any, *, what: str) -> Side:
    """What `iot-ca plan --json` printed once; raises `AssemblyError` for another document."""
    if not isinstance(document, dict) or (document.get("shape"), document.get("version")) != (
        _SHAPE,
        _VERSION,
    ):
        found = (
            f"{document.get('shape')}, version {document.get('version')}"
            if isinstance(document, dict)
            else type(document).__name__
        )
        raise AssemblyError(
            f"{what} is not a plan that this version reads",
            value=found,
            allowed=f"what `iot-ca plan --json` prints: {_SHAPE}, version {_VERSION}",
            fix="print the plan anew from its cloud assembly, or give the assembly itself",
        )
    try:
        cas = {each["certificateId"]: each for each in document["certificateAuthorities"]}
        records = [_recorded(each, cas) for each in document["registrations"]]
        sets = {each["name"]: _fields_of_a_set(each) for each in document.get("stackSets", ())}
    except SharedCaError:
        raise
    except (AttributeError, KeyError, TypeError) as error:
        raise AssemblyError(
            f"{what} lacks what a plan has, or has it in another form",
            value=str(error),
            fix="print the plan anew with `iot-ca plan --json`",
        ) from None
    return Side(tuple(Held(each) for each in records), sets=sets)


def of_results(results: Iterable[StageResult]) -> Side:
    """What AWS holds of what is planned, as a check found it; registrations that no plan names are not looked for."""
    held = []
    for result in results:
        live, record = result.live, result.planned.record
        if live is None:
            continue
        owner = read_ownership(live.tags)
        known = record.template_is(live.template_name)
        held.append(
            Held(
                replace(
                    record,
                    certificate_mode=live.mode,
                    active=live.status == "ACTIVE",
                    auto_registration=live.auto_registration == "ENABLE",
                    template_name=record.template_name if known else live.template_name,
                    stack_name=owner.stack.name if owner else record.stack_name,
                    logical_id=(owner.logical_id if owner else None) or record.logical_id,
                ),
                digest(result.template.body if result.template is not None else None),
            )
        )
    return Side(tuple(held))


def digest(body: str | None) -> str | None:
    """Of a template's body, however it is written; None where it is not known."""
    if body is None:
        return None
    with contextlib.suppress(ValueError):  # what is not JSON is compared as a text
        body = json.dumps(json.loads(body), sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()


def changed_sets(old: Side, new: Side) -> list[tuple[str, str, Sequence[str]]]:
    """A sign, a set's name and the fields that differ, for each stack set that comes, changes or goes."""
    before, after = old.sets or {}, new.sets or {}
    found: list[tuple[str, str, Sequence[str]]] = []
    for name in dict.fromkeys([*before, *after]):
        if name not in before or name not in after:
            found.append(("-" if name in before else "+", name, ()))
            continue
        fields = [key for key in after[name] if before[name].get(key) != after[name][key]]
        if fields:
            found.append(("~", name, fields))
    return found


def _recorded(registration: Mapping[str, Any], cas: Mapping[str, Mapping[str, Any]]) -> RegistrationRecord:
    ca = cas[registration["certificateId"]]
    of_the_ca = {key: ca[key] for key in _OF_THE_CA}
    return RegistrationRecord.from_metadata({**registration, **of_the_ca, "version": RECORD_VERSION})


def _fields_of_a_set(written: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in written.items() if key not in ("account", "region", "stackName")}
