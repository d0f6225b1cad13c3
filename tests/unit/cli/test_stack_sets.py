"""Stack sets in ``iot-ca plan``, ``verify`` and ``report``: a row a set, what AWS says of it, what was not asked."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca.model.stack_set.reader import reader_role
from support import fleets
from support.aws_commands import check_aws_command
from support.fakes.fleet_aws import FakeAws
from support.fleets import Fleet, record
from support.stack_sets import (
    ADMINISTRATOR,
    INNER,
    MEMBERS,
    NAME,
    REGIONS,
    UNIT,
    ca,
    deploy_set,
    set_record,
    write_with_set,
)
from support.terminal import Ran, in_pipe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iot_multiaccount_ca.model.assembly_sets import StackSetRecord
    from support.fakes.fleet_aws import World

REASON = "ResourceLogicalId:Ca0123, ResourceType:AWS::IoT::CACertificate, already exists"


class _Set:
    """A set beside one stage, deployed as planned."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fleet = Fleet(tmp_path, monkeypatch, [record()])
        self.record: StackSetRecord = set_record()
        self.instances = deploy_set(self.fleet.world, self.record)
        self.folder = tmp_path / "cdk.out"

    @property
    def deployed(self) -> dict[str, Any]:
        """The set in the world."""
        return self.fleet.world.sets[f"{ADMINISTRATOR}/{fleets.REGION}/{NAME}"]

    def run(self, command: str, *arguments: str, **how: Any) -> Ran:
        write_with_set(self.folder, self.record, self.fleet.records, **how)
        with FakeAws(self.fleet.world) as url:
            self.fleet.ask(url)
            return in_pipe(command, "--app", str(self.folder), *arguments)

    def verify(self, *arguments: str, **how: Any) -> Ran:
        return self.run("verify", "--trust-stack-sets", *arguments, **how)


@pytest.fixture
def a_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Set:
    """A set of six stacks in three accounts."""
    return _Set(tmp_path, monkeypatch)


# --- plan -------------------------------------------------------------------------------------------------------


def test_a_plan_has_a_row_a_set(a_set: _Set) -> None:
    """With its units, and that the plan does not know the accounts."""
    ran = a_set.run("plan")
    assert (ran.code, ran.stderr) == (0, "")
    assert f"{NAME}  those of {UNIT}  eu-west-1, us-east-1" in ran.stdout
    assert "--accounts-from expands a set" in ran.stdout
    assert "1 registration, 1 account, 1 region, 1 CA, 1 stack set" in ran.stdout


def test_an_app_of_sets_alone_is_a_plan(a_set: _Set) -> None:
    """With its CA, in every form; a matrix of nothing is not shown."""
    a_set.fleet.records.clear()
    for arguments in (
        [],
        ["--markdown"],
        ["--json"],
        ["--view", "matrix"],
        ["--view", "matrix", "--markdown"],
    ):
        ran = a_set.run("plan", *arguments)
        assert ran.code == 0
        assert "D: DEFAULT" not in ran.stdout
        assert "CN=Fleet CA" in ran.stdout
        assert NAME in ran.stdout


def test_organizations_expands_a_set(a_set: _Set) -> None:
    """The accounts of all its units, without those that are closed or excluded, and without the management account."""
    a_set.record = replace(a_set.record, excluded_accounts=(MEMBERS[1],))
    units = a_set.fleet.world.units
    units[f"{ADMINISTRATOR}/{INNER}"]["accounts"] |= {ADMINISTRATOR: "ACTIVE", "777777777777": "SUSPENDED"}
    ran = a_set.run("plan", "--json", "--accounts-from", "organizations")
    found = [
        (each["account"], each["region"], each["certificateMode"], each["engine"])
        for each in json.loads(ran.stdout)["registrations"][1:]
    ]
    assert found == [
        (account, region, "SNI_ONLY", "NATIVE") for account in (MEMBERS[0], MEMBERS[2]) for region in REGIONS
    ]


def test_a_file_expands_a_set(a_set: _Set, tmp_path: Path) -> None:
    """Which lists the accounts of each unit; Organizations is not asked."""
    file = tmp_path / "accounts.json"
    file.write_text(json.dumps({UNIT: [MEMBERS[2]]}))
    a_set.fleet.world.units.clear()
    ran = a_set.run("plan", "--accounts-from", str(file))
    assert re.search(rf"{MEMBERS[2]} +us-east-1 +SNI_ONLY .* StackSet-{NAME}\n", ran.stdout)
    assert "expands a set" not in ran.stdout


