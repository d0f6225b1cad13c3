"""The calls on stack sets themselves: create, update, delete, describe, list."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ministack.core.responses import get_region
from ministack.services.cloudformation import engine as templates
from ministack.services.cloudformation import handlers, helpers

from . import engine, parameters
from .administration import check_service_managed, find, owner_of
from .instance_calls import targeted
from .pages import page
from .preferences import Preferences
from .refusal import RefusedError, invalid
from .values import SERVICE_MANAGED, SETS, Operation, Result, StackSet

if TYPE_CHECKING:
    from collections.abc import Mapping

# Quotas of CloudFormation's documents.
MOST_SETS = 1000
BODY_BYTES = 51_200
_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
_KEPT = (
    "Description",
    "TemplateBody",
    "Parameters",
    "Capabilities",
    "Tags",
    "AdministrationRoleARN",
    "ExecutionRoleName",
    "PermissionModel",
    "AutoDeployment",
    "ManagedExecution",
)
#: What an update changes in the stacks; where it changes nothing of it, no other instance is out of date.
_DEPLOYED = ("TemplateBody", "Parameters")


def create(request: dict[str, Any]) -> dict[str, Any]:
    """CreateStackSet."""
    owner, name = owner_of(request), request["StackSetName"]
    _check_played(request)
    if not _NAME.fullmatch(name):
        raise invalid(
            f"Value '{name}' at 'stackSetName' failed to satisfy constraint: Member must satisfy regular expression "
            "pattern: [a-zA-Z][-a-zA-Z0-9]*, with at most 128 characters"
        )
    _check_given(request)
    if "Parameters" in request:
        request = {**request, "Parameters": parameters.settled(request["Parameters"], ())}
    properties = _kept(request)
    _check_model(properties)
    check_service_managed(request)
    _check_template(properties, service_managed=properties["PermissionModel"] == SERVICE_MANAGED)
    active = [each for each in SETS.of(owner, get_region()) if each.status == "ACTIVE"]
    token = request.get("ClientRequestToken", "")
    for each in active:
        if each.name == name:
            return _made_before(each, token, properties)
    if len(active) >= MOST_SETS:
        raise RefusedError("LimitExceededException", f"An account has at most {MOST_SETS} stack sets")
    made = StackSet(name, owner, get_region(), properties, token=token)
    SETS.of(owner, get_region()).append(made)
    return {"StackSetId": made.set_id}


def _made_before(stack_set: StackSet, token: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a request of a name that is taken: it may be the one that made the set, once more."""
    if not token or token != stack_set.token:
        raise RefusedError("NameAlreadyExistsException", f"StackSet {stack_set.name} already exists", 409)
    if properties != stack_set.properties:
        raise RefusedError(
            "CreatedButModifiedException", f"StackSet {stack_set.name} exists, and has been changed", 409
        )
    return {"StackSetId": stack_set.set_id}


