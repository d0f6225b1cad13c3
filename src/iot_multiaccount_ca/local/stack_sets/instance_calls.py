"""The calls on stack instances: create, update, delete, describe, list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ministack.services.cloudformation import engine as templates

from . import engine, parameters
from .administration import check_service_managed, find
from .pages import page
from .preferences import Preferences
from .refusal import RefusedError
from .targets import check_regions, resolve
from .values import Instance, Operation, Result, StackSet

if TYPE_CHECKING:
    from collections.abc import Mapping

# A quota of CloudFormation's documents.
MOST_INSTANCES = 100_000
_FILTERS = {"DETAILED_STATUS": "detailed", "LAST_OPERATION_ID": "operation_id"}


def create(request: dict[str, Any]) -> dict[str, Any]:
    """CreateStackInstances. What is there already is brought up to date."""
    stack_set = find(request)
    _check(stack_set, request)
    accounts = resolve(stack_set, request, creating=True)
    results = [
        Result(account, region, unit) for region in request["Regions"] for account, unit in accounts.items()
    ]
    new = sum((each.account, each.region) not in stack_set.instances for each in results)
    if len(stack_set.instances) + new > MOST_INSTANCES:
        raise RefusedError("LimitExceededException", f"A StackSet has at most {MOST_INSTANCES} instances")
    answer = _submit(stack_set, "CREATE", request, results)
    for unit in (request.get("DeploymentTargets") or {}).get("OrganizationalUnitIds", []):
        regions = stack_set.deployed.setdefault(unit, [])
        regions += [each for each in request["Regions"] if each not in regions]
    return answer


def update(request: dict[str, Any]) -> dict[str, Any]:
    """UpdateStackInstances: other parameter values for instances that there are."""
    stack_set = find(request)
    _check(stack_set, request)
    return _submit(stack_set, "UPDATE", request, targeted(stack_set, request, strict=True))


def delete(request: dict[str, Any]) -> dict[str, Any]:
    """DeleteStackInstances; with RetainStacks the stacks stay, and are nobody's."""
    stack_set = find(request)
    _check(stack_set, request)
    results = targeted(stack_set, request)
    answer = _submit(stack_set, "DELETE", request, results)
    targets = request.get("DeploymentTargets") or {}
    going = {(each.account, each.region) for each in results}
    staying = {(each.unit, each.region) for key, each in stack_set.instances.items() if key not in going}
    for unit in targets.get("OrganizationalUnitIds", []):
        left = [
            region
            for region in stack_set.deployed.pop(unit, [])
            if region not in request["Regions"] or (targets.get("Accounts") and (unit, region) in staying)
        ]
        if left:
            stack_set.deployed[unit] = left
    return answer


def targeted(stack_set: StackSet, request: Mapping[str, Any], *, strict: bool = False) -> list[Result]:
    """Those of the instances that a request is for, in its regions or all; also of accounts that left a unit.

    ``strict``: an account that was listed and has none is refused.
    """
    accounts = resolve(stack_set, request, creating=False)
    targets = request.get("DeploymentTargets") or {}
    units = targets.get("OrganizationalUnitIds") or []
    whole_units = stack_set.service_managed and not targets.get("Accounts")
    regions = request.get("Regions") or list(dict.fromkeys(region for _, region in stack_set.instances))
    found = [
        Result(each.account, each.region, each.unit)
        for region in regions
        for each in stack_set.instances.values()
        if each.region == region and (each.account in accounts or (whole_units and each.unit in units))
    ]
    there = {(each.account, each.region) for each in found}
    if strict and not stack_set.service_managed:
        for account in accounts:
            for region in regions:
                if (account, region) not in there:
                    raise _not_found(stack_set, account, region)
    return found


def describe(request: dict[str, Any]) -> dict[str, Any]:
    """DescribeStackInstance."""
    stack_set = find(request)
    account, region = request["StackInstanceAccount"], request["StackInstanceRegion"]
    instance = stack_set.instances.get((account, region))
    if instance is None:
        raise _not_found(stack_set, account, region)
    return {"StackInstance": {**_shown(stack_set, instance), "ParameterOverrides": instance.overrides}}


def list_instances(request: dict[str, Any]) -> dict[str, Any]:
    """ListStackInstances, by account, region and filters."""
    stack_set = find(request)
    wanted = {}
    for each in request.get("Filters", []):
        wanted[each.get("Name", "")] = each.get("Values", "").split(",")
    summaries = [
        _shown(stack_set, each)
        for each in stack_set.instances.values()
        if request.get("StackInstanceAccount") in (None, each.account)
        and request.get("StackInstanceRegion") in (None, each.region)
        and "NOT_CHECKED" in wanted.get("DRIFT_STATUS", ["NOT_CHECKED"])
        and all(getattr(each, field) in wanted[name] for name, field in _FILTERS.items() if name in wanted)
    ]
    return page(summaries, request)


def _check(stack_set: StackSet, request: Mapping[str, Any]) -> None:
    check_regions(request["Regions"])
    check_service_managed({**request, "PermissionModel": stack_set.properties["PermissionModel"]})


def _submit(
    stack_set: StackSet, action: str, request: Mapping[str, Any], results: list[Result]
) -> dict[str, Any]:
    if overrides := request.get("ParameterOverrides"):
        parameters.check(overrides)
        template = templates._parse_template(stack_set.properties["TemplateBody"])
        parameters.check_known(template.get("Parameters") or {}, overrides)
    operation = Operation(action, Preferences(request.get("OperationPreferences", {})), results)
    operation.operation_id = request.get("OperationId", operation.operation_id)
    operation.retain = bool(request.get("RetainStacks"))
    operation.targets = request.get("DeploymentTargets")
    operation.overrides = request.get("ParameterOverrides")
    return {"OperationId": engine.submit(stack_set, operation)}


def _shown(stack_set: StackSet, instance: Instance) -> dict[str, Any]:
    return {
        "StackSetId": stack_set.set_id,
        "Region": instance.region,
        "Account": instance.account,
        "StackId": instance.stack_id,
        "Status": instance.status,
        "StatusReason": instance.reason,
        "StackInstanceStatus": {"DetailedStatus": instance.detailed},
        "OrganizationalUnitId": instance.unit,
        "DriftStatus": "NOT_CHECKED",
        "LastOperationId": instance.operation_id,
    }


def _not_found(stack_set: StackSet, account: str, region: str) -> RefusedError:
    return RefusedError(
        "StackInstanceNotFoundException",
        f"Stack instance for account {account} and region {region} not found in StackSet {stack_set.name}",
        404,
    )