@pytest.mark.parametrize("form", [(), ("--markdown",), ("--view", "matrix")], ids=str)
@pytest.mark.parametrize("excluded", [True, False])
def test_an_account_of_a_unit_that_has_the_ca_already_is_told(
    a_set: _Set, tmp_path: Path, excluded: bool, form: tuple[str, ...]
) -> None:
    """Only who is in the units tells: whichever of the two stacks comes second fails, unless the set leaves it out."""
    [own] = a_set.fleet.records
    a_set.record = replace(a_set.record, excluded_accounts=(own.account,) if excluded else ())
    file = tmp_path / "accounts.json"
    file.write_text(json.dumps({UNIT: [own.account, MEMBERS[2]]}))
    ran = a_set.run("plan", "--accounts-from", str(file), *form)
    said = " ".join(ran.stdout.replace("\\", "").split())
    twice = f"is registered twice, by {own.stack_name} and StackSet-{NAME}, in {own.account} ({own.region}): whichever"
    assert (twice in said) is not excluded
    assert ("registered twice" in said) is not excluded


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "holds no object"),
        ('{"ou-ab12-11111111": ["12"]}', "no list of account ids for ou-ab12-11111111"),
        ("{}", "lacks an organizational unit of the set FleetOfAll"),
    ],
)
def test_a_file_of_accounts_that_is_none_is_refused(
    a_set: _Set, tmp_path: Path, content: str, said: str
) -> None:
    """With what it should hold."""
    file = tmp_path / "accounts.json"
    file.write_text(content)
    ran = a_set.run("plan", "--accounts-from", str(file))
    assert ran.code == 2
    assert said in ran.stderr


def test_a_record_of_a_set_that_cannot_be_is_refused(a_set: _Set) -> None:
    """Its fields are checked as a registration's are."""
    a_set.record = replace(a_set.record, accounts=("12",))
    ran = a_set.run("plan")
    assert ran.code == 2
    assert "accounts of a stack set in the cloud assembly is malformed" in ran.stderr


# --- verify -----------------------------------------------------------------------------------------------------


def test_a_set_as_planned(a_set: _Set) -> None:
    """By StackSets' word, where it is to be taken."""
    ran = a_set.verify()
    assert (ran.code, ran.stderr) == (0, "")
    assert f"stack set {NAME} ({ADMINISTRATOR}, eu-west-1): as planned, 6 stacks, 6 CURRENT" in ran.stdout
    assert ran.stdout.splitlines()[-1].endswith("0 not checked; stack set FleetOfAll as planned")


def test_accounts_that_were_not_entered_are_no_accounts_as_planned(a_set: _Set) -> None:
    """Exit code 2, and how to have them looked at."""
    ran = a_set.run("verify")
    assert ran.code == 2
    assert "the accounts of the set were not entered" in ran.stdout
    assert "--role-name" in ran.stdout


def test_each_account_is_entered_by_the_role_that_is_named(a_set: _Set) -> None:
    """What StackSets does not see: a CA that was deactivated behind its back, and what devices cannot do then."""
    a_set.fleet.world.roles.add(f"arn:aws:iam::{ADMINISTRATOR}:role/FleetReader")
    assert a_set.run("verify", "--role-name", "FleetReader").code == 0
    planned = a_set.record.registrations(MEMBERS[1], REGIONS[1], f"StackSet-{NAME}-{MEMBERS[1]}")
    fleets.live(a_set.fleet.world, planned[0])["certificateDescription"]["status"] = "INACTIVE"
    ran = a_set.run("verify", "--role-name", "FleetReader")
    assert ran.code == 1
    assert "account by account: 5 as planned, 1 different, 0 not checked" in ran.stdout
    assert f"({MEMBERS[1]}, us-east-1)\n  status: planned ACTIVE, is INACTIVE" in ran.stdout


def test_an_account_that_stays_closed_is_not_checked(a_set: _Set) -> None:
    """The management account is entered all the same: the role of the members is not there."""
    a_set.fleet.records.clear()
    a_set.fleet.world.roles.discard(f"arn:aws:iam::{MEMBERS[0]}:role/FleetReader")
    ran = a_set.run("verify", "--role-name", "FleetReader")
    assert ran.code == 2
    assert "account by account: 4 as planned, 0 different, 2 not checked" in ran.stdout


