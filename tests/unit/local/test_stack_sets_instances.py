"""Stack sets on the local AWS: instances are real stacks in the accounts of units, or of a list."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from support.local_accounts import policy_document
from support.organizations import REGION, Organization, parameter, template

if TYPE_CHECKING:
    from iot_multiaccount_ca.local.emulator import LocalAws

OTHER = "us-east-1"


@pytest.fixture
def organization(aws: LocalAws) -> Organization:
    """An organization that StackSets may use, with nobody in it yet."""
    return Organization(aws)


def value_in(organization: Organization, account: str, region: str = REGION) -> str:
    """What the stack of an instance made."""
    ssm = organization.aws.client("ssm", account=account, region=region)
    value: str = ssm.get_parameter(Name="/set/value")["Parameter"]["Value"]
    return value


def refused(call: Any, **request: Any) -> tuple[str, str]:
    """The code and the message of a call that must fail."""
    with pytest.raises(ClientError) as failure:
        call(**request)
    error = failure.value.response["Error"]
    return error["Code"], error["Message"]


def test_an_instance_is_a_stack_in_each_account_and_region(organization: Organization) -> None:
    """Its name is `StackSet-<set>-<uuid>`, its resources are there, and the instance is CURRENT."""
    unit = organization.unit("devices")
    accounts = [organization.join(unit), organization.join(unit)]
    organization.create_set("fleet", Tags=[{"Key": "team", "Value": "a"}])
    assert organization.deploy("fleet", [unit], [REGION, OTHER])["Status"] == "SUCCEEDED"
    instances = organization.instances("fleet")
    assert set(instances) == {(account, region) for account in accounts for region in (REGION, OTHER)}
    for (account, region), instance in instances.items():
        assert (instance["Status"], instance["StackInstanceStatus"]) == (
            "CURRENT",
            {"DetailedStatus": "SUCCEEDED"},
        )
        assert instance["OrganizationalUnitId"] == unit
        [name] = organization.stacks(account, region)
        assert re.fullmatch(r"StackSet-fleet-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", name)
        assert f":{region}:{account}:stack/{name}/" in instance["StackId"]
        assert value_in(organization, account, region) == "one"
        stacks = organization.aws.client("cloudformation", account=account, region=region)
        assert stacks.describe_stacks(StackName=name)["Stacks"][0]["Tags"] == [{"Key": "team", "Value": "a"}]


def test_units_in_a_unit_count_and_the_management_account_never(organization: Organization) -> None:
    """The root as a target reaches every member account at any depth, and not who manages."""
    outer = organization.unit("outer")
    inner = organization.unit("inner", outer)
    accounts = {organization.join(), organization.join(outer), organization.join(inner)}
    organization.create_set("fleet")
    organization.deploy("fleet", [organization.root], [REGION])
    assert {account for account, _ in organization.instances("fleet")} == accounts
    assert organization.stacks(organization.manager) == {}


@pytest.mark.parametrize(
    ("how", "expected"), [("NONE", {0, 1}), ("INTERSECTION", {0}), ("DIFFERENCE", {1})], ids=str
)
def test_filters_choose_among_the_accounts_of_units(
    organization: Organization, how: str, expected: set[int]
) -> None:
    """NONE takes all, INTERSECTION those that are listed too, DIFFERENCE the others."""
    unit = organization.unit("devices")
    accounts = [organization.join(unit), organization.join(unit), organization.join()]
    targets: dict[str, Any] = {"OrganizationalUnitIds": [unit], "AccountFilterType": how}
    if how != "NONE":
        targets["Accounts"] = [accounts[0], accounts[2]]
    organization.create_set("fleet")
    operation = organization.cloudformation.create_stack_instances(
        StackSetName="fleet", DeploymentTargets=targets, Regions=[REGION]
    )
    organization.settled("fleet", operation["OperationId"])
    assert {account for account, _ in organization.instances("fleet")} == {accounts[n] for n in expected}


def test_union_adds_accounts_to_an_update_and_is_refused_for_a_creation(organization: Organization) -> None:
    """UNION: the units' accounts and those that are listed."""
    unit = organization.unit("devices")
    inside, outside, third = organization.join(unit), organization.join(), organization.join()
    organization.create_set("fleet")
    organization.deploy("fleet", [organization.root], [REGION])
    targets = {
        "OrganizationalUnitIds": [unit],
        "AccountFilterType": "UNION",
        "Accounts": [outside],
    }
    client = organization.cloudformation
    code, message = refused(
        client.create_stack_instances, StackSetName="fleet", DeploymentTargets=targets, Regions=[REGION]
    )
    assert (code, "UNION" in message) == ("ValidationError", True)
    operation = client.update_stack_set(
        StackSetName="fleet",
        TemplateBody=template({"Value": parameter("two")}),
        DeploymentTargets=targets,
        Regions=[REGION],
    )
    organization.settled("fleet", operation["OperationId"])
    assert value_in(organization, inside) == value_in(organization, outside) == "two"
    assert value_in(organization, third) == "one"


