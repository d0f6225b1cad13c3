"""A device comes to one account and region of the local AWS, and tries there what its policies let it do.

Connects; changes nothing but what a device's first connect does by itself.
"""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING, Any

from .activation import ATTEMPTS, decisions_on
from .device import Broker, Device, DeviceError, Outcome
from .device_events import DeviceEvent, read_events
from .device_rights import DeviceRights, device_rights
from .emulator import LOOPBACK

if TYPE_CHECKING:
    from ..model.assembly import RegistrationRecord
    from .device import DeviceCertificate
    from .device_command import DeviceCommand
    from .emulator import LocalAws

REGISTERED = "registered only"
KEPT_OUT = "kept out"
_WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.1
# What the broker tells of a device that does as it should.
_GOOD_EVENTS = {"registered", "provisioned", "connected", "published", "nothing"}


class DeviceVisit:
    """One device at one account and region. ``notes`` explain what is not as it should be."""

    def __init__(self, aws: LocalAws, record: RegistrationRecord, device: DeviceCertificate) -> None:
        self._aws, self._record, self._device = aws, record, device
        self._iot = aws.client("iot", account=record.account, region=record.region)
        self.endpoint = endpoint_of(aws, record)
        self._broker = Broker(LOOPBACK, aws.broker_port, aws.broker_trust_anchor())
        _, self._told = read_events(aws.connections)
        self.notes: list[str] = []
        self.satisfied = False

    def register(self) -> str:
        """The first connect, where nothing is provisioned: the certificate becomes known."""
        self._first_connect()
        status = self._wait_for_certificate({"PENDING_ACTIVATION", "ACTIVE", "INACTIVE"})
        return REGISTERED if status is not None else self._not_let_in("unknown to the account")

    def provision(self) -> tuple[str | None, str]:
        """Connect twice: the thing's name (None: there is none), and what the device could do."""
        self._first_connect()
        status = self._wait_for_certificate({"ACTIVE"})
        if status != "ACTIVE":
            return self._thing() if status is not None else None, self._not_let_in("not activated")
        return self.use()

    def enroll(self) -> tuple[str | None, str]:
        """As `provision`, by our activation Lambda: it may also keep the device out, and the notes say why."""
        self._first_connect()
        decision = self._wait_for_decision()
        if decision.get("decision") == "activated":
            return self.use()
        self.notes.append(decision.get("reason", "the activation Lambda was not heard of"))
        self.satisfied = decision.get("decision") == "refused"
        return None, KEPT_OUT if self.satisfied else "not activated"

    def run(self, command: DeviceCommand) -> tuple[str | None, str]:
        """Let a command of the user's connect: what counts is that the broker accepted it (CONNACK), here.

        With this device's certificate: a board that holds another one proves nothing of this stage's device.
        """
        end = command.run(self._surroundings())
        here = (self._record.account, self._record.region)
        came = [
            hashlib.sha256(event.certificates[0]).hexdigest()
            for event in self._events()
            if event.event == "connected" and (event.account, event.region) == here and event.certificates
        ]
        connected = self._device.certificate_id in came
        self.satisfied = connected and end.code in (0, None)
        if not connected and self._is_kept_out():
            self.satisfied = True
            return None, KEPT_OUT
        if end.code is None and not connected:
            self.notes.append(
                f"the device's command was ended after {command.seconds:g} s (--device-timeout)"
            )
        elif end.code not in (0, None):
            self.notes.append(f"the device's command ended with exit code {end.code}")
        if not connected:
            self.notes += self._why_not_connected(came)
        if not self.satisfied:
            self.notes += [f"the device's command said: {line}" for line in end.lines if line]
        known = self._certificate()
        return self._thing() if known else None, "connects" if connected else "does not connect"

    def _why_not_connected(self, came: list[str]) -> list[str]:
        """``came``: the ids of the certificates with which it connected."""
        if came:
            return [
                f"the device's command connected with another certificate, {came[0]}; "
                f"that of IOT_CERTIFICATE_FILE is {self._device.certificate_id}"
            ]
        refusals = self.refusals()
        if refusals:
            return refusals
        last = self._last_decision()
        if last.get("decision") == "failed":
            return [last.get("reason", "")]
        if any(event.event in ("registered", "provisioned") for event in self._events()):
            return [
                "the device's command was cut off after its first connect, as it should be, and was not let in by a "
                "later one: firmware has to connect again after a first failure, some seconds later"
            ]
        return ["the device's command did not connect to the broker"]

    def _is_kept_out(self) -> bool:
        """Whether our activation Lambda refused the device, which is as planned; the notes say why."""
        last = self._last_decision()
        if last.get("decision") != "refused":
            return False
        self.notes.append(last.get("reason", ""))
        return True

    def _last_decision(self) -> dict[str, Any]:
        """What our activation Lambda decided on the device last; empty where it is not asked."""
        record = self._record
        if record.enrollment is None:
            return {}
        found = decisions_on(self._aws, record.account, record.region, self._device.certificate_id)
        return found[-1] if found else {}

    def refusals(self) -> list[str]:
        """Why the broker refused this device, each cause once, in its own words."""
        return list(
            dict.fromkeys(
                f"{event.event}: {event.says}" for event in self._events() if event.event not in _GOOD_EVENTS
            )
        )

    def _not_let_in(self, word: str) -> str:
        self.notes += self.refusals()
        return word

    def _events(self) -> list[DeviceEvent]:
        return read_events(self._aws.connections, self._told)[0]

    def _surroundings(self) -> dict[str, str]:
        """What a device's command is told, in its environment."""
        record = self._record
        files = write_device_files(self._aws, self._device)
        return {
            "IOT_ENDPOINT": self.endpoint,
            "IOT_ADDRESS": LOOPBACK,
            "IOT_PORT": str(self._aws.broker_port),
            "IOT_CA_FILE": files["ca"],
            "IOT_CERTIFICATE_FILE": files["certificate"],
            "IOT_KEY_FILE": files["key"],
            "IOT_STAGE": record.label,
            "IOT_ACCOUNT": record.account,
            "IOT_REGION": record.region,
        }

    def use(self) -> tuple[str | None, str]:
        """What a device that is known can do: its thing's name (None: there is none), and the words of it."""
        thing = self._thing()
        try:
            return thing, self._second_connect(thing)
        except DeviceError as error:
            self.notes.append(str(error))
            return thing, "failed"

    def _first_connect(self) -> None:
        try:
            with self._connection(self._device.common_name or "rehearsal") as connection:
                outcome = connection.connect()
        except DeviceError as error:
            self.notes.append(str(error))
            return
        if outcome is not Outcome.CUT_OFF:
            self.notes.append(f"the first connect should be cut off, and the device was {outcome.value}")

    def _second_connect(self, thing: str | None) -> str:
        rights = device_rights(self._policies(), thing_name=thing, common_name=self._device.common_name)
        with self._connection(rights.client_id) as connection:
            outcome = connection.connect()
            if outcome is not Outcome.CONNECTED:
                self.notes += self.refusals()
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
        # Of the run, so that no key is left whenever it is killed.
        folder = self._aws.folder
        return Device(self._device, self._broker, self.endpoint, client_id=client_id, folder=folder)

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


def endpoint_of(aws: LocalAws, record: RegistrationRecord) -> str:
    """The name that a device of this account and region sends (SNI)."""
    iot = aws.client("iot", account=record.account, region=record.region)
    address: str = iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
    return address.partition(":")[0]


def write_device_files(aws: LocalAws, device: DeviceCertificate) -> dict[str, str]:
    """The broker's trust anchors, the device's certificate and its key as files of the run: their paths."""
    folder = aws.folder / "devices" / device.certificate_id[:8]
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "ca": ("broker-ca.pem", aws.broker_trust_anchor()),
        "certificate": ("device.pem", device.pem),
        "key": ("device.key", device.key_pem),
    }
    for name, content in contents.values():
        with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(content)
    return {what: str(folder / name) for what, (name, _) in contents.items()}
