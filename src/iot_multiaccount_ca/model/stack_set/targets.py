"""Where a set has stacks: organizational units or accounts, in regions. Knows forms and limits, asks no organization.

See "StackSets" and "CloudFormation quotas" in the AWS CloudFormation user guide.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import attrs

from ...errors import (
    InvalidOrganizationalUnitError,
    StackSetAccountsError,
    StackSetRegionsError,
    TooManyTargetsError,
)
from ...text import counted
from ..checks import as_items, first_twice
from ..target import check_account, check_region, is_token, partition_of

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Organizational units that one set may name, and stacks that one set may have.
MOST_UNITS = 50
MOST_STACKS = 100_000
_UNIT = re.compile(r"ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32}", re.ASCII)


def _units(values: Iterable[str] | None) -> tuple[str, ...]:
    units = () if values is None else as_items(values, str, "the organizational units of the set", "str")
    for unit in units:
        if not _UNIT.fullmatch(unit):
            token = is_token(unit)
            raise InvalidOrganizationalUnitError(
                "an organizational unit of the set is only known at deployment (a CDK Token)"
                if token
                else "an organizational unit of the set is malformed",
                value=None if token else unit,
                allowed="the id of a unit (ou-ab12-11111111) or of the root (r-ab12), as a literal string",
                fix="write out the id that `aws organizations list-organizational-units-for-parent` shows",
            )
    if (twice := first_twice(units)) is not None:
        raise StackSetAccountsError(
            "an organizational unit stands twice in the set", value=twice, fix="list it once"
        )
    roots = sorted({_root_of(unit) for unit in units})
    if len(roots) > 1:
        raise InvalidOrganizationalUnitError(
            "the organizational units of the set are of two organizations: an id begins with that of its root",
            value=", ".join(f"{unit} (r-{_root_of(unit)})" for unit in _one_of_each(units)),
            allowed="units of one root: a set ends with its organization",
            fix="make a set for each organization, in its management account",
        )
    if len(units) > MOST_UNITS:
        raise TooManyTargetsError(
            "too many organizational units in one set",
            value=f"{len(units):,}",
            allowed=f"{MOST_UNITS}",
            fix="name a unit above them: units below it are included",
        )
    return units


def _accounts(values: Iterable[str] | None, what: str, where: str) -> tuple[str, ...]:
    accounts = () if values is None else as_items(values, str, f"{what} of the set", "str")
    for account in accounts:
        check_account(account, where=where)
    if (twice := first_twice(accounts)) is not None:
        raise StackSetAccountsError(
            f"an account stands twice among {what} of the set", value=twice, fix="list it once"
        )
    return accounts


def _listed(values: Iterable[str] | None) -> tuple[str, ...]:
    return _accounts(values, "the accounts", "the set")


def _excluded(values: Iterable[str] | None) -> tuple[str, ...]:
    return _accounts(values, "the excluded accounts", "the set's exclusions")


def _regions(values: Iterable[str]) -> tuple[str, ...]:
    regions = as_items(values, str, "the regions of the set", "str")
    if not regions:
        raise StackSetRegionsError("the set has no regions", fix='list at least one, such as ["eu-west-1"]')
    for region in regions:
        check_region(region, where="the set")
    if (twice := first_twice(regions)) is not None:
        raise StackSetRegionsError("a region stands twice in the set", value=twice, fix="list it once")
    partitions = sorted({partition_of(region) for region in regions})
    if len(partitions) > 1:
        raise StackSetRegionsError(
            "the regions of the set lie in two partitions",
            value=", ".join(f"{region} ({partition_of(region)})" for region in regions),
            allowed="regions of one partition: an organization ends there",
            fix=f"make a set for each of {', '.join(partitions)}",
        )
    return regions


def _root_of(unit: str) -> str:
    return unit.split("-")[1]


def _one_of_each(units: tuple[str, ...]) -> Iterable[str]:
    return {_root_of(unit): unit for unit in reversed(units)}.values()


@attrs.frozen(kw_only=True)
class StackSetTargets:
    """The accounts and regions of one set.

    Args:
        regions: of one partition.
        organizational_units: ids of units, those below them included, or of the root. Accounts that join are enrolled.
        accounts: account ids instead, which need the roles of self-managed permissions.
        excluded_accounts: accounts of the units that get no stack, such as the one that holds the CA in DEFAULT mode.

    Raises a `StackSetError`, or a `StageError` for an account or region that cannot be.
    """

    regions: tuple[str, ...] = attrs.field(converter=_regions)
    organizational_units: tuple[str, ...] = attrs.field(default=(), converter=_units)
    accounts: tuple[str, ...] = attrs.field(default=(), converter=_listed)
    excluded_accounts: tuple[str, ...] = attrs.field(default=(), converter=_excluded)

    def __attrs_post_init__(self) -> None:
        """The rules that hold between fields."""
        if bool(self.organizational_units) == bool(self.accounts):
            both = bool(self.accounts)
            raise StackSetAccountsError(
                f"the set has {'both' if both else 'neither'} organizational units {'and' if both else 'nor'} accounts",
                allowed="organizational_units=[…], or accounts=[…]",
                fix="leave one of them out" if both else "give one of them",
            )
        if self.accounts and self.excluded_accounts:
            raise StackSetAccountsError(
                "the set lists its accounts, and excludes some",
                value=", ".join(self.excluded_accounts),
                allowed="excluded_accounts beside organizational_units",
                fix="leave them out of accounts",
            )
        stacks = len(self.accounts) * len(self.regions)
        if stacks > MOST_STACKS:
            raise TooManyTargetsError(
                "too many stacks in one set",
                value=f"{counted(len(self.accounts), 'account')} in {counted(len(self.regions), 'region')}: {stacks:,}",
                allowed=f"{MOST_STACKS:,}",
                fix="make two sets",
            )

    @property
    def service_managed(self) -> bool:
        """Whether AWS Organizations manages the permissions: with units, not with listed accounts."""
        return bool(self.organizational_units)

    @property
    def root(self) -> str | None:
        """What tells the organization of the units, of which their ids tell its root; None for listed accounts."""
        return _root_of(self.organizational_units[0]) if self.organizational_units else None

    @functools.cached_property
    def listed(self) -> frozenset[str]:
        """The accounts, to ask whether one is among them: they may be 100,000."""
        return frozenset(self.accounts)

    @functools.cached_property
    def left_out(self) -> frozenset[str]:
        """The excluded accounts, likewise."""
        return frozenset(self.excluded_accounts)

    @property
    def partition(self) -> str:
        """The partition of the regions."""
        return partition_of(self.regions[0])

    def instances_group(self) -> dict[str, Any]:
        """The set's one ``StackInstancesGroup``, as CloudFormation has it."""
        targets: dict[str, Any] = {"Accounts": list(self.accounts)}
        if self.service_managed:
            targets = {"OrganizationalUnitIds": list(self.organizational_units)}
            if self.excluded_accounts:
                targets |= {"AccountFilterType": "DIFFERENCE", "Accounts": list(self.excluded_accounts)}
        return {"DeploymentTargets": targets, "Regions": list(self.regions)}
