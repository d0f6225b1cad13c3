"""A set of stacks beside the DEFAULT owner, deployed by the real CDK CLI: accounts come and go by themselves.

Only the administrator's account is bootstrapped; the accounts of the set have nothing of the CDK's.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca.local.device import Outcome
from support.certificates import certificate_id, make_ca
from support.deployments import REGIONS, Deployments
from support.local_accounts import LocalAccount, connect, device_of
from support.set_fleets import ADMINISTRATOR, SetFleet
from support.terminal import in_pipe

if TYPE_CHECKING:
    from iot_multiaccount_ca.local.emulator import LocalAws
    from support.organizations import Organization

SET = "FleetOfAll"
_MANY_REGIONS = (*REGIONS, "us-east-2", "us-west-2", "eu-central-1", "ap-south-1")


def test_an_organization_from_its_first_account_to_its_last(
    deployments: Deployments,
    local_aws: LocalAws,
    pytestconfig: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Deployed, met by a device, joined, moved, left, suspended, deployed again and destroyed."""
    ca = make_ca("ec-p256", common_name="CA of an organization")
    deployments.put_secret("organization/key", ca.key_pem, ADMINISTRATOR, REGIONS[0])
    deployments.put_secret("organization/key", ca.key_pem, ADMINISTRATOR, REGIONS[1])
    fleet = SetFleet(deployments, str(pytestconfig.rootpath), ca, SET, secret="organization/key")
    organization = fleet.organization
    outer, elsewhere = organization.unit("devices"), organization.unit("elsewhere")
    inner = organization.unit("factories", outer)
    accounts = [organization.join(unit) for unit in (outer, inner) for _ in range(5)]
    foreign = organization.join(inner)
    places = [LocalAccount(local_aws, foreign, region) for region in REGIONS]
    for place in places:
        place.register(ca, tags=[{"Key": "theirs", "Value": "x"}])
    before = [fleet.deployments.describe_ca(certificate_id(ca.certificate), foreign, r) for r in REGIONS]

    fleet.deploy([outer])
    statuses = fleet.statuses()
    assert statuses.pop(foreign) == {"OUTDATED"}
    assert statuses == {key: {"CURRENT"} for key in accounts}
    assert fleet.modes(ADMINISTRATOR) == ["DEFAULT", "DEFAULT"]
    assert [fleet.modes(each) for each in accounts] == [["SNI_ONLY", "SNI_ONLY"]] * 10
    assert [each for each in accounts if "CDKToolkit" in organization.stacks(each)] == []
    _failed_there_and_changed_nothing(fleet, foreign, before)

    _verified(fleet, accounts, foreign, monkeypatch)

    # One device, three accounts, by the name that it sends alone.
    device = device_of(ca, "device-of-all")
    for account, region in (
        (accounts[0], REGIONS[0]),
        (accounts[9], REGIONS[1]),
        (ADMINISTRATOR, REGIONS[0]),
    ):
        endpoint = LocalAccount(local_aws, account, region).endpoint
        assert [connect(local_aws, device, endpoint) for _ in range(2)] == [
            Outcome.CUT_OFF,
            Outcome.CONNECTED,
        ]

    # A second deployment changes nothing, asks for nothing.
    operations = organization.operations(SET)
    fleet.deploy([outer], "--force")
    assert organization.operations(SET) == operations

    _come_and_go(fleet, accounts, outer, inner, elsewhere)

    # A closed account stays as it is; it has to be taken out of the set before the set can go.
    organization.close_account(accounts[3])
    assert fleet.statuses()[accounts[3]] == {"CURRENT"}
    _give_up(organization, accounts[3], outer)

    assert len(fleet.left_in(accounts[4])) == 8  # in each region a stack, its template and two roles
    deployments.destroy(SET)
    assert organization.cloudformation.list_stack_sets(Status="ACTIVE")["Summaries"] == []
    left = {each: fleet.left_in(each) for each in {*accounts, foreign} - {accounts[3]}}
    assert not any(left.values()), left
    assert [fleet.modes(each) for each in (ADMINISTRATOR, *accounts[4:])] == [[None, None]] * 7
    _is_as_it_was(fleet, foreign, before)


def _failed_there_and_changed_nothing(fleet: SetFleet, foreign: str, before: list[Any]) -> None:
    """The set says AWS's reason for that account's instances, and the registration is the other's still."""
    operation = fleet.organization.operations(SET)[0]
    assert operation["Status"] == "SUCCEEDED"
    results = fleet.organization.results(SET, operation["OperationId"])
    failed = {each["Account"]: each["StatusReason"] for each in results if each["Status"] == "FAILED"}
    assert [*failed] == [foreign]
    assert "AWS::IoT::CACertificate" in failed[foreign]
    _is_as_it_was(fleet, foreign, before)


