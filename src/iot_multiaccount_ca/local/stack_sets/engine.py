"""Operations on a set: one at a time, in request order; within one, regions and accounts as its preferences say.

By "StackSets concepts" and the status codes of the CloudFormation User Guide. Operations of a set with managed
execution that touch different instances, which AWS can run at the same time, come one after the other here.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from typing import TYPE_CHECKING

from ministack.core.responses import now_iso

from . import membership, parameters, roles, stacks
from .refusal import RefusedError
from .values import Instance, Operation, Result, StackSet

if TYPE_CHECKING:
    from collections.abc import Coroutine

_TOLERANCE = "Cancelled since failure tolerance has exceeded"
_STOPPED = "Cancelled since the operation was stopped"
_SUSPENDED = "ACCOUNT_SUSPENDED"
_INITIATED = "User initiated operation"
# asyncio holds its tasks weakly.
_tasks: set[asyncio.Task[None]] = set()


def submit(stack_set: StackSet, operation: Operation, *, queue: bool = False) -> str:
    """Begin an operation, or queue it behind those that are not finished; its id.

    ``queue``: it waits even where managed execution is off, as automatic deployments do. Raises `RefusedError` where an
    operation is in progress and nothing may wait, or its id came before.
    """
    if operation.operation_id in stack_set.operations:
        raise RefusedError("OperationIdAlreadyExistsException", "The operation id exists already", 409)
    unfinished = stack_set.unfinished
    if unfinished and not (queue or stack_set.managed_execution):
        raise RefusedError(
            "OperationInProgressException",
            f"Another Operation on StackSet {stack_set.arn} is in progress: {unfinished[0].operation_id}",
            409,
        )
    for result in operation.results:
        _announce(stack_set, operation, result)
    stack_set.operations[operation.operation_id] = operation
    if not unfinished:
        operation.status = "RUNNING"
        _spawn(_work_off(stack_set, operation))
    return operation.operation_id


def stop(stack_set: StackSet, operation_id: str) -> None:
    """Start no more of an operation's instances; those that are being worked on are finished."""
    operation = stack_set.operations.get(operation_id)
    if operation is None:
        raise RefusedError("OperationNotFoundException", f"Operation {operation_id} not found", 404)
    if operation.status == "QUEUED":
        for result in operation.results:
            _cancel(stack_set, operation, result, _STOPPED)
        operation.status, operation.ended = "STOPPED", now_iso()
    elif operation.status == "RUNNING":
        operation.status = "STOPPING"
    else:
        raise RefusedError(
            "InvalidOperationException",
            f"Operation {operation_id} is {operation.status}, and cannot be stopped",
        )


def _spawn(work: Coroutine[None, None, None]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def _work_off(stack_set: StackSet, operation: Operation) -> None:
    """Run an operation, and then those that were queued meanwhile."""
    waiting: Operation | None = operation
    while waiting is not None:
        waiting.status = "RUNNING"
        await _run(stack_set, waiting)
        waiting = next((each for each in stack_set.unfinished if each.status == "QUEUED"), None)


async def _run(stack_set: StackSet, operation: Operation) -> None:
    by_region: defaultdict[str, list[Result]] = defaultdict(list)
    for result in operation.results:
        by_region[result.region].append(result)
    regions = operation.preferences.in_order(by_region)
    if operation.preferences.parallel_regions:
        good = all(
            await asyncio.gather(*(_run_region(stack_set, operation, by_region[each]) for each in regions))
        )
    else:
        good = True
        for region in regions:
            good = good and await _run_region(stack_set, operation, by_region[region])
    for result in operation.results:
        if result.status == "PENDING":
            stopping = operation.status == "STOPPING"
            _cancel(stack_set, operation, result, _STOPPED if stopping else _TOLERANCE)
    if operation.status == "STOPPING":
        operation.status = "STOPPED"
    else:
        operation.status = "SUCCEEDED" if good else "FAILED"
    operation.ended = now_iso()


async def _run_region(stack_set: StackSet, operation: Operation, results: list[Result]) -> bool:
    """Work on the accounts of a region; whether no more failed than may."""
    waiting, count, failures = deque(results), len(results), 0
    tolerated = operation.preferences.tolerated(count)
    running: set[asyncio.Task[bool]] = set()
    while True:
        while (
            waiting
            and operation.status == "RUNNING"
            and failures <= tolerated
            and len(running) < operation.preferences.at_once(count, failures)
        ):
            running.add(asyncio.create_task(_work_on(stack_set, operation, waiting.popleft())))
        if not running:
            return failures <= tolerated
        done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        failures += sum(not task.result() for task in done)


async def _work_on(stack_set: StackSet, operation: Operation, result: Result) -> bool:
    """Create, update or delete one instance; whether it did not fail."""
    if operation.action == "CREATE":
        # It can have left with another operation, while this one waited.
        _announce(stack_set, operation, result)
    instance = stack_set.instances.get((result.account, result.region))
    if instance is None:
        result.status = "SUCCEEDED"
        return True
    result.status = instance.detailed = "RUNNING"
    removing = operation.action == "DELETE"
    if removing and operation.retain:
        return _forget(stack_set, result)
    if membership.is_suspended(stack_set.owner, result.account):
        result.status, result.reason = "CANCELLED", _SUSPENDED
        instance.settle(instance.status, "SKIPPED_SUSPENDED_ACCOUNT", _SUSPENDED)
        return True
    failure = "" if stack_set.service_managed else roles.missing(stack_set, result.account)
    if not failure:
        try:
            failure = await (stacks.delete(instance) if removing else stacks.deploy(stack_set, instance))
        except Exception as error:  # a fault of the emulator fails one instance, not the operation
            failure = f"Internal failure: {error!r}"
    if not failure:
        if removing:
            return _forget(stack_set, result)
        instance.settle("CURRENT", "SUCCEEDED")
        result.status = "SUCCEEDED"
        return True
    result.status, result.reason = "FAILED", failure
    instance.settle("INOPERABLE" if removing else "OUTDATED", "INOPERABLE" if removing else "FAILED", failure)
    return False


def _forget(stack_set: StackSet, result: Result) -> bool:
    stack_set.instances.pop((result.account, result.region), None)
    result.status = "SUCCEEDED"
    return True


def _announce(stack_set: StackSet, operation: Operation, result: Result) -> None:
    """Show that an instance is to be worked on; a set has the instances of a creation from its request on."""
    instance = stack_set.instances.setdefault(
        (result.account, result.region), Instance(result.account, result.region, result.unit)
    )
    result.unit = instance.unit = instance.unit or result.unit
    if operation.overrides is not None:
        instance.overrides = parameters.settled(operation.overrides, instance.overrides)
    instance.operation_id = operation.operation_id
    instance.settle("OUTDATED" if instance.status != "INOPERABLE" else "INOPERABLE", "PENDING", _INITIATED)


def _cancel(stack_set: StackSet, operation: Operation, result: Result, reason: str) -> None:
    result.status, result.reason = "CANCELLED", reason
    instance = stack_set.instances.get((result.account, result.region))
    if instance is not None and instance.operation_id == operation.operation_id:
        instance.settle(instance.status, "CANCELLED", reason)
