"""AWS::CloudFormation::StackSet in a template on the local AWS."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from support.local_accounts import LocalAccount
from support.organizations import REGION, Organization, parameter, template

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_multiaccount_ca.local.emulator import LocalAws

OTHER = "us-east-1"


@pytest.fixture
def organization(aws: LocalAws) -> Organization:
    """An organization that StackSets may use, with nobody in it yet."""
    return Organization(aws)


@pytest.fixture
def place(organization: Organization) -> LocalAccount:
    """The management account, for stacks with a set in them."""
    return LocalAccount(organization.aws, organization.manager, organization.region)


def stack_set(*groups: dict[str, Any], **properties: Any) -> dict[str, Any]:
    """A template's resources: one service-managed set."""
    settings = {
        "StackSetName": "fleet",
        "PermissionModel": "SERVICE_MANAGED",
        "AutoDeployment": {"Enabled": False},
        "TemplateBody": template(),
        "StackInstancesGroup": [*groups],
        **properties,
    }
    return {"Set": {"Type": "AWS::CloudFormation::StackSet", "Properties": settings}}


def group(*units: str, regions: tuple[str, ...] = (REGION,), **targets: Any) -> dict[str, Any]:
    """Instances in units and regions."""
    return {
        "DeploymentTargets": {"OrganizationalUnitIds": [*units], **targets},
        "Regions": [*regions],
    }


def actions(organization: Organization) -> list[str]:
    """What operations the set has had, oldest first."""
    return [each["Action"] for each in organization.operations("fleet")]


def reason(organization: Organization, stack: str) -> str:
    """Why the set of a stack failed."""
    events = organization.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    return next(
        str(each["ResourceStatusReason"])
        for each in events
        if each["ResourceType"].endswith("StackSet") and each["ResourceStatus"].endswith("_FAILED")
    )


def test_a_set_comes_and_goes_with_its_stack(organization: Organization, place: LocalAccount) -> None:
    """Ref and StackSetId are its id; its instances are CURRENT when the stack is complete, and gone with it."""
    unit = organization.unit("devices")
    account = organization.join(unit)
    resources = stack_set(group(unit, regions=(REGION, OTHER)))
    resources["Ref"] = parameter({"Ref": "Set"}, "/ref")  # type: ignore[arg-type]
    resources["Att"] = parameter({"Fn::GetAtt": ["Set", "StackSetId"]}, "/att")  # type: ignore[arg-type]
    assert place.create_stack("app", resources) == "CREATE_COMPLETE"
    instances = organization.instances("fleet")
    assert {each["Status"] for each in instances.values()} == {"CURRENT"}
    assert set(instances) == {(account, REGION), (account, OTHER)}
    ssm = organization.aws.client("ssm", account=organization.manager, region=REGION)
    set_id = organization.cloudformation.describe_stack_set(StackSetName="fleet")["StackSet"]["StackSetId"]
    for name in ("/ref", "/att"):
        assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == set_id
    assert place.delete_stack("app") == "DELETE_COMPLETE"
    assert organization.stacks(account) == organization.stacks(account, OTHER) == {}
    found = organization.cloudformation.describe_stack_set(StackSetName=set_id)["StackSet"]
    assert found["Status"] == "DELETED"


def test_what_does_not_change_makes_no_operation(organization: Organization, place: LocalAccount) -> None:
    """Neither another resource nor other preferences; another body makes one, an UPDATE."""
    unit = organization.unit("devices")
    account = organization.join(unit)
    place.create_stack("app", stack_set(group(unit)))
    more = stack_set(group(unit)) | {"Extra": parameter("x", "/extra")}
    assert place.update_stack("app", more) == "UPDATE_COMPLETE"
    hasty = stack_set(group(unit), OperationPreferences={"MaxConcurrentCount": 5})
    assert place.update_stack("app", hasty) == "UPDATE_COMPLETE"
    assert actions(organization) == ["CREATE"]
    new_body = stack_set(group(unit), TemplateBody=template({"Value": parameter("two")}))
    assert place.update_stack("app", new_body) == "UPDATE_COMPLETE"
    assert actions(organization) == ["CREATE", "UPDATE"]
    ssm = organization.aws.client("ssm", account=account, region=REGION)
    assert ssm.get_parameter(Name="/set/value")["Parameter"]["Value"] == "two"


