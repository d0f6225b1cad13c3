"""Stack sets on the local AWS: the sets themselves, who may administer them, and what AWS refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from iot_multiaccount_ca.local.stack_sets.targets import check_regions
from support.local_accounts import LocalAccount, policy_document
from support.organizations import REGION, Organization, parameter, template

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_multiaccount_ca.local.emulator import LocalAws

_PRINCIPAL = "member.org.stacksets.cloudformation.amazonaws.com"
_AUTOMATIC = {"Enabled": True, "RetainStacksOnAccountRemoval": False}
_ROLE = {
    "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17"}}}
}


@pytest.fixture
def organization(aws: LocalAws) -> Organization:
    """An organization that StackSets may use, with nobody in it yet."""
    return Organization(aws)


def test_a_set_is_described_as_it_was_made(organization: Organization) -> None:
    """By its name and by its id, `name:uuid`; with ARN, template, tags and automatic deployment."""
    tags = [{"Key": "team", "Value": "a"}]
    set_id = organization.create_set(
        "fleet", Description="all", Tags=tags, AutoDeployment=_AUTOMATIC, ManagedExecution={"Active": True}
    )
    describe = organization.cloudformation.describe_stack_set
    found = describe(StackSetName="fleet")["StackSet"]
    assert describe(StackSetName=set_id)["StackSet"] == found
    assert set_id.startswith("fleet:")
    assert found["StackSetARN"] == (
        f"arn:aws:cloudformation:{REGION}:{organization.manager}:stackset/{set_id}"
    )
    expected = {
        "StackSetName": "fleet",
        "StackSetId": set_id,
        "Status": "ACTIVE",
        "Description": "all",
        "TemplateBody": template(),
        "PermissionModel": "SERVICE_MANAGED",
        "AutoDeployment": _AUTOMATIC,
        "ManagedExecution": {"Active": True},
        "Tags": tags,
    }
    assert {name: found[name] for name in expected} == expected


def test_a_deleted_set_is_known_by_its_id(organization: Organization) -> None:
    """As DELETED, while its name is free again; deleting it twice is not an error."""
    set_id = organization.create_set("fleet")
    client = organization.cloudformation
    for _ in range(2):
        client.delete_stack_set(StackSetName="fleet")
    assert client.describe_stack_set(StackSetName=set_id)["StackSet"]["Status"] == "DELETED"
    organization.create_set("fleet")
    for status, count in (("ACTIVE", 1), ("DELETED", 1)):
        assert len(client.list_stack_sets(Status=status)["Summaries"]) == count


def test_without_trusted_access_a_service_managed_set_is_refused(aws: LocalAws) -> None:
    """EnableAWSServiceAccess alone is not enough, ActivateOrganizationsAccess is; both can be taken back."""
    organization = Organization(aws, trusted=False)
    client = organization.cloudformation
    organization.organizations.enable_aws_service_access(ServicePrincipal=_PRINCIPAL)
    sentence = "You must enable organizations access to operate a service managed stack set"
    with pytest.raises(ClientError, match=sentence):
        organization.create_set("fleet")
    assert client.describe_organizations_access()["Status"] == "DISABLED"
    client.activate_organizations_access()
    assert client.describe_organizations_access()["Status"] == "ENABLED"
    organization.create_set("fleet")
    client.deactivate_organizations_access()
    with pytest.raises(ClientError, match=sentence):
        organization.create_set("second")


def test_a_member_account_administers_only_what_is_delegated_to_it(organization: Organization) -> None:
    """Refused as itself; with CallAs=DELEGATED_ADMIN it sees and makes the management account's sets."""
    member = organization.join()
    own = organization.aws.client("cloudformation", account=member, region=REGION)
    request: dict[str, Any] = {
        "StackSetName": "fleet",
        "TemplateBody": template(),
        "PermissionModel": "SERVICE_MANAGED",
        "AutoDeployment": {"Enabled": False},
    }
    with pytest.raises(ClientError, match="management account or delegated admin account"):
        own.create_stack_set(**request)
    with pytest.raises(ClientError, match="not a delegated administrator"):
        own.create_stack_set(**request, CallAs="DELEGATED_ADMIN")
    organization.organizations.register_delegated_administrator(AccountId=member, ServicePrincipal=_PRINCIPAL)
    own.create_stack_set(**request, CallAs="DELEGATED_ADMIN")
    seen = organization.cloudformation.describe_stack_set(StackSetName="fleet")["StackSet"]
    assert f":{organization.manager}:stackset/fleet:" in seen["StackSetARN"]
    listed = own.list_stack_sets(CallAs="DELEGATED_ADMIN")["Summaries"]
    assert [each["StackSetName"] for each in listed] == ["fleet"]