def test_stacks_that_are_not_current_are_told_with_awss_reason(a_set: _Set) -> None:
    """Once for all that have it, wherever they are and whichever request it was, with what to do."""
    for number, each in enumerate(a_set.instances[:2]):
        here = f"arn:aws:iot:{each['Region']}:{each['Account']}:x, RequestToken:{number:08}-1111-2222-3333-444444444444"
        each.update(Status="OUTDATED", detail="FAILED", StatusReason=f"{REASON} {here}")
    a_set.instances[2].update(Status="INOPERABLE", detail="INOPERABLE")
    ran = a_set.verify()
    assert ran.code == 1
    assert f"2 stacks OUTDATED, FAILED: {REASON}" in ran.stdout
    assert f"{MEMBERS[0]} (eu-west-1), {MEMBERS[0]} (us-east-1)" in ran.stdout
    assert "update-stack-set --region eu-west-1 --stack-set-name FleetOfAll" in ran.stdout
    assert "1 stack INOPERABLE" in ran.stdout
    assert "--retain-stacks" in ran.stdout


def test_missing_and_surplus_stacks(a_set: _Set) -> None:
    """By Organizations: who is in the units and has none, who has one and is not in them, or is excluded."""
    del a_set.instances[0]
    a_set.record = replace(a_set.record, excluded_accounts=(MEMBERS[2],))
    ran = a_set.verify()
    assert ran.code == 1
    assert (
        f"1 stack missing\n    {MEMBERS[0]} (eu-west-1)\n    fix: run `aws cloudformation create-"
        in ran.stdout
    )
    assert "2 stacks surplus: automatic deployment heeds no exclusion" in ran.stdout


def test_a_closed_account_is_neither_missing_nor_surplus(a_set: _Set) -> None:
    """No operation reaches it, whether it has stacks or not."""
    units = a_set.fleet.world.units[f"{ADMINISTRATOR}/{UNIT}"]
    units["accounts"] = {MEMBERS[0]: "SUSPENDED", MEMBERS[1]: "ACTIVE", "777777777777": "CLOSED"}
    assert a_set.verify().code == 0


def test_an_organization_that_will_not_say_is_not_checked(a_set: _Set) -> None:
    """Which call, as whom, and that accounts may be missing."""
    a_set.fleet.world.units.clear()
    ran = a_set.verify()
    assert ran.code == 2
    assert "who is in the organizational units is not known" in ran.stdout
    assert "allow organizations:ListAccountsForParent to arn:aws:iam::" in ran.stdout


def test_a_set_that_is_not_there(a_set: _Set) -> None:
    """Not deployed, or deleted behind its stack's back."""
    a_set.fleet.world.sets.clear()
    ran = a_set.verify()
    assert ran.code == 1
    assert "stackSet: planned FleetOfAll, is none" in ran.stdout
    assert "cdk deploy Organization --exclusively" in ran.stdout


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"automatic": False}, "autoDeployment: planned yes, is no"),
        ({"retains": True}, "onLeaving: planned DESTROY, is RETAIN"),
        ({"body": "{}"}, "templateBody: planned as in the stack, is changed"),
        ({"units": ["ou-ab12-99999999"]}, f"organizationalUnits: planned {UNIT}, is ou-ab12-99999999"),
    ],
)
def test_a_set_that_was_changed(a_set: _Set, change: dict[str, Any], said: str) -> None:
    """Field by field."""
    a_set.deployed.update(change)
    ran = a_set.verify()
    assert ran.code == 1
    assert said in ran.stdout


def test_the_administrators_account_stays_closed(a_set: _Set) -> None:
    """Not checked, as any account."""
    a_set.fleet.world.roles.clear()
    a_set.fleet.records.clear()
    ran = a_set.verify(environment="aws://999999999999/eu-west-1")
    assert ran.code == 2
    assert "cannot be assumed" in ran.stdout


def test_a_stack_without_an_account_is_not_checked(a_set: _Set) -> None:
    """Nobody knows where its set is."""
    ran = a_set.verify(environment="aws://unknown-account/unknown-region")
    assert ran.code == 2
    assert "names no account or no region" in ran.stdout


