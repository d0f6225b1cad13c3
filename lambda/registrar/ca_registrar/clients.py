"""boto3 clients with patience: standard retries, short time-outs, one per service and region."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

# Throttling, 5xx and lost connections are botocore's to retry, with its own backoff and jitter.
_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 8},
    connect_timeout=5,
    read_timeout=20,
    user_agent_extra="iot-multiaccount-ca",
)


class Clients:
    """The clients of one invocation's region."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._made: dict[tuple[str, str], Any] = {}

    def client(self, service_name: str, region: str | None = None) -> Any:
        """A client of the service, in the given region, or else in the Lambda's own."""
        key = (service_name, region or self._region)
        if key not in self._made:
            self._made[key] = boto3.client(key[0], region_name=key[1], config=_CONFIG)
        return self._made[key]
