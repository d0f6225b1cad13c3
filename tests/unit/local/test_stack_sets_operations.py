"""Stack sets on the local AWS: how operations go about their instances, wait, stop and fail."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from iot_multiaccount_ca.local.stack_sets.preferences import Preferences
from iot_multiaccount_ca.local.stack_sets.refusal import RefusedError
from support.organizations import REGION, Organization, template

if TYPE_CHECKING:
    from iot_multiaccount_ca.local.emulator import LocalAws

REGIONS = (REGION, "us-east-1")
#: A stack that is not done for a second or until it times out: nobody ever signals its handle.
SLOW = {
    "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
    "Wait": {
        "Type": "AWS::CloudFormation::WaitCondition",
        "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "1", "Count": 1},
    },
}


@pytest.fixture
def organization(aws: LocalAws) -> Organization:
    """An organization that StackSets may use, with nobody in it yet."""
    return Organization(aws)


def fleet(
    organization: Organization, accounts: int, *, foreign: int = 0, **how: Any
) -> tuple[str, list[str]]:
    """A set and a unit with accounts, of which the first ones have what the set wants to make: they fail."""
    unit = organization.unit("devices")
    joined = [organization.join(unit) for _ in range(accounts)]
    for account, region in itertools.product(joined[:foreign], REGIONS):
        ssm = organization.aws.client("ssm", account=account, region=region)
        ssm.put_parameter(Name="/set/value", Value="foreign", Type="String")
    organization.create_set("fleet", **how)
    return unit, joined


def statuses(organization: Organization, operation_id: str) -> dict[str, list[str]]:
    """The statuses of an operation's results by region, in order."""
    found: dict[str, list[str]] = {}
    for each in organization.results("fleet", operation_id):
        found.setdefault(each["Region"], []).append(each["Status"])
    return {region: sorted(each) for region, each in found.items()}


def test_by_default_the_first_failure_ends_the_operation(organization: Organization) -> None:
    """No failure is tolerated, one account at a time; what did not begin is CANCELLED with AWS's sentence."""
    unit, _ = fleet(organization, 3, foreign=1)
    operation = organization.deploy("fleet", [unit], REGIONS)
    assert operation["Status"] == "FAILED"
    assert statuses(organization, operation["OperationId"]) == {
        REGIONS[0]: ["CANCELLED", "CANCELLED", "FAILED"],
        REGIONS[1]: ["CANCELLED"] * 3,
    }
    reasons = [
        each["StatusReason"]
        for each in organization.instances("fleet").values()
        if each["StackInstanceStatus"]["DetailedStatus"] == "CANCELLED"
    ]
    assert reasons == ["Cancelled since failure tolerance has exceeded"] * 5


def test_failures_within_the_tolerance_are_a_success_in_each_region(organization: Organization) -> None:
    """The tolerance is per region: one failure in each of two is no more than one."""
    unit, _ = fleet(organization, 3, foreign=1)
    operation = organization.deploy(
        "fleet", [unit], REGIONS, OperationPreferences={"FailureToleranceCount": 1}
    )
    assert operation["Status"] == "SUCCEEDED"
    assert statuses(organization, operation["OperationId"]) == {
        region: ["FAILED", "SUCCEEDED", "SUCCEEDED"] for region in REGIONS
    }


def test_parallel_regions_each_go_their_own_way(organization: Organization) -> None:
    """A region that fails does not keep the other from its end."""
    unit, [_, second] = fleet(organization, 2)
    ssm = organization.aws.client("ssm", account=second, region=REGIONS[0])
    ssm.put_parameter(Name="/set/value", Value="foreign", Type="String")
    operation = organization.deploy(
        "fleet", [unit], REGIONS, OperationPreferences={"RegionConcurrencyType": "PARALLEL"}
    )
    assert operation["Status"] == "FAILED"
    assert statuses(organization, operation["OperationId"])[REGIONS[1]] == ["SUCCEEDED", "SUCCEEDED"]


