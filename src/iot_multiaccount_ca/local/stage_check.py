"""Holds one planned registration against the local AWS: what describe-ca-certificate says, and what a device meets.

Asks and connects; changes nothing but what a device's first connect does by itself.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .activation import ATTEMPTS, decisions_on
from .device import Broker, Device, DeviceError, Outcome
from .device_rights import DeviceRights, device_rights
from .emulator import LOOPBACK

if TYPE_CHECKING:
    from ..model.assembly import RegistrationRecord
    from .device import DeviceCertificate
    from .emulator import LocalAws

NOTHING = "-"
NOT_TRIED = "not tried"
REGISTERED = "registered only"
PROVISIONED = "provisioned"
ENROLLED = "enrolled"
KEPT_OUT = "kept out"
_WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.1


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
    """One registration: its cells by column, and what explains a cell that is not as planned."""

    record: RegistrationRecord
    cells: dict[str, Cell]
    notes: tuple[str, ...] = ()

    @property
    def as_planned(self) -> bool:
        """Whether every cell is."""
        return all(cell.as_planned for cell in self.cells.values())


def check_stage(aws: LocalAws, record: RegistrationRecord, device: DeviceCertificate | None) -> Row:
    """Describe the CA of a registration, and let ``device`` (None: none) connect to its account and region."""
    cells = _described(aws, record)
    what = expected_of_device(record)
    if device is None or what is None:
        cells |= {"thing created": Cell(NOTHING, NOTHING), "connected": Cell(NOT_TRIED, NOT_TRIED)}
        return Row(record, cells)
    visit = _Visit(aws, record, device)
    if what == REGISTERED:
        cells |= {"thing created": Cell(NOTHING, NOTHING), "connected": Cell(visit.register(), REGISTERED)}
    else:
        thing, connected = visit.provision() if what == PROVISIONED else visit.enroll()
        cells |= {
            "thing created": _thing_cell(record, thing, connected),
            "connected": Cell(connected, connected if visit.satisfied else "publishes and receives"),
        }
    return Row(record, cells, tuple(visit.notes))


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
        template = (answer.get("registrationConfig") or {}).get("templateName", NOTHING)
    except iot.exceptions.ResourceNotFoundException:
        found, template = {}, NOTHING
    missing = "not registered"
    return {
        "mode": Cell(found.get("certificateMode", missing), record.certificate_mode),
        "status": Cell(found.get("status", missing), "ACTIVE" if record.active else "INACTIVE"),
        "auto-registration": Cell(
            found.get("autoRegistrationStatus", missing), "ENABLE" if record.auto_registration else "DISABLE"
        ),
        "template": Cell(template, record.template_name or NOTHING),
    }


class _Visit:
    """A device comes to one account and region."""

    def __init__(self, aws: LocalAws, record: RegistrationRecord, device: DeviceCertificate) -> None:
        self._aws, self._record, self._device = aws, record, device
        self._iot = aws.client("iot", account=record.account, region=record.region)
        address = self._iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
        self._endpoint: str = address.partition(":")[0]
        self._broker = Broker(LOOPBACK, aws.broker_port, aws.broker_trust_anchor())
        self.notes: list[str] = []
        self.satisfied = False

    def register(self) -> str:
        """The first connect, where nothing is provisioned: the certificate becomes known."""
        self._first_connect()
        status = self._wait_for_certificate({"PENDING_ACTIVATION", "ACTIVE", "INACTIVE"})
        return REGISTERED if status is not None else "unknown to the account"

    def provision(self) -> tuple[str | None, str]:
        """Connect twice: the thing's name (None: there is none), and what the device could do."""
        self._first_connect()
        status = self._wait_for_certificate({"ACTIVE"})
        if status != "ACTIVE":
            self.notes += self._broker_log()
            return self._thing() if status is not None else None, "not activated"
        return self._use()

    def enroll(self) -> tuple[str | None, str]:
        """As `provision`, by our activation Lambda: it may also keep the device out, and the notes say why."""
        self._first_connect()
        decision = self._wait_for_decision()
        if decision.get("decision") == "activated":
            return self._use()
        self.notes.append(decision.get("reason", "the activation Lambda was not heard of"))
        self.satisfied = decision.get("decision") == "refused"
        return None, KEPT_OUT if self.satisfied else "not activated"

    def _use(self) -> tuple[str | None, str]:
        thing = self._thing()
        try:
            return thing, self._second_connect(thing)
        except DeviceError as error:
            self.notes.append(str(error))
            return thing, "failed"

    def _first_connect(self) -> None:
        with self._connection(self._device.common_name) as connection:
            outcome = connection.connect()
        if outcome is not Outcome.CUT_OFF:
            self.notes.append(f"the first connect should be cut off, and the device was {outcome.value}")

    def _second_connect(self, thing: str | None) -> str:
        rights = device_rights(self._policies(), thing_name=thing, common_name=self._device.common_name)
        with self._connection(rights.client_id) as connection:
            outcome = connection.connect()
            if outcome is not Outcome.CONNECTED:
                self.notes.append(f"its policies did not let it connect as client {rights.client_id!r}")
                return str(outcome.value)
            done = [*self._publish_and_receive(connection, rights)]
        self.satisfied = not self.notes
        return " and ".join(done) or "connects"

    def _publish_and_receive(self, connection: Device, rights: DeviceRights) -> list[str]:
        done: list[str] = []
        payload = f"from {self._device.common_name}".encode()
        if rights.subscribe_filter is not None and not connection.subscribe(rights.subscribe_filter):
            self.notes.append(f"the broker refused the subscription to {rights.subscribe_filter!r}")
            return done
        if rights.publish_topic is not None:
            if connection.publish(rights.publish_topic, payload):
                done.append("publishes")
            else:
                self.notes.append(f"the broker refused a message on {rights.publish_topic!r}")
        if rights.receive_topic is not None:
            if rights.receive_topic != rights.publish_topic:
                data = self._aws.client("iot-data", account=self._record.account, region=self._record.region)
                data.publish(topic=rights.receive_topic, qos=1, payload=payload)
            if connection.receive(rights.receive_topic) == payload:
                done.append("receives")
            else:
                self.notes.append(f"no message came on {rights.receive_topic!r}")
        return done

    def _connection(self, client_id: str) -> Device:
        return Device(self._device, self._broker, self._endpoint, client_id=client_id)

    def _wait_for_certificate(self, wanted: set[str]) -> str | None:
        """The certificate's status once it is as wanted, else the last one that it had; None if it is not known."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            status = self._certificate().get("status")
            # Provisioning is over before the device is cut off: what is pending now stays so.
            if status in wanted or status == "PENDING_ACTIVATION" or time.monotonic() > deadline:
                return status
            time.sleep(_POLL_SECONDS)

    def _wait_for_decision(self) -> dict[str, Any]:
        """What the activation Lambda made of the device in the end; empty where it decided nothing."""
        deadline = time.monotonic() + _WAIT_SECONDS
        record = self._record
        while True:
            found = decisions_on(self._aws, record.account, record.region, self._device.certificate_id)
            # An event may come twice: the second one leaves alone what the first one activated.
            last = next(
                (each for each in found if each["decision"] == "activated"), found[-1] if found else {}
            )
            decided = found and (last["decision"] != "failed" or len(found) == ATTEMPTS)
            if decided or time.monotonic() > deadline:
                return last
            time.sleep(_POLL_SECONDS)

    def _certificate(self) -> dict[str, Any]:
        try:
            answer = self._iot.describe_certificate(certificateId=self._device.certificate_id)
        except self._iot.exceptions.ResourceNotFoundException:
            return {}
        found: dict[str, Any] = answer["certificateDescription"]
        return found

    def _thing(self) -> str | None:
        things = self._iot.list_principal_things(principal=self._certificate()["certificateArn"])["things"]
        return things[0] if things else None

    def _policies(self) -> list[str]:
        attached = self._iot.list_attached_policies(target=self._certificate()["certificateArn"])["policies"]
        return [
            self._iot.get_policy(policyName=policy["policyName"])["policyDocument"] for policy in attached
        ]

    def _broker_log(self) -> list[str]:
        """Why the device was not provisioned, in the emulator's words: AWS shows it in CloudWatch Logs."""
        about = f"{self._device.certificate_id} in {self._record.account}/{self._record.region}"
        lines = self._aws.log.read_text(encoding="utf-8", errors="replace").splitlines()
        told = [line.partition("JITP: ")[2] for line in lines if "JITP: " in line and about in line]
        return told[-1:] or ["the certificate was never seen; the broker's log says more"]
