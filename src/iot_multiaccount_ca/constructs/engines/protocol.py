"""What carries a registration out: an engine turns a request into resources of a stack. Decides on no engine.

An engine holds settings of its own only (a role, a log group), and may be asked more than once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import CfnResource
    from constructs import Construct

    from ...model.registration import RegistrationRequest
    from ...model.tags import TagLimits
    from ..place import Place


@dataclass(frozen=True, slots=True)
class Registered:
    """What an engine made: the resource that stands for the registration, and the CA's certificate id (a Token).

    ``resource`` is None where none does; ``logical_id`` is then the one that it would have. The resource takes the CA's
    tags as its property ``Tags``, a list of ``Key`` and ``Value``, and ``tag_limits`` says which; ``own_tags`` are
    those that the engine itself needs among them.
    """

    resource: CfnResource | None
    certificate_id: str
    resource_type: str
    tag_limits: TagLimits
    own_tags: Mapping[str, str] = field(default_factory=dict)
    logical_id: str | None = None


class Engine(Protocol):
    """Makes the resources of one registration, whose request asks for nothing that the engine cannot do."""

    def emit(self, scope: Construct, request: RegistrationRequest, place: Place) -> Registered:
        """Make the resources: the registration's own as ``Resource`` below ``scope``."""