def test_a_set_in_json(a_set: _Set) -> None:
    """Each group of stacks with its places; of the accounts those that are not as planned."""
    a_set.instances[0].update(Status="OUTDATED", detail="FAILED", StatusReason=REASON)
    document = json.loads(a_set.verify("--json").stdout)
    assert document["exitCode"] == 1
    [one] = document["stackSets"]
    assert (one["state"], one["stacks"], one["current"]) == ("different", 6, 5)
    [group] = one["notCurrent"]
    assert group["reason"] == REASON
    assert group["places"] == [{"account": MEMBERS[0], "region": "eu-west-1"}]


def test_a_retiring_ca_of_a_set_is_checked_too(a_set: _Set) -> None:
    """In each account."""
    a_set.record = set_record(cas=(ca(), ca(1, retiring=True, logical_id="Ca4567", active=False)))
    a_set.fleet.world.roles.add(f"arn:aws:iam::{ADMINISTRATOR}:role/FleetReader")
    deploy_set(a_set.fleet.world, a_set.record)
    ran = a_set.run("verify", "--role-name", "FleetReader")
    assert "account by account: 6 as planned, 6 different" in ran.stdout
    assert ran.code == 1


# --- the role that a set carries --------------------------------------------------------------------------------


@pytest.fixture
def a_read_set(a_set: _Set) -> _Set:
    """The same set, with a role in each account that verify can take."""
    a_set.record = set_record(reader_role_name="CaReader-0123abcd-{region}")
    a_set.instances = deploy_set(a_set.fleet.world, a_set.record)
    return a_set


def test_each_account_is_entered_by_the_role_that_the_set_carries(a_read_set: _Set) -> None:
    """Without a word; a role that is named goes before it, a bootstrap's qualifier does not."""
    planned = a_read_set.record.registrations(MEMBERS[1], REGIONS[1], "StackSet")
    fleets.live(a_read_set.fleet.world, planned[0])["certificateDescription"]["status"] = "INACTIVE"
    ran = a_read_set.run("verify")
    assert ran.code == 1
    assert "account by account: 5 as planned, 1 different, 0 not checked" in ran.stdout
    assert "account by account: 5 as planned" in a_read_set.run("verify", "--qualifier", "hnb659fds").stdout
    assert "account by account: 0 as planned" in a_read_set.run("verify", "--role-name", "Other").stdout


def test_an_account_whose_role_is_not_there_is_no_matter_of_the_bootstrap(a_read_set: _Set) -> None:
    """Which no account of a set has."""
    a_read_set.fleet.world.roles.discard(f"arn:aws:iam::{MEMBERS[1]}:role/CaReader-0123abcd-us-east-1")
    ran = a_read_set.run("verify")
    assert ran.code == 2
    assert "account by account: 5 as planned, 0 different, 1 not checked" in ran.stdout
    assert f"see that the role is there and trusts account {ADMINISTRATOR}" in ran.stdout
    assert "cdk bootstrap" not in ran.stdout