@pytest.mark.parametrize(
    ("wrong", "code", "said"),
    [
        ({"StackSetName": "1st"}, "ValidationError", "stackSetName"),
        ({"StackSetName": "there"}, "NameAlreadyExistsException", "there"),
        ({"TemplateBody": "{"}, "ValidationError", "Template format error"),
        ({"TemplateBody": template() + " " * 51_200}, "ValidationError", "51200"),
        ({"TemplateBody": template(_ROLE)}, "InsufficientCapabilitiesException", "CAPABILITY_IAM"),
        ({"TemplateBody": template(Transform="AWS::LanguageExtensions")}, "", "transforms"),
        ({"TemplateBody": template({"N": {"Type": "AWS::CloudFormation::Stack"}})}, "", "nested stacks"),
        ({"AutoDeployment": {}}, "ValidationError", "AutoDeployment"),
        ({"AutoDeployment": {"Enabled": True}}, "ValidationError", "RetainStacksOnAccountRemoval"),
        ({"PermissionModel": "SELF_MANAGED"}, "ValidationError", "AutoDeployment"),
        ({"PermissionModel": "BOTH"}, "ValidationError", "permissionModel"),
        ({"ExecutionRoleName": "role"}, "ValidationError", "SELF_MANAGED"),
        ({"CallAs": "ROOT"}, "ValidationError", "callAs"),
        ({"Description": "d" * 1025}, "ValidationError", "'description'.*less than or equal to 1024"),
        (
            {"Tags": [{"Key": f"k{n}", "Value": "v"} for n in range(51)]},
            "ValidationError",
            "'tags'.*equal to 50",
        ),
        ({"Tags": [{"Key": "k" * 129, "Value": "v"}]}, "ValidationError", "'tags.1.member.key'"),
        ({"ClientRequestToken": "a token"}, "ValidationError", "'clientRequestToken'"),
        ({"TemplateURL": "https://example.com/t"}, "ValidationError", "TemplateBody and TemplateURL"),
        ({"Parameters": [{"ParameterValue": "v"}]}, "ValidationError", "ParameterKey"),
        (
            {"Parameters": [{"ParameterKey": "No", "ParameterValue": "v"}]},
            "ValidationError",
            r"Parameters: \[No\] do not exist in the template",
        ),
        (
            {"TemplateBody": template(Parameters={"Wanted": {"Type": "String"}})},
            "ValidationError",
            r"Parameters: \[Wanted\] must have values",
        ),
        ({"StackId": "arn"}, "ValidationError", "not played"),
        ({"AutoDeployment": {**_AUTOMATIC, "DependsOn": ["arn"]}}, "ValidationError", "not played"),
    ],
    ids=str,
)
def test_sets_that_aws_refuses(
    organization: Organization, wrong: dict[str, Any], code: str, said: str
) -> None:
    """Names, template, capabilities, and what does not go with the permission model."""
    organization.create_set("there")
    request: dict[str, Any] = {
        "StackSetName": "fleet",
        "TemplateBody": template(),
        "PermissionModel": "SERVICE_MANAGED",
        "AutoDeployment": _AUTOMATIC,
        # Left to the rule of transforms, not to that of capabilities.
        "Capabilities": ["CAPABILITY_AUTO_EXPAND"],
        **wrong,
    }
    with pytest.raises(ClientError, match=said) as refused:
        organization.cloudformation.create_stack_set(**request)
    assert refused.value.response["Error"]["Code"] == (code or "ValidationError")
    assert len(organization.cloudformation.list_stack_sets()["Summaries"]) == 1


