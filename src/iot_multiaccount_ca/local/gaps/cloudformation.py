"""A custom resource whose Create failed, or never answered, is deleted when the stack rolls back or goes.

CloudFormation sends that Delete with the physical id that the answer named, or with one that it made up. And what a
roll-back could not delete stays in the stack, so that its deletion tries again.
"""

from __future__ import annotations

import secrets
import string
import threading
from typing import Any

from ministack.core.responses import now_iso
from ministack.services import cloudformation as stacks_of_all
from ministack.services.cloudformation import custom_resource, handlers, stacks

_FAILED = "CREATE_FAILED"
# The answer to the request that this worker thread waits for.
_waiting = threading.local()


def close() -> None:
    """Remember what a failed Create left, and have the roll-back delete it, or the stack's deletion after that."""
    register, invoke, roll_back = (
        custom_resource.register_token,
        custom_resource.invoke_custom_resource,
        stacks._roll_back_operation,
    )

    def register_token(token: str) -> threading.Event:
        event: threading.Event = register(token)
        _waiting.entry = custom_resource._pending[token]
        return event

    def invoke_custom_resource(
        request_type: str,
        logical_id: str,
        properties: dict[str, Any],
        stack_name: str,
        stack_id: str,
        resource_type: str,
        **more: Any,
    ) -> Any:
        _waiting.entry = {}
        try:
            return invoke(request_type, logical_id, properties, stack_name, stack_id, resource_type, **more)
        except (RuntimeError, TimeoutError):
            if request_type == "Create":
                _remember(stack_name, logical_id, resource_type, properties)
            raise

    async def roll_back_operation(
        stack_name: str,
        stack_id: str,
        stack: dict[str, Any],
        operation: dict[str, Any],
        *more: Any,
        **named: Any,
    ) -> None:
        failed = operation.get("failed_logical_id")
        if stack.get("_resources", {}).get(failed, {}).get("ResourceStatus") == _FAILED:
            operation.setdefault("created", []).append(failed)
        await roll_back(stack_name, stack_id, stack, operation, *more, **named)
        if stack["StackStatus"] == "ROLLBACK_FAILED":
            for logical_id, left in stack["_rollback_failed"].items():
                stack["_resources"][logical_id] = _record(logical_id, "DELETE_FAILED", left)

    custom_resource.register_token = register_token
    custom_resource.invoke_custom_resource = invoke_custom_resource
    stacks._roll_back_operation = handlers._roll_back_operation = roll_back_operation


def _remember(stack_name: str, logical_id: str, resource_type: str, properties: dict[str, Any]) -> None:
    """Put the failed resource among the stack's, as one that is still to be deleted."""
    answered = (_waiting.entry.get("result") or {}).get("PhysicalResourceId")
    stack = stacks_of_all._stacks.get(stack_name)
    if stack is None:
        return
    made = {
        "PhysicalResourceId": answered or _made_up(stack_name, logical_id),
        "ResourceType": resource_type,
        "Properties": properties,
    }
    stack.setdefault("_resources", {})[logical_id] = _record(logical_id, _FAILED, made)


def _record(logical_id: str, status: str, made: dict[str, Any]) -> dict[str, Any]:
    """A resource as a stack keeps it."""
    return {
        **made,
        "ResourceStatus": status,
        "LogicalResourceId": logical_id,
        "Attributes": {},
        "Timestamp": now_iso(),
    }


def _made_up(stack_name: str, logical_id: str) -> str:
    letters = string.ascii_uppercase + string.digits
    return f"{stack_name}-{logical_id}-{''.join(secrets.choice(letters) for _ in range(13))}"
