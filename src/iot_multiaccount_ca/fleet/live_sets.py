"""Reads what StackSets and Organizations hold, in the administrator's account, which the calling thread has entered.

Judges nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .live import Reader
from .pool import renew

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Place = tuple[str, str]

# Organizations answers in one region of each partition.
_ORGANIZATIONS = {"aws": "us-east-1", "aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-west-1"}
_PAGES = ("NextToken", "NextToken")
# AWS has called it Status, and calls it State.
_CLOSED = ("SUSPENDED", "PENDING_CLOSURE", "CLOSED")


@dataclass(frozen=True, slots=True)
class LiveInstance:
    """One stack of a set. ``status`` and ``detail`` are AWS's own words; ``stack_id`` is "" where it has no stack.

    ``unit``: the one of the set's for which it was made; "" in a set of listed accounts.
    """

    account: str
    region: str
    status: str
    detail: str
    reason: str
    stack_id: str
    unit: str = ""

    @property
    def place(self) -> Place:
        """Its account and region."""
        return self.account, self.region


@dataclass(frozen=True, slots=True)
class LiveSet:
    """A set as CloudFormation holds it."""

    permission_model: str
    automatic: bool
    retains: bool
    body: str
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Members:
    """The accounts in units and the units below; ``closed`` ones are in no operation of a set."""

    manager: str
    active: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)


class SetReader(Reader):
    """Reads the administrator's account and region. Thousands of stacks are many pages: each is given its time."""

    def stack_set(self, name: str, call_as: str) -> LiveSet | None:
        """The set of that name, or None where there is none."""
        answer = self._call(
            "cloudformation:DescribeStackSet",
            self._client("cloudformation", self._region).describe_stack_set,
            {"StackSetName": name, "CallAs": call_as},
            absent=("StackSetNotFoundException",),
        )
        if answer is None:
            return None
        held = answer["StackSet"]
        automatic = held.get("AutoDeployment") or {}
        return LiveSet(
            permission_model=held.get("PermissionModel", "SELF_MANAGED"),
            automatic=bool(automatic.get("Enabled")),
            retains=bool(automatic.get("RetainStacksOnAccountRemoval")),
            body=held.get("TemplateBody", ""),
            units=tuple(held.get("OrganizationalUnitIds", ())),
        )

    def instances(self, name: str, call_as: str) -> list[LiveInstance]:
        """All stacks of a set."""
        pages = self._pages(
            "cloudformation:ListStackInstances",
            self._client("cloudformation", self._region).list_stack_instances,
            {"StackSetName": name, "CallAs": call_as, "MaxResults": 100},
            _PAGES,
        )
        return [_instance(each) for page in pages for each in (page or {}).get("Summaries", ())]

    def members(self, units: Iterable[str]) -> Members:
        """Who is in these units, and in the units below them, as Organizations says."""
        organizations = self._client("organizations", _ORGANIZATIONS.get(self._partition, self._region))
        found = self._call("organizations:DescribeOrganization", organizations.describe_organization, {})
        members = Members(found["Organization"]["MasterAccountId"])
        waiting = list(units)
        while waiting:
            parent = {"ParentId": waiting.pop()}
            for account in self._listed("ListAccountsForParent", "Accounts", parent):
                state = account.get("State") or account.get("Status")
                (members.closed if state in _CLOSED else members.active).add(account["Id"])
            below = self._listed("ListOrganizationalUnitsForParent", "OrganizationalUnits", parent)
            waiting += [each["Id"] for each in below]
        return members

    def _call(self, action: str, call: Callable[..., Any], request: Mapping[str, Any], **absent: Any) -> Any:
        answer = super()._call(action, call, request, **absent)
        renew()
        return answer

    def _listed(self, action: str, key: str, request: Mapping[str, str]) -> list[Any]:
        organizations = self._client("organizations", _ORGANIZATIONS.get(self._partition, self._region))
        call = {
            "ListAccountsForParent": organizations.list_accounts_for_parent,
            "ListOrganizationalUnitsForParent": organizations.list_organizational_units_for_parent,
        }[action]
        pages = self._pages(f"organizations:{action}", call, request, _PAGES)
        return [each for page in pages for each in (page or {}).get(key, ())]


def _instance(summary: Mapping[str, Any]) -> LiveInstance:
    return LiveInstance(
        account=summary["Account"],
        region=summary["Region"],
        status=summary.get("Status", ""),
        detail=(summary.get("StackInstanceStatus") or {}).get("DetailedStatus", ""),
        reason=summary.get("StatusReason", ""),
        stack_id=summary.get("StackId", ""),
        unit=summary.get("OrganizationalUnitId", ""),
    )