@pytest.mark.parametrize(
    ("targets", "regions", "said"),
    [
        ({"Accounts": ["111111111111"]}, [REGION], "OrganizationalUnitIds are required"),
        ({"OrganizationalUnitIds": ["ou-none-11111111"]}, [REGION], "not found"),
        ({"OrganizationalUnitIds": ["<root>"], "Accounts": ["1"]}, [REGION], "Targets.accounts.1.member"),
        ({"OrganizationalUnitIds": ["ou-1"]}, [REGION], "organizationalUnitIds.1.member"),
        ({"OrganizationalUnitIds": ["<root>"], "AccountFilterType": "ALL"}, [REGION], "accountFilterType"),
        ({"OrganizationalUnitIds": ["<root>"] * 51}, [REGION], "At most 50"),
        ({"OrganizationalUnitIds": ["<root>"], "AccountFilterType": "INTERSECTION"}, [REGION], "Accounts"),
        ({"OrganizationalUnitIds": ["<root>"], "AccountsUrl": "s3://a"}, [REGION], "not played"),
        ({"OrganizationalUnitIds": ["<root>"]}, [], "Regions"),
        ({"OrganizationalUnitIds": ["<root>"]}, [REGION, REGION], "duplicates"),
        ({"OrganizationalUnitIds": ["<root>"]}, ["Ireland"], "Ireland"),
    ],
    ids=str,
)
def test_targets_that_aws_refuses(
    organization: Organization, targets: dict[str, Any], regions: list[str], said: str
) -> None:
    """No unit, one that is not there, no account number, a filter without accounts; regions likewise."""
    organization.create_set("fleet")
    if "OrganizationalUnitIds" in targets:
        units = [each.replace("<root>", organization.root) for each in targets["OrganizationalUnitIds"]]
        targets = {**targets, "OrganizationalUnitIds": units}
    with pytest.raises(ClientError, match=said) as refused:
        organization.cloudformation.create_stack_instances(
            StackSetName="fleet", DeploymentTargets=targets, Regions=regions
        )
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert organization.operations("fleet") == []


def test_a_set_that_is_not_there_is_not_found(organization: Organization) -> None:
    """Neither by another account nor in another region, nor an operation or instance of one that is."""
    organization.create_set("fleet")
    elsewhere = organization.aws.client("cloudformation", account=organization.manager, region="us-east-1")
    with pytest.raises(ClientError, match="StackSetNotFoundException"):
        elsewhere.describe_stack_set(StackSetName="fleet")
    client = organization.cloudformation
    with pytest.raises(ClientError, match="OperationNotFoundException"):
        client.describe_stack_set_operation(StackSetName="fleet", OperationId="none")
    with pytest.raises(ClientError, match="StackInstanceNotFoundException"):
        client.describe_stack_instance(
            StackSetName="fleet", StackInstanceAccount="111111111111", StackInstanceRegion=REGION
        )


def test_an_update_of_listed_accounts_finds_an_instance_in_each(organization: Organization) -> None:
    """A self-managed set: the account that has none is named, and nothing is updated."""
    organization.create_set("own", PermissionModel="SELF_MANAGED")
    with pytest.raises(ClientError, match="StackInstanceNotFoundException.*111111111111"):
        organization.cloudformation.update_stack_set(
            StackSetName="own", UsePreviousTemplate=True, Accounts=["111111111111"], Regions=[REGION]
        )
    assert organization.operations("own") == []


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("partition", botocore.session.Session().get_available_partitions())
def test_a_region_of_any_partition_is_one(partition: str) -> None:
    """Of all that botocore knows."""
    regions = botocore.session.Session().get_available_regions("cloudformation", partition)
    assert regions
    check_regions(regions)


def test_an_update_keeps_what_it_does_not_name(organization: Organization) -> None:
    """Tags and automatic deployment stay; the template is named, or said to be the former one."""
    tags = [{"Key": "team", "Value": "a"}]
    organization.create_set("fleet", Tags=tags)
    client = organization.cloudformation
    with pytest.raises(ClientError, match="UsePreviousTemplate"):
        client.update_stack_set(StackSetName="fleet")
    body = template({"Value": parameter("two")})
    operation = client.update_stack_set(StackSetName="fleet", TemplateBody=body)["OperationId"]
    assert organization.settled("fleet", operation)["Action"] == "UPDATE"
    found = client.describe_stack_set(StackSetName="fleet")["StackSet"]
    assert (found["Tags"], found["TemplateBody"]) == (tags, body)
    assert found["AutoDeployment"] == {"Enabled": False}


