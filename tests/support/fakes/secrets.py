"""Secrets Manager as far as reading goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.fakes.wire import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping


class FakeSecrets:
    """Secrets of one region by the name or ARN that they are asked for."""

    service = "secretsmanager"

    def __init__(self, secrets: Mapping[str, str | bytes | Refusal | None] | None = None) -> None:
        self._secrets = dict(secrets or {})

    def answer(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        assert operation == "GetSecretValue"
        name = parameters["SecretId"]
        if name not in self._secrets:
            raise Refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        value = self._secrets[name]
        if isinstance(value, Refusal):
            raise value
        answer: dict[str, Any] = {"Name": name, "VersionId": "0" * 32}
        if isinstance(value, str):
            answer["SecretString"] = value
        elif value is not None:
            answer["SecretBinary"] = value
        return answer
