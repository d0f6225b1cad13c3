"""boto3 clients whose calls a fake answers: botocore's own model checks every call and every answer.

Nothing leaves the process, and nothing is retried. A fake gets the operation's name and its parameters, and returns
the answer, or raises `Refusal` as AWS would. An error that the model does not list for the operation is refused.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

import boto3
from botocore.config import Config
from botocore.validate import ParamValidator

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What every service may answer to any call, whatever its model lists (AWS, "common errors").
COMMON_ERRORS = frozenset(
    {"AccessDeniedException", "AccessDenied", "ValidationError", "ValidationException", "ThrottlingException"}
)
_CONFIG = Config(retries={"total_max_attempts": 1})


class Refusal(Exception):  # noqa: N818 - an answer, no failure of ours
    """AWS's error answer; ``members``: what this error says beside its message."""

    def __init__(self, code: str, message: str = "", status: int = 400, **members: Any) -> None:
        super().__init__(code)
        self.code, self.message, self.status, self.members = code, message, status, members


class Fake(Protocol):
    """A service in one region."""

    service: str

    def answer(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]: ...


class FakeClients:
    """Where the product gets its clients: one fake per service and region, and a record of who was asked.

    ``home`` is the region that the Lambda runs in.
    """

    def __init__(self, *fakes: Fake | tuple[str, Fake], home: str = "eu-west-1") -> None:
        self.home = home
        self.asked: list[tuple[str, str]] = []
        pairs = [each if isinstance(each, tuple) else (home, each) for each in fakes]
        self._fakes = {(fake.service, region): fake for region, fake in pairs}
        self._made: dict[tuple[str, str], Any] = {}

    def client(self, service_name: str, region: str | None = None) -> Any:
        key = (service_name, region or self.home)
        self.asked.append(key)
        if key not in self._made:
            self._made[key] = client_of(self._fakes[key], key[1])
        return self._made[key]


def client_of(fake: Fake, region: str = "eu-west-1") -> Any:
    """A real boto3 client of the fake's service; it signs nothing and reaches nothing."""
    client = boto3.client(
        fake.service,
        region_name=region,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=_CONFIG,
    )
    asked: dict[str, Any] = {}

    def remember(params: Mapping[str, Any], **_: Any) -> None:
        asked["parameters"] = dict(params)

    def respond(model: Any, **_: Any) -> tuple[Any, Mapping[str, Any]]:
        try:
            answer = dict(fake.answer(model.name, asked["parameters"]))
        except Refusal as refusal:
            return _refused(model, refusal)
        if model.output_shape is not None:
            report = ParamValidator().validate(answer, model.output_shape)
            assert not report.has_errors(), report.generate_report()
        return SimpleNamespace(status_code=200), answer

    client.meta.events.register_last("before-parameter-build", remember)
    client.meta.events.register("before-call", respond)
    return client


def _refused(model: Any, refusal: Refusal) -> tuple[Any, Mapping[str, Any]]:
    listed = {shape.error_code for shape in model.error_shapes} | {shape.name for shape in model.error_shapes}
    assert refusal.code in listed | COMMON_ERRORS, f"{model.name} does not answer {refusal.code}"
    error = {"Code": refusal.code, "Message": refusal.message}
    metadata = {"HTTPStatusCode": refusal.status}
    return SimpleNamespace(status_code=refusal.status), {
        "Error": error,
        "ResponseMetadata": metadata,
        **refusal.members,
    }
