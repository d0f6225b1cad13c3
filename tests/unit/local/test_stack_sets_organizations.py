"""What stack sets need of Organizations on the local AWS, and its emulator did not have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from iot_multiaccount_ca.local.stack_sets import UNIT_ID_TAG
from support.organizations import Organization

if TYPE_CHECKING:
    from iot_multiaccount_ca.local.emulator import LocalAws

_PRINCIPAL = "member.org.stacksets.cloudformation.amazonaws.com"


@pytest.fixture
def organization(aws: LocalAws) -> Organization:
    """An organization that StackSets may use, with nobody in it yet."""
    return Organization(aws)


def members(organization: Organization) -> set[str]:
    """The accounts of an organization but for who manages it."""
    listed = organization.organizations.list_accounts()["Accounts"]
    return {each["Id"] for each in listed} - {organization.manager}


def test_an_invited_account_is_a_member_once_it_accepts(organization: Organization) -> None:
    """It joins in the root, sees the organization as its own, and cannot be invited twice."""
    account = organization.join()
    assert members(organization) == {account}
    [parent] = organization.organizations.list_parents(ChildId=account)["Parents"]
    assert parent == {"Id": organization.root, "Type": "ROOT"}
    own = organization.aws.client("organizations", account=account, region="us-east-1")
    assert own.describe_organization()["Organization"]["MasterAccountId"] == organization.manager
    with pytest.raises(ClientError, match="HandshakeConstraintViolationException"):
        organization.join(account=account)


def test_only_the_invited_account_accepts_and_only_once(organization: Organization) -> None:
    """A handshake is of one account, and over when it is accepted."""
    invited, other = "690000000001", "690000000002"
    handshake = organization.organizations.invite_account_to_organization(
        Target={"Id": invited, "Type": "ACCOUNT"}
    )["Handshake"]["Id"]
    clients = {
        account: organization.aws.client("organizations", account=account, region="us-east-1")
        for account in (invited, other)
    }
    with pytest.raises(ClientError, match="HandshakeNotFoundException"):
        clients[other].accept_handshake(HandshakeId=handshake)
    assert members(organization) == set()
    clients[invited].accept_handshake(HandshakeId=handshake)
    with pytest.raises(ClientError, match="HandshakeAlreadyInStateException"):
        clients[invited].accept_handshake(HandshakeId=handshake)
    [listed] = clients[invited].list_handshakes_for_account()["Handshakes"]
    assert (listed["Id"], listed["State"]) == (handshake, "ACCEPTED")


def test_accounts_are_removed_or_leave_but_for_who_manages(organization: Organization) -> None:
    """Either way they are members no more."""
    removed, leaving = organization.join(), organization.join()
    organization.remove(removed)
    own = organization.aws.client("organizations", account=leaving, region="us-east-1")
    own.leave_organization()
    assert members(organization) == set()
    with pytest.raises(ClientError, match="MasterCannotLeaveOrganizationException"):
        organization.remove(organization.manager)
    with pytest.raises(ClientError, match="AccountNotFoundException"):
        organization.remove(removed)


def test_children_are_listed_by_their_type(organization: Organization) -> None:
    """Units and accounts right below a parent, and none of what is below them."""
    outer = organization.unit("outer")
    inner = organization.unit("inner", outer)
    account, _ = organization.join(outer), organization.join(inner)
    list_children = organization.organizations.list_children
    for kind, child in (("ACCOUNT", account), ("ORGANIZATIONAL_UNIT", inner)):
        assert list_children(ParentId=outer, ChildType=kind)["Children"] == [{"Id": child, "Type": kind}]
    with pytest.raises(ClientError, match="ParentNotFoundException"):
        list_children(ParentId="ou-none-11111111", ChildType="ACCOUNT")


def test_service_access_is_listed_while_it_is_enabled(organization: Organization) -> None:
    """Activating StackSets' access enables it; disabling it takes StackSets' access away."""
    client = organization.organizations

    def enabled() -> set[str]:
        listed = client.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
        return {each["ServicePrincipal"] for each in listed}

    assert _PRINCIPAL in enabled()
    client.enable_aws_service_access(ServicePrincipal="ram.amazonaws.com")
    assert "ram.amazonaws.com" in enabled()
    client.disable_aws_service_access(ServicePrincipal=_PRINCIPAL)
    assert _PRINCIPAL not in enabled()
    assert organization.cloudformation.describe_organizations_access()["Status"] == "DISABLED"


def test_a_delegated_administrator_reads_the_organization_and_other_members_do_not(
    organization: Organization,
) -> None:
    """It lists accounts, and changes nothing; it is one until it is deregistered, and cannot leave before."""
    delegate, other = organization.join(), organization.join()
    client = organization.organizations
    client.register_delegated_administrator(AccountId=delegate, ServicePrincipal=_PRINCIPAL)
    own = {
        account: organization.aws.client("organizations", account=account, region="us-east-1")
        for account in (delegate, other)
    }
    assert {delegate, other} < {each["Id"] for each in own[delegate].list_accounts()["Accounts"]}
    for account, call in ((delegate, "create_organizational_unit"), (other, "create_organizational_unit")):
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(own[account], call)(ParentId=organization.root, Name="mine")
    with pytest.raises(ClientError, match="AccessDenied"):
        own[other].list_accounts()
    listed = client.list_delegated_administrators(ServicePrincipal=_PRINCIPAL)["DelegatedAdministrators"]
    assert [each["Id"] for each in listed] == [delegate]
    with pytest.raises(ClientError, match="ConstraintViolationException"):
        organization.remove(delegate)
    client.deregister_delegated_administrator(AccountId=delegate, ServicePrincipal=_PRINCIPAL)
    organization.remove(delegate)
    assert members(organization) == {other}


def test_a_created_account_can_be_entered_by_who_manages(organization: Organization) -> None:
    """It has OrganizationAccountAccessRole; one that was invited has not."""
    created, invited = organization.create(), organization.join()
    assert members(organization) == {created, invited}
    sts = organization.aws.client("sts", account=organization.manager, region="us-east-1")

    def enter(account: str) -> str:
        arn = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
        assumed: str = sts.assume_role(RoleArn=arn, RoleSessionName="test")["AssumedRoleUser"]["Arn"]
        return assumed

    assert f":{created}:assumed-role/OrganizationAccountAccessRole" in enter(created)
    with pytest.raises(ClientError):
        enter(invited)


def test_the_id_of_a_unit_begins_with_that_of_its_root(organization: Organization) -> None:
    """At any depth, so that a unit tells its organization; its tags are its own."""
    outer = organization.unit("outer")
    inner = organization.organizations.create_organizational_unit(
        ParentId=outer, Name="inner", Tags=[{"Key": "team", "Value": "a"}]
    )["OrganizationalUnit"]["Id"]
    root = organization.root.removeprefix("r-")
    for unit in (outer, inner):
        assert re.fullmatch(rf"ou-{root}-[0-9a-z]{{8,32}}", unit)
    tags = organization.organizations.list_tags_for_resource(ResourceId=inner)["Tags"]
    assert tags == [{"Key": "team", "Value": "a"}]
    [parent] = organization.organizations.list_parents(ChildId=inner)["Parents"]
    assert parent["Id"] == outer


@pytest.mark.parametrize("wanted", ["ou-ab12-11111111", "r-ab12"])
def test_a_unit_can_have_a_wanted_id(organization: Organization, wanted: str) -> None:
    """By a tag that the local AWS alone knows; who is in it, and a set of it, find it by that id."""
    made = organization.organizations.create_organizational_unit(
        ParentId=organization.root, Name="devices", Tags=[{"Key": UNIT_ID_TAG, "Value": wanted}]
    )["OrganizationalUnit"]
    assert made["Id"] == wanted
    assert wanted.startswith("ou-") or organization.root == wanted
    account = organization.join(None if wanted == organization.root else wanted)
    listed = organization.organizations.list_accounts_for_parent(ParentId=wanted)["Accounts"]
    assert account in {each["Id"] for each in listed}
    organization.create_set("fleet")
    organization.deploy("fleet", [wanted], [organization.region])
    assert set(organization.instances("fleet")) == {(account, organization.region)}