def test_a_creation_that_comes_again_makes_no_second_set(organization: Organization) -> None:
    """By its ClientRequestToken it is known; another token is another set of that name."""
    request: dict[str, Any] = {
        "StackSetName": "fleet",
        "TemplateBody": template(),
        "ClientRequestToken": "one",
    }
    client = organization.cloudformation
    made = client.create_stack_set(**request)["StackSetId"]
    assert client.create_stack_set(**request)["StackSetId"] == made
    with pytest.raises(ClientError, match="NameAlreadyExistsException"):
        client.create_stack_set(**{**request, "ClientRequestToken": "two"})
    update = client.update_stack_set(StackSetName="fleet", UsePreviousTemplate=True, Description="other")
    organization.settled("fleet", update["OperationId"])
    with pytest.raises(ClientError, match="CreatedButModifiedException"):
        client.create_stack_set(**request)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"UsePreviousTemplate": True, "TemplateBody": template()}, "TemplateBody and UsePreviousTemplate"),
        ({"AutoDeployment": {"Enabled": False}, "Regions": [REGION]}, "AutoDeployment"),
        ({"Regions": [REGION]}, "together"),
        ({"DeploymentTargets": {"OrganizationalUnitIds": ["<root>"]}}, "together"),
    ],
    ids=str,
)
def test_updates_that_aws_refuses(organization: Organization, wrong: dict[str, Any], said: str) -> None:
    """Two templates, automatic deployment of a part, a part that is half named."""
    organization.create_set("fleet")
    if "DeploymentTargets" in wrong:
        wrong = {"DeploymentTargets": {"OrganizationalUnitIds": [organization.root]}}
    request = {"StackSetName": "fleet", **wrong}
    if "UsePreviousTemplate" not in wrong:
        request["UsePreviousTemplate"] = True
    with pytest.raises(ClientError, match=said) as refused:
        organization.cloudformation.update_stack_set(**request)
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert organization.operations("fleet") == []


def test_a_delegated_administrator_sees_no_self_managed_set(organization: Organization) -> None:
    """CallAs is for service-managed sets: the management account's own ones are not found, and none is made."""
    member = organization.join()
    organization.organizations.register_delegated_administrator(AccountId=member, ServicePrincipal=_PRINCIPAL)
    organization.cloudformation.create_stack_set(StackSetName="own", TemplateBody=template())
    delegated = organization.aws.client("cloudformation", account=member, region=REGION)
    with pytest.raises(ClientError, match="StackSetNotFoundException"):
        delegated.describe_stack_set(StackSetName="own", CallAs="DELEGATED_ADMIN")
    with pytest.raises(ClientError, match="SERVICE_MANAGED stack sets only"):
        delegated.create_stack_set(StackSetName="new", TemplateBody=template(), CallAs="DELEGATED_ADMIN")


def test_what_is_not_played_is_refused_by_its_name(organization: Organization) -> None:
    """Drift and import: no invented answer."""
    organization.create_set("fleet")
    client, place = (
        organization.cloudformation,
        {"StackInstanceAccount": "1" * 12, "StackInstanceRegion": REGION},
    )
    calls: dict[str, Callable[[], object]] = {
        "DetectStackSetDrift": lambda: client.detect_stack_set_drift(StackSetName="fleet"),
        "ImportStacksToStackSet": lambda: client.import_stacks_to_stack_set(
            StackSetName="fleet", StackIds=["arn"]
        ),
        "ListStackInstanceResourceDrifts": lambda: client.list_stack_instance_resource_drifts(
            StackSetName="fleet", OperationId="one", **place
        ),
    }
    for name, call in calls.items():
        with pytest.raises(ClientError, match=f"{name} is not played by the local AWS"):
            call()


def test_policies_decide_who_may_call(organization: Organization) -> None:
    """Each call is an action of CloudFormation that a role must be allowed."""
    place = LocalAccount(organization.aws, organization.manager, REGION)
    may = place.assumed("cloudformation", policy_document("cloudformation:CreateStackSet", Resource="*"))
    may.create_stack_set(StackSetName="own", TemplateBody=template())
    with pytest.raises(ClientError, match="AccessDenied"):
        may.delete_stack_set(StackSetName="own")


@pytest.mark.usefixtures("in_process")
def test_the_quotas_of_sets_and_instances() -> None:
    """A thousand sets an account and region, a hundred thousand instances a set; one more is refused."""
    from ministack.core.responses import request_scope

    from iot_multiaccount_ca.local.stack_sets import instance_calls, set_calls
    from iot_multiaccount_ca.local.stack_sets.refusal import RefusedError

    with request_scope("680000000001", REGION):
        for number in range(1000):
            set_calls.create({"StackSetName": f"set-{number}", "TemplateBody": template()})
        with pytest.raises(RefusedError) as refused:
            set_calls.create({"StackSetName": "one-more", "TemplateBody": template()})
        assert refused.value.code == "LimitExceededException"
        accounts = [f"{number:012d}" for number in range(50_001)]
        with pytest.raises(RefusedError, match="100000") as refused:
            instance_calls.create(
                {"StackSetName": "set-0", "Accounts": accounts, "Regions": [REGION, "us-east-1"]}
            )
        assert refused.value.code == "LimitExceededException"
