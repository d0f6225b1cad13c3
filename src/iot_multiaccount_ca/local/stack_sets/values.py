"""What the local AWS keeps of stack sets: sets, instances, operations. In memory, gone with the process.

The statuses are those of the data types in the CloudFormation API reference: StackSet, StackInstance,
StackSetOperation, StackSetOperationResultSummary.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import now_iso

from .preferences import Preferences
from .refusal import RefusedError

SERVICE_MANAGED = "SERVICE_MANAGED"
#: Operations in one of these keep others waiting.
UNFINISHED = ("RUNNING", "STOPPING", "QUEUED")


@dataclass
class Instance:
    """A stack instance: a set's wish for one account and region, and the stack that answers it."""

    account: str
    region: str
    unit: str = ""
    stack_name: str = ""
    stack_id: str = ""
    status: str = "OUTDATED"
    detailed: str = "PENDING"
    reason: str = ""
    operation_id: str = ""
    overrides: list[dict[str, Any]] = field(default_factory=list)

    def settle(self, status: str, detailed: str, reason: str = "") -> None:
        """How an operation left it."""
        self.status, self.detailed, self.reason = status, detailed, reason


@dataclass
class Result:
    """What an operation did, or will do, to one instance."""

    account: str
    region: str
    unit: str = ""
    status: str = "PENDING"
    reason: str = ""


@dataclass
class Operation:
    """One operation on a set: which instances, how, and what became of it."""

    action: str
    preferences: Preferences
    results: list[Result]
    operation_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "QUEUED"
    retain: bool = False
    targets: dict[str, Any] | None = None
    overrides: list[dict[str, Any]] | None = None
    reason: str = ""
    created: str = field(default_factory=now_iso)
    ended: str = ""

    @property
    def failures(self) -> int:
        """How many instances failed."""
        return sum(result.status == "FAILED" for result in self.results)


@dataclass
class StackSet:
    """A stack set. ``owner``: who keeps it; for a delegated administrator that is the management account."""

    name: str
    owner: str
    region: str
    properties: dict[str, Any]
    set_id: str = ""
    status: str = "ACTIVE"
    instances: dict[tuple[str, str], Instance] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)
    #: Which organizational unit was asked for in which regions: where automatic deployment deploys.
    deployed: dict[str, list[str]] = field(default_factory=dict)
    #: The ClientRequestToken that it was made with.
    token: str = ""

    def __post_init__(self) -> None:
        self.set_id = self.set_id or f"{self.name}:{uuid.uuid4()}"

    @property
    def arn(self) -> str:
        """The set's ARN."""
        return f"arn:aws:cloudformation:{self.region}:{self.owner}:stackset/{self.set_id}"

    @property
    def service_managed(self) -> bool:
        """Whether Organizations says who the targets are, and lends the rights."""
        return bool(self.properties["PermissionModel"] == SERVICE_MANAGED)

    @property
    def managed_execution(self) -> bool:
        """Whether an operation waits for the one before, where it would be refused."""
        return bool(self.properties["ManagedExecution"].get("Active"))

    @property
    def unfinished(self) -> list[Operation]:
        """Operations that run or wait, oldest first."""
        return [each for each in self.operations.values() if each.status in UNFINISHED]


class Sets:
    """All stack sets of the local AWS, by who keeps them and in which region."""

    def __init__(self) -> None:
        self._sets: dict[tuple[str, str], list[StackSet]] = {}

    def of(self, owner: str, region: str) -> list[StackSet]:
        """The sets of an account and region, those that were deleted too."""
        return self._sets.setdefault((owner, region), [])

    def active(self) -> list[StackSet]:
        """The sets of all accounts and regions that were not deleted."""
        return [each for sets in self._sets.values() for each in sets if each.status == "ACTIVE"]

    def find(self, owner: str, region: str, name: str, *, deleted: bool = False) -> StackSet:
        """The active set of this name, or of this id; ``deleted``: by its id also one that is gone."""
        for each in self.of(owner, region):
            active = each.status == "ACTIVE"
            if (active and name in (each.name, each.set_id, each.arn)) or (deleted and name == each.set_id):
                return each
        raise not_found(name)


def not_found(name: str) -> RefusedError:
    """The answer to who asks for a set that is not there."""
    return RefusedError("StackSetNotFoundException", f"StackSet {name} not found", 404)


SETS = Sets()
