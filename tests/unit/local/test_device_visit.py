"""A user's own device command in one stage, judged by what the broker saw, and not by what the command says."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from iot_multiaccount_ca.local.device import DeviceCertificate
from iot_multiaccount_ca.local.device_command import DeviceCommand
from iot_multiaccount_ca.local.device_visit import DeviceVisit
from support.certificates import make_device

if TYPE_CHECKING:
    from pathlib import Path

    from support.boards import BoardFleet

# Connects twice, as a first connect is cut off; where and as whom its environment says.
_BOARD = """
import os, socket, ssl
from pathlib import Path
for _ in range(2):
    context = ssl.create_default_context(cafile=os.environ["IOT_CA_FILE"])
    context.load_cert_chain(os.environ["IOT_CERTIFICATE_FILE"], os.environ["IOT_KEY_FILE"])
    address = os.environ["IOT_ADDRESS"], int(os.environ["IOT_PORT"])
    with context.wrap_socket(socket.create_connection(address), server_hostname=os.environ["IOT_ENDPOINT"]) as board:
        board.sendall(b"\\x10\\x14\\x00\\x04MQTT\\x04\\x02\\x00\\x3c\\x00\\x08device-1")
        print(board.recv(4))
"""


@pytest.fixture
def visit(fleet: BoardFleet, tmp_path: Path) -> DeviceVisit:
    """One device at one stage; the board's program is `board.py`."""
    (tmp_path / "board.py").write_text(_BOARD)
    made = make_device(fleet.ca, "device-1")
    return DeviceVisit(fleet.aws, fleet.record, DeviceCertificate.of(made.pem, made.key_pem))


def _run(visit: DeviceVisit, command: str) -> str:
    return visit.run(DeviceCommand(command, 60))[1]


def test_a_command_that_connects(visit: DeviceVisit, tmp_path: Path) -> None:
    """With the certificate that it was given, and exit code 0."""
    assert _run(visit, f"{sys.executable} {tmp_path}/board.py") == "connects"
    assert (visit.satisfied, visit.notes) == (True, [])


def test_a_command_that_connects_and_fails(visit: DeviceVisit, tmp_path: Path) -> None:
    """Its own word counts, too, and the end of what it said is shown."""
    command = f"{sys.executable} {tmp_path}/board.py >&2; echo no answer; exit 3"
    assert (_run(visit, command), visit.satisfied) == ("connects", False)
    assert visit.notes[0] == "the device's command ended with exit code 3"
    assert visit.notes[-1] == "the device's command said: no answer"


def test_a_command_that_connects_with_another_certificate(
    visit: DeviceVisit, fleet: BoardFleet, tmp_path: Path
) -> None:
    """A board that keeps its own certificate proves nothing of the one that was given; both ids are told."""
    other = make_device(fleet.ca, "device-1", key_name="the board's own")
    (tmp_path / "own.pem").write_text(other.pem)
    (tmp_path / "own.key").write_text(other.key_pem)
    own = f"IOT_CERTIFICATE_FILE={tmp_path}/own.pem IOT_KEY_FILE={tmp_path}/own.key"
    assert _run(visit, f"{own} {sys.executable} {tmp_path}/board.py") == "does not connect"
    assert not visit.satisfied
    assert visit.notes[0].startswith(
        f"the device's command connected with another certificate, {other.certificate_id}; "
    )


def test_a_command_that_does_not_connect(visit: DeviceVisit) -> None:
    """Exit code 0 is no proof."""
    assert (_run(visit, "true"), visit.satisfied) == ("does not connect", False)
    assert visit.notes == ["the device's command did not connect to the broker"]


def test_a_command_that_never_comes_back(visit: DeviceVisit, tmp_path: Path) -> None:
    """Firmware that gives up after its first connect, which AWS cuts off: it is not said that it never came."""
    once = (tmp_path / "board.py").read_text().replace("range(2)", "range(1)")
    (tmp_path / "board.py").write_text(once)
    assert _run(visit, f"{sys.executable} {tmp_path}/board.py") == "does not connect"
    assert not visit.satisfied
    assert visit.notes[0].startswith(
        "the device's command was cut off after its first connect, as it should be"
    )


def test_a_command_whose_time_is_over(visit: DeviceVisit) -> None:
    """It is told, and that it did not connect, whatever it printed."""
    assert visit.run(DeviceCommand("echo here; exec sleep 60", 0.5))[1] == "does not connect"
    assert visit.notes == [
        "the device's command was ended after 0.5 s (--device-timeout)",
        "the device's command did not connect to the broker",
        "the device's command said: here",
    ]


@pytest.mark.parametrize(
    ("decision", "found"), [("refused", (None, "kept out")), ("failed", (None, "does not connect"))]
)
def test_a_command_whose_device_is_kept_out(
    fleet: BoardFleet, decision: str, found: tuple[None, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where our activation Lambda refuses it, that is as planned, with the reason, whatever the command makes of it."""
    monkeypatch.setattr(
        "iot_multiaccount_ca.local.device_visit.decisions_on",
        lambda *_: [{"decision": decision, "reason": "it is on no list"}],
    )
    made = make_device(fleet.ca, "device-1")
    record = replace(fleet.record, enrollment={"admission": {}})
    visit = DeviceVisit(fleet.aws, record, DeviceCertificate.of(made.pem, made.key_pem))
    assert visit.run(DeviceCommand("exit 1", 60)) == found
    assert visit.satisfied is (decision == "refused")
    assert "it is on no list" in visit.notes
