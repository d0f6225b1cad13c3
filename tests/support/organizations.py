"""An organization on the local AWS, with stack sets in it: units, accounts that join, move and leave. For tests."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from iot_multiaccount_ca.local.emulator import LocalAws

REGION = "eu-west-1"
_SECONDS = 60.0
_UNFINISHED = ("RUNNING", "QUEUED", "STOPPING")
_numbers = itertools.count(600_000_000_001)


@dataclass
class Organization:
    """The organization of a management account, a new one unless told; StackSets may use it unless told."""

    aws: LocalAws
    manager: str = field(default_factory=lambda: f"{next(_numbers):012d}")
    region: str = REGION
    trusted: bool = True

    def __post_init__(self) -> None:
        if self.trusted:
            self.cloudformation.activate_organizations_access()

    @property
    def organizations(self) -> Any:
        """A client of the management account."""
        return self.aws.client("organizations", account=self.manager, region="us-east-1")

    @property
    def cloudformation(self) -> Any:
        """A client of the management account."""
        return self.aws.client("cloudformation", account=self.manager, region=self.region)

    @property
    def root(self) -> str:
        """The id of its root."""
        root: str = self.organizations.list_roots()["Roots"][0]["Id"]
        return root

    def unit(self, name: str, parent: str | None = None) -> str:
        """A new organizational unit, in the root unless told; its id."""
        made = self.organizations.create_organizational_unit(ParentId=parent or self.root, Name=name)
        unit: str = made["OrganizationalUnit"]["Id"]
        return unit

    def join(self, unit: str | None = None, *, account: str | None = None) -> str:
        """Let an account, a new number unless told, accept an invitation and move to a unit; its number."""
        account = account or f"{next(_numbers):012d}"
        invited = self.organizations.invite_account_to_organization(Target={"Id": account, "Type": "ACCOUNT"})
        own = self.aws.client("organizations", account=account, region="us-east-1")
        own.accept_handshake(HandshakeId=invited["Handshake"]["Id"])
        if unit is not None:
            self.move(account, unit)
        return account

    def create(self, unit: str | None = None) -> str:
        """Create an account, and move it to a unit; its number. It has the role OrganizationAccountAccessRole."""
        made = self.organizations.create_account(Email="devices@example.com", AccountName="devices")
        account: str = made["CreateAccountStatus"]["AccountId"]
        if unit is not None:
            self.move(account, unit)
        return account

    def move(self, account: str, unit: str) -> None:
        """Move an account to a unit, or to the root."""
        [parent] = self.organizations.list_parents(ChildId=account)["Parents"]
        self.organizations.move_account(
            AccountId=account, SourceParentId=parent["Id"], DestinationParentId=unit
        )

    def remove(self, account: str) -> None:
        """Let an account go."""
        self.organizations.remove_account_from_organization(AccountId=account)

    def close_account(self, account: str) -> None:
        """Close an account: it is suspended, and stays where it is."""
        self.organizations.close_account(AccountId=account)

    # --- its stack sets -------------------------------------------------------------------------------------

    def create_set(self, name: str, resources: dict[str, Any] | None = None, **how: Any) -> str:
        """A service-managed set without automatic deployment, unless told; its id."""
        settings: dict[str, Any] = {
            "TemplateBody": template(resources),
            "PermissionModel": "SERVICE_MANAGED",
            "AutoDeployment": {"Enabled": False},
            **how,
        }
        if settings["PermissionModel"] == "SELF_MANAGED":
            del settings["AutoDeployment"]
        made: str = self.cloudformation.create_stack_set(StackSetName=name, **settings)["StackSetId"]
        return made

    def deploy(self, name: str, units: Iterable[str], regions: Iterable[str], **how: Any) -> dict[str, Any]:
        """Create instances in units and wait; the operation, as DescribeStackSetOperation has it."""
        operation = self.cloudformation.create_stack_instances(
            StackSetName=name,
            DeploymentTargets={"OrganizationalUnitIds": [*units]},
            Regions=[*regions],
            **how,
        )
        return self.settled(name, operation["OperationId"])

    def settled(self, name: str, operation_id: str) -> dict[str, Any]:
        """An operation, once it has ended."""
        deadline = time.monotonic() + _SECONDS
        while True:
            operation: dict[str, Any] = self.cloudformation.describe_stack_set_operation(
                StackSetName=name, OperationId=operation_id
            )["StackSetOperation"]
            if operation["Status"] not in _UNFINISHED:
                return operation
            assert time.monotonic() < deadline, f"operation {operation_id} of {name} is {operation['Status']}"
            time.sleep(0.02)

    def quiet(self, name: str) -> list[dict[str, Any]]:
        """The operations of a set, oldest first, once all have ended, those of automatic deployment too."""
        found = self.operations(name)
        for each in found:
            self.settled(name, each["OperationId"])
        return self.operations(name)

    def operations(self, name: str) -> list[dict[str, Any]]:
        """The operations of a set, oldest first."""
        pages = self.cloudformation.get_paginator("list_stack_set_operations").paginate(StackSetName=name)
        return [each for page in pages for each in page["Summaries"]][::-1]

    def results(self, name: str, operation_id: str) -> list[dict[str, Any]]:
        """What an operation did to each instance."""
        pages = self.cloudformation.get_paginator("list_stack_set_operation_results").paginate(
            StackSetName=name, OperationId=operation_id
        )
        return [each for page in pages for each in page["Summaries"]]

    def instances(self, name: str) -> dict[tuple[str, str], dict[str, Any]]:
        """The instances of a set, by account and region."""
        pages = self.cloudformation.get_paginator("list_stack_instances").paginate(StackSetName=name)
        return {(each["Account"], each["Region"]): each for page in pages for each in page["Summaries"]}

    def stacks(self, account: str, region: str | None = None) -> dict[str, str]:
        """The statuses of an account's stacks that are not deleted, by their names."""
        cloudformation = self.aws.client("cloudformation", account=account, region=region or self.region)
        return {each["StackName"]: each["StackStatus"] for each in cloudformation.describe_stacks()["Stacks"]}


def template(resources: dict[str, Any] | None = None, **more: Any) -> str:
    """A template body of these resources; one parameter of Systems Manager unless told."""
    return json.dumps({"Resources": resources or {"Value": parameter("one")}, **more})


def parameter(value: str, name: str = "/set/value") -> dict[str, Any]:
    """A resource that every account and region can have once: an SSM parameter."""
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Name": name, "Type": "String", "Value": value}}