def test_regions_come_in_their_order(organization: Organization) -> None:
    """RegionOrder wins over the order of the request's regions."""
    unit, [account] = fleet(organization, 1)
    organization.deploy("fleet", [unit], REGIONS, OperationPreferences={"RegionOrder": REGIONS[::-1]})
    made = {}
    for region in REGIONS:
        stacks = organization.aws.client("cloudformation", account=account, region=region)
        made[region] = stacks.describe_stacks()["Stacks"][0]["CreationTime"]
    assert made[REGIONS[1]] < made[REGIONS[0]]


@pytest.mark.parametrize(
    ("given", "at_once"),
    [
        ({}, [1]),
        ({"MaxConcurrentCount": 10}, [1]),
        ({"MaxConcurrentCount": 10, "FailureToleranceCount": 5}, [6, 5, 4, 3, 2, 1]),
        ({"MaxConcurrentCount": 3, "FailureToleranceCount": 5}, [3, 3, 3, 3, 2, 1]),
        (
            {
                "MaxConcurrentCount": 10,
                "FailureToleranceCount": 1,
                "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
            },
            [10, 10],
        ),
        ({"MaxConcurrentPercentage": 25, "FailureTolerancePercentage": 100}, [2, 2]),
        ({"MaxConcurrentPercentage": 1, "FailureTolerancePercentage": 19}, [1, 1]),
    ],
    ids=str,
)
def test_how_many_accounts_at_once(given: dict[str, Any], at_once: list[int]) -> None:
    """Of ten accounts after 0, 1, 2… failures: strictly never so many that the tolerance is exceeded by two."""
    preferences = Preferences(given)
    assert [preferences.at_once(10, failures) for failures in range(len(at_once))] == at_once


@pytest.mark.parametrize(
    "given",
    [
        {"FailureToleranceCount": 1, "FailureTolerancePercentage": 1},
        {"MaxConcurrentCount": 1, "MaxConcurrentPercentage": 1},
        {"MaxConcurrentCount": 0},
        {"FailureTolerancePercentage": 101},
        {"ConcurrencyMode": "LENIENT"},
        {"RegionConcurrencyType": "RANDOM"},
    ],
    ids=str,
)
def test_preferences_that_aws_refuses(given: dict[str, Any]) -> None:
    """Both of a pair, a number out of its range, a choice that there is not."""
    with pytest.raises(RefusedError) as refused:
        Preferences(given)
    assert refused.value.code == "ValidationError"


@pytest.mark.parametrize(("mode", "failed"), [("STRICT_FAILURE_TOLERANCE", 1), ("SOFT_FAILURE_TOLERANCE", 3)])
def test_the_soft_mode_lets_more_fail_than_the_strict_one(
    organization: Organization, mode: str, failed: int
) -> None:
    """Three at once, none tolerated: strictly one fails, softly all three that had begun."""
    unit, _ = fleet(organization, 4, TemplateBody=template(SLOW))
    how = {"MaxConcurrentCount": 3, "ConcurrencyMode": mode}
    operation = organization.deploy("fleet", [unit], [REGION], OperationPreferences=how)
    assert operation["StatusDetails"]["FailedStackInstancesCount"] == failed


def begin(organization: Organization, unit: str, region: str = REGION) -> str:
    """Begin to create instances; the operation."""
    operation: str = organization.cloudformation.create_stack_instances(
        StackSetName="fleet", DeploymentTargets={"OrganizationalUnitIds": [unit]}, Regions=[region]
    )["OperationId"]
    return operation


def test_one_operation_at_a_time_without_managed_execution(organization: Organization) -> None:
    """A second one is refused while the first runs, and so are the set's end and another way of execution."""
    unit, _ = fleet(organization, 1, TemplateBody=template(SLOW))
    first = begin(organization, unit)
    with pytest.raises(ClientError, match="OperationInProgressException") as refused:
        begin(organization, unit, REGIONS[1])
    assert first in str(refused.value)
    client = organization.cloudformation
    with pytest.raises(ClientError, match="OperationInProgressException"):
        client.delete_stack_set(StackSetName="fleet")
    with pytest.raises(ClientError, match="InvalidOperationException"):
        client.update_stack_set(
            StackSetName="fleet", UsePreviousTemplate=True, ManagedExecution={"Active": True}
        )
    organization.settled("fleet", first)


