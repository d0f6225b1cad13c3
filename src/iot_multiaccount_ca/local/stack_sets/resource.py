"""The resource AWS::CloudFormation::StackSet: calls of the API in the order in which AWS's own handler makes them.

That order, what is compared and the sentence of a failure follow the handler that AWS publishes (repository
aws-cloudformation-resource-providers-cloudformation): on an update first managed execution, then instances that
go, then the set, then instances that come, then those with other parameters. Other preferences alone make no operation.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ministack.core.responses import new_uuid, now_iso
from ministack.services import cloudformation
from ministack.services.cloudformation import provisioners, stacks

from . import groups
from .administration import find
from .calls import CALLS
from .refusal import RefusedError, invalid
from .values import UNFINISHED, StackSet
from .wire import check, coerced, request_shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    Properties = dict[str, Any]

TYPE = "AWS::CloudFormation::StackSet"
_REPLACING = ("PermissionModel", "StackSetName")
_COMPARED = (
    *("AdministrationRoleARN", "Description", "ExecutionRoleName", "TemplateBody", "Parameters"),
    *("AutoDeployment", "Tags"),
)
_OF_REQUEST = (
    *_COMPARED,
    "StackSetName",
    "PermissionModel",
    "Capabilities",
    "CallAs",
    "ManagedExecution",
    "TemplateURL",
)
_CODES = {
    "NameAlreadyExistsException": "AlreadyExists",
    "StackSetNotFoundException": "NotFound",
    "LimitExceededException": "ServiceLimitExceeded",
    "StackSetNotEmptyException": "GeneralServiceException",
}
_POLL_SECONDS = 0.02
_MOST_LETTERS = 850
# The emulator's event loop, on which sets live; resources are made on threads of their own, since they wait.
_loop: list[asyncio.AbstractEventLoop] = []


def close() -> None:
    """Let templates have stack sets."""
    provisioners._RESOURCE_HANDLERS[TYPE] = {"create": _create, "update": _update, "delete": _delete}
    provisioners._STACK_TAG_PROPERTY[TYPE] = ("Tags", "list")
    provisioners._REPLACING_PROPERTIES[TYPE] = _REPLACING
    on_thread, sends_back = stacks._runs_on_worker_thread, stacks._sends_back_failed_update

    def runs_on_worker_thread(resource_type: str) -> bool:
        _loop[:] = [asyncio.get_running_loop()]
        return resource_type == TYPE or bool(on_thread(resource_type))

    def sends_back_failed_update(resource_type: str) -> bool:
        # An operation that failed has changed instances before: the roll-back updates the set again.
        return resource_type == TYPE or bool(sends_back(resource_type))

    stacks._runs_on_worker_thread = runs_on_worker_thread
    stacks._sends_back_failed_update = sends_back_failed_update


def _create(logical_id: str, given: Properties, stack_name: str) -> tuple[str, dict[str, str]]:
    properties = _checked(given)
    set_id = str(
        _call("CreateStackSet", {name: properties[name] for name in _OF_REQUEST if name in properties})[
            "StackSetId"
        ]
    )
    try:
        for group in groups.to_create(properties):
            _operate("CreateStackInstances", set_id, properties, group)
    except RuntimeError:
        _remember(stack_name, logical_id, set_id, given)
        raise
    return set_id, {"StackSetId": set_id}


def _update(set_id: str, old: Properties, new: Properties, _stack_name: str) -> tuple[str, dict[str, str]]:
    before, after = _checked(old), _checked(new)
    stack_set = _find(set_id, after)
    managed = after.get("ManagedExecution", {}).get("Active", False)
    if managed != stack_set.managed_execution:
        _operate(
            "UpdateStackSet",
            set_id,
            after,
            {
                "UsePreviousTemplate": True,
                "ManagedExecution": {"Active": managed},
                "Capabilities": after.get("Capabilities", []),
            },
        )
    changes = groups.changes(stack_set, before, after)
    for group in changes.gone:
        _operate("DeleteStackInstances", set_id, after, {**group, "RetainStacks": False})
    if "TemplateURL" in after or any(before.get(name) != after.get(name) for name in _COMPARED):
        sent = (*_COMPARED, "Capabilities", "TemplateURL")
        _operate("UpdateStackSet", set_id, after, {name: after[name] for name in sent if name in after})
    for group in changes.new:
        _operate("CreateStackInstances", set_id, after, group)
    for group in changes.other:
        _operate("UpdateStackInstances", set_id, after, group)
    return set_id, {"StackSetId": set_id}


def _delete(set_id: str, given: Properties) -> None:
    properties = _checked(given)
    try:
        _find(set_id, properties)
    except RuntimeError:
        # It is gone already.
        return
    for group in groups.to_create(properties):
        _operate("DeleteStackInstances", set_id, properties, {**group, "RetainStacks": False})
    _call("DeleteStackSet", {"StackSetName": set_id, **_as_whom(properties)})


def _checked(given: Mapping[str, Any]) -> Properties:
    """The properties by the API's types. Raises `RuntimeError` for what the type does not have, or needs."""
    known = {**request_shape("CreateStackSet").members}
    known["OperationPreferences"] = request_shape("CreateStackInstances").members["OperationPreferences"]
    checked: Properties = {}
    try:
        for name in ("StackSetName", "PermissionModel"):
            if name not in given:
                raise invalid(f"Model validation failed (#: required key [{name}] not found)")
        for name, value in given.items():
            if name == "StackInstancesGroup":
                shape = request_shape("CreateStackInstances")
                checked[name] = [coerced(shape, each, f"/{name}/{n}") for n, each in enumerate(value)]
            elif name not in known:
                raise invalid(f"Model validation failed (#: extraneous key [{name}] is not permitted)")
            else:
                checked[name] = coerced(known[name], value, f"/{name}")
    except RefusedError as refused:
        raise _failure(refused.message, "InvalidRequest") from refused
    # CloudFormation's own tags of the resource are not tags of the set's stacks.
    if "Tags" in checked:
        checked["Tags"] = [each for each in checked["Tags"] if not each["Key"].startswith("aws:")]
    return checked