def update(request: dict[str, Any]) -> dict[str, Any]:
    """UpdateStackSet: the set takes the request's properties whole, and its instances, or those named, are updated."""
    stack_set = find(request)
    _check_played(request)
    _check_given(request)
    targets = request.get("Accounts") or request.get("DeploymentTargets")
    whole = not (targets or request.get("Regions"))
    if "AutoDeployment" in request and not whole:
        raise invalid("If you specify AutoDeployment, don't specify DeploymentTargets or Regions")
    if not whole and not (targets and request.get("Regions")):
        raise invalid("Accounts, or DeploymentTargets, and Regions must be specified together")
    if request.get("UsePreviousTemplate"):
        request = {**request, "TemplateBody": stack_set.properties["TemplateBody"]}
    # What a request leaves out stays, but for the template, which is given or named as the former one.
    former = {name: value for name, value in stack_set.properties.items() if name != "TemplateBody"}
    if not request.get("UsePreviousTemplate"):
        former.pop("Parameters", None)
    given = parameters.settled(request.get("Parameters", []), stack_set.properties.get("Parameters", []))
    kept = {"Parameters": given} if "Parameters" in request else {}
    properties = _kept({**former, **request, **kept})
    _check_model(properties)
    check_service_managed({**request, "PermissionModel": properties["PermissionModel"]})
    if properties["PermissionModel"] != stack_set.properties["PermissionModel"] and stack_set.instances:
        raise RefusedError(
            "InvalidOperationException", "PermissionModel cannot be changed while the set has instances"
        )
    if stack_set.unfinished and properties["ManagedExecution"] != stack_set.properties["ManagedExecution"]:
        raise RefusedError(
            "InvalidOperationException",
            "ManagedExecution cannot be changed while operations run or are queued",
        )
    _check_template(properties, service_managed=properties["PermissionModel"] == SERVICE_MANAGED)
    changes = any(properties.get(name) != stack_set.properties.get(name) for name in _DEPLOYED)
    results = (
        [Result(each.account, each.region, each.unit) for each in stack_set.instances.values()]
        if whole
        else targeted(stack_set, request, strict=True)
    )
    usable = [
        each for each in results if stack_set.instances[each.account, each.region].status != "INOPERABLE"
    ]
    operation = Operation("UPDATE", Preferences(request.get("OperationPreferences", {})), usable)
    operation.operation_id = request.get("OperationId", operation.operation_id)
    operation.targets = request.get("DeploymentTargets")
    operation_id = engine.submit(stack_set, operation)
    stack_set.properties = properties
    if changes:
        for instance in stack_set.instances.values():
            if instance.status == "CURRENT":
                instance.status = "OUTDATED"
    return {"OperationId": operation_id}


def delete(request: dict[str, Any]) -> None:
    """DeleteStackSet: only a set without instances; one that is not there is deleted already."""
    try:
        stack_set = find(request)
    except RefusedError as refused:
        if refused.code == "StackSetNotFoundException":
            return
        raise
    if stack_set.unfinished:
        raise RefusedError("OperationInProgressException", "An operation is in progress on the StackSet", 409)
    if stack_set.instances:
        raise RefusedError("StackSetNotEmptyException", "StackSet is not empty", 409)
    stack_set.status = "DELETED"


def describe(request: dict[str, Any]) -> dict[str, Any]:
    """DescribeStackSet."""
    stack_set = find(request, deleted=True)
    return {"StackSet": {**_summary(stack_set), **_details(stack_set)}}


def list_automatic(request: dict[str, Any]) -> dict[str, Any]:
    """ListStackSetAutoDeploymentTargets: where an account that joins gets the set's stacks."""
    stack_set = find(request)
    automatic = stack_set.properties["AutoDeployment"].get("Enabled")
    deployed = stack_set.deployed if automatic else {}
    return page(
        [{"OrganizationalUnitId": unit, "Regions": regions} for unit, regions in sorted(deployed.items())],
        request,
    )


def list_sets(request: dict[str, Any]) -> dict[str, Any]:
    """ListStackSets."""
    sets = SETS.of(owner_of(request), get_region())
    managed_only = request.get("CallAs") == "DELEGATED_ADMIN"
    return page(
        [
            _summary(each)
            for each in sets
            if request.get("Status") in (None, each.status) and (each.service_managed or not managed_only)
        ],
        request,
    )


def _summary(stack_set: StackSet) -> dict[str, Any]:
    shown = {name: stack_set.properties.get(name) for name in ("Description", "PermissionModel")}
    automatic = stack_set.properties["AutoDeployment"] if stack_set.service_managed else None
    return {
        **shown,
        "StackSetName": stack_set.name,
        "StackSetId": stack_set.set_id,
        "Status": stack_set.status,
        "AutoDeployment": automatic,
        "ManagedExecution": {"Active": stack_set.managed_execution},
        "DriftStatus": "NOT_CHECKED",
    }


def _details(stack_set: StackSet) -> dict[str, Any]:
    shown = {name: stack_set.properties.get(name) for name in _KEPT[1:7]}
    units = sorted(stack_set.deployed) if stack_set.service_managed else []
    regions = list(dict.fromkeys(region for _, region in stack_set.instances))
    return {**shown, "StackSetARN": stack_set.arn, "OrganizationalUnitIds": units, "Regions": regions}