def test_units_and_regions_come_and_go(organization: Organization, place: LocalAccount) -> None:
    """Only what is new is created, after what is gone was deleted."""
    first, second = organization.unit("first"), organization.unit("second")
    leaving, coming = organization.join(first), organization.join(second)
    place.create_stack("app", stack_set(group(first, second, regions=(REGION,))))
    kept = organization.instances("fleet")[coming, REGION]["StackId"]
    assert place.update_stack("app", stack_set(group(second, regions=(REGION, OTHER)))) == "UPDATE_COMPLETE"
    instances = organization.instances("fleet")
    assert set(instances) == {(coming, REGION), (coming, OTHER)}
    assert instances[coming, REGION]["StackId"] == kept
    assert organization.stacks(leaving) == {}
    assert actions(organization) == ["CREATE", "DELETE", "CREATE"]


def test_excluded_accounts_come_and_go(organization: Organization, place: LocalAccount) -> None:
    """With a filter, the accounts that it means before and after are compared."""
    unit = organization.unit("devices")
    one, two = organization.join(unit), organization.join(unit)
    for excluded, left in ((one, two), (two, one)):
        filtered = group(unit, AccountFilterType="DIFFERENCE", Accounts=[excluded])
        change = place.update_stack if excluded == two else place.create_stack
        assert change("app", stack_set(filtered)).endswith("E_COMPLETE")
        assert set(organization.instances("fleet")) == {(left, REGION)}
    assert actions(organization) == ["CREATE", "DELETE", "CREATE"]


def test_other_parameter_values_update_their_instances(
    organization: Organization, place: LocalAccount
) -> None:
    """ParameterOverrides of a group reach its instances alone, and go again."""
    unit = organization.unit("devices")
    account = organization.join(unit)
    body = template(
        {"Value": parameter({"Ref": "Wanted"})},  # type: ignore[arg-type]
        Parameters={"Wanted": {"Type": "String", "Default": "default"}},
    )
    ssm = organization.aws.client("ssm", account=account, region=REGION)
    changes = [
        ([], "default"),
        ([{"ParameterKey": "Wanted", "ParameterValue": "own"}], "own"),
        ([], "default"),
    ]
    change: Callable[[str, dict[str, Any]], str] = place.create_stack
    for overrides, expected in changes:
        wanted = group(unit) | ({"ParameterOverrides": overrides} if overrides else {})
        assert change("app", stack_set(wanted, TemplateBody=body)).endswith("E_COMPLETE")
        assert ssm.get_parameter(Name="/set/value")["Parameter"]["Value"] == expected
        change = place.update_stack
    assert actions(organization) == ["CREATE", "UPDATE", "UPDATE"]


def test_tags_of_stack_and_set_reach_the_instances(organization: Organization, place: LocalAccount) -> None:
    """Both, and none of CloudFormation's own."""
    unit = organization.unit("devices")
    account = organization.join(unit)
    resources = stack_set(group(unit), Tags=[{"Key": "own", "Value": "a"}])
    place.create_stack("app", resources, Tags=[{"Key": "stack", "Value": "b"}])
    stacks = organization.aws.client("cloudformation", account=account, region=REGION)
    [stack] = stacks.describe_stacks()["Stacks"]
    assert {each["Key"]: each["Value"] for each in stack["Tags"]} == {"own": "a", "stack": "b"}


def test_a_set_that_fails_is_rolled_back_whole(organization: Organization, place: LocalAccount) -> None:
    """The stack says which instance's resource failed and why; set and instances are gone, what is foreign stays."""
    unit = organization.unit("devices")
    account = organization.join(unit)
    ssm = organization.aws.client("ssm", account=account, region=REGION)
    ssm.put_parameter(Name="/set/value", Value="foreign", Type="String")
    assert place.create_stack("app", stack_set(group(unit))) == "ROLLBACK_COMPLETE"
    assert re.search(
        r"Stack set operation \[[-0-9a-f]{36}\] was unexpectedly stopped or failed\. status reason\(s\): "
        r"\[ResourceLogicalId:Value, ResourceType:AWS::SSM::Parameter, .*HandlerErrorCode: NotStabilized",
        reason(organization, "app"),
    )
    assert organization.cloudformation.list_stack_sets(Status="ACTIVE")["Summaries"] == []
    assert organization.stacks(account) == {}
    assert ssm.get_parameter(Name="/set/value")["Parameter"]["Value"] == "foreign"