def _as_whom(properties: Properties) -> Properties:
    return {"CallAs": properties["CallAs"]} if "CallAs" in properties else {}


def _find(set_id: str, properties: Properties) -> StackSet:
    try:
        return find({"StackSetName": set_id, **_as_whom(properties)})
    except RefusedError as refused:
        raise _failure(refused.message, "NotFound") from refused


def _call(name: str, request: Properties) -> Properties:
    """A call of the API, made on the emulator's loop. Raises `RuntimeError` with CloudFormation's words."""

    async def called() -> Properties:
        check(name, request)
        return CALLS[name](request) or {}

    try:
        return asyncio.run_coroutine_threadsafe(called(), _loop[0]).result()
    except RefusedError as refused:
        raise _passed_on(refused) from refused


def _operate(name: str, set_id: str, properties: Properties, request: Properties) -> None:
    """An operation on the set, to its end. Raises `RuntimeError` where it does not succeed."""
    whole = {"StackSetName": set_id, **_as_whom(properties), **request}
    if "OperationPreferences" in properties:
        whole["OperationPreferences"] = properties["OperationPreferences"]
    stack_set = _find(set_id, properties)

    async def ended() -> Properties:
        while stack_set.unfinished and not stack_set.managed_execution:
            await asyncio.sleep(_POLL_SECONDS)
        check(name, whole)
        operation_id = (CALLS[name](whole) or {})["OperationId"]
        operation = stack_set.operations[operation_id]
        while operation.status in UNFINISHED:
            await asyncio.sleep(_POLL_SECONDS)
        return {"operation": operation}

    try:
        operation = asyncio.run_coroutine_threadsafe(ended(), _loop[0]).result()["operation"]
    except RefusedError as refused:
        if refused.code == "StackInstanceNotFoundException" and name == "DeleteStackInstances":
            return
        raise _passed_on(refused) from refused
    if operation.status != "SUCCEEDED":
        reasons = dict.fromkeys(each.reason for each in operation.results if each.status == "FAILED")
        said = "".join(f" [{reason}]" for reason in reasons)
        message = (
            f"Stack set operation [{operation.operation_id}] was unexpectedly stopped or failed. "
            f"status reason(s):{said}"
        )
        if len(message) > _MOST_LETTERS:
            message = (
                f"{message[:_MOST_LETTERS]}... Use list-stack-set-operation-results for more information."
            )
        raise _failure(message, "NotStabilized")


def _passed_on(refused: RefusedError) -> RuntimeError:
    code = _CODES.get(refused.code, "InvalidRequest")
    return _failure(f"{refused.message} (Service: CloudFormation, {refused.code})", code)


def _failure(message: str, code: str) -> RuntimeError:
    return RuntimeError(
        f'Resource handler returned message: "{message}" (RequestToken: {new_uuid()}, HandlerErrorCode: {code})'
    )


def _remember(stack_name: str, logical_id: str, set_id: str, properties: Properties) -> None:
    """Put a half-made set among the stack's resources, so that the roll-back deletes it."""
    stack = cloudformation._stacks.get(stack_name)
    if stack is not None:
        stack.setdefault("_resources", {})[logical_id] = {
            "PhysicalResourceId": set_id,
            "ResourceType": TYPE,
            "ResourceStatus": "CREATE_FAILED",
            "LogicalResourceId": logical_id,
            "Properties": properties,
            "Attributes": {"StackSetId": set_id},
            "Timestamp": now_iso(),
        }
