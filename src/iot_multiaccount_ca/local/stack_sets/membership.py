"""Who is in which organization and unit, as the emulator's Organizations keeps it. Reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ministack.services import organizations

if TYPE_CHECKING:
    from collections.abc import Iterable


def records(store: Any, manager: str) -> dict[str, dict[str, Any]]:
    """What the organization of ``manager`` keeps in a store, by id."""
    return {key: value for (owner, key), value in list(store._data.items()) if owner == manager}


def accounts(manager: str) -> dict[str, dict[str, Any]]:
    """The accounts of an organization, its management account too."""
    return records(organizations._accounts, manager)


def manager_of(account: str) -> str:
    """The management account of an account's organization: its own, where it is in no other's."""
    for owner, key in list(organizations._accounts._data):
        if key == account and owner != account:
            return str(owner)
    return account


def is_suspended(manager: str, account: str) -> bool:
    """Whether an account was closed."""
    return accounts(manager).get(account, {}).get("Status") == "SUSPENDED"


def is_unit(manager: str, unit: str) -> bool:
    """Whether an organization has this root or organizational unit."""
    return unit in records(organizations._roots, manager) or unit in records(organizations._ous, manager)


def under(manager: str, units: Iterable[str]) -> dict[str, str]:
    """Each member account within these units and the units in them, with the unit by which it was named.

    The management account is in none: StackSets never deploys to it.
    """
    wanted = list(units)
    parents = {
        child: record.get("_ParentId", "")
        for store in (organizations._ous, organizations._accounts)
        for child, record in records(store, manager).items()
    }
    found = {}
    for account in accounts(manager):
        above, here = [], parents.get(account, "")
        while here:
            above.append(here)
            here = parents.get(here, "")
        named = [unit for unit in above if unit in wanted]
        if named and account != manager:
            found[account] = named[0]
    return found