def _check_played(request: Mapping[str, Any]) -> None:
    """Refuse, in our own words, what AWS takes and is not played here."""
    if request.get("StackId"):
        raise invalid("StackId, the import of a stack, is not played by the local AWS; use TemplateBody")
    if request.get("AutoDeployment", {}).get("DependsOn"):
        raise invalid("AutoDeployment.DependsOn is not played by the local AWS")


def _check_given(request: Mapping[str, Any]) -> None:
    """Refuse two templates, or two values of one parameter."""
    templates_given = [
        name for name in ("TemplateBody", "TemplateURL", "UsePreviousTemplate") if request.get(name)
    ]
    if len(templates_given) > 1:
        raise invalid(f"You must specify only one of {' and '.join(templates_given)}")
    parameters.check(request.get("Parameters", []))


def _kept(request: Mapping[str, Any]) -> dict[str, Any]:
    properties = {name: request[name] for name in _KEPT if name in request}
    if "TemplateURL" in request and "TemplateBody" not in request:
        properties["TemplateBody"] = _fetched(request["TemplateURL"])
    defaults: dict[str, Any] = {
        "PermissionModel": "SELF_MANAGED",
        "AutoDeployment": {},
        "ManagedExecution": {},
    }
    return {**defaults, "Tags": [], "Capabilities": [], **properties}


def _fetched(url: str) -> str:
    body, failure = helpers._resolve_template({"TemplateURL": [url]})
    if failure:
        raise invalid(f"TemplateURL {url} cannot be read")
    return str(body)


def _check_model(properties: Mapping[str, Any]) -> None:
    model, automatic = properties["PermissionModel"], properties["AutoDeployment"]
    if model == SERVICE_MANAGED:
        if "Enabled" not in automatic:
            raise invalid("AutoDeployment must be specified for a SERVICE_MANAGED stack set")
        if automatic["Enabled"] is not ("RetainStacksOnAccountRemoval" in automatic):
            raise invalid(
                "RetainStacksOnAccountRemoval must be specified if, and only if, AutoDeployment is enabled"
            )
        if properties.get("AdministrationRoleARN") or properties.get("ExecutionRoleName"):
            raise invalid("AdministrationRoleARN and ExecutionRoleName are for SELF_MANAGED stack sets")
    elif automatic:
        raise invalid("AutoDeployment is for SERVICE_MANAGED stack sets")


def _check_template(properties: Mapping[str, Any], *, service_managed: bool) -> None:
    body = properties.get("TemplateBody")
    if not body:
        raise invalid("Either TemplateBody, TemplateURL or UsePreviousTemplate must be specified")
    if len(body.encode()) > BODY_BYTES:
        raise invalid(
            f"Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to "
            f"{BODY_BYTES}"
        )
    try:
        template = templates._parse_template(body)
    except Exception as error:
        raise invalid(f"Template format error: {error}") from error
    if problem := helpers.capabilities_problems(properties["Capabilities"]):
        raise invalid(helpers.validation_error_message(problem))
    given = {f"Capabilities.member.{n}": [each] for n, each in enumerate(properties["Capabilities"], 1)}
    if handlers._check_capabilities(template, template, given):
        missing = handlers._missing_capabilities(
            set(properties["Capabilities"]), handlers._required_iam_capabilities(template)
        )
        raise RefusedError(
            "InsufficientCapabilitiesException", handlers._insufficient_capabilities_message(missing)
        )
    declared = template.get("Parameters") or {}
    parameters.check_known(declared, properties.get("Parameters", []))
    parameters.check_complete(declared, properties.get("Parameters", []))
    types = {each.get("Type") for each in template.get("Resources", {}).values() if isinstance(each, dict)}
    if service_managed and (handlers._uses_macro(template) or "AWS::CloudFormation::Stack" in types):
        raise invalid(
            "Templates with transforms or nested stacks are not supported with SERVICE_MANAGED permissions"
        )