def test_managed_execution_queues_in_request_order(organization: Organization) -> None:
    """The second is QUEUED while the first runs, and then runs; a queued one can be stopped."""
    unit, [account] = fleet(organization, 1, TemplateBody=template(SLOW), ManagedExecution={"Active": True})
    first, second, third = (begin(organization, unit, region) for region in (*REGIONS, "us-west-2"))
    assert [each["Status"] for each in organization.operations("fleet")] == ["RUNNING", "QUEUED", "QUEUED"]
    organization.cloudformation.stop_stack_set_operation(StackSetName="fleet", OperationId=third)
    ends = [organization.settled("fleet", each) for each in (first, second, third)]
    assert [each["Status"] for each in ends] == ["FAILED", "FAILED", "STOPPED"]
    assert ends[0]["EndTimestamp"] <= ends[1]["EndTimestamp"]
    assert organization.stacks(account, "us-west-2") == {}


def test_a_stopped_operation_finishes_what_it_began(organization: Organization) -> None:
    """STOPPING until the running instance is done, then STOPPED; what had not begun is CANCELLED."""
    unit, _ = fleet(organization, 2, TemplateBody=template(SLOW))
    operation = begin(organization, unit)
    client = organization.cloudformation
    client.stop_stack_set_operation(StackSetName="fleet", OperationId=operation)
    shown = client.describe_stack_set_operation(StackSetName="fleet", OperationId=operation)
    assert shown["StackSetOperation"]["Status"] == "STOPPING"
    assert organization.settled("fleet", operation)["Status"] == "STOPPED"
    assert statuses(organization, operation) == {REGION: ["CANCELLED", "FAILED"]}
    with pytest.raises(ClientError, match="InvalidOperationException"):
        client.stop_stack_set_operation(StackSetName="fleet", OperationId=operation)


def test_an_operation_that_comes_again_is_known_by_its_id(organization: Organization) -> None:
    """Whether the first one still runs or has ended."""
    unit, _ = fleet(organization, 1, TemplateBody=template(SLOW))
    request = {
        "StackSetName": "fleet",
        "DeploymentTargets": {"OrganizationalUnitIds": [unit]},
        "Regions": [REGION],
        "OperationId": "once",
    }
    client = organization.cloudformation
    client.create_stack_instances(**request)
    for _ in range(2):
        with pytest.raises(ClientError, match="OperationIdAlreadyExistsException"):
            client.create_stack_instances(**request)
        organization.settled("fleet", "once")


@pytest.mark.parametrize(
    "wrong",
    [
        {"Filters": [{"Name": "OPERATION_RESULT_STATUS", "Values": "IN VAIN"}]},
        {"Filters": [{"Name": "STATUS", "Values": "FAILED"}]},
        {"MaxResults": 101},
        {"NextToken": "there"},
        {"NextToken": "²"},
    ],
    ids=str,
)
def test_lists_that_aws_refuses(organization: Organization, wrong: dict[str, Any]) -> None:
    """A filter that there is not, a page that is too long, a token that is none."""
    unit, _ = fleet(organization, 0)
    operation = organization.deploy("fleet", [unit], [REGION])["OperationId"]
    with pytest.raises(ClientError) as refused:
        organization.cloudformation.list_stack_set_operation_results(
            StackSetName="fleet", OperationId=operation, **wrong
        )
    assert refused.value.response["Error"]["Code"] == "ValidationError"


def test_results_are_listed_by_status(organization: Organization) -> None:
    """OPERATION_RESULT_STATUS narrows the list."""
    unit, [first, _] = fleet(organization, 2, foreign=1)
    operation = organization.deploy(
        "fleet", [unit], [REGION], OperationPreferences={"FailureToleranceCount": 1}
    )
    chosen = [{"Name": "OPERATION_RESULT_STATUS", "Values": "FAILED"}]
    listed = organization.cloudformation.list_stack_set_operation_results(
        StackSetName="fleet", OperationId=operation["OperationId"], Filters=chosen
    )["Summaries"]
    assert [each["Account"] for each in listed] == [first]
