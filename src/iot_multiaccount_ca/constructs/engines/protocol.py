"""What carries a registration out: an engine turns a request into resources of a stack. Decides on no engine.

An engine holds settings of its own only (a role, a log group), and may be asked more than once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ...errors import UnsupportedByEngineError

if TYPE_CHECKING:
    from aws_cdk import CfnResource
    from constructs import Construct

    from ...model.registration import Capability, RegistrationRequest
    from ..place import Place


@dataclass(frozen=True, slots=True)
class Registered:
    """What an engine made: the resource that stands for the registration, and the CA's certificate id (a Token).

    The resource takes the CA's tags as its property ``Tags``, a list of ``Key`` and ``Value``.
    """

    resource: CfnResource
    certificate_id: str


class Engine(Protocol):
    """Makes the resources of one registration. ``name``: how messages call it."""

    @property
    def name(self) -> str:
        """How messages call the engine."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do beyond registering in SNI_ONLY mode."""

    def emit(self, scope: Construct, request: RegistrationRequest, place: Place) -> Registered:
        """Make the resources: the registration's own as ``Resource`` below ``scope``."""


def check_supported(engine: Engine, request: RegistrationRequest) -> None:
    """Raise `UnsupportedByEngineError` where a request asks for more than the engine can do."""
    missing = sorted(request.asks_for - engine.capabilities)
    if missing:
        raise UnsupportedByEngineError(
            f"{request.where} asks for what {engine.name} cannot do",
            value="; ".join(missing),
            allowed="; ".join(sorted(engine.capabilities)) or "a registration in SNI_ONLY mode",
            fix="leave it out, or choose another engine",
        )
