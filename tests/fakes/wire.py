"""boto3 clients whose requests a fake answers: botocore's own model checks every call and parses every
answer.

Nothing leaves the process. A fake gets the operation's name and its parameters (blobs decoded) and returns
the answer, or raises `Refusal` as AWS would.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Protocol

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Mapping


class Refusal(Exception):  # noqa: N818 - an answer, no failure of ours
    """AWS's error answer."""

    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        super().__init__(code)
        self.code, self.message, self.status = code, message, status


class Fake(Protocol):
    """A service in one region."""

    service: str

    def answer(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]: ...


class _Body:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def stream(self, **_: Any) -> list[bytes]:
        return [self.content]

    def read(self, *_: Any) -> bytes:
        return self.content


class FakeClients:
    """Where the product gets its clients: one fake per service and region, and a record of who was asked.

    ``home`` is the region that the Lambda runs in.
    """

    def __init__(self, *fakes: Fake | tuple[str, Fake], home: str = "eu-west-1") -> None:
        self.home = home
        self.asked: list[tuple[str, str]] = []
        pairs = [each if isinstance(each, tuple) else (home, each) for each in fakes]
        self._fakes = {(fake.service, region): fake for region, fake in pairs}

    def client(self, service_name: str, region: str | None = None) -> Any:
        place = region or self.home
        self.asked.append((service_name, place))
        return client_of(self._fakes[service_name, place], place)


def client_of(fake: Fake, region: str = "eu-west-1") -> Any:
    """A real boto3 client of the fake's service; it signs with made-up keys and reaches nothing."""
    client = boto3.client(
        fake.service,
        region_name=region,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"total_max_attempts": 1}),
    )
    blobs = _blobs(client.meta.service_model)

    def respond(request: Any, **_: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        sent = json.loads(request.body)
        parameters = {k: base64.b64decode(v) if k in blobs[operation][0] else v for k, v in sent.items()}
        try:
            status, content = 200, dict(fake.answer(operation, parameters))
            content = {k: _b64(v) if k in blobs[operation][1] else v for k, v in content.items()}
        except Refusal as refusal:
            status, content = refusal.status, {"__type": refusal.code, "message": refusal.message}
        headers = {"Content-Type": "application/x-amz-json-1.1"}
        return AWSResponse(request.url, status, headers, _Body(json.dumps(content).encode()))

    client.meta.events.register("before-send", respond)
    return client


def _blobs(model: Any) -> dict[str, tuple[set[str], set[str]]]:
    return {
        name: tuple(  # type: ignore[misc]
            {member for member, shape in (top.members.items() if top else ()) if shape.type_name == "blob"}
            for top in (operation.input_shape, operation.output_shape)
        )
        for name in model.operation_names
        if (operation := model.operation_model(name))
    }


def _b64(value: bytes) -> str:
    return base64.b64encode(value).decode()
