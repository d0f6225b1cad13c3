"""One request of CloudFormation, and what everybody who works on it needs: who asks, where, with what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .clients import Clients
    from .clock import Clock
    from .journal import Journal
    from .ownership import Owner
    from .service import Service


@dataclass(frozen=True)
class Job:
    """The request's circumstances. ``certificate_id``: as far as it is known before AWS is asked."""

    account: str
    region: str
    certificate_id: str
    owner: Owner
    clients: Clients
    service: Service
    clock: Clock
    journal: Journal

    def about(self, sentence: str) -> str:
        """A sentence for the stack's event, with certificate id, account and region."""
        return f"CA {self.certificate_id} in account {self.account}, {self.region}: {sentence}"