def test_an_update_of_some_leaves_the_others_outdated(organization: Organization) -> None:
    """A new template makes every instance OUTDATED that the operation does not reach."""
    unit = organization.unit("devices")
    account = organization.join(unit)
    organization.create_set("fleet")
    organization.deploy("fleet", [unit], [REGION, OTHER])
    operation = organization.cloudformation.update_stack_set(
        StackSetName="fleet",
        TemplateBody=template({"Value": parameter("two")}),
        DeploymentTargets={"OrganizationalUnitIds": [unit]},
        Regions=[OTHER],
    )
    organization.settled("fleet", operation["OperationId"])
    instances = organization.instances("fleet")
    assert instances[account, OTHER]["Status"] == "CURRENT"
    assert instances[account, REGION]["Status"] == "OUTDATED"
    assert value_in(organization, account) == "one"


def test_a_stack_that_fails_says_which_resource_and_why(organization: Organization) -> None:
    """OUTDATED, FAILED, and AWS's wording; the stack is rolled back, and made anew by the next update."""
    unit = organization.unit("devices")
    account = organization.join(unit)
    ssm = organization.aws.client("ssm", account=account, region=REGION)
    ssm.put_parameter(Name="/set/value", Value="foreign", Type="String")
    organization.create_set("fleet")
    operation = organization.deploy("fleet", [unit], [REGION])
    assert operation["Status"] == "FAILED"
    assert operation["StatusDetails"]["FailedStackInstancesCount"] == 1
    instance = organization.instances("fleet")[account, REGION]
    assert (instance["Status"], instance["StackInstanceStatus"]["DetailedStatus"]) == ("OUTDATED", "FAILED")
    assert re.match(
        r"ResourceLogicalId:Value, ResourceType:AWS::SSM::Parameter, ResourceStatusReason:.+\.$",
        instance["StatusReason"],
    )
    assert value_in(organization, account) == "foreign"
    ssm.delete_parameter(Name="/set/value")
    again = organization.cloudformation.update_stack_set(
        StackSetName="fleet", TemplateBody=template({"Value": parameter("two")})
    )
    assert organization.settled("fleet", again["OperationId"])["Status"] == "SUCCEEDED"
    assert value_in(organization, account) == "two"


@pytest.mark.parametrize("retain", [True, False])
def test_deleted_instances_take_their_stacks_along_unless_retained(
    organization: Organization, retain: bool
) -> None:
    """DeleteStackInstances deletes the stacks, or leaves them to their accounts; the set can go then, not before."""
    unit = organization.unit("devices")
    account = organization.join(unit)
    organization.create_set("fleet")
    organization.deploy("fleet", [unit], [REGION])
    client = organization.cloudformation
    assert refused(client.delete_stack_set, StackSetName="fleet")[0] == "StackSetNotEmptyException"
    operation = client.delete_stack_instances(
        StackSetName="fleet",
        DeploymentTargets={"OrganizationalUnitIds": [unit]},
        Regions=[REGION],
        RetainStacks=retain,
    )
    assert organization.settled("fleet", operation["OperationId"])["Status"] == "SUCCEEDED"
    assert organization.instances("fleet") == {}
    assert bool(organization.stacks(account)) is retain
    client.delete_stack_set(StackSetName="fleet")
    assert refused(client.describe_stack_set, StackSetName="fleet")[0] == "StackSetNotFoundException"