def _verified(fleet: SetFleet, accounts: list[str], foreign: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By `iot-ca verify`: what StackSets says, who is in the units, and each account by a role of the test's."""
    for name, value in fleet.aws.settings(ADMINISTRATOR, REGIONS[0]).items():
        monkeypatch.setenv(name, value)
    assembly = str(fleet.folder)
    ran = in_pipe("verify", "--app", assembly, "--trust-stack-sets", "--json")
    document = json.loads(ran.stdout)
    assert (ran.code, document["counts"]) == (1, {"asPlanned": 2, "different": 0, "unchecked": 0})
    [found] = document["stackSets"]
    assert (found["stacks"], found["current"], found["differences"]) == (22, 20, [])
    assert len(found["notCurrent"]) == 1, found["notCurrent"]
    [group] = found["notCurrent"]
    assert {each["account"] for each in group["places"]} == {foreign}
    assert "AWS::IoT::CACertificate" in group["reason"]

    # By the role that the set carries, which may do no more than verify does.
    ran = in_pipe("verify", "--app", assembly, "--json")
    [found] = json.loads(ran.stdout)["stackSets"]
    assert found["accounts"]["counts"] == {"asPlanned": 20, "different": 0, "unchecked": 0}, found["accounts"]

    ran = in_pipe("plan", "--app", assembly, "--accounts-from", "organizations", "--json")
    expanded = {each["account"] for each in json.loads(ran.stdout)["registrations"]}
    assert expanded == {ADMINISTRATOR, foreign, *accounts}


def _is_as_it_was(fleet: SetFleet, foreign: str, before: list[Any]) -> None:
    ca_id = certificate_id(fleet.ca.certificate)
    now = [fleet.deployments.describe_ca(ca_id, foreign, region) for region in REGIONS]
    assert now == before
    for region, each in zip(REGIONS, before, strict=True):
        iot = fleet.aws.client("iot", account=foreign, region=region)
        assert iot.list_tags_for_resource(resourceArn=each["certificateArn"])["tags"] == [
            {"Key": "theirs", "Value": "x"}
        ]


def _come_and_go(fleet: SetFleet, accounts: list[str], outer: str, inner: str, elsewhere: str) -> None:
    """Nobody deploys: one joins, one moves within the units, one moves out of them, one leaves."""
    organization = fleet.organization
    joined = organization.join(inner)
    assert fleet.statuses()[joined] == {"CURRENT"}
    assert fleet.modes(joined) == ["SNI_ONLY", "SNI_ONLY"]
    stacks = organization.stacks(accounts[0])
    organization.move(accounts[0], inner)
    assert fleet.statuses()[accounts[0]] == {"CURRENT"}
    assert organization.stacks(accounts[0]) == stacks
    organization.move(accounts[1], elsewhere)
    organization.remove(accounts[2])
    organization.remove(joined)
    statuses = fleet.statuses()
    for account in (accounts[1], accounts[2], joined):
        assert account not in statuses
        assert fleet.modes(account) == [None, None]
        assert fleet.left_in(account) == []


def _give_up(organization: Organization, account: str, unit: str) -> None:
    operation = organization.cloudformation.delete_stack_instances(
        StackSetName=SET,
        DeploymentTargets={
            "OrganizationalUnitIds": [unit],
            "Accounts": [account],
            "AccountFilterType": "INTERSECTION",
        },
        Regions=[*REGIONS],
        RetainStacks=True,
    )
    assert organization.settled(SET, operation["OperationId"])["Status"] == "SUCCEEDED"


@pytest.mark.slow
def test_240_targets_by_one_deploy_within_a_minute(
    deployments: Deployments, pytestconfig: pytest.Config
) -> None:
    """Forty accounts in six regions; all are CURRENT."""
    ca = make_ca("ec-p256", common_name="CA of 240 targets")
    fleet = SetFleet(
        deployments, str(pytestconfig.rootpath), ca, "FleetOf240", regions=_MANY_REGIONS, parallel=True
    )
    unit = fleet.organization.unit("many")
    accounts = [fleet.organization.join(unit) for _ in range(40)]
    begun = time.monotonic()
    fleet.deploy([unit])
    assert time.monotonic() - begun < 60
    assert fleet.statuses() == {key: {"CURRENT"} for key in accounts}
    assert len(fleet.organization.instances("FleetOf240")) == 240
    assert fleet.modes(accounts[-1]) == ["SNI_ONLY"] * 6
