"""One request of CloudFormation: who asks, where, and its log: a JSON line a decision, never a key or a secret."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .stacks import StackUnreadableError

if TYPE_CHECKING:
    from .iot import Iot
    from .ownership import Owner
    from .runtime import Clients, Clock, Patience
    from .stacks import Stacks


@dataclass(frozen=True)
class Job:
    """The request's circumstances. ``certificate_id``: as far as it is known before AWS is asked."""

    kind: str
    request_id: str | None
    account: str
    region: str
    certificate_id: str
    owner: Owner
    clients: Clients
    patience: Patience
    iot: Iot
    stacks: Stacks
    clock: Clock
    progress: dict[str, str]

    def about(self, sentence: str) -> str:
        """A sentence for the stack's event, with certificate id, account and region."""
        return f"CA {self.certificate_id} in account {self.account}, {self.region}: {sentence}"

    def rolls_back(self) -> bool:
        """Whether the stack says that it is rolling back; raises `StackUnreadableError`."""
        try:
            return self.stacks.rolls_back()
        except StackUnreadableError as error:
            raise StackUnreadableError(self.about(error.sentence)) from None

    def note(self, decision: str, **facts: object) -> None:
        """Write a line."""
        known = {
            "request": self.kind,
            "request_id": self.request_id,
            "account": self.account,
            "region": self.region,
            "ca": self.certificate_id,
        }
        sys.stdout.write(json.dumps({"decision": decision, **known, **facts}, default=str) + "\n")

    def doing(self, what: str) -> None:
        """Say what is going on, in case that time runs out in it."""
        self.progress.update(about=self.about(""), doing=what)

    def registered(self, certificate_id: str) -> None:
        """A Create that fails from here on answers this id; a failed Update always answers the old one."""
        if self.kind == "Create":
            self.progress["PhysicalResourceId"] = certificate_id
