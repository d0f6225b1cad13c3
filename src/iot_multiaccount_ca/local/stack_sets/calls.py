"""Every call of the API on stack sets, by its name; those that are not played are refused by name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from . import instance_calls, operation_calls, set_calls
from .refusal import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .wire import Action

_NOT_PLAYED = ("DetectStackSetDrift", "ImportStacksToStackSet", "ListStackInstanceResourceDrifts")


def _not_played(name: str, _request: dict[str, Any]) -> None:
    raise invalid(f"{name} is not played by the local AWS")


CALLS: Mapping[str, Action] = {
    "CreateStackSet": set_calls.create,
    "UpdateStackSet": set_calls.update,
    "DeleteStackSet": set_calls.delete,
    "DescribeStackSet": set_calls.describe,
    "ListStackSets": set_calls.list_sets,
    "ListStackSetAutoDeploymentTargets": set_calls.list_automatic,
    "CreateStackInstances": instance_calls.create,
    "UpdateStackInstances": instance_calls.update,
    "DeleteStackInstances": instance_calls.delete,
    "DescribeStackInstance": instance_calls.describe,
    "ListStackInstances": instance_calls.list_instances,
    "DescribeStackSetOperation": operation_calls.describe,
    "ListStackSetOperations": operation_calls.list_operations,
    "ListStackSetOperationResults": operation_calls.list_results,
    "StopStackSetOperation": operation_calls.stop,
    "ActivateOrganizationsAccess": operation_calls.activate_access,
    "DeactivateOrganizationsAccess": operation_calls.deactivate_access,
    "DescribeOrganizationsAccess": operation_calls.describe_access,
    **{name: partial(_not_played, name) for name in _NOT_PLAYED},
}
