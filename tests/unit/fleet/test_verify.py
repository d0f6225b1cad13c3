"""The differences that the check of a fleet finds, over real HTTP."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca.fleet.result import StageState
from support.fakes.fleet_aws import World
from support.fleets import (
    ACCOUNTS,
    OWN_ACCOUNT,
    Fleet,
    add_registration,
    certificate_id,
    live,
    record,
    soon,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_a_fleet_as_planned_has_no_differences(fleet: Fleet) -> None:
    """What is deployed as planned is as planned, in every account, and the exit code says so."""
    checked = fleet.check()
    assert [result.state for result in checked.results] == [StageState.AS_PLANNED] * 3
    assert checked.exit_code == 0


def test_the_endpoint_that_devices_must_send_as_sni_is_told(fleet: Fleet) -> None:
    """Every stage has an endpoint of its own."""
    endpoints = [result.endpoint for result in fleet.check().results]
    assert endpoints == [f"a{account}-ats.iot.eu-west-1.amazonaws.com" for account in ACCOUNTS]


def test_a_deactivated_ca_is_a_difference_with_the_call_that_mends_it(one: Fleet) -> None:
    """`cdk deploy` repairs no drift; the fix is a call of AWS IoT that does."""
    live(one.world, one.records[0])["certificateDescription"]["status"] = "INACTIVE"
    difference = one.difference()
    assert (difference.field, difference.planned, difference.live) == ("status", "ACTIVE", "INACTIVE")
    assert "update-ca-certificate" in difference.fix
    assert "--new-status ACTIVE" in difference.fix
    assert certificate_id() in difference.fix


def test_auto_registration_that_is_off_is_a_difference(one: Fleet) -> None:
    """Without it no new device enrolls."""
    live(one.world, one.records[0])["certificateDescription"]["autoRegistrationStatus"] = "DISABLE"
    assert one.difference().field == "autoRegistration"


def test_another_mode_of_ones_own_registration_is_fixed_with_allow_mode_change(one: Fleet) -> None:
    """AWS has no call to change a mode."""
    live(one.world, one.records[0])["certificateDescription"]["certificateMode"] = "DEFAULT"
    difference = one.difference()
    assert (difference.field, difference.planned, difference.live) == (
        "certificateMode",
        "SNI_ONLY",
        "DEFAULT",
    )
    assert "allow_mode_change=True" in difference.fix


def test_a_foreign_registration_is_told_by_its_missing_tags(one: Fleet) -> None:
    """A CA that somebody registered by hand in another mode: both are said, and the fix is not allow_mode_change."""
    live(one.world, one.records[0])["certificateDescription"]["certificateMode"] = "DEFAULT"
    one.world.cas[f"{OWN_ACCOUNT}/eu-west-1/{certificate_id()}"]["tags"] = {}
    mode, owner = one.result().differences
    assert (mode.field, owner.field) == ("certificateMode", "owner")
    assert "not registered by this stack" in mode.fix
    assert owner.live is None


def test_another_stacks_registration_names_that_stack(one: Fleet) -> None:
    """The ownership tags say whose it is."""
    tags = one.world.cas[f"{OWN_ACCOUNT}/eu-west-1/{certificate_id()}"]["tags"]
    other = f"arn:aws:cloudformation:eu-west-1:{OWN_ACCOUNT}:stack/Other/1-2"
    tags["iot-multiaccount-ca:stack-id"] = other
    one.world.stacks[other] = "UPDATE_COMPLETE"
    difference = one.difference()
    assert (difference.field, difference.live) == ("owner", "Other/Ca0123")


def test_a_renamed_construct_is_told_from_another_stack(one: Fleet) -> None:
    """Same stack, other logical id: the fix is override_logical_id."""
    one.world.cas[f"{OWN_ACCOUNT}/eu-west-1/{certificate_id()}"]["tags"]["iot-multiaccount-ca:logical-id"] = (
        "CaOld"
    )
    assert "override_logical_id" in one.difference().fix


def test_tags_are_read_to_the_last_page(one: Fleet) -> None:
    """The ownership tags may stand on any page."""
    tags = one.world.cas[f"{OWN_ACCOUNT}/eu-west-1/{certificate_id()}"]["tags"]
    result = one.result()
    assert result.state is StageState.AS_PLANNED
    assert result.live is not None
    assert result.live.tags == tags


def test_a_stage_that_is_not_deployed_says_so(one: Fleet) -> None:
    """No stack, no CA: the fix is cdk deploy."""
    one.world.cas.clear()
    one.world.stack_resources.clear()
    difference = one.difference()
    assert (difference.field, difference.live) == ("registered", "not deployed")
    assert difference.fix == "deploy it with `cdk deploy FleetCa-dev --exclusively`"


def test_a_ca_that_was_deleted_behind_the_stacks_back_is_told_from_one_never_deployed(one: Fleet) -> None:
    """The stack believes that it is there, so that a plain cdk deploy does nothing."""
    one.world.cas.clear()
    difference = one.difference()
    assert difference.live == "deleted outside the stack"
    assert "--exclusively -c iot-multiaccount-ca:repair=" in difference.fix


def test_a_missing_ca_is_told_where_the_stack_may_not_be_read(one: Fleet) -> None:
    """A role without CloudFormation rights still learns that the CA is not registered."""
    one.world.cas.clear()
    one.world.faults[f"{OWN_ACCOUNT}/DescribeStackResource"] = [(403, "AccessDenied")]
    assert one.difference().live == "not registered"


def test_a_ca_under_an_id_that_was_not_foreseen_is_found_through_the_stack(one: Fleet) -> None:
    """That AWS's id is the hash of the certificate is nowhere promised for CAs."""
    here = f"{OWN_ACCOUNT}/eu-west-1"
    held = one.world.cas.pop(f"{here}/{certificate_id()}")
    other = "ab" * 32
    held["describe"]["certificateDescription"].update(
        certificateId=other, certificateArn=f"arn:aws:iot:eu-west-1:{OWN_ACCOUNT}:cacert/{other}"
    )
    one.world.cas[f"{here}/{other}"] = held
    one.world.stack_resources[f"{here}/FleetCa-dev"]["PhysicalResourceId"] = other
    result = one.result()
    assert result.state is StageState.AS_PLANNED
    assert result.live is not None
    assert result.live.certificate_id == other


