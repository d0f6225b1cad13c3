"""``--accounts-from``: which accounts are in the organizational units of a set, by Organizations or by a file."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from ..errors import AccountsFileError
from ..model import strict_json
from ..model.record_forms import ACCOUNT
from .options import open_access

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..fleet.planned_sets import PlannedSet
    from ..model.assembly import RegistrationRecord

ORGANIZATIONS = "organizations"


def expanded(planned: Sequence[PlannedSet], source: str, profile: str | None) -> list[RegistrationRecord]:
    """What each set registers, account by account. ``source``: `ORGANIZATIONS`, or a JSON file's path.

    Raises `AccountsFileError`, and what `fleet.verify_sets.members_of` raises.
    """
    if source == ORGANIZATIONS:
        accounts = _asked(planned, profile)
    else:
        units = _read(source)
        accounts = [_listed(each, units, source) for each in planned]
    return [
        record
        for each, its in zip(planned, accounts, strict=True)
        for account in its
        for region in each.record.regions
        for record in each.record.registrations(account, region, f"StackSet-{each.record.name}")
    ]


def _asked(planned: Sequence[PlannedSet], profile: str | None) -> list[list[str]]:
    from ..fleet.verify_sets import members_of

    with closing(open_access(profile, None, None, connections=1)) as access:
        return [members_of(each, access) for each in planned]


def _read(path: str) -> dict[str, list[str]]:
    held: Any = strict_json.read(path, what="the file of accounts")
    form = "an object: for each organizational unit of a set the list of its accounts, those of units below included"
    if not isinstance(held, dict):
        raise AccountsFileError(
            "the file of accounts holds no object", value=type(held).__name__, allowed=form
        )
    for unit, accounts in held.items():
        if not isinstance(accounts, list) or not all(ACCOUNT[1](each) for each in accounts):
            raise AccountsFileError(
                f"the file of accounts has no list of account ids for {unit}", value=accounts, allowed=form
            )
    return held


def _listed(planned: PlannedSet, units: Mapping[str, list[str]], source: str) -> list[str]:
    record = planned.record
    missing = [each for each in record.organizational_units if each not in units]
    if missing:
        raise AccountsFileError(
            f"the file of accounts lacks an organizational unit of the set {record.name}",
            value=missing[0],
            allowed=f"a member for each of {', '.join(record.organizational_units)}",
            fix=f"write its accounts into {source}",
        )
    inside = [each for unit in record.organizational_units for each in units[unit]]
    wanted = inside if record.service_managed else record.accounts
    return list(dict.fromkeys(each for each in wanted if each not in record.excluded_accounts))
