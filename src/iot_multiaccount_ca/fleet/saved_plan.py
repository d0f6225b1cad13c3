"""A plan that `iot-ca plan --json` printed once, as a side of a comparison. Takes nothing of it on trust."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import AssemblyError
from ..model.assembly import RegistrationRecord
from ..model.assembly_sets import StackSetRecord
from ..model.record_forms import RECORD_VERSION
from .changes import Held, StackPlace
from .held import Side
from .set_changes import HeldSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SHAPE, _VERSION = "iot-ca/plan", 1
_OF_THE_CA = ("subject", "notValidBefore", "notValidAfter")
_ONE_OF = {"certificateAuthorities": "CA", "registrations": "registration", "stackSets": "stack set"}
_FIX = "print the plan anew with `iot-ca plan --json`, or give the cloud assembly itself"


def read_saved_plan(document: Any, *, what: str) -> Side:
    """What was planned then; ``what``: begins the message of the `AssemblyError` for another document."""
    shape = (document.get("shape"), document.get("version")) if isinstance(document, dict) else None
    if shape != (_SHAPE, _VERSION):
        raise AssemblyError(
            f"{what} is not a plan that this version reads",
            value=f"{shape[0]}, version {shape[1]}" if shape is not None else type(document).__name__,
            allowed=f"what `iot-ca plan --json` prints: {_SHAPE}, version {_VERSION}",
            fix="print the plan anew from its cloud assembly, or give the assembly itself",
        )
    cas = {
        _text(each, "certificateId", where): each
        for each, where in _objects(document, "certificateAuthorities", what)
    }
    records = [_record(each, cas, where) for each, where in _objects(document, "registrations", what)]
    sets = tuple(
        _set(each, where) for each, where in _objects({"stackSets": [], **document}, "stackSets", what)
    )
    # Of a template's name alone: one that ends in digits of the stack's id is one that is retained.
    return Side(
        tuple(Held(each, retained="?" in (each.template_name or "") or None) for each in records), sets=sets
    )


def _objects(document: Mapping[str, Any], key: str, what: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The objects of a list of the document, each with where it stands."""
    held = document.get(key)
    if not isinstance(held, list):
        raise _malformed(f"{key} of {what}", None if key not in document else type(held).__name__, "a list")
    for number, each in enumerate(held, 1):
        where = f"{_ONE_OF[key]} {number} of {what}"
        if not isinstance(each, dict):
            raise _malformed(where, type(each).__name__, "an object")
        yield each, where


def _text(held: Mapping[str, Any], key: str, where: str) -> str:
    value = held.get(key)
    if not isinstance(value, str):
        raise _malformed(f"{key} of {where}", None if key not in held else type(value).__name__, "a text")
    return value


def _record(
    registration: Mapping[str, Any], cas: Mapping[str, Mapping[str, Any]], where: str
) -> RegistrationRecord:
    certificate_id = _text(registration, "certificateId", where)
    if certificate_id not in cas:
        raise _malformed(f"certificateId of {where}", certificate_id, "that of a CA of the plan")
    of_the_ca = {key: cas[certificate_id].get(key) for key in _OF_THE_CA}
    held = {**registration, **of_the_ca, "version": RECORD_VERSION}
    return RegistrationRecord.from_metadata(held, what=where, fix=_FIX)


def _set(written: Mapping[str, Any], where: str) -> HeldSet:
    record = StackSetRecord.from_metadata({**written, "version": RECORD_VERSION}, what=where, fix=_FIX)
    account, region = (
        "" if written.get(key) is None else _text(written, key, where) for key in ("account", "region")
    )
    return HeldSet(record, StackPlace(_text(written, "stackName", where), account, region))


def _malformed(problem: str, value: object, allowed: str) -> AssemblyError:
    is_there = "is malformed" if value is not None else "is missing"
    return AssemblyError(f"{problem} {is_there}", value=value, allowed=allowed, fix=_FIX)
