"""A fleet for clients that device makers use, as they are: a CA in two accounts, and the files of one device of it."""

from __future__ import annotations

import itertools
import subprocess
from typing import TYPE_CHECKING

from iot_multiaccount_ca.local.device import Broker, Device, DeviceCertificate, Outcome
from iot_multiaccount_ca.local.device_events import DeviceEvent, read_events
from iot_multiaccount_ca.local.emulator import LOOPBACK, LocalAws
from support.certificates import Authority, make_ca, make_device
from support.local_accounts import LocalAccount
from support.tls_client import written

if TYPE_CHECKING:
    from pathlib import Path

_accounts = (f"{number:012d}" for number in itertools.count(700_000_000_001))


class ClientFleet:
    """Two accounts that no other test uses, with just-in-time provisioning.

    ``place`` holds the CA in SNI_ONLY mode, ``owner`` in DEFAULT mode. ``folder`` has the files of a device:
    anchor.pem, device.pem and device.key.
    """

    def __init__(self, aws: LocalAws, folder: Path) -> None:
        self.aws, self.folder = aws, folder
        self.place, self.owner = (LocalAccount(aws, next(_accounts)) for _ in range(2))
        self.ca: Authority = make_ca("ec-p256", common_name=f"CA of {self.place.account}")
        self.place.register(self.ca, registrationConfig={"templateName": self.place.template()})
        self.owner.register(self.ca, "DEFAULT", registrationConfig={"templateName": self.owner.template()})
        device = make_device(self.ca, "device-1")
        self.device = DeviceCertificate.of(device.pem, device.key_pem)
        for name, content in (
            ("anchor.pem", aws.broker_trust_anchor()),
            ("device.pem", device.pem),
            ("device.key", device.key_pem),
        ):
            (folder / name).write_text(content)
        self._after = written(aws)

    @property
    def port(self) -> str:
        """The broker's, as an argument."""
        return str(self.aws.broker_port)

    def run(self, *command: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a client in the folder of the device's files."""
        return subprocess.run(command, cwd=self.folder, input=given, capture_output=True, timeout=60)

    def let_in(self) -> None:
        """The first connect, which is cut off."""
        broker = Broker(LOOPBACK, self.aws.broker_port, self.aws.broker_trust_anchor())
        with Device(self.device, broker, self.place.endpoint, client_id="device-1") as connection:
            assert connection.connect() is Outcome.CUT_OFF

    def events(self) -> list[DeviceEvent]:
        """All that the broker wrote of its devices."""
        return read_events(self.aws.connections, self._after)[0]

    def assert_cut_off_and_let_in(self, place: LocalAccount | None = None) -> None:
        """The device was provisioned by its first connect, and let in by the next: in ``place``, unless told."""
        account = (place or self.place).account
        assert [(each.event, each.account) for each in self.events()] == [
            ("provisioned", account),
            ("connected", account),
        ]