def test_a_stack_that_cannot_be_deleted_leaves_its_instance_inoperable(organization: Organization) -> None:
    """INOPERABLE instances are left out of updates, and go with RetainStacks only."""
    unit = organization.unit("devices")
    account = organization.join(unit)
    organization.create_set("fleet")
    organization.deploy("fleet", [unit], [REGION])
    [name] = organization.stacks(account)
    stacks = organization.aws.client("cloudformation", account=account, region=REGION)
    stacks.update_termination_protection(StackName=name, EnableTerminationProtection=True)
    client, targets = organization.cloudformation, {"OrganizationalUnitIds": [unit]}
    request = {"StackSetName": "fleet", "DeploymentTargets": targets, "Regions": [REGION]}
    failed = client.delete_stack_instances(**request, RetainStacks=False)["OperationId"]
    assert organization.settled("fleet", failed)["Status"] == "FAILED"
    assert organization.instances("fleet")[account, REGION]["Status"] == "INOPERABLE"
    body = template({"Value": parameter("two")})
    update = client.update_stack_set(StackSetName="fleet", TemplateBody=body)["OperationId"]
    organization.settled("fleet", update)
    assert organization.results("fleet", update) == []
    assert value_in(organization, account) == "one"
    retained = client.delete_stack_instances(**request, RetainStacks=True)["OperationId"]
    assert organization.settled("fleet", retained)["Status"] == "SUCCEEDED"
    assert organization.instances("fleet") == {}


def test_suspended_accounts_are_skipped(organization: Organization) -> None:
    """Their instances say so, the operation succeeds, and only RetainStacks removes them."""
    unit = organization.unit("devices")
    closed, open_one = organization.join(unit), organization.join(unit)
    organization.close_account(closed)
    organization.create_set("fleet")
    assert organization.deploy("fleet", [unit], [REGION])["Status"] == "SUCCEEDED"
    instance = organization.instances("fleet")[closed, REGION]
    assert instance["StackInstanceStatus"]["DetailedStatus"] == "SKIPPED_SUSPENDED_ACCOUNT"
    assert organization.stacks(closed) == {}
    assert len(organization.stacks(open_one)) == 1
    request = {
        "StackSetName": "fleet",
        "DeploymentTargets": {"OrganizationalUnitIds": [unit]},
        "Regions": [REGION],
    }
    client = organization.cloudformation
    for retain, left in ((False, {(closed, REGION)}), (True, set())):
        operation = client.delete_stack_instances(**request, RetainStacks=retain)
        organization.settled("fleet", operation["OperationId"])
        assert set(organization.instances("fleet")) == left


def trust(organization: Organization, account: str, role: str, **principal: str) -> None:
    """A role that a principal may assume."""
    iam = organization.aws.client("iam", account=account, region=REGION)
    iam.create_role(
        RoleName=role, AssumeRolePolicyDocument=policy_document("sts:AssumeRole", Principal=principal)
    )


def test_a_self_managed_set_needs_both_roles(organization: Organization) -> None:
    """Without a role its instances fail with AWS's sentence; with both they are made."""
    account = organization.join()
    organization.create_set("own", PermissionModel="SELF_MANAGED")
    request: dict[str, Any] = {"StackSetName": "own", "Accounts": [account], "Regions": [REGION]}
    create = organization.cloudformation.create_stack_instances

    def reason() -> str:
        organization.settled("own", create(**request)["OperationId"])
        return str(organization.instances("own")[account, REGION].get("StatusReason", ""))

    administration = "AWSCloudFormationStackSetAdministrationRole"
    assert f"Account {organization.manager} should have '{administration}' role" in reason()
    trust(organization, organization.manager, administration, Service="cloudformation.amazonaws.com")
    assert reason() == (
        f"Account {account} should have 'AWSCloudFormationStackSetExecutionRole' role with trust relationship to "
        f"Role '{administration}'."
    )
    trust(organization, account, "AWSCloudFormationStackSetExecutionRole", AWS=organization.manager)
    assert reason() == ""
    assert value_in(organization, account) == "one"


