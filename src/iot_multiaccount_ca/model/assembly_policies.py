"""What other accounts must add for a stage to use their secret or key, as a synthesized app says it.

Written beside the registration by the constructs, read by tools without running the app. Knows nothing of AWS.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .assembly import METADATA_TYPE
from .assembly_files import member, read_stacks

if TYPE_CHECKING:
    import os

    from .possession.grants import ForeignPolicy

FOREIGN_POLICY_METADATA_TYPE = "iot-multiaccount-ca:foreign-policy"


@dataclass(frozen=True, slots=True)
class PlannedForeignPolicy:
    """``policy`` is to be added to the ``kind`` (in words) of ``resource_arn``, for the stacks of ``labels``."""

    labels: tuple[str, ...]
    kind: str
    resource_arn: str
    policy: dict[str, Any]

    @property
    def sentence(self) -> str:
        """What is to be done, without the policy itself."""
        return what_to_add(self.kind, self.resource_arn)

    def to_json(self) -> str:
        """The policy as a person pastes it."""
        return json.dumps(self.policy, indent=2)


def what_to_add(kind: str, resource_arn: str) -> str:
    """What the owner of a secret, key or private CA is asked to do; the policy itself follows."""
    return f"add this to the {kind} of {resource_arn}, which another account owns:"


def metadata_of(policy: ForeignPolicy) -> dict[str, Any]:
    """The metadata entry's data."""
    return {"kind": policy.kind, "resourceArn": policy.resource_arn, "policy": dict(policy.document)}


def read_foreign_policies(assembly: str | os.PathLike[str]) -> list[PlannedForeignPolicy]:
    """Each policy once, in deploy order. Raises `AssemblyError` for an entry that cannot be one."""
    found: dict[str, PlannedForeignPolicy] = {}
    for stack in read_stacks(assembly):
        for path, entries in stack.metadata.items():
            record = next((each.get("data") for each in entries if each["type"] == METADATA_TYPE), None)
            stage = record.get("stage") if isinstance(record, dict) else None
            label = stage if isinstance(stage, str) else stack.name
            for entry in entries:
                if entry["type"] != FOREIGN_POLICY_METADATA_TYPE:
                    continue
                data = member(entry, "data", dict, path)
                kind, arn = member(data, "kind", str, path), member(data, "resourceArn", str, path)
                policy = member(data, "policy", dict, path)
                key = json.dumps([kind, arn, policy])
                labels = (*found[key].labels, label) if key in found else (label,)
                found[key] = PlannedForeignPolicy(labels, kind, arn, policy)
    return list(found.values())
