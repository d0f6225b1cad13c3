"""What became of device connections to the local AWS, as its broker wrote it down. Reads only."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class DeviceEvent:
    """What happened (``event``, a word, and ``says``, a sentence) and all that was known of the connection by then.

    What is not known, or was not sent, is None or empty. ``certificates`` are DER, the device's own first.
    """

    at: str
    event: str
    says: str
    number: int
    peer: str
    server_name: str | None
    alpn_offered: tuple[str, ...]
    alpn: str | None
    tls_offered: tuple[str, ...]
    tls: str | None
    suites_offered: tuple[str, ...]
    suite: str | None
    fragment: int | None
    certificates: tuple[bytes, ...]
    mqtt: str | None
    client_id: str | None
    keep_alive: int | None
    account: str | None
    region: str | None


def read_events(file: Path, after: int = 0) -> tuple[list[DeviceEvent], int]:
    """The events from position ``after`` of the file on, and the position after them."""
    if not file.exists():
        return [], after
    with file.open("rb") as stream:
        stream.seek(after)
        written = stream.read()
    whole = written[: written.rfind(b"\n") + 1]
    return [_event(line) for line in whole.splitlines()], after + len(whole)


def _event(line: bytes) -> DeviceEvent:
    held = json.loads(line)
    known = {name: held[name] for name in DeviceEvent.__dataclass_fields__}
    known["certificates"] = tuple(base64.b64decode(each) for each in held["certificates"])
    for name in ("alpn_offered", "tls_offered", "suites_offered"):
        known[name] = tuple(held[name])
    return DeviceEvent(**known)
