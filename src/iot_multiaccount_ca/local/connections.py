"""The device connections of a fleet on the local AWS, told for its plan as they come; also one that never came back."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from cryptography import x509

from .device_events import DeviceEvent, read_events
from .device_visit import endpoint_of
from .diagnosis import PlannedStage, diagnose
from .enrollments import Enrollments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .emulator import LocalAws
    from .rehearsed_app import RehearsedApp

#: A device that was cut off, and is not back after that time, does not come back by itself.
BACK_SECONDS = 30.0


class Connections:
    """What came since one last looked. Keeps in mind who was cut off at first and has not come back."""

    def __init__(self, aws: LocalAws, app: RehearsedApp) -> None:
        self._aws = aws
        self.plan = [
            PlannedStage(
                record,
                endpoint_of(aws, record),
                x509.load_pem_x509_certificate(app.ca_pem(record).encode()),
            )
            for record in app.records
        ]
        self._enrollments = Enrollments(aws, self.plan)
        self._position = 0
        self._cut_off: dict[bytes, tuple[float, DeviceEvent]] = {}

    def endpoints(self, address: str) -> dict[str, Any]:
        """Where devices connect, for programs."""
        return {
            "address": address,
            "port": self._aws.broker_port,
            "trustAnchors": self._aws.broker_trust_anchor(),
            # A registration a line, and a stage may have several: of a CA that retires, for one.
            "stages": [
                dict(zip(("stage", "account", "region", "endpoint"), each, strict=True))
                for each in dict.fromkeys(
                    (of.record.label, of.record.account, of.record.region, of.endpoint) for of in self.plan
                )
            ],
        }

    def new(self, *, ended: bool = False) -> Iterator[dict[str, Any]]:
        """What happened since the last call; ``ended``: nobody who was cut off will come back any more."""
        events, self._position = read_events(self._aws.connections, self._position)
        for event in events:
            self._enrollments.saw(event)
            yield from self._happened(event)
        for event in self._enrollments.decided(ended=ended):
            yield from self._happened(event)
        for device_certificate, (since, event) in list(self._cut_off.items()):
            gone = time.monotonic() - since
            if ended or gone > BACK_SECONDS:
                del self._cut_off[device_certificate]
                says = (
                    "it was cut off after its first connect, as it should be, and has not come back "
                    f"in the {gone:.0f} s since"
                )
                yield self._told(replace(event, event="never-back", says=says))

    def _happened(self, event: DeviceEvent) -> Iterator[dict[str, Any]]:
        device = event.certificates[:1]
        if device and event.event in ("provisioned", "enrolled"):
            self._cut_off[device[0]] = (time.monotonic(), event)
        elif device:
            self._cut_off.pop(device[0], None)
        yield self._told(event)

    def _told(self, event: DeviceEvent) -> dict[str, Any]:
        told = asdict(diagnose(event, self.plan))
        told["warnings"] = list(told["warnings"])
        return {"at": event.at, "device": event.peer, **told}