def test_another_certificate_under_the_id_is_a_difference(one: Fleet) -> None:
    """What is registered is compared by its own bytes."""
    add_registration(one.world, one.records[0], number=1)
    difference = one.difference()
    assert (difference.field, difference.live) == ("certificateId", certificate_id(1))


def test_a_template_that_the_ca_does_not_use_is_a_difference(one: Fleet) -> None:
    """The template exists, and is not the CA's: devices stay PENDING_ACTIVATION."""
    live(one.world, one.records[0])["registrationConfig"] = {}
    difference = one.difference()
    assert (difference.field, difference.live) == ("templateName", None)
    assert "templateName=FleetCa-dev-0123abcd" in difference.fix


def test_a_template_body_in_place_of_the_named_template_is_a_difference(one: Fleet) -> None:
    """Somebody set a body of the CA's own."""
    live(one.world, one.records[0])["registrationConfig"] = {
        "templateBody": "{}",
        "roleArn": "arn:aws:iam::1:role/x",
    }
    assert one.difference().live == "a template body of its own"


def test_a_removed_template_is_a_difference(one: Fleet) -> None:
    """The CA still names it."""
    one.world.templates.clear()
    difference = one.difference()
    assert (difference.field, difference.live) == ("template", None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"enabled": False}, "templateEnabled"),
        ({"type": "FLEET_PROVISIONING"}, "templateType"),
        ({"provisioningRoleArn": f"arn:aws:iam::{OWN_ACCOUNT}:role/gone"}, "templateRole"),
        ({"templateBody": "{}"}, "templateBody"),
    ],
)
def test_a_template_that_was_changed_by_hand_is_a_difference(
    one: Fleet, change: dict[str, object], field: str
) -> None:
    """Enabled, type, role and body are each compared."""
    one.world.templates[f"{OWN_ACCOUNT}/eu-west-1/FleetCa-dev-0123abcd"].update(change)
    assert one.difference().field == field


