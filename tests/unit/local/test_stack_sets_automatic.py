"""Stack sets on the local AWS follow the accounts of their units, where automatic deployment is on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.organizations import REGION, Organization, parameter, template

if TYPE_CHECKING:
    from iot_multiaccount_ca.local.emulator import LocalAws

OTHER = "us-east-1"
DELETING = {"Enabled": True, "RetainStacksOnAccountRemoval": False}
RETAINING = {"Enabled": True, "RetainStacksOnAccountRemoval": True}


@pytest.fixture
def organization(aws: LocalAws) -> Organization:
    """An organization that StackSets may use, with nobody in it yet."""
    return Organization(aws)


def deployed(organization: Organization, units: list[str], automatic: dict[str, Any], **targets: Any) -> None:
    """A set in the units' accounts and two regions, with as many at once as there are."""
    organization.create_set("fleet", AutoDeployment=automatic)
    operation = organization.cloudformation.create_stack_instances(
        StackSetName="fleet",
        DeploymentTargets={"OrganizationalUnitIds": units, **targets},
        Regions=[REGION, OTHER],
        OperationPreferences={"MaxConcurrentCount": 9, "FailureToleranceCount": 9},
    )
    assert organization.settled("fleet", operation["OperationId"])["Status"] == "SUCCEEDED"


def places(organization: Organization) -> set[tuple[str, str]]:
    """Where the set has instances that are CURRENT, once it is quiet."""
    organization.quiet("fleet")
    return {place for place, each in organization.instances("fleet").items() if each["Status"] == "CURRENT"}


def both(*accounts: str) -> set[tuple[str, str]]:
    """The accounts in both regions."""
    return {(account, region) for account in accounts for region in (REGION, OTHER)}


@pytest.mark.parametrize("how", ["joins", "is created", "moves to a unit within"])
def test_who_joins_a_unit_gets_the_instances(organization: Organization, how: str) -> None:
    """In every region of the unit, by one CREATE without preferences; a unit may be empty until then."""
    unit = organization.unit("devices")
    inner = organization.unit("inner", unit)
    deployed(organization, [unit], DELETING)
    if how == "is created":
        account = organization.create(unit)
    else:
        account = organization.join(inner if how.startswith("moves") else unit)
    assert places(organization) == both(account)
    operations = organization.operations("fleet")
    assert [each["Action"] for each in operations] == ["CREATE", "CREATE"]
    assert operations[1]["OperationPreferences"] == {}
    assert {each["OrganizationalUnitId"] for each in organization.instances("fleet").values()} == {unit}


def test_where_who_joins_is_deployed_to_is_listed(organization: Organization) -> None:
    """ListStackSetAutoDeploymentTargets: each unit with its regions, and nothing where it is off."""
    unit = organization.unit("devices")
    listed = organization.cloudformation.list_stack_set_auto_deployment_targets
    deployed(organization, [unit], DELETING)
    assert listed(StackSetName="fleet")["Summaries"] == [
        {"OrganizationalUnitId": unit, "Regions": [REGION, OTHER]}
    ]
    update = organization.cloudformation.update_stack_set(
        StackSetName="fleet", UsePreviousTemplate=True, AutoDeployment={"Enabled": False}
    )
    organization.settled("fleet", update["OperationId"])
    assert listed(StackSetName="fleet").get("Summaries", []) == []


def test_a_set_of_the_root_reaches_who_joins_the_organization(organization: Organization) -> None:
    """Accepting an invitation is joining the root."""
    deployed(organization, [organization.root], DELETING)
    account = organization.join()
    assert places(organization) == both(account)


@pytest.mark.parametrize(("automatic", "left"), [(DELETING, 0), (RETAINING, 1)], ids=["delete", "retain"])
@pytest.mark.parametrize("how", ["moves", "is removed", "leaves"])
def test_who_leaves_a_unit_loses_the_instances(
    organization: Organization, automatic: dict[str, Any], left: int, how: str
) -> None:
    """And the stacks with them, unless the set retains them."""
    unit = organization.unit("devices")
    leaving, staying = organization.join(unit), organization.join(unit)
    deployed(organization, [unit], automatic)
    if how == "moves":
        organization.move(leaving, organization.root)
    elif how == "is removed":
        organization.remove(leaving)
    else:
        organization.aws.client("organizations", account=leaving, region=OTHER).leave_organization()
    assert places(organization) == both(staying)
    assert [len(organization.stacks(leaving, region)) for region in (REGION, OTHER)] == [left, left]


