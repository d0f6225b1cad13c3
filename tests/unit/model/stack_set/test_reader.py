"""Rules of the role by which `iot-ca verify` looks at the accounts of a set."""

from __future__ import annotations

import json
from typing import Any

import pytest

from iot_multiaccount_ca import JitpTemplateBody, errors
from iot_multiaccount_ca.model.stack_set.request import StackSetRequest
from iot_multiaccount_ca.model.stack_set.targets import StackSetTargets
from iot_multiaccount_ca.model.target import check_region
from support import plans

AUDIT = "999999999999"
ROLE = "arn:aws:iam::999999999999:role/audit/Nightly"
LONGEST_REGION = "eusc-abcdefghijkl-abcdefghijkl-abcdefghijkl-12"
UNIT = "ou-ab12-11111111"


def _request(**changes: Any) -> StackSetRequest:
    values: dict[str, Any] = {
        "name": "FleetCa",
        "ca_certificate": plans.ca(),
        "provisioning": plans.jitp(),
        "targets": StackSetTargets(regions=["eu-west-1"], organizational_units=[UNIT]),
        "readers": [AUDIT],
    }
    return StackSetRequest(**{**values, **changes})


def _role(request: StackSetRequest) -> dict[str, Any]:
    role: dict[str, Any] = json.loads(request.template_body)["Resources"]["ReaderRole"]
    return role


def test_no_role_unless_there_are_readers() -> None:
    """Nobody gets a way into an account that was not asked for; and CloudFormation is not asked for named roles."""
    request = _request(readers=[])
    assert "ReaderRole" not in json.loads(request.template_body)["Resources"]
    assert request.properties()["Capabilities"] == ["CAPABILITY_IAM"]
    assert request.record().reader_role_name is None


def test_each_region_has_a_role_of_its_own() -> None:
    """IAM knows no regions: one name for all would be refused in an account's second region."""
    request = _request()
    head = str(request.reader_role_name).removesuffix("{region}")
    assert _role(request)["Properties"]["RoleName"] == {"Fn::Join": ["", [head, {"Ref": "AWS::Region"}]]}
    assert request.properties()["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
    arn = request.record().reader_role_arn("222222222222", "eu-west-1")
    assert arn == f"arn:aws:iam::222222222222:role/{head}eu-west-1"


@pytest.mark.parametrize("name", ["F", "F" * 128])
def test_its_name_fits_in_every_region(name: str) -> None:
    """IAM takes 64 characters."""
    check_region(LONGEST_REGION, where="this test")
    made = str(_request(name=name).reader_role_name)
    assert len(made.replace("{region}", LONGEST_REGION)) <= 64


def test_two_sets_in_one_account_have_two_roles() -> None:
    """By the names of the sets, however long these begin alike."""
    names = {_request(name=name).reader_role_name for name in ("F" * 127 + "a", "F" * 127 + "b", "F")}
    assert len(names) == 3


def test_readers_are_accounts_and_roles() -> None:
    """An account is trusted as a whole, and says by its own policies who of it; in whatever partition."""
    [statement] = _role(_request(readers=[AUDIT, ROLE]))["Properties"]["AssumeRolePolicyDocument"][
        "Statement"
    ]
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Principal"] == {
        "AWS": [{"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, f":iam::{AUDIT}:root"]]}, ROLE]
    }


def test_it_reads_and_nothing_else() -> None:
    """Each call where it is: of other services, and of whatever writes, nothing."""
    [policy] = _role(_request())["Properties"]["Policies"]
    actions = [each for one in policy["PolicyDocument"]["Statement"] for each in one["Action"]]
    assert all(each.partition(":")[2].startswith(("Describe", "Get", "List")) for each in actions)
    assert "*" not in "".join(actions)
    unbound = [one["Action"] for one in policy["PolicyDocument"]["Statement"] if one["Resource"] == "*"]
    assert unbound == [["iot:DescribeEndpoint", "iot:ListCACertificates", "iot:ListProvisioningTemplates"]]


def test_it_goes_with_its_stack() -> None:
    """Also where the registration stays."""
    resources = json.loads(_request(on_leaving="RETAIN").template_body)["Resources"]
    assert {name for name, each in resources.items() if "DeletionPolicy" not in each} == {"ReaderRole"}


def test_there_is_room_for_it_beside_the_longest_template() -> None:
    """A JITP template of all the characters that AWS IoT takes, and a rotation."""
    body = plans.jitp().body
    longest = JitpTemplateBody(json.dumps(body) + " " * (10_240 - len(json.dumps(body))))
    assert _request(provisioning=longest).template_body


@pytest.mark.parametrize(
    ("readers", "kind", "said"),
    [
        (["12"], errors.InvalidReaderError, "neither an account nor a role"),
        (["*"], errors.InvalidReaderError, "neither an account nor a role"),
        (["arn:aws:iam::999999999999:role/*"], errors.InvalidReaderError, "neither an account nor a role"),
        (["arn:aws:iam::999999999999:user/me"], errors.InvalidReaderError, "neither an account nor a role"),
        (["${Token[AccountId.7]}"], errors.InvalidReaderError, "only known at deployment"),
        ([ROLE.replace("aws:", "aws-cn:")], errors.InvalidReaderError, "another partition"),
        ([AUDIT, AUDIT], errors.StackSetAccountsError, "stands twice"),
        (AUDIT, errors.InvalidTypeError, "not a list"),
        ([999999999999], errors.InvalidTypeError, "of another kind"),
    ],
)
def test_a_reader_that_cannot_be_is_refused(
    readers: Any, kind: type[errors.SharedCaError], said: str
) -> None:
    """Before anything is deployed."""
    with pytest.raises(kind, match=said):
        _request(readers=readers)
