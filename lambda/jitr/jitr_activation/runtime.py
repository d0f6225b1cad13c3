"""What the Lambda runtime lends: clients with patience, the time, and how errors read. Tests bring their own."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

# Throttling, 5xx and lost connections are botocore's to retry; what is left is Lambda's.
_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=3,
    read_timeout=5,
    user_agent_extra="iot-multiaccount-ca",
)
_LONGEST = 400


class Clients:
    """boto3's clients of the Lambda's own region, one per service: of botocore, of which boto3 is a shell that takes
    time to import."""

    def __init__(self) -> None:
        self._session = Session()
        self._made: dict[str, Any] = {}

    def client(self, service_name: str) -> Any:
        """A client of the service."""
        if service_name not in self._made:
            self._made[service_name] = self._session.create_client(service_name, config=_CONFIG)
        return self._made[service_name]


def now() -> dt.datetime:
    """The time, aware."""
    return dt.datetime.now(dt.UTC)


@contextlib.contextmanager
def doing(what: str) -> Iterator[None]:
    """While it lasts, an error is told with what was done: AWS does not always say what it did not find."""
    try:
        yield
    except Exception as error:
        error.add_note(what)
        raise


def code_of(error: BaseException) -> str:
    """AWS's code of an error, or the kind of error that was raised before AWS answered."""
    response = getattr(error, "response", None)
    return (
        str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else type(error).__name__
    )


def sentence_of(error: BaseException) -> str:
    """An error as one short line, what was done included."""
    while_doing = "".join(f"{note}: " for note in getattr(error, "__notes__", ()))
    text = f"{code_of(error)}: {while_doing}{' '.join(str(error).split())}"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
