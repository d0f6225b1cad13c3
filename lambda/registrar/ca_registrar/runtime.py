"""What the Lambda runtime lends: clients with patience, and time. Tests bring their own of both."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

from .errors import DENIED, AccessDeniedError, code_of
from .timing import CALL_ATTEMPTS, CONNECT_TIMEOUT, PROPAGATION, PROPAGATION_PAUSES, READ_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable

# Throttling, 5xx and lost connections are botocore's to retry, with its own backoff and jitter.
_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": CALL_ATTEMPTS},
    connect_timeout=CONNECT_TIMEOUT,
    read_timeout=READ_TIMEOUT,
    user_agent_extra="iot-multiaccount-ca",
)


class Clients:
    """boto3's clients, one per service and region: of botocore, of which boto3 is a shell that takes time to import."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._session = Session()
        self._made: dict[tuple[str, str], Any] = {}

    def client(self, service_name: str, region: str | None = None) -> Any:
        """A client of the service, in the region or the Lambda's own."""
        key = (service_name, region or self._region)
        if key not in self._made:
            self._made[key] = self._session.create_client(key[0], region_name=key[1], config=_CONFIG)
        return self._made[key]


class Clock:
    """Seconds, by Lambda's own count of what is left."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def now(self) -> float:
        """A clock that only goes forward."""
        return time.monotonic()

    def left(self) -> float:
        """How long Lambda lets us go on."""
        return float(self._context.get_remaining_time_in_millis()) / 1000

    def pause(self, seconds: float) -> None:
        """Wait for about this time: with jitter, so that the stacks of a fleet do not retry in step."""
        time.sleep(seconds * random.uniform(0.5, 1.0))  # noqa: S311 - not for secrets


class Patience:
    """Tries again while access is denied, since a fresh role takes a while to be known: `PROPAGATION` in all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left = PROPAGATION

    def attempt(self, call: Callable[[], Any]) -> Any:
        """The call, again while access is denied and patience lasts."""
        pause, longest = PROPAGATION_PAUSES
        while True:
            began = self._clock.now()
            try:
                return call()
            except AccessDeniedError:
                if self._left <= 0:
                    raise
            except ClientError as error:
                if code_of(error) not in DENIED or self._left <= 0:
                    raise
            self._clock.pause(pause)
            pause = min(pause * 2, longest)
            self._left -= self._clock.now() - began
