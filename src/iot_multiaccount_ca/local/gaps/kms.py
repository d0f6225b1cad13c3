"""What a call of KMS asks for reaches the conditions ``kms:SigningAlgorithm`` and ``kms:MessageType``.

AWS KMS developer guide, "AWS KMS condition keys". Without them a policy that limits kms:Sign to one algorithm is never
met.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core import iam_actions

_KEYS = ("SigningAlgorithm", "MessageType")


def close() -> None:
    """Add them to what the emulator knows of a request."""
    tags = iam_actions.request_tag_context

    def request_tag_context(
        service: str, iam_action: str, body: bytes, params: dict[str, Any]
    ) -> dict[str, Any]:
        context: dict[str, Any] = tags(service, iam_action, body, params)
        return {**context, **_asked(body)} if service == "kms" else context

    iam_actions.request_tag_context = request_tag_context


def _asked(body: bytes) -> dict[str, str]:
    try:
        parameters = json.loads(body or b"{}")
    except ValueError:
        return {}
    return {f"kms:{key}": str(parameters[key]) for key in _KEYS if key in parameters}
