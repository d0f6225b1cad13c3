"""What `iot-ca listen` tells of a stage whose enrollment our activation Lambda decides, by the lines of its log."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca.local.connections import Connections
from iot_multiaccount_ca.local.enrollments import DECIDED_SECONDS
from support.certificates import make_ca, make_device
from support.local_accounts import LocalAccount
from support.tls_client import connect_packet, context_of, knock

if TYPE_CHECKING:
    from iot_multiaccount_ca.local.emulator import LocalAws
    from iot_multiaccount_ca.model.assembly import RegistrationRecord
    from support.boards import BoardFleet
    from support.certificates import DeviceKeyPair


class App:
    """Of a rehearsed app, what connections ask for: one stage, with an enrollment."""

    def __init__(self, fleet: BoardFleet) -> None:
        self.records, self._fleet = [replace(fleet.record, enrollment={"admission": {}})], fleet

    def ca_pem(self, record: RegistrationRecord) -> str:
        """The CA of the record."""
        return self._fleet.ca.pem


@pytest.fixture
def listened(aws: LocalAws, places: list[LocalAccount]) -> tuple[BoardFleet, Connections]:
    """A stage under just-in-time registration, whose Lambda writes what a test says."""
    from support.boards import BoardFleet

    fleet = BoardFleet(aws, places[0], make_ca("ec-p256", common_name=f"enrollment {places[0].account}"))
    for change in ({"removeAutoRegistration": True}, {"newAutoRegistrationStatus": "ENABLE"}):
        fleet.place.iot.update_ca_certificate(certificateId=fleet.ca.certificate_id, **change)
    connections = Connections(aws, App(fleet))  # type: ignore[arg-type]
    list(connections.new(ended=True))  # what other tests did
    logs = aws.client("logs", account=fleet.place.account, region=fleet.place.region)
    logs.create_log_group(logGroupName="activation")
    logs.create_log_stream(logGroupName="activation", logStreamName="one")
    return fleet, connections


def comes(fleet: BoardFleet, device: DeviceKeyPair) -> None:
    """The device connects."""
    knock(fleet.aws, context_of(fleet.aws, device), fleet.place.endpoint, send=connect_packet("device-1"))


def decides(fleet: BoardFleet, device: DeviceKeyPair, decision: str, reason: str) -> None:
    """The activation Lambda writes a line."""
    line = {"decision": decision, "reason": reason, "certificateId": device.certificate_id}
    logs = fleet.aws.client("logs", account=fleet.place.account, region=fleet.place.region)
    event = {"timestamp": int(time.time() * 1000), "message": f"START\n{json.dumps(line)}\nEND"}
    logs.put_log_events(logGroupName="activation", logStreamName="one", logEvents=[event])


def words(told: Any) -> list[tuple[str, str]]:
    """What happened, and what is said of it."""
    return [(each["event"], each["says"].partition(" in ")[0]) for each in told]


@pytest.mark.parametrize(
    ("decision", "word", "fix"),
    [
        ("refused", "kept-out", "put the device on the stage's allow-list"),
        ("failed", "not-enrolled", "mend in the stage what the reason names"),
        ("activated", "enrolled", None),
    ],
)
def test_what_the_lambda_decides_is_told_of_the_connection(
    listened: tuple[BoardFleet, Connections], decision: str, word: str, fix: str | None
) -> None:
    """With the Lambda's reason, the stage, and what to change; once."""
    fleet, connections = listened
    device = make_device(fleet.ca, "device-1")
    port = knock(
        fleet.aws, context_of(fleet.aws, device), fleet.place.endpoint, send=connect_packet("device-1")
    ).port
    assert [each["event"] for each in connections.new()] == ["registered"]
    decides(fleet, device, decision, "serial number 1 is not in table fleet")
    (told,) = _soon(connections)
    assert (told["event"], told["stage"]) == (word, "dev")
    assert (told["says"], told["device"].endswith(f":{port}")) == (
        "serial number 1 is not in table fleet",
        True,
    )
    assert (told["fix"] or "").startswith(fix or "")
    assert list(connections.new()) == []


def _soon(connections: Connections) -> list[dict[str, Any]]:
    """What is told next; it is looked for every half second."""
    deadline = time.monotonic() + 20
    while not (told := list(connections.new())):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return told


def test_a_device_that_knocks_again_gets_another_decision(listened: tuple[BoardFleet, Connections]) -> None:
    """The one before is not told again."""
    fleet, connections = listened
    device = make_device(fleet.ca, "device-1")
    told = []
    for reason in ("first", "second"):
        comes(fleet, device)
        decides(fleet, device, "refused", reason)
        told += words(connections.new(ended=True))
    assert [each for each in told if each[0] == "kept-out"] == [("kept-out", "first"), ("kept-out", "second")]


def test_who_was_enrolled_and_does_not_come_back_is_told(listened: tuple[BoardFleet, Connections]) -> None:
    """As one who was provisioned."""
    fleet, connections = listened
    device = make_device(fleet.ca, "device-1")
    comes(fleet, device)
    decides(fleet, device, "activated", "admitted")
    assert [word for word, _ in words(connections.new(ended=True))] == [
        "registered",
        "enrolled",
        "never-back",
    ]


def test_a_lambda_that_never_decides_is_not_asked_for_ever(
    listened: tuple[BoardFleet, Connections], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a minute nobody reads the logs for it any more."""
    fleet, connections = listened
    device = make_device(fleet.ca, "device-1")
    comes(fleet, device)
    list(connections.new())
    now = time.monotonic() + DECIDED_SECONDS + 1
    monkeypatch.setattr("iot_multiaccount_ca.local.enrollments.time.monotonic", lambda: now)
    assert list(connections.new(ended=True)) == []
    decides(fleet, device, "refused", "late")
    assert list(connections.new(ended=True)) == []
