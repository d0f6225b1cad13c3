"""The two roles of a self-managed set: who administers assumes, in each target account, the role that executes.

Only their existence and trust are judged: what the execution role may do is not, since the emulator's CloudFormation
asks no policy.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ministack.core.responses import request_scope
from ministack.services import iam

from . import ADMINISTRATION, EXECUTION

if TYPE_CHECKING:
    from .values import StackSet


def missing(stack_set: StackSet, account: str) -> str:
    """Why a self-managed set cannot work in an account, in AWS's words; "" where it can."""
    arn = stack_set.properties.get("AdministrationRoleARN") or (
        f"arn:aws:iam::{stack_set.owner}:role/{ADMINISTRATION}"
    )
    administration = arn.rpartition("/")[2]
    if not _trusts(stack_set.owner, administration, "Service", "cloudformation.amazonaws.com"):
        return (
            f"Account {stack_set.owner} should have '{administration}' role with trust relationship to "
            "CloudFormation service."
        )
    execution = stack_set.properties.get("ExecutionRoleName") or EXECUTION
    trusted = (arn, stack_set.owner, f"arn:aws:iam::{stack_set.owner}:root")
    if not _trusts(account, execution, "AWS", *trusted):
        return (
            f"Account {account} should have '{execution}' role with trust relationship to "
            f"Role '{administration}'."
        )
    return ""


def _trusts(account: str, role: str, kind: str, *principals: str) -> bool:
    with request_scope(account, "us-east-1"):
        found = iam._roles.get(role)
    if found is None:
        return False
    document = found["AssumeRolePolicyDocument"]
    statements = (json.loads(document) if isinstance(document, str) else document).get("Statement", [])
    return any(
        statement.get("Effect") == "Allow"
        and "sts:AssumeRole" in _listed(statement.get("Action"))
        and set(principals) & set(_listed((statement.get("Principal") or {}).get(kind)))
        for statement in _listed(statements)
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