def test_who_moves_between_units_moves_between_their_sets(organization: Organization) -> None:
    """The set of the old unit deletes, that of the new one creates."""
    first, second = organization.unit("first"), organization.unit("second")
    account = organization.join(first)
    for name, unit in (("old", first), ("new", second)):
        organization.create_set(name, {"Value": parameter(name, f"/{name}")}, AutoDeployment=DELETING)
        organization.deploy(name, [unit], [REGION])
    organization.move(account, second)
    for name in ("old", "new"):
        organization.quiet(name)
    assert organization.instances("old") == {}
    assert organization.instances("new")[account, REGION]["Status"] == "CURRENT"
    [name] = organization.stacks(account)
    assert name.startswith("StackSet-new-")


def test_who_moves_within_a_set_keeps_its_stacks(organization: Organization) -> None:
    """Between two units of one set: no operation, and the instance says the new unit."""
    first, second = organization.unit("first"), organization.unit("second")
    account = organization.join(first)
    deployed(organization, [first, second], DELETING)
    before = organization.stacks(account)
    organization.move(account, second)
    assert places(organization) == both(account)
    assert len(organization.operations("fleet")) == 1
    assert organization.stacks(account) == before
    assert organization.instances("fleet")[account, REGION]["OrganizationalUnitId"] == second


def test_without_automatic_deployment_nothing_follows(organization: Organization) -> None:
    """Neither who joins nor who leaves; nor where there is a set in another organization."""
    unit = organization.unit("devices")
    account = organization.join(unit)
    deployed(organization, [unit], {"Enabled": False})
    organization.join(unit)
    organization.move(account, organization.root)
    Organization(organization.aws).join()
    assert places(organization) == both(account)
    assert len(organization.operations("fleet")) == 1


def test_who_is_closed_stays_and_is_skipped(organization: Organization) -> None:
    """Closing moves nobody; the next operation skips the account, in a unit that it leaves too."""
    unit = organization.unit("devices")
    account = organization.join(unit)
    deployed(organization, [unit], DELETING)
    organization.close_account(account)
    assert places(organization) == both(account)
    assert len(organization.operations("fleet")) == 1
    organization.move(account, organization.root)
    organization.quiet("fleet")
    details = {
        each["StackInstanceStatus"]["DetailedStatus"] for each in organization.instances("fleet").values()
    }
    assert details == {"SKIPPED_SUSPENDED_ACCOUNT"}


def test_filters_do_not_count_for_who_joins(organization: Organization) -> None:
    """An excluded account that is in the unit has none; when it comes back, and who is new, they have."""
    unit = organization.unit("devices")
    inside, excluded = organization.join(unit), organization.join(unit)
    deployed(organization, [unit], DELETING, AccountFilterType="DIFFERENCE", Accounts=[excluded])
    new = organization.join(unit)
    assert places(organization) == both(inside, new)
    organization.move(excluded, organization.root)
    organization.move(excluded, unit)
    assert places(organization) == both(inside, new, excluded)


def test_a_unit_that_the_set_left_is_not_followed(organization: Organization) -> None:
    """After its instances were deleted for the unit, who joins gets none."""
    unit = organization.unit("devices")
    organization.join(unit)
    deployed(organization, [unit], DELETING)
    operation = organization.cloudformation.delete_stack_instances(
        StackSetName="fleet",
        DeploymentTargets={"OrganizationalUnitIds": [unit]},
        Regions=[OTHER],
        RetainStacks=False,
    )
    organization.settled("fleet", operation["OperationId"])
    account = organization.join(unit)
    assert {place for place in places(organization) if place[0] == account} == {(account, REGION)}


def test_it_waits_for_what_runs(organization: Organization) -> None:
    """Queued even without managed execution."""
    unit = organization.unit("devices")
    organization.join(unit)
    slow = {
        "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        "Wait": {
            "Type": "AWS::CloudFormation::WaitCondition",
            "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "1", "Count": 1},
        },
    }
    organization.create_set("fleet", AutoDeployment=DELETING, TemplateBody=template(slow))
    organization.cloudformation.create_stack_instances(
        StackSetName="fleet", DeploymentTargets={"OrganizationalUnitIds": [unit]}, Regions=[REGION]
    )
    account = organization.join(unit)
    assert [each["Status"] for each in organization.operations("fleet")] == ["RUNNING", "QUEUED"]
    organization.quiet("fleet")
    assert (account, REGION) in organization.instances("fleet")
