"""Who administers a set: the caller, or the management account that the caller acts for (CallAs)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ministack.core.responses import get_account_id, get_region

from . import membership, trust
from .refusal import invalid
from .values import SERVICE_MANAGED, SETS, StackSet, not_found

if TYPE_CHECKING:
    from collections.abc import Mapping


def owner_of(request: Mapping[str, Any]) -> str:
    """The account whose sets a request is about. Raises `RefusedError` for one who may not act for it."""
    caller: str = get_account_id()
    if not _for_manager(request):
        return caller
    manager = membership.manager_of(caller)
    if not trust.is_delegated(manager, caller):
        raise invalid("Account used is not a delegated administrator")
    return manager


def check_service_managed(request: Mapping[str, Any]) -> None:
    """Refuse a service-managed set where the organization does not let StackSets in, or the caller administer."""
    if request.get("PermissionModel") != SERVICE_MANAGED:
        if _for_manager(request):
            raise invalid("CallAs DELEGATED_ADMIN is valid for SERVICE_MANAGED stack sets only")
        return
    owner = owner_of(request)
    if membership.manager_of(owner) != owner:
        raise invalid(
            "You must be the management account or delegated admin account of an organization before operating a "
            "SERVICE_MANAGED stack set"
        )
    if owner not in trust.activated:
        raise invalid("You must enable organizations access to operate a service managed stack set")


def find(request: Mapping[str, Any], *, deleted: bool = False) -> StackSet:
    """The set that a request names; a delegated administrator sees no self-managed one of the management account."""
    found = SETS.find(owner_of(request), get_region(), request["StackSetName"], deleted=deleted)
    if _for_manager(request) and not found.service_managed:
        raise not_found(request["StackSetName"])
    return found


def _for_manager(request: Mapping[str, Any]) -> bool:
    return request.get("CallAs") == "DELEGATED_ADMIN"
