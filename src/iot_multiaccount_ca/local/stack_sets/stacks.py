"""An instance's stack: the emulator's own CreateStack, UpdateStack and DeleteStack, in the target's account and region.

Each answers why it failed, in the words that StackSets uses for it, or "".
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from ministack.core.responses import request_scope
from ministack.services import cloudformation

if TYPE_CHECKING:
    from .values import Instance, StackSet

_POLL_SECONDS = 0.02
_GONE = ("", "DELETE_COMPLETE")
#: A stack that never came to be: CloudFormation updates none of these, so that it is made anew.
_STILLBORN = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")
_BEGINNINGS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
_GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
_UNCHANGED = "No updates are to be performed."


async def deploy(stack_set: StackSet, instance: Instance) -> str:
    """Bring an instance's stack to what its set says."""
    with request_scope(instance.account, instance.region):
        status = _status(instance)
        if status in _STILLBORN:
            failure = await _delete(instance)
            if failure:
                return failure
            status = ""
        call = "UpdateStack"
        if status in _GONE:
            call = "CreateStack"
            instance.stack_name = f"StackSet-{stack_set.name}-{uuid.uuid4()}"
        failure = _call(call, _request(stack_set, instance))
        if failure:
            return "" if failure == _UNCHANGED else failure
        instance.stack_id = cloudformation._stacks[instance.stack_name]["StackId"]
        status = await _settled(instance)
        return "" if status in _GOOD else _reason(instance)


async def delete(instance: Instance) -> str:
    """Delete an instance's stack, where there is one."""
    with request_scope(instance.account, instance.region):
        return "" if _status(instance) in _GONE else await _delete(instance)


async def _delete(instance: Instance) -> str:
    failure = _call("DeleteStack", {"StackName": instance.stack_name})
    if failure:
        return failure
    # The emulator deletes in a task of its own, which begins now.
    await asyncio.sleep(0)
    return _reason(instance) if await _settled(instance) == "DELETE_FAILED" else ""


def _request(stack_set: StackSet, instance: Instance) -> dict[str, str]:
    properties = stack_set.properties
    request = {"StackName": instance.stack_name, "TemplateBody": properties["TemplateBody"], "Tags": ""}
    for number, capability in enumerate(properties.get("Capabilities", []), 1):
        request[f"Capabilities.member.{number}"] = capability
    for number, tag in enumerate(properties.get("Tags", []), 1):
        request[f"Tags.member.{number}.Key"] = tag["Key"]
        request[f"Tags.member.{number}.Value"] = tag["Value"]
    given = {
        each["ParameterKey"]: each.get("ParameterValue", "")
        for each in (*properties.get("Parameters", []), *instance.overrides)
    }
    for number, (key, value) in enumerate(given.items(), 1):
        request[f"Parameters.member.{number}.ParameterKey"] = key
        request[f"Parameters.member.{number}.ParameterValue"] = value
    return request


def _call(action: str, request: dict[str, str]) -> str:
    """The message of the error that a call ends in; "" for none."""
    handler = cloudformation._ACTION_HANDLERS[action]
    status, _, body = handler({name: [value] for name, value in request.items()})
    if status < 400:
        return ""
    found = ET.fromstring(body).find(".//{*}Message")  # noqa: S314 - the emulator's own answer
    return (found.text if found is not None else None) or body.decode()


def _stack(instance: Instance) -> dict[str, Any]:
    return cloudformation._stacks.get(instance.stack_name) or {}


def _status(instance: Instance) -> str:
    return str(_stack(instance).get("StackStatus", ""))


async def _settled(instance: Instance) -> str:
    while (status := _status(instance)).endswith("_IN_PROGRESS"):
        await asyncio.sleep(_POLL_SECONDS)
    return status


def _reason(instance: Instance) -> str:
    """The first failure of the last attempt, as StackSets words it."""
    stack = _stack(instance)
    failures: list[dict[str, Any]] = []
    for event in cloudformation._stack_events.get(stack.get("StackId"), []):
        of_stack = event["LogicalResourceId"] == instance.stack_name
        if of_stack and event["ResourceStatus"] in _BEGINNINGS:
            failures = []
        elif event["ResourceStatus"].endswith("_FAILED") and not of_stack:
            failures.append(event)
    if not failures:
        return str(stack.get("StackStatusReason") or stack.get("StackStatus", ""))
    first = failures[0]
    return (
        f"ResourceLogicalId:{first['LogicalResourceId']}, ResourceType:{first['ResourceType']}, "
        f"ResourceStatusReason:{first.get('ResourceStatusReason', '')}."
    )