def test_a_template_that_is_only_written_otherwise_is_the_same(one: Fleet) -> None:
    """Bodies are compared as JSON."""
    held = one.world.templates[f"{OWN_ACCOUNT}/eu-west-1/FleetCa-dev-0123abcd"]
    held["templateBody"] = held["templateBody"].replace(" ", "\n\n ")
    assert one.result().state is StageState.AS_PLANNED


def test_a_role_that_iam_will_not_tell_of_is_no_difference(one: Fleet) -> None:
    """Not to know is not to differ."""
    one.world.faults[f"{OWN_ACCOUNT}/GetRole"] = [(403, "AccessDenied")]
    result = one.result()
    assert result.state is StageState.AS_PLANNED
    assert result.template is not None
    assert result.template.role_exists is None


def test_a_template_under_another_role_than_the_stacks_is_a_difference(one: Fleet) -> None:
    """It exists, and is not the planned one: devices get other rights, or none."""
    other = f"arn:aws:iam::{OWN_ACCOUNT}:role/somebodys"
    one.world.roles.add(other)
    one.world.templates[f"{OWN_ACCOUNT}/eu-west-1/FleetCa-dev-0123abcd"]["provisioningRoleArn"] = other
    difference = one.difference()
    assert (difference.field, difference.planned, difference.live) == ("templateRole", "provisioning", other)
    assert f"--provisioning-role-arn arn:aws:iam::{OWN_ACCOUNT}:role/provisioning`" in difference.fix


def test_a_role_is_not_compared_where_the_stack_may_not_be_read(one: Fleet) -> None:
    """Not to know is not to differ."""
    one.world.faults[f"{OWN_ACCOUNT}/DescribeStackResource"] = [(403, "AccessDenied")]
    assert one.result().state is StageState.AS_PLANNED


def test_the_users_own_tags_are_compared(one: Fleet) -> None:
    """One that is missing or of another value; what others put there is theirs; what is not a literal is unknown."""
    tags = one.world.cas[f"{OWN_ACCOUNT}/eu-west-1/{certificate_id()}"]["tags"]
    tags["team"] = "other"
    tags["cost-centre"] = "7"
    difference = one.difference()
    assert (difference.field, difference.planned, difference.live) == ("tags", "team=fleet", "team=other")
    assert f"cacert/{certificate_id()} --tags Key=team,Value=fleet`" in difference.fix
    del tags["team"]
    assert one.difference().live == "no team"


@pytest.fixture
def admitting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """One stage whose devices our Lambda admits."""
    rules = {"admission": {"serials": ["01"]}, "thing": None}
    return Fleet(tmp_path, monkeypatch, [record(template_name=None, jitr=True, enrollment=rules)])


def test_an_admission_as_planned_is_no_difference(admitting: Fleet) -> None:
    """Rule, Lambda and its rules are there; what is not a literal in the template is not compared."""
    assert admitting.result().state is StageState.AS_PLANNED
    assert any("GetFunctionConfiguration" in call for call in admitting.world.calls)


def test_another_admission_than_planned_is_a_difference(admitting: Fleet) -> None:
    """Somebody let more devices in."""
    admitting.world.functions[f"{OWN_ACCOUNT}/eu-west-1/activation"]["ENROLLMENT"] = '{"admission": "all"}'
    difference = admitting.difference()
    assert (difference.field, difference.live) == ("admission", "changed")
    assert "--function-name activation --environment '{" in difference.fix


def test_an_activation_lambda_that_is_gone_is_a_difference(admitting: Fleet) -> None:
    """Its rule goes on, and nobody acts."""
    admitting.world.functions.clear()
    difference = admitting.difference()
    assert (difference.field, difference.planned, difference.live) == (
        "activationFunction",
        "activation",
        None,
    )


_TOPIC = f"$aws/events/certificates/registered/{certificate_id()}"
_RULES, _ACTIVATION = f"{OWN_ACCOUNT}/eu-west-1", f"{OWN_ACCOUNT}/eu-west-1/activation"


