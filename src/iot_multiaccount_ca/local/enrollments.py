"""What our activation Lambda decided on devices that came, told as what happens to their connections. Reads logs."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from .activation import decisions_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .device_events import DeviceEvent
    from .diagnosis import PlannedStage
    from .emulator import LocalAws

#: Lambda runs an event that failed twice more, in seconds here.
DECIDED_SECONDS = 60.0
_POLL_SECONDS = 0.5
# The Lambda's word -> ours.
_WORDS = {"activated": "enrolled", "refused": "kept-out", "failed": "not-enrolled"}


class Enrollments:
    """Of the devices that were registered in stages whose enrollment our Lambda decides, what it decided."""

    def __init__(self, aws: LocalAws, plan: Sequence[PlannedStage]) -> None:
        self._aws = aws
        self._places = {
            (each.record.account, each.record.region) for each in plan if each.record.enrollment is not None
        }
        self._waiting: dict[bytes, tuple[float, DeviceEvent]] = {}
        # How many decisions were told already, by certificate id: a device that knocks again gets another one.
        self._told: dict[str, int] = {}
        self._looked = 0.0

    def saw(self, event: DeviceEvent) -> None:
        """Take note of what happened to a connection."""
        if not event.certificates:
            return
        if event.event == "registered" and (event.account, event.region) in self._places:
            self._waiting[event.certificates[0]] = (time.monotonic(), event)
        else:  # it is past that
            self._waiting.pop(event.certificates[0], None)

    def decided(self, *, ended: bool = False) -> Iterator[DeviceEvent]:
        """The decisions since the last call, each with the connection that led to it; ``ended``: look once more."""
        now = time.monotonic()
        if not self._waiting or (now - self._looked < _POLL_SECONDS and not ended):
            return
        self._looked = now
        places = {(event.account, event.region) for _, event in self._waiting.values()}
        found = {place: decisions_in(self._aws, *map(str, place)) for place in places}
        for device, (since, event) in list(self._waiting.items()):
            certificate_id = hashlib.sha256(device).hexdigest()
            decisions = found[event.account, event.region].get(certificate_id, [])
            new = decisions[self._told.get(certificate_id, 0) :]
            # Lambda's attempts at one event say the same: once.
            for decision, reason in dict.fromkeys((each["decision"], each.get("reason", "")) for each in new):
                word = _WORDS.get(decision)
                if word is not None:
                    yield replace(event, event=word, says=reason)
                if word in ("enrolled", "kept-out"):
                    self._waiting.pop(device, None)
            self._told[certificate_id] = len(decisions)
            if now - since > DECIDED_SECONDS:
                self._waiting.pop(device, None)