def test_an_update_that_fails_brings_the_former_body_back(
    organization: Organization, place: LocalAccount
) -> None:
    """The roll-back of the stack updates the set again; its instances are CURRENT with what they had."""
    unit = organization.unit("devices")
    account = organization.join(unit)
    place.create_stack("app", stack_set(group(unit)))
    ssm = organization.aws.client("ssm", account=account, region=REGION)
    ssm.put_parameter(Name="/other", Value="foreign", Type="String")
    broken = template({"Value": parameter("two"), "Other": parameter("two", "/other")})
    failed = place.update_stack("app", stack_set(group(unit), TemplateBody=broken))
    assert failed == "UPDATE_ROLLBACK_COMPLETE"
    assert ssm.get_parameter(Name="/set/value")["Parameter"]["Value"] == "one"
    assert organization.instances("fleet")[account, REGION]["Status"] == "CURRENT"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"Nonsense": 1}, "extraneous key [Nonsense]"),
        ({"TemplateBody": {"Resources": {}}}, "#/TemplateBody"),
        ({"AutoDeployment": {"Enabled": False, "Retain": True}}, "#/AutoDeployment: extraneous key [Retain]"),
    ],
    ids=["unknown", "no text", "unknown within"],
)
def test_properties_that_the_type_does_not_take(
    organization: Organization, place: LocalAccount, wrong: dict[str, Any], said: str
) -> None:
    """The stack says which, and nothing is left."""
    assert place.create_stack("app", stack_set(**wrong)) == "ROLLBACK_COMPLETE"
    assert said in reason(organization, "app")
    assert organization.cloudformation.list_stack_sets(Status="ACTIVE")["Summaries"] == []


def test_text_is_taken_for_booleans_and_numbers(organization: Organization, place: LocalAccount) -> None:
    """As CloudFormation does: "true" and "2"."""
    unit = organization.unit("devices")
    organization.join(unit)
    resources = stack_set(
        group(unit),
        ManagedExecution={"Active": "true"},
        AutoDeployment={"Enabled": "false"},
        OperationPreferences={"MaxConcurrentCount": "2"},
    )
    assert place.create_stack("app", resources) == "CREATE_COMPLETE"
    found = organization.cloudformation.describe_stack_set(StackSetName="fleet")["StackSet"]
    assert found["ManagedExecution"] == {"Active": True}
    [operation] = organization.operations("fleet")
    assert operation["OperationPreferences"] == {"MaxConcurrentCount": 2}


def test_managed_execution_changes_in_place(organization: Organization, place: LocalAccount) -> None:
    """And nothing else with it."""
    unit = organization.unit("devices")
    account = organization.join(unit)
    place.create_stack("app", stack_set(group(unit), Description="all"))
    before = organization.cloudformation.describe_stack_set(StackSetName="fleet")["StackSet"]
    managed = stack_set(group(unit), Description="all", ManagedExecution={"Active": True})
    assert place.update_stack("app", managed) == "UPDATE_COMPLETE"
    after = organization.cloudformation.describe_stack_set(StackSetName="fleet")["StackSet"]
    assert after == before | {"ManagedExecution": {"Active": True}}
    assert organization.instances("fleet")[account, REGION]["Status"] == "CURRENT"


def test_another_name_is_another_set(organization: Organization, place: LocalAccount) -> None:
    """StackSetName is replaced: the new set is made, and then the old one deleted with its instances."""
    unit = organization.unit("devices")
    account = organization.join(unit)
    body = template(
        {"Value": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "v"}}}
    )
    place.create_stack("app", stack_set(group(unit), TemplateBody=body))
    renamed = stack_set(group(unit), TemplateBody=body, StackSetName="second")
    assert place.update_stack("app", renamed) == "UPDATE_COMPLETE"
    [listed] = organization.cloudformation.list_stack_sets(Status="ACTIVE")["Summaries"]
    assert listed["StackSetName"] == "second"
    [name] = organization.stacks(account)
    assert name.startswith("StackSet-second-")


@pytest.mark.slow
def test_240_instances_by_one_stack_within_a_minute(organization: Organization, place: LocalAccount) -> None:
    """Forty accounts in six regions; all are CURRENT, and gone with the stack."""
    unit = organization.unit("devices")
    accounts = [organization.join(unit) for _ in range(40)]
    regions = (REGION, OTHER, "us-east-2", "us-west-2", "eu-central-1", "ap-south-1")
    preferences = {"RegionConcurrencyType": "PARALLEL", "MaxConcurrentCount": 40, "FailureToleranceCount": 39}
    begun = time.monotonic()
    resources = stack_set(group(unit, regions=regions), OperationPreferences=preferences)
    assert place.create_stack("app", resources) == "CREATE_COMPLETE"
    assert time.monotonic() - begun < 60
    instances = organization.instances("fleet")
    assert {each["Status"] for each in instances.values()} == {"CURRENT"}
    assert set(instances) == {(account, region) for account in accounts for region in regions}
    assert place.delete_stack("app") == "DELETE_COMPLETE"
    assert organization.stacks(accounts[-1], regions[-1]) == {}
