"""What became of each device connection: a line in the log for people, and one of JSON for programs.

`FILE_VARIABLE` names the file of the JSON lines; without it there are only the log's. A connection has several events:
each line holds all that is known of the connection by then, and ``event`` and ``says`` tell what happened.
"""

from __future__ import annotations

import base64
import datetime as dt
import itertools
import json
import logging
import os
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FILE_VARIABLE = "IOT_CONNECTIONS_FILE"
_LOG = logging.getLogger("iot_connections")
_numbers = itertools.count(1)


@dataclass
class Connection:
    """What a device sent, and where it was let in. What is not known, or was not sent, is None or empty."""

    peer: str
    number: int = field(default_factory=lambda: next(_numbers))
    server_name: str | None = None
    alpn_offered: list[str] = field(default_factory=list)
    alpn: str | None = None
    tls_offered: list[str] = field(default_factory=list)
    tls: str | None = None
    suites_offered: list[str] = field(default_factory=list)
    suite: str | None = None
    fragment: int | None = None
    certificates: list[bytes] = field(default_factory=list)
    mqtt: str | None = None
    client_id: str | None = None
    keep_alive: int | None = None
    account: str | None = None
    region: str | None = None
    #: Why a template was not applied to it.
    problem: str | None = None
    #: How many events it had.
    told: int = 0

    def tell(self, event: str, says: str, *, warn: bool = True, **more: Any) -> None:
        """Write down that something happened; ``says`` is a sentence without the name of the device."""
        self.told += 1
        _LOG.log(logging.WARNING if warn else logging.INFO, "device %s: %s: %s", self.peer, event, says)
        path = os.environ.get(FILE_VARIABLE)
        if path:
            told = asdict(self) | {"event": event, "says": says, "at": dt.datetime.now(dt.UTC).isoformat()}
            told["certificates"] = [base64.b64encode(each).decode() for each in self.certificates]
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(json.dumps(told | more) + "\n")


#: The connection that this task serves; None outside of one.
current: ContextVar[Connection | None] = ContextVar("connection", default=None)


def tell(event: str, says: str, *, warn: bool = True, **more: Any) -> None:
    """As `Connection.tell`, of the connection that this task serves."""
    connection = current.get()
    if connection is not None:
        connection.tell(event, says, warn=warn, **more)
