"""StackSets and Organizations for `fleet_aws`: what a world holds of them, as AWS's protocols have it. Reads only."""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import escape


class FaultError(Exception):
    """An AWS error."""

    def __init__(self, status: int, code: str, message: str = "no") -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


def stack_set(
    sets: dict[str, dict[str, Any]], account: str, region: str, action: str, request: dict[str, str]
) -> str:
    """DescribeStackSet, ListStackInstances (two at a time). A set: ``{"body", "units", "retains", "instances"}``."""
    held = sets.get(f"{account}/{region}/{request['StackSetName']}")
    if held is None:
        raise FaultError(404, "StackSetNotFoundException", f"StackSet {request['StackSetName']} not found")
    if action == "ListStackInstances":
        at = int(request.get("NextToken", 0))
        found = held["instances"]
        members = "".join(f"<member>{_xml(each)}</member>" for each in found[at : at + 2])
        more = f"<NextToken>{at + 2}</NextToken>" if at + 2 < len(found) else ""
        return f"<Summaries>{members}</Summaries>{more}"
    units = "".join(f"<member>{each}</member>" for each in held["units"])
    return (
        f"<StackSet><PermissionModel>SERVICE_MANAGED</PermissionModel><TemplateBody>{escape(held['body'])}"
        f"</TemplateBody><OrganizationalUnitIds>{units}</OrganizationalUnitIds><AutoDeployment>"
        f"<Enabled>{_flag(held['automatic'])}</Enabled><RetainStacksOnAccountRemoval>{_flag(held['retains'])}"
        "</RetainStacksOnAccountRemoval></AutoDeployment></StackSet>"
    )


def organization(units: dict[str, dict[str, Any]], account: str, action: str, body: str) -> dict[str, Any]:
    """DescribeOrganization, ListAccountsForParent, ListOrganizationalUnitsForParent (one at a time)."""
    if action == "DescribeOrganization":
        return {"Organization": {"MasterAccountId": account}}
    request = json.loads(body)
    held = units.get(f"{account}/{request['ParentId']}")
    if held is None:
        raise FaultError(400, "AccessDeniedException", "You don't have permissions to access this resource.")
    if action == "ListAccountsForParent":
        key, found = "Accounts", [{"Id": each, "State": state} for each, state in held["accounts"].items()]
    else:
        key, found = "OrganizationalUnits", [{"Id": each} for each in held["units"]]
    at = int(request.get("NextToken", 0))
    more = {"NextToken": str(at + 1)} if at + 1 < len(found) else {}
    return {key: found[at : at + 1], **more}


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _xml(instance: dict[str, str]) -> str:
    detail = (
        f"<StackInstanceStatus><DetailedStatus>{instance['detail']}</DetailedStatus></StackInstanceStatus>"
    )
    others = {key: value for key, value in instance.items() if key != "detail"}
    return "".join(f"<{key}>{escape(value)}</{key}>" for key, value in others.items()) + detail
