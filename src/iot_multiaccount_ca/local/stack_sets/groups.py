"""What a template's StackInstancesGroup asks of the API: which calls make, change or remove its instances.

Groups without an account filter are compared by unit (or listed account) and region; where one has a filter, by the
accounts that it means today.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .refusal import RefusedError
from .targets import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .values import StackSet

    Group = dict[str, Any]
    # A target, an account or a unit, or an account of a unit; and a region.
    Wanted = dict[tuple[tuple[str, str], str], list[dict[str, str]]]


@dataclass
class Changes:
    """The requests for instances that go, come, and get other parameter values."""

    gone: list[Group] = field(default_factory=list)
    new: list[Group] = field(default_factory=list)
    other: list[Group] = field(default_factory=list)


def to_create(properties: Mapping[str, Any]) -> list[Group]:
    """The requests for all instances of a template; the same ones delete them."""
    groups: list[Group] = properties.get("StackInstancesGroup", [])
    if len(groups) == 1 or _filtered(properties):
        return [dict(group) for group in groups]
    return _requests(_listed(properties))


def changes(stack_set: StackSet, before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    """What an update does to the instances."""
    if _filtered(before) or _filtered(after):
        old, new = _resolved(stack_set, before), _resolved(stack_set, after)
    else:
        old, new = _listed(before), _listed(after)
    return Changes(
        gone=_requests({key: [] for key in old if key not in new}),
        new=_requests({key: new[key] for key in new if key not in old}),
        other=_requests({key: new[key] for key in new if key in old and new[key] != old[key]}, empty=True),
    )


def _filtered(properties: Mapping[str, Any]) -> bool:
    return any(
        "AccountFilterType" in group.get("DeploymentTargets", {})
        for group in properties.get("StackInstancesGroup", [])
    )


def _listed(properties: Mapping[str, Any]) -> Wanted:
    """Each unit (or account) and region that is named. Raises `RuntimeError` for one that is named twice."""
    wanted: Wanted = {}
    own = properties["PermissionModel"] == "SELF_MANAGED"
    for group in properties.get("StackInstancesGroup", []):
        named = group.get("DeploymentTargets", {}).get("Accounts" if own else "OrganizationalUnitIds", [])
        for name in named:
            target = (name, "") if own else ("", name)
            for region in group["Regions"]:
                if (target, region) in wanted:
                    message = f"Stack instance [{name},{region}] is duplicated"
                    raise RuntimeError(message)
                wanted[target, region] = group.get("ParameterOverrides", [])
    return wanted


def _resolved(stack_set: StackSet, properties: Mapping[str, Any]) -> Wanted:
    """Each account, with its unit, and region that is meant today."""
    wanted: Wanted = {}
    for group in properties.get("StackInstancesGroup", []):
        try:
            accounts = resolve(stack_set, group, creating=False)
        except RefusedError as refused:
            raise RuntimeError(refused.message) from refused
        for account, unit in accounts.items():
            for region in group["Regions"]:
                wanted[(account, unit), region] = group.get("ParameterOverrides", [])
    return wanted


def _requests(wanted: Wanted, *, empty: bool = False) -> list[Group]:
    """As few requests as have targets of the same regions and parameters; ``empty``: say so where there are none."""
    regions: dict[tuple[tuple[str, str], str], list[str]] = {}
    overrides: dict[str, list[dict[str, str]]] = {}
    for (target, region), given in wanted.items():
        overrides[repr(given)] = given
        regions.setdefault((target, repr(given)), []).append(region)
    targets: dict[tuple[tuple[str, ...], str], list[tuple[str, str]]] = {}
    for (target, given_key), each in regions.items():
        targets.setdefault((tuple(each), given_key), []).append(target)
    requests = []
    for (some, given_key), each_target in targets.items():
        request: Group = {"DeploymentTargets": _named(each_target), "Regions": [*some]}
        if overrides[given_key] or empty:
            request["ParameterOverrides"] = overrides[given_key]
        requests.append(request)
    return requests


def _named(targets: Iterable[tuple[str, str]]) -> dict[str, Any]:
    accounts = [account for account, _ in targets if account]
    units = list(dict.fromkeys(unit for _, unit in targets if unit))
    if not units:
        return {"Accounts": accounts}
    if not accounts:
        return {"OrganizationalUnitIds": units}
    return {"OrganizationalUnitIds": units, "Accounts": accounts, "AccountFilterType": "INTERSECTION"}
