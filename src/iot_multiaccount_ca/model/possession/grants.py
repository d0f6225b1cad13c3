"""Permissions and policies as data: what a stage's role needs, and what the owner of a foreign key must add.

Each way of proof builds its own of these: the one thing, tied by conditions to the one purpose where AWS has a
condition for it. See the Service Authorization Reference.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Permission:
    """One Allow statement: ``actions`` on ``resources`` under ``conditions`` (IAM's own shape, or None)."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Any] | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True)
class ForeignPolicy:
    """What the owner of a secret, key or private CA in another account must add for a stage to use it.

    ``resource_arn``: on what. ``kind``: which policy, as "add this to the …" goes on. ``document``: the policy
    to add, or its statements where there is one already.
    """

    resource_arn: str
    kind: str
    document: Mapping[str, Any] = field(hash=False)

    def to_json(self) -> str:
        """The document as a person pastes it."""
        return json.dumps(self.document, indent=2)


def root_of(partition: str, account: str) -> dict[str, str]:
    """The account as principal, not the role: KMS refuses a policy that names a role which does not exist yet."""
    return {"AWS": Target(partition, account, "").arn("iam", "root")}


def only_roles(pattern: str | None) -> dict[str, Any]:
    """The condition that narrows a grant to roles whose ARN is like the pattern; none without one."""
    return {"ArnLike": {"aws:PrincipalArn": pattern}} if pattern else {}


def statement(
    sid: str,
    principal: Mapping[str, str],
    actions: tuple[str, ...],
    conditions: Mapping[str, Any],
    *,
    resource: str = "*",
) -> dict[str, Any]:
    """One Allow statement of a policy on a resource."""
    made: dict[str, Any] = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": dict(principal),
        "Action": list(actions) if len(actions) > 1 else actions[0],
        "Resource": resource,
    }
    if conditions:
        made["Condition"] = dict(conditions)
    return made
