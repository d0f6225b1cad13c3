"""What StackSets need of Organizations and the emulator does not have.

Accounts that are invited, accept, leave and are removed; children by type; trusted access; delegated administrators.
And a member account sees the organization that it is in, where the emulator gives each account one of its own. By the
Organizations API reference.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

from ministack.core.responses import error_response_json, get_account_id, get_region, request_scope
from ministack.services import organizations
from ministack.services.cloudformation import provisioners

from . import UNIT_ID_TAG, membership, trust

if TYPE_CHECKING:
    from collections.abc import Callable

    Answer = tuple[int, dict[str, str], bytes]
    Call = Callable[[dict[str, Any]], Answer]

_handshakes: dict[str, dict[str, Any]] = {}
_FOR_MEMBERS = ("AcceptHandshake", "LeaveOrganization", "ListHandshakesForAccount")
_MOST_ADMINISTRATORS = 5


def close() -> None:
    """Add the calls, and let member accounts see their organization."""
    organizations._DISPATCH.update(_CALLS)
    organizations._DISPATCH["CreateOrganizationalUnit"] = _of_wanted_id(
        organizations._create_organizational_unit
    )
    organizations._DISPATCH["CreateAccount"] = _with_role(organizations._create_account)
    handle = organizations.handle_request

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Answer:
        caller = get_account_id()
        manager = membership.manager_of(caller)
        target = headers.get("X-Amz-Target") or headers.get("x-amz-target") or ""
        call = target.rpartition(".")[2]
        if manager == caller or call in _FOR_MEMBERS:
            answer: Answer = await handle(method, path, headers, body, query)
            return answer
        reads = call.startswith(("Describe", "List"))
        if call != "DescribeOrganization" and not (reads and trust.delegated[manager].get(caller)):
            return _refusal("AccessDeniedException", "You don't have permissions to access this resource.")
        with request_scope(manager, get_region()):
            seen: Answer = await handle(method, path, headers, body, query)
            return seen

    organizations.handle_request = handle_request


def _of_wanted_id(create_unit: Call) -> Call:
    """A unit's id holds that of its root; or is one that was named before there was an organization, as a rehearsed app
    names its units."""

    def create(payload: dict[str, Any]) -> Answer:
        organizations._ensure_org()
        tags = {each.get("Key"): each.get("Value") for each in payload.get("Tags") or []}
        wanted = tags.get(UNIT_ID_TAG)
        [root] = membership.records(organizations._roots, get_account_id())
        if wanted is not None and wanted.startswith("r-"):
            _rename(organizations._roots, root, wanted)
            return _good({"OrganizationalUnit": {"Id": wanted}})
        answer = create_unit(payload)
        made = json.loads(answer[2]).get("OrganizationalUnit", {}).get("Id")
        if made is None:
            return answer
        wanted = wanted or f"ou-{root.removeprefix('r-')}-{made.rpartition('-')[2]}"
        return _good(
            {"OrganizationalUnit": organizations._public_ou(_rename(organizations._ous, made, wanted))}
        )

    return create


def _rename(store: Any, old: str, new: str) -> dict[str, Any]:
    record: dict[str, Any] = store[old]
    del store[old]
    record = {**record, "Id": new, "Arn": record["Arn"].replace(old, new)}
    store[new] = record
    if old in organizations._tags:
        organizations._tags[new] = organizations._tags[old]
        del organizations._tags[old]
    manager = get_account_id()
    for each in (organizations._ous, organizations._accounts):
        for child in membership.records(each, manager).values():
            if child.get("_ParentId") == old:
                child["_ParentId"] = new
    return record


def _with_role(create_account: Call) -> Call:
    """An account that is created has a role for its management account; one that is invited has none."""

    def create(payload: dict[str, Any]) -> Answer:
        answer = create_account(payload)
        manager = get_account_id()
        account = json.loads(answer[2]).get("CreateAccountStatus", {}).get("AccountId")
        if account:
            principal = {"AWS": f"arn:aws:iam::{manager}:root"}
            trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
            role = {
                "RoleName": payload.get("RoleName", "OrganizationAccountAccessRole"),
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trusted]},
                "ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"],
            }
            with request_scope(account, get_region()):
                provisioners._provision_resource("AWS::IAM::Role", "Role", role, "organizations")
        return answer

    return create


def _list_children(payload: dict[str, Any]) -> Answer:
    organizations._ensure_org()
    parent, kind = payload.get("ParentId", ""), payload.get("ChildType")
    manager = get_account_id()
    if not membership.is_unit(manager, parent):
        return _refusal("ParentNotFoundException", f"We can't find a parent with the ParentId {parent}")
    if kind not in ("ACCOUNT", "ORGANIZATIONAL_UNIT"):
        return _refusal("InvalidInputException", "ChildType must be ACCOUNT or ORGANIZATIONAL_UNIT")
    store = organizations._accounts if kind == "ACCOUNT" else organizations._ous
    children = [
        {"Id": child, "Type": kind}
        for child, record in membership.records(store, manager).items()
        if record.get("_ParentId") == parent
    ]
    return _good({"Children": children})


def _invite(payload: dict[str, Any]) -> Answer:
    organizations._ensure_org()
    manager, target = get_account_id(), payload.get("Target") or {}
    account = target.get("Id", "")
    if target.get("Type") != "ACCOUNT" or not (account.isdigit() and len(account) == 12):
        return _refusal("InvalidInputException", "Target must be an account, by its 12 digits")
    if membership.manager_of(account) != account or account == manager:
        return _refusal(
            "HandshakeConstraintViolationException", f"Account {account} is in an organization already"
        )
    handshake: dict[str, Any] = {
        "Id": f"h-{uuid.uuid4().hex[:12]}",
        "State": "OPEN",
        "Action": "INVITE",
        "Parties": [
            {"Id": organizations._orgs["self"]["Id"].removeprefix("o-"), "Type": "ORGANIZATION"},
            {"Id": account, "Type": "ACCOUNT"},
        ],
        "RequestedTimestamp": int(time.time()),
    }
    _handshakes[handshake["Id"]] = {**handshake, "_manager": manager, "_account": account}
    return _good({"Handshake": handshake})


def _accept(payload: dict[str, Any]) -> Answer:
    handshake = _handshakes.get(payload.get("HandshakeId", ""), {})
    account = get_account_id()
    if handshake.get("_account") != account:
        return _refusal("HandshakeNotFoundException", "We can't find a handshake with that HandshakeId.")
    if handshake["State"] != "OPEN":
        return _refusal("HandshakeAlreadyInStateException", f"The handshake is {handshake['State']} already.")
    handshake["State"] = "ACCEPTED"
    manager = handshake["_manager"]
    with request_scope(manager, get_region()):
        organization = organizations._orgs["self"]["Id"]
        [root] = membership.records(organizations._roots, manager)
        organizations._accounts[account] = {
            "Id": account,
            "Arn": f"arn:aws:organizations::{manager}:account/{organization}/{account}",
            "Email": f"account+{account}@example.com",
            "Name": f"account-{account}",
            "Status": "ACTIVE",
            "JoinedMethod": "INVITED",
            "JoinedTimestamp": int(time.time()),
            "Path": "/",
            "_ParentId": root,
        }
    return _good({"Handshake": organizations._public_account(handshake)})


def _handshakes_for_account(_payload: dict[str, Any]) -> Answer:
    account = get_account_id()
    mine = [each for each in _handshakes.values() if each["_account"] == account]
    return _good({"Handshakes": [organizations._public_account(each) for each in mine]})


def _remove(payload: dict[str, Any]) -> Answer:
    manager, account = get_account_id(), payload.get("AccountId", "")
    return _leave(manager, account)


def _leave_organization(_payload: dict[str, Any]) -> Answer:
    account = get_account_id()
    return _leave(membership.manager_of(account), account)


def _leave(manager: str, account: str) -> Answer:
    if account == manager:
        return _refusal(
            "MasterCannotLeaveOrganizationException", "The management account cannot leave its organization."
        )
    if account not in membership.accounts(manager):
        return _refusal("AccountNotFoundException", f"We can't find an account with the AccountId {account}")
    if trust.delegated[manager].get(account):
        return _refusal("ConstraintViolationException", "A delegated administrator cannot leave.")
    organizations._accounts.pop_scoped(manager, "", account)
    return _good({})


def _enable_access(payload: dict[str, Any]) -> Answer:
    trust.trusted[get_account_id()].add(payload.get("ServicePrincipal", ""))
    return _good({})


def _disable_access(payload: dict[str, Any]) -> Answer:
    principal = payload.get("ServicePrincipal", "")
    trust.trusted[get_account_id()].discard(principal)
    if principal == trust.MEMBER_PRINCIPAL:
        trust.activated.discard(get_account_id())
    return _good({})


def _list_access(_payload: dict[str, Any]) -> Answer:
    principals = sorted(trust.trusted[get_account_id()])
    return _good(
        {"EnabledServicePrincipals": [{"ServicePrincipal": each, "DateEnabled": 0} for each in principals]}
    )


def _register(payload: dict[str, Any]) -> Answer:
    manager, account = get_account_id(), payload.get("AccountId", "")
    principal = payload.get("ServicePrincipal", "")
    if account == manager:
        return _refusal("ConstraintViolationException", "The management account cannot be delegated to.")
    if account not in membership.accounts(manager):
        return _refusal("AccountNotFoundException", f"We can't find an account with the AccountId {account}")
    if principal not in trust.trusted[manager]:
        return _refusal("InvalidInputException", f"Service access for {principal} is not enabled.")
    holders = [each for each, held in trust.delegated[manager].items() if principal in held]
    if account in holders:
        return _refusal("AccountAlreadyRegisteredException", f"{account} is one for {principal} already.")
    if len(holders) >= _MOST_ADMINISTRATORS:
        return _refusal("ConstraintViolationException", "There are five delegated administrators already.")
    trust.delegated[manager].setdefault(account, set()).add(principal)
    return _good({})


def _deregister(payload: dict[str, Any]) -> Answer:
    held = trust.delegated[get_account_id()].get(payload.get("AccountId", ""), set())
    if payload.get("ServicePrincipal") not in held:
        return _refusal(
            "AccountNotRegisteredException", "The account is not a delegated administrator for it."
        )
    held.discard(payload["ServicePrincipal"])
    return _good({})


def _list_administrators(payload: dict[str, Any]) -> Answer:
    manager, wanted = get_account_id(), payload.get("ServicePrincipal")
    known = membership.accounts(manager)
    return _good(
        {
            "DelegatedAdministrators": [
                organizations._public_account(known[account])
                for account, held in trust.delegated[manager].items()
                if held and wanted in (None, *held)
            ]
        }
    )


def _good(answer: dict[str, Any]) -> Answer:
    made: Answer = organizations._json(200, answer)
    return made


def _refusal(code: str, message: str) -> Answer:
    made: Answer = error_response_json(code, message, 400)
    return made


_CALLS: dict[str, Call] = {
    "AcceptHandshake": _accept,
    "DeregisterDelegatedAdministrator": _deregister,
    "DisableAWSServiceAccess": _disable_access,
    "EnableAWSServiceAccess": _enable_access,
    "InviteAccountToOrganization": _invite,
    "LeaveOrganization": _leave_organization,
    "ListAWSServiceAccessForOrganization": _list_access,
    "ListChildren": _list_children,
    "ListDelegatedAdministrators": _list_administrators,
    "ListHandshakesForAccount": _handshakes_for_account,
    "RegisterDelegatedAdministrator": _register,
    "RemoveAccountFromOrganization": _remove,
}
