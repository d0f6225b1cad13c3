"""The calls on operations of stack sets: describe, list, their results, stop; and on trusted access."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ministack.core.responses import get_account_id

from . import engine, membership, trust
from .administration import find, owner_of
from .pages import page
from .refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .values import Operation, Result


def describe(request: dict[str, Any]) -> dict[str, Any]:
    """DescribeStackSetOperation."""
    stack_set = find(request, deleted=True)
    operation = _operation(request)
    shown = {
        **_summary(operation),
        "StackSetId": stack_set.set_id,
        "AdministrationRoleARN": stack_set.properties.get("AdministrationRoleARN"),
        "ExecutionRoleName": stack_set.properties.get("ExecutionRoleName"),
        "DeploymentTargets": operation.targets,
    }
    if operation.action == "DELETE":
        shown["RetainStacks"] = operation.retain
    return {"StackSetOperation": shown}


def list_operations(request: dict[str, Any]) -> dict[str, Any]:
    """ListStackSetOperations, newest first."""
    stack_set = find(request, deleted=True)
    return page([_summary(each) for each in reversed(stack_set.operations.values())], request)


def list_results(request: dict[str, Any]) -> dict[str, Any]:
    """ListStackSetOperationResults."""
    operation = _operation(request)
    wanted = None
    for each in request.get("Filters", []):
        wanted = each.get("Values", "").split(",")
    shown = [_result(each) for each in operation.results if wanted is None or each.status in wanted]
    return page(shown, request)


def stop(request: dict[str, Any]) -> None:
    """StopStackSetOperation."""
    engine.stop(find(request), request["OperationId"])


def activate_access(_request: dict[str, Any]) -> None:
    """ActivateOrganizationsAccess, by the management account alone."""
    caller = _manager()
    trust.activated.add(caller)
    trust.trusted[caller] |= {trust.MEMBER_PRINCIPAL, trust.MANAGER_PRINCIPAL}


def deactivate_access(_request: dict[str, Any]) -> None:
    """DeactivateOrganizationsAccess."""
    caller = _manager()
    trust.activated.discard(caller)
    trust.trusted[caller] -= {trust.MEMBER_PRINCIPAL, trust.MANAGER_PRINCIPAL}


def describe_access(request: dict[str, Any]) -> dict[str, Any]:
    """DescribeOrganizationsAccess."""
    return {"Status": "ENABLED" if owner_of(request) in trust.activated else "DISABLED"}


def _manager() -> str:
    caller: str = get_account_id()
    if membership.manager_of(caller) != caller:
        raise RefusedError(
            "InvalidOperationException", "Only the management account can change organizations access"
        )
    return caller


def _operation(request: Mapping[str, Any]) -> Operation:
    found = find(request, deleted=True).operations.get(request["OperationId"])
    if found is None:
        raise RefusedError("OperationNotFoundException", f"Operation {request['OperationId']} not found", 404)
    return found


def _summary(operation: Operation) -> dict[str, Any]:
    return {
        "OperationId": operation.operation_id,
        "Action": operation.action,
        "Status": operation.status,
        "CreationTimestamp": operation.created,
        "EndTimestamp": operation.ended,
        "StatusReason": operation.reason,
        "StatusDetails": {"FailedStackInstancesCount": operation.failures},
        "OperationPreferences": dict(operation.preferences.given),
    }


def _result(result: Result) -> dict[str, Any]:
    return {
        "Account": result.account,
        "Region": result.region,
        "Status": result.status,
        "StatusReason": result.reason,
        "OrganizationalUnitId": result.unit,
    }
