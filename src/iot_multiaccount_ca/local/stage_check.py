"""Holds one planned registration against the local AWS: what describe-ca-certificate says, and what a device meets.

Asks and connects; changes nothing but what a device's first connect does by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .device_visit import KEPT_OUT, REGISTERED, DeviceVisit

if TYPE_CHECKING:
    from ..model.assembly import RegistrationRecord
    from .device import DeviceCertificate
    from .device_command import DeviceCommand
    from .emulator import LocalAws

NOTHING = "-"
NOT_TRIED = "not tried"
MISSING = "not registered"
PROVISIONED = "provisioned"
ENROLLED = "enrolled"


@dataclass(frozen=True)
class Cell:
    """What was found, and what was planned; both are shown where they differ."""

    found: str
    planned: str

    @property
    def as_planned(self) -> bool:
        """Whether the two are the same."""
        return self.found == self.planned


@dataclass(frozen=True)
class Row:
    """One registration: its cells by column, and what explains a cell that is not as planned.

    ``let_in``: a device was provisioned or enrolled here, or already had been.
    """

    record: RegistrationRecord
    cells: dict[str, Cell]
    notes: tuple[str, ...] = ()
    let_in: bool = False

    @property
    def as_planned(self) -> bool:
        """Whether every cell is."""
        return all(cell.as_planned for cell in self.cells.values())


_NOBODY = {"thing created": Cell(NOTHING, NOTHING), "connected": Cell(NOT_TRIED, NOT_TRIED)}


def check_stage(
    aws: LocalAws,
    record: RegistrationRecord,
    device: DeviceCertificate | None,
    *,
    known: bool = False,
    command: DeviceCommand | None = None,
) -> Row:
    """Describe the CA of a registration, and let ``device`` (None: none) connect to its account and region.

    ``known``: it was let in there before. ``command``: connects in place of the device's own program.
    """
    cells = _described(aws, record)
    what = expected_of_device(record)
    if device is None or (what is None and not known):
        return Row(record, cells | _NOBODY)
    visit = DeviceVisit(aws, record, device)
    if what == REGISTERED and command is None:
        cells |= {"thing created": Cell(NOTHING, NOTHING), "connected": Cell(visit.register(), REGISTERED)}
        return Row(record, cells, tuple(visit.notes))
    planned = "publishes and receives"
    if command is not None:
        planned = "connects"
        thing, connected = visit.run(command)
    elif known:
        thing, connected = visit.use()
    else:
        thing, connected = visit.provision() if what == PROVISIONED else visit.enroll()
    cells |= {
        "thing created": _thing_cell(record, thing, connected),
        "connected": Cell(connected, connected if visit.satisfied else planned),
    }
    return Row(record, cells, tuple(visit.notes), let_in=visit.satisfied and connected != KEPT_OUT)


def check_left(aws: LocalAws, record: RegistrationRecord, *, stays: bool) -> Row:
    """Describe the CA in an account that has left a stack set. ``stays``: leaving accounts keep it."""
    cells = _described(aws, record)
    if not stays:
        cells = {
            name: Cell(cell.found, NOTHING if name == "template" else MISSING) for name, cell in cells.items()
        }
    return Row(record, cells | _NOBODY)


def expected_of_device(record: RegistrationRecord) -> str | None:
    """What should become of a device there; None: it is not let in.

    ``provisioned`` by a template; ``enrolled``, or kept out, by our activation Lambda; else ``registered only``.
    """
    if not record.active or not record.auto_registration:
        return None
    if record.template_name is not None:
        return PROVISIONED
    return ENROLLED if record.enrollment is not None else REGISTERED


def _thing_cell(record: RegistrationRecord, thing: str | None, connected: str) -> Cell:
    """The template or enrollment decides the thing's name: whatever it is, where one is planned it must be there."""
    makes_none = record.enrollment is not None and "thing" not in record.enrollment
    if makes_none or connected == KEPT_OUT:
        return Cell(thing or NOTHING, NOTHING)
    return Cell(thing or "none", thing or "one")


def _described(aws: LocalAws, record: RegistrationRecord) -> dict[str, Cell]:
    iot = aws.client("iot", account=record.account, region=record.region)
    try:
        answer = iot.describe_ca_certificate(certificateId=record.certificate_id)
        found = answer["certificateDescription"]
        template = (answer.get("registrationConfig") or {}).get("templateName")
    except iot.exceptions.ResourceNotFoundException:
        found, template = {}, None
    return {
        "mode": Cell(found.get("certificateMode", MISSING), record.certificate_mode),
        "status": Cell(found.get("status", MISSING), "ACTIVE" if record.active else "INACTIVE"),
        "auto-registration": Cell(
            found.get("autoRegistrationStatus", MISSING), "ENABLE" if record.auto_registration else "DISABLE"
        ),
        "template": template_cell(record, template),
    }


def template_cell(record: RegistrationRecord, name: str | None) -> Cell:
    """The template that the CA uses; of a retained one's name the last digits are only known at deployment."""
    planned = name if record.template_is(name) else record.template_name
    return Cell(name or NOTHING, planned or NOTHING)