@pytest.mark.parametrize(
    ("change", "live"),
    [
        (
            {"sql": f"SELECT * FROM '{_TOPIC}' WHERE certificateStatus = 'X'"},
            " WHERE certificateStatus = 'X' to arn:",
        ),
        ({"sql": f"SELECT certificateId FROM '{_TOPIC}'"}, "SELECT certificateId FROM"),
        ({"actions": [{"sqs": {"roleArn": "r", "queueUrl": "q"}}]}, " to no Lambda"),
        (
            {"actions": [{"lambda": {"functionArn": "arn:aws:lambda:eu-west-1:111111111111:function:x"}}]},
            ":x",
        ),
    ],
)
def test_a_rule_that_was_changed_is_a_difference(change: dict[str, Any], live: str, admitting: Fleet) -> None:
    """It listens, and not to all, or tells somebody else; the call that mends it keeps what else it has."""
    admitting.world.rules[_RULES][2].update(change)
    difference = admitting.difference()
    assert difference.field == "activationRule"
    assert live in str(difference.live)
    words = shlex.split(re.findall(r"`(.*?)`", difference.fix)[0])
    assert words[:3] == ["aws", "iot", "replace-topic-rule"]
    payload = json.loads(words[words.index("--topic-rule-payload") + 1])
    assert payload["sql"] == f"SELECT * FROM '{_TOPIC}'"
    assert payload["actions"] == [
        {"lambda": {"functionArn": "arn:aws:lambda:eu-west-1:111111111111:function:activation"}}
    ]
    assert not {"ruleName", "createdAt"} & payload.keys()


def test_blanks_in_a_rules_sql_are_no_difference(admitting: Fleet) -> None:
    """Nor is a rule of somebody else's beside ours, or one more action."""
    held = admitting.world.rules[_RULES]
    held[2]["sql"] = f"SELECT *\n  FROM '{_TOPIC}' "
    held[2]["actions"].insert(0, {"sqs": {"roleArn": "r", "queueUrl": "q"}})
    held.insert(0, {**held[2], "ruleName": "others", "actions": []})
    assert admitting.result().state is StageState.AS_PLANNED


@pytest.mark.parametrize(
    "change",
    [
        {"Principal": {"Service": "sns.amazonaws.com"}},
        {"Effect": "Deny"},
        {"Action": "lambda:GetFunction"},
        {"Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:iot:eu-west-1:111111111111:rule/other"}}},
        {"Condition": {"StringEquals": {"AWS:SourceAccount": "222222222222"}}},
        None,
    ],
)
def test_a_lambda_that_may_not_be_called_is_a_difference(
    change: dict[str, Any] | None, admitting: Fleet
) -> None:
    """Its permission was removed, or is another's: the rule fires, and nothing happens."""
    if change is None:
        admitting.world.policies.clear()
    else:
        admitting.world.policies[_ACTIVATION]["Statement"][0].update(change)
    difference = admitting.difference()
    assert (difference.field, difference.live) == ("activationPermission", "it may not")
    assert (
        "--principal iot.amazonaws.com --source-account 111111111111 --source-arn arn:aws:iot:"
        in difference.fix
    )