def test_parameters_of_a_set_can_be_overridden_by_instances(organization: Organization) -> None:
    """ParameterOverrides win over the set's Parameters; DescribeStackInstance shows them."""
    unit = organization.unit("devices")
    account = organization.join(unit)
    body = template({"Value": parameter({"Ref": "Wanted"})}, Parameters={"Wanted": {"Type": "String"}})  # type: ignore[arg-type]
    wanted = {"ParameterKey": "Wanted", "ParameterValue": "set's"}
    organization.create_set("fleet", TemplateBody=body, Parameters=[wanted])
    organization.deploy("fleet", [unit], [OTHER])
    override = {"ParameterKey": "Wanted", "ParameterValue": "instance's"}
    organization.deploy("fleet", [unit], [REGION], ParameterOverrides=[override])
    assert (value_in(organization, account, OTHER), value_in(organization, account)) == (
        "set's",
        "instance's",
    )
    instance = organization.cloudformation.describe_stack_instance(
        StackSetName="fleet", StackInstanceAccount=account, StackInstanceRegion=REGION
    )["StackInstance"]
    assert instance["ParameterOverrides"] == [override]


def test_parameters_can_stay_as_they_were(organization: Organization) -> None:
    """UsePreviousValue keeps a set's value and an instance's; a list that leaves an override out takes it back."""
    unit = organization.unit("devices")
    account = organization.join(unit)
    body = template({"Value": parameter({"Ref": "Wanted"})}, Parameters={"Wanted": {"Type": "String"}})  # type: ignore[arg-type]
    wanted = {"ParameterKey": "Wanted", "ParameterValue": "set's"}
    kept = {"ParameterKey": "Wanted", "UsePreviousValue": True}
    organization.create_set("fleet", TemplateBody=body, Parameters=[wanted])
    organization.deploy("fleet", [unit], [REGION])
    client = organization.cloudformation
    instances = {
        "StackSetName": "fleet",
        "DeploymentTargets": {"OrganizationalUnitIds": [unit]},
        "Regions": [REGION],
    }
    override = {"ParameterKey": "Wanted", "ParameterValue": "instance's"}
    for given, value in (([override], "instance's"), ([kept], "instance's"), ([], "set's")):
        update = client.update_stack_instances(**instances, ParameterOverrides=given)["OperationId"]
        assert organization.settled("fleet", update)["Status"] == "SUCCEEDED"
        assert value_in(organization, account) == value
    update = client.update_stack_set(StackSetName="fleet", TemplateBody=body, Parameters=[kept])[
        "OperationId"
    ]
    assert organization.settled("fleet", update)["Status"] == "SUCCEEDED"
    assert value_in(organization, account) == "set's"
    unknown = {"ParameterKey": "No", "ParameterValue": "x"}
    code, message = refused(client.update_stack_instances, **instances, ParameterOverrides=[unknown])
    assert (code, message) == ("ValidationError", "Parameters: [No] do not exist in the template")
    both = {**kept, "ParameterValue": "x"}
    code, message = refused(client.update_stack_instances, **instances, ParameterOverrides=[both])
    assert (code, "usePreviousValue" in message) == ("ValidationError", True)


def test_instances_are_listed_by_pages_and_filters(organization: Organization) -> None:
    """MaxResults, account, region and detailed status each narrow the list."""
    unit = organization.unit("devices")
    accounts = [organization.join(unit) for _ in range(3)]
    organization.create_set("fleet")
    organization.deploy("fleet", [unit], [REGION, OTHER])
    listed = organization.cloudformation.list_stack_instances
    first = listed(StackSetName="fleet", MaxResults=4)
    rest = listed(StackSetName="fleet", MaxResults=4, NextToken=first["NextToken"])
    assert (len(first["Summaries"]), len(rest["Summaries"]), "NextToken" in rest) == (4, 2, False)
    assert len(listed(StackSetName="fleet", StackInstanceAccount=accounts[0])["Summaries"]) == 2
    assert len(listed(StackSetName="fleet", StackInstanceRegion=OTHER)["Summaries"]) == 3
    for values, count in (("SUCCEEDED", 6), ("FAILED", 0)):
        chosen = [{"Name": "DETAILED_STATUS", "Values": values}]
        assert len(listed(StackSetName="fleet", Filters=chosen)["Summaries"]) == count