def test_the_role_may_do_what_verify_does_and_no_more(a_read_set: _Set) -> None:
    """All that is called in accounts of a set: of one that is gone, and what stacks have left, too."""
    resource = reader_role(NAME, (ADMINISTRATOR,))
    statements = resource["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    granted = {action.partition(":")[2] for each in statements for action in each["Action"]}
    world, here = a_read_set.fleet.world, f"{MEMBERS[0]}/{REGIONS[0]}"
    gone = record("gone", MEMBERS[0], certificate_id="0" * 64, template_name=None)
    fleets.add_registration(world, gone)
    del world.stack_resources[f"{here}/{gone.stack_name}"]
    left = world.templates[f"{here}/{a_read_set.record.template_name}"]
    world.templates[f"{here}/FleetCa-gone-0123abcd-0a1b2c3d"] = left
    del world.cas[f"{MEMBERS[1]}/{REGIONS[0]}/{a_read_set.record.cas[0].certificate_id}"]
    ran = a_read_set.run("verify", "--leftovers", "--json")
    assert json.loads(ran.stdout)["stackSets"][0]["accounts"]["counts"]["different"] == 1
    calls = [call.split("/") for call in world.calls]
    assert {action for account, _, action in calls if account in MEMBERS} == granted


def test_what_verify_warns_of_in_accounts_of_a_set_is_told_once(a_read_set: _Set) -> None:
    """A CA that expires soon does so in every account."""
    a_read_set.record = replace(a_read_set.record, cas=(ca(not_valid_after=fleets.soon(5)),))
    a_read_set.instances = deploy_set(a_read_set.fleet.world, a_read_set.record)
    ran = a_read_set.run("verify")
    assert ran.code == 0
    assert ran.stdout.count("begin its rotation now") == 1
    [inside] = [
        each["accounts"] for each in json.loads(a_read_set.run("verify", "--json").stdout)["stackSets"]
    ]
    [warning] = inside["warnings"]
    assert "begin its rotation now" in warning["warning"]
    assert len(warning["places"]) == 6


def _update(world: World, here: str, **values: str) -> None:
    world.cas[f"{here}/{ca().certificate_id}"]["describe"]["certificateDescription"].update(values)


_HARMS: dict[str, Callable[[World, str], object]] = {
    "gone": lambda world, here: world.cas.pop(f"{here}/{ca().certificate_id}"),
    "mode": lambda world, here: _update(world, here, certificateMode="DEFAULT"),
    "status": lambda world, here: _update(world, here, status="INACTIVE"),
    "no tags": lambda world, here: world.cas[f"{here}/{ca().certificate_id}"]["tags"].clear(),
    "another's": lambda world, here: world.cas[f"{here}/{ca().certificate_id}"]["tags"].update(
        {"iot-multiaccount-ca:stack-id": f"arn:aws:cloudformation:{REGIONS[0]}:{MEMBERS[0]}:stack/Other/1"}
    ),
    "template gone": lambda world, here: world.templates.pop(f"{here}/{set_record().template_name}"),
    "template's type": lambda world, here: world.templates[f"{here}/{set_record().template_name}"].update(
        type="FLEET_PROVISIONING"
    ),
    "role gone": lambda world, here: world.templates[f"{here}/{set_record().template_name}"].update(
        provisioningRoleArn="arn:aws:iam::1:role/gone"
    ),
}


@pytest.mark.parametrize("harm", _HARMS)
def test_what_is_advised_in_an_account_of_a_set_can_be_done_there(a_read_set: _Set, harm: str) -> None:
    """Its stacks are in no app: `cdk deploy` or `cdk import` mends none of them, and there is no stage to change."""
    _HARMS[harm](a_read_set.fleet.world, f"{MEMBERS[0]}/{REGIONS[0]}")
    [found] = json.loads(a_read_set.run("verify", "--json").stdout)["stackSets"]
    fixes = [each["fix"] for stage in found["accounts"]["stages"] for each in stage["differences"]]
    assert fixes
    for fix in fixes:
        assert not re.search(r"\bcdk\b|\bstage\b|RemovalPolicy|allow_mode_change|OnExisting", fix)
        commands = [shlex.split(command) for command in re.findall("`([^`]*)`", fix)]
        assert commands
        for command in commands:
            check_aws_command(command)


def test_a_set_that_retains_is_told_not_to_before_a_stack_is_made_anew(a_read_set: _Set) -> None:
    """What its stack leaves would stand in the way of the next one."""
    a_read_set.record = replace(a_read_set.record, retains=True)
    a_read_set.instances = deploy_set(a_read_set.fleet.world, a_read_set.record)
    _HARMS["gone"](a_read_set.fleet.world, f"{MEMBERS[0]}/{REGIONS[0]}")
    assert 'deploy the set with on_leaving="DESTROY"; then run' in a_read_set.run(
        "verify", "--json"
    ).stdout.replace('\\"', '"')


# --- report -----------------------------------------------------------------------------------------------------


def test_a_report_has_a_card_a_set(a_set: _Set, tmp_path: Path) -> None:
    """With counts and failures, and its state among the first figures; of the plan alone without."""
    a_set.instances[0].update(Status="OUTDATED", detail="FAILED", StatusReason=REASON)
    page = tmp_path / "fleet.html"
    assert a_set.run("report", "--html", str(page)).code == 0
    assert "Stack sets" in page.read_text()
    assert "CURRENT" not in page.read_text()
    assert a_set.run("report", "--html", str(page), "--live").code == 0
    assert "5 of 6 CURRENT" in page.read_text()
    assert '<li class="unchecked"><strong>1</strong> stack set not checked</li>' in page.read_text()
    assert f"1 stack OUTDATED, FAILED: {REASON}" in page.read_text()


def test_a_report_of_sets_alone(a_set: _Set, tmp_path: Path) -> None:
    """Is a page, too."""
    a_set.fleet.records.clear()
    page = tmp_path / "fleet.html"
    for more in ([], ["--live"]):
        assert a_set.run("report", "--html", str(page), *more).code == 0
        assert NAME in page.read_text()