@pytest.mark.parametrize(
    "statement",
    [
        {"Principal": "*"},
        {"Principal": {"Service": ["iot.amazonaws.com", "sns.amazonaws.com"]}, "Action": ["lambda:*"]},
        {"Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:iot:*:111111111111:rule/*"}}},
    ],
)
def test_a_permission_in_other_words_is_no_difference(statement: dict[str, Any], admitting: Fleet) -> None:
    """What matters is that AWS IoT may call it."""
    admitting.world.policies[_ACTIVATION]["Statement"][0].update(statement)
    assert admitting.result().state is StageState.AS_PLANNED


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ({"type": "PARAMETER", "name": "/fleet/admitted", "by": "FINGERPRINT"}, "parameter /fleet/admitted"),
        ({"type": "TABLE", "name": "admitted", "by": "FINGERPRINT", "key": "id"}, "table admitted"),
    ],
)
def test_an_allow_list_that_is_gone_is_a_difference(
    listed: dict[str, str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is admitted, though all of the stack stands."""
    rules = {"admission": {"everyone": False, "list": listed}}
    fleet = Fleet(tmp_path, monkeypatch, [record(template_name=None, jitr=True, enrollment=rules)])
    assert fleet.result().state is StageState.AS_PLANNED
    fleet.world.lists.clear()
    difference = fleet.difference()
    assert (difference.field, difference.planned, difference.live) == ("admissionList", words, None)


def test_a_rule_that_listens_elsewhere_is_a_difference(admitting: Fleet) -> None:
    """Its SQL has another topic: nobody hears of new devices."""
    admitting.world.rules[_RULES][2].update(topicPattern="x", sql="SELECT * FROM 'x'")
    difference = admitting.difference()
    assert (difference.field, difference.live) == ("activationRule", None)
    assert "or listens to something else" in difference.fix


def test_an_activation_that_may_not_be_read_is_not_checked(admitting: Fleet) -> None:
    """A right is missing, and that is said."""
    admitting.world.faults[f"{OWN_ACCOUNT}/GetFunctionConfiguration"] = [(403, "AccessDeniedException")]
    result = admitting.result()
    assert result.state is StageState.UNCHECKED
    assert "allow lambda:GetFunctionConfiguration" in str(result.problem)


@pytest.mark.parametrize(
    "answer",
    [
        "<html><body>Please sign in</body></html>",
        "",
        "null",
        "[]",
        '{"blocked": true}',
        "<?xml version='1.0'?><a/>",
    ],
)
@pytest.mark.parametrize("jitr", [False, True])
def test_an_answer_that_is_none_of_awss_is_no_difference(
    answer: str, jitr: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy's page under status 200, for any of the calls: not checked, and no advice to change anything."""
    rules = {"admission": None}
    more: dict[str, Any] = {"template_name": None, "jitr": True, "enrollment": rules} if jitr else {}
    calls = {call.rpartition("/")[2] for call in _calls_of_a_check(tmp_path / "a", monkeypatch, more)}
    assert len(calls) > 5
    for action in sorted(calls):
        fleet = Fleet(tmp_path / action, monkeypatch, [record(**more)])
        fleet.world.strange[action] = answer
        result = fleet.result()
        assert result.differences == (), action
        if action == "DescribeEndpoint":
            assert "endpoint unknown" in result.warnings[0]
        elif action not in ({"DescribeStacks"} if jitr else {"GetRole", "DescribeStackResource"}):
            assert result.state is StageState.UNCHECKED, action
            assert result.problem is not None


@pytest.mark.parametrize("status", [302, 403, 407])
@pytest.mark.parametrize("page", ["<html><br>blocked</html>", "<html/>", ""])
@pytest.mark.parametrize("action", ["AssumeRole", "DescribeCACertificate"])
def test_a_refusal_that_is_none_of_awss_is_told_as_that(
    action: str, page: str, status: int, one: Fleet
) -> None:
    """A proxy's: no fault of this tool, of the role, or of the bootstrap."""
    one.world.strange[action], one.world.strange_status = page, status
    result = one.result()
    assert result.state is StageState.UNCHECKED
    assert "none of AWS's but" in str(result.problem)
    assert "its proxies" in str(result.problem)
    assert "bootstrap" not in str(result.problem)


@pytest.mark.parametrize(
    ("where", "strange"),
    [
        (("cas", "describe", "certificateDescription", "certificateArn"), None),
        (("cas", "describe", "certificateDescription", "status"), 7),
        (("cas", "describe", "certificateDescription", "certificatePem"), {}),
        (("cas", "describe", "certificateDescription", "validity", "notAfter"), "tomorrow"),
        (("cas", "describe", "registrationConfig", "templateName"), ["x"]),
        (("cas", "tags", "iot-multiaccount-ca:stack-id"), 7),
        (("templates", "templateBody"), {}),
        (("templates", "provisioningRoleArn"), []),
    ],
    ids=str,
)
def test_an_answer_of_another_form_is_told_as_that(where: tuple[str, ...], strange: Any, one: Fleet) -> None:
    """A member that is gone, or of another kind: no fault of this tool, and no drift with advice."""
    [held] = getattr(one.world, where[0]).values()
    for key in where[1:-1]:
        held = held[key]
    held[where[-1]] = strange
    result = one.result()
    assert (result.state, result.differences) == (StageState.UNCHECKED, ())
    assert "got no answer of AWS's" in str(result.problem)
    assert "the check itself failed" not in str(result.problem)


def _calls_of_a_check(folder: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]) -> list[str]:
    fleet = Fleet(folder, monkeypatch, [record(**more)])
    assert fleet.result().state is StageState.AS_PLANNED
    return fleet.world.calls


@pytest.fixture
def jitr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """One stage under just-in-time registration, deployed as planned."""
    return Fleet(tmp_path, monkeypatch, [record(template_name=None, jitr=True)])


def test_an_activation_as_planned_is_found_on_the_last_page(jitr: Fleet) -> None:
    """Its topic rule stands among the account's others."""
    assert jitr.result().state is StageState.AS_PLANNED
    assert "ListTopicRules" in jitr.world.calls[-2]


def test_a_disabled_activation_rule_is_a_difference(jitr: Fleet) -> None:
    """Devices would wait for good, and nobody would be told."""
    jitr.world.rules["111111111111/eu-west-1"][2]["ruleDisabled"] = True
    difference = jitr.difference()
    assert (difference.field, difference.live) == ("activationRule", "rule2 is disabled")
    assert "aws iot enable-topic-rule --region eu-west-1 --rule-name rule2" in difference.fix


def test_a_removed_activation_rule_is_a_difference(jitr: Fleet) -> None:
    """Rules on other topics, wider ones included, are not an activation."""
    del jitr.world.rules["111111111111/eu-west-1"][2]
    difference = jitr.difference()
    assert (difference.field, difference.live) == ("activationRule", None)
    assert "take the activation out" in difference.fix


def test_one_enabled_activation_rule_is_enough(jitr: Fleet) -> None:
    """Somebody else may listen too, or no longer."""
    held = jitr.world.rules["111111111111/eu-west-1"]
    held.insert(0, {**held[2], "ruleName": "others", "ruleDisabled": True})
    assert jitr.result().state is StageState.AS_PLANNED


def test_rules_are_asked_for_under_just_in_time_registration_alone(one: Fleet) -> None:
    """A role for JITP needs no right to list them."""
    one.check()
    assert not any("ListTopicRules" in call for call in one.world.calls)


def test_a_template_on_a_ca_under_just_in_time_registration_is_a_difference(jitr: Fleet) -> None:
    """Two would act on a device's first connect; what takes it off may turn auto-registration off."""
    live(jitr.world, jitr.records[0])["registrationConfig"] = {"templateName": "somebodys"}
    difference = jitr.difference()
    assert (difference.field, difference.live) == ("templateName", "somebodys")
    assert "--new-auto-registration-status ENABLE" in difference.fix


def test_an_expired_ca_is_a_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS IoT registers no device under it."""
    fleet = Fleet(tmp_path, monkeypatch, [record(not_valid_after=soon(-3))])
    assert fleet.difference().field == "notValidAfter"


def test_a_ca_that_expires_soon_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within 90 days, and the exit code stays 0."""
    checked = Fleet(tmp_path, monkeypatch, [record(not_valid_after=soon(30))]).check()
    assert "begin its rotation" in checked.results[0].warnings[0]
    assert checked.exit_code == 0


def test_an_endpoint_that_is_not_told_is_a_warning(one: Fleet) -> None:
    """The registration is checked all the same."""
    one.world.faults[f"{OWN_ACCOUNT}/DescribeEndpoint"] = [(403, "AccessDeniedException")]
    result = one.result()
    assert result.state is StageState.AS_PLANNED
    assert result.endpoint is None
    assert "endpoint unknown" in result.warnings[0]


def test_the_world_of_the_tests_is_what_is_asked(one: Fleet) -> None:
    """A guard of the tests: an empty world is full of differences."""
    one.world.__dict__.update(World(roles=one.world.roles).__dict__)
    assert one.result().state is StageState.DIFFERENT
