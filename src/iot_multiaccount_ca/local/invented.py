"""An organization for the stack sets of a rehearsed app: made up, with as few accounts as show what a set does.

Its units have the ids that the app names. Nothing of it but the administrator's account is bootstrapped.
"""

from __future__ import annotations

import json
import time
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..model.policies import trust
from ..model.target import Target, managed_policy
from .emulator import LocalAwsError
from .stack_sets import ADMINISTRATION, EXECUTION, UNIT_ID_TAG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..fleet.planned_sets import PlannedSet
    from ..model.assembly import RegistrationRecord
    from .emulator import LocalAws

_ORGANIZATIONS = "us-east-1"
_WAIT_SECONDS = 120.0
_POLL_SECONDS = 0.1
_OVER = ("SUCCEEDED", "FAILED", "STOPPED")


def members(planned: PlannedSet) -> tuple[str, ...]:
    """The accounts that a rehearsal has in a set from the start: those that it lists; or two that are made up, and the
    delegated administrator's where the set is of the root, which has that account among its members."""
    record = planned.record
    if record.accounts:
        return record.accounts
    root = any(unit.startswith("r-") for unit in record.organizational_units)
    reached = root and record.delegated_administrator and planned.account not in record.excluded_accounts
    own = (planned.account,) if reached else ()
    return (*own, _account(planned, 1), _account(planned, 2))


def newcomer(planned: PlannedSet) -> str | None:
    """The account that joins later, and leaves; None in a set that lists its accounts."""
    return _account(planned, 3) if planned.record.service_managed else None


def places_of(planned: PlannedSet) -> list[tuple[str, str]]:
    """Every account and region in which a rehearsed set has or had a stack."""
    coming = newcomer(planned)
    accounts = (*members(planned), *([coming] if coming is not None else []))
    return [(account, region) for account in accounts for region in planned.record.regions]


def registrations(planned: PlannedSet, account: str) -> list[RegistrationRecord]:
    """What a set registers in an account, under the set's name."""
    record = planned.record
    return [
        replace(each, stage=record.name)
        for region in record.regions
        for each in record.registrations(account, region, f"StackSet-{record.name}")
    ]


class InventedOrganization:
    """The organization around one set, on the local AWS: made when it is first needed, and then as it was left."""

    def __init__(self, aws: LocalAws, planned: PlannedSet) -> None:
        self._aws, self._planned = aws, planned
        record = planned.record
        # A delegated administrator is a member: somebody else manages, the same one for all its sets.
        self._manager = _made_up(planned.account, 0) if record.delegated_administrator else planned.account
        self._organizations = aws.client("organizations", account=self._manager, region=_ORGANIZATIONS)

    def make(self) -> None:
        """Units and members of a service-managed set, or the roles of a self-managed one."""
        if not self._planned.record.service_managed:
            self._make_roles()
            return
        manager = self._aws.client("cloudformation", account=self._manager, region=self._planned.region)
        manager.activate_organizations_access()
        if self._planned.record.delegated_administrator:
            self._delegate()
        known = self._known()
        for unit in self._planned.record.organizational_units:
            if unit not in known:
                self._organizations.create_organizational_unit(
                    ParentId=self._root(), Name=unit, Tags=[{"Key": UNIT_ID_TAG, "Value": unit}]
                )
        for account in members(self._planned):
            self.join(account)

    def join(self, account: str) -> None:
        """Let an account join the first of the units; nothing where it is a member already."""
        if not self._is_member(account):
            self._invite(account)
        [parent] = self._organizations.list_parents(ChildId=account)["Parents"]
        unit = self._planned.record.organizational_units[0]
        if parent["Id"] != unit:
            self._organizations.move_account(
                AccountId=account, SourceParentId=parent["Id"], DestinationParentId=unit
            )

    def leave(self, account: str) -> None:
        """Let an account leave the organization."""
        self._organizations.remove_account_from_organization(AccountId=account)

    def settle(self) -> None:
        """Wait until no operation of the set is under way. Raises `LocalAwsError`."""
        record = self._planned.record
        client = self._aws.client(
            "cloudformation", account=self._planned.account, region=self._planned.region
        )
        deadline = time.monotonic() + _WAIT_SECONDS
        while any(each["Status"] not in _OVER for each in _operations(client, record.name, record.call_as)):
            if time.monotonic() > deadline:
                msg = f"the operations of the stack set {record.name} do not end"
                raise LocalAwsError(msg)
            time.sleep(_POLL_SECONDS)

    def _known(self) -> set[str]:
        units = self._organizations.list_organizational_units_for_parent(ParentId=self._root())
        return {self._root(), *(each["Id"] for each in units["OrganizationalUnits"])}

    def _root(self) -> str:
        root: str = self._organizations.list_roots()["Roots"][0]["Id"]
        return root

    def _is_member(self, account: str) -> bool:
        pages = self._organizations.get_paginator("list_accounts").paginate()
        return any(each["Id"] == account for page in pages for each in page["Accounts"])

    def _invite(self, account: str) -> None:
        invited = self._organizations.invite_account_to_organization(
            Target={"Id": account, "Type": "ACCOUNT"}
        )
        own = self._aws.client("organizations", account=account, region=_ORGANIZATIONS)
        own.accept_handshake(HandshakeId=invited["Handshake"]["Id"])

    def _delegate(self) -> None:
        administrator = self._planned.account
        if not self._is_member(administrator):
            self._invite(administrator)
            principal = "member.org.stacksets.cloudformation.amazonaws.com"
            self._organizations.enable_aws_service_access(ServicePrincipal=principal)
            self._organizations.register_delegated_administrator(
                AccountId=administrator, ServicePrincipal=principal
            )

    def _make_roles(self) -> None:
        administrator = self._planned.account
        service = {"Service": "cloudformation.amazonaws.com"}
        self._make_role(administrator, ADMINISTRATION, service)
        for account in members(self._planned):
            self._make_role(
                account, EXECUTION, {"AWS": Target.of(administrator, _ORGANIZATIONS).arn("iam", "root")}
            )

    def _make_role(self, account: str, name: str, principal: dict[str, str]) -> None:
        iam = self._aws.client("iam", account=account, region=_ORGANIZATIONS)
        try:
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust(principal)))
        except iam.exceptions.EntityAlreadyExistsException:
            return
        iam.attach_role_policy(RoleName=name, PolicyArn=managed_policy("aws", "AdministratorAccess"))


def _operations(client: Any, name: str, call_as: str) -> Iterator[Any]:
    for page in client.get_paginator("list_stack_set_operations").paginate(StackSetName=name, CallAs=call_as):
        yield from page["Summaries"]


def _account(planned: PlannedSet, number: int) -> str:
    """An account of the set's own, so that two sets have other ones."""
    return _made_up(planned.record.name, number)


def _made_up(whose: str, number: int) -> str:
    """A number that nobody gave."""
    return f"70{zlib.crc32(whose.encode()) % 10**8:08d}{number:02d}"
