"""Every call of the API on stack sets, by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import instance_calls, operation_calls, set_calls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .wire import Action

CALLS: Mapping[str, Action] = {
    "CreateStackSet": set_calls.create,
    "UpdateStackSet": set_calls.update,
    "DeleteStackSet": set_calls.delete,
    "DescribeStackSet": set_calls.describe,
    "ListStackSets": set_calls.list_sets,
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
}
