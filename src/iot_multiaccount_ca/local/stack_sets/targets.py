"""Which accounts an operation is for: those that are listed, or those of units, filtered (DeploymentTargets)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from . import membership
from .refusal import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .values import StackSet

# Of one request, by the API reference.
MOST_UNITS = 50
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d")


def resolve(stack_set: StackSet, request: Mapping[str, Any], *, creating: bool) -> dict[str, str]:
    """Each account that a request is for, with its unit ("" in a self-managed set).

    ``creating``: CreateStackInstances, which knows no UNION.
    """
    targets = request.get("DeploymentTargets") or {}
    if targets and request.get("Accounts"):
        raise invalid("You can specify Accounts or DeploymentTargets, but not both")
    if targets.get("AccountsUrl"):
        raise invalid("AccountsUrl is not played by the local AWS; use Accounts")
    if not stack_set.service_managed:
        if targets.get("OrganizationalUnitIds"):
            raise invalid("OrganizationalUnitIds cannot be specified for a SELF_MANAGED stack set")
        listed = list(request.get("Accounts") or targets.get("Accounts") or [])
        if not listed:
            raise invalid("Accounts must be specified for a SELF_MANAGED stack set")
        return dict.fromkeys(listed, "")
    if request.get("Accounts"):
        raise invalid("Accounts cannot be specified for a SERVICE_MANAGED stack set; use DeploymentTargets")
    return _of_units(stack_set.owner, targets, creating=creating)


def check_regions(regions: list[str]) -> None:
    """Refuse a request whose regions are none, not regions, or listed twice."""
    if not regions:
        raise invalid("Regions must be specified")
    for region in regions:
        if not _REGION.fullmatch(region):
            raise invalid(f"Region {region} is not supported")
    if len(set(regions)) < len(regions):
        raise invalid("Regions must not contain duplicates")


def _of_units(manager: str, targets: Mapping[str, Any], *, creating: bool) -> dict[str, str]:
    units = list(targets.get("OrganizationalUnitIds") or [])
    if not units:
        raise invalid("OrganizationalUnitIds are required")
    if len(units) > MOST_UNITS:
        raise invalid(
            f"At most {MOST_UNITS} OrganizationalUnitIds can be specified, and these are {len(units)}"
        )
    for unit in units:
        if not membership.is_unit(manager, unit):
            raise invalid(f"Organizational unit {unit} not found in the organization")
    listed = list(targets.get("Accounts") or [])
    how = targets.get("AccountFilterType") or ("UNION" if listed else "NONE")
    if bool(listed) is (how == "NONE"):
        raise invalid("AccountFilterType other than NONE and Accounts must be specified together")
    if creating and how == "UNION":
        raise invalid("AccountFilterType UNION is not supported for create operations")
    inside = membership.under(manager, units)
    if how == "INTERSECTION":
        return {account: unit for account, unit in inside.items() if account in listed}
    if how == "DIFFERENCE":
        return {account: unit for account, unit in inside.items() if account not in listed}
    known = membership.accounts(manager)
    more = [account for account in listed if account in known and account not in (*inside, manager)]
    return inside | dict.fromkeys(more, "")
