"""What is advised for a stack set: whole commands, for the stacks that are meant and no others."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca.fleet.compare_sets import instance_groups, missing_and_surplus, set_differences
from iot_multiaccount_ca.fleet.live_sets import LiveInstance, LiveSet, Members
from iot_multiaccount_ca.fleet.planned_sets import PlannedSet
from support import fleets
from support.aws_commands import check_aws_command
from support.stack_sets import ADMINISTRATOR, INNER, MEMBERS, NAME, REGIONS, UNIT, body_of, set_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from iot_multiaccount_ca.fleet.set_result import InstanceGroup

MANY = [f"{number:012d}" for number in range(600_000_000_001, 600_000_000_041)]


def _planned(**changes: Any) -> PlannedSet:
    record = set_record(**changes)
    return PlannedSet(record, ADMINISTRATOR, fleets.REGION, "Sets", "Sets", body_of(record))


def _instances(accounts: Iterable[str], regions: Iterable[str] = REGIONS, **how: str) -> list[LiveInstance]:
    settings = {"status": "CURRENT", "detail": "SUCCEEDED", "reason": "", "stack_id": "", "unit": UNIT, **how}
    return [LiveInstance(account, region, **settings) for account in accounts for region in regions]


def _commands(groups: Iterable[InstanceGroup]) -> list[list[str]]:
    fixes = [each.fix for each in groups]
    assert not any("…" in fix for fix in fixes)
    found = [shlex.split(command) for fix in fixes for command in re.findall("`([^`]*)`", fix)]
    for command in found:
        check_aws_command(command)
    return found


def _after(command: list[str], option: str) -> list[str]:
    words = command[command.index(option) + 1 :]
    return words[: next((at for at, word in enumerate(words) if word.startswith("--")), len(words))]


def test_every_account_that_is_meant_is_named() -> None:
    """However many they are: what a reader would have to fill in does not run as printed."""
    planned, members = _planned(), Members(ADMINISTRATOR, active={*MANY, MEMBERS[0]})
    [command] = _commands(missing_and_surplus(planned, _instances([MEMBERS[0]]), members))
    [targets] = _after(command, "--deployment-targets")
    assert targets == (
        f"OrganizationalUnitIds={UNIT},Accounts={','.join(MANY)},AccountFilterType=INTERSECTION"
    )


def test_where_all_are_missing_the_units_are_named() -> None:
    """Without those that are excluded: a thousand accounts are not a line that anybody can read."""
    planned = _planned(excluded_accounts=(MEMBERS[0],))
    members = Members(ADMINISTRATOR, active={*MANY, MEMBERS[0]})
    [command] = _commands(missing_and_surplus(planned, [], members))
    [targets] = _after(command, "--deployment-targets")
    assert targets == f"OrganizationalUnitIds={UNIT},Accounts={MEMBERS[0]},AccountFilterType=DIFFERENCE"


@pytest.mark.parametrize("retains", [True, False])
def test_what_an_account_kept_has_to_go_before_its_stack_comes_back(retains: bool) -> None:
    """Under RETAIN an account that left still has the CA and the template, and creating the stack alone would fail."""
    planned = _planned(retains=retains)
    failed = _instances(MEMBERS[1:2], status="OUTDATED", detail="FAILED", reason="already exists")
    groups = [
        *missing_and_surplus(planned, [], Members(ADMINISTRATOR, active={MEMBERS[0]})),
        *instance_groups(planned, failed),
    ]
    kept = f"first delete the CA, its provisioning template {planned.record.template_name} and"
    assert [kept in group.fix for group in groups] == [retains, retains]


def test_no_command_touches_a_stack_that_is_as_planned() -> None:
    """One for all accounts and all regions of what is surplus would delete what is planned, too."""
    live = [*_instances(MEMBERS[:1]), *_instances(MEMBERS[1:2], ["eu-west-1", "us-east-1", "us-west-2"])]
    planned, members = _planned(), Members(ADMINISTRATOR, active={MEMBERS[1]})
    commands = _commands(missing_and_surplus(planned, live, members))
    touched = {
        (account, region)
        for command in commands
        for account in re.findall(r"\d{12}", _after(command, "--deployment-targets")[0])
        for region in _after(command, "--regions")
    }
    assert touched == {(MEMBERS[0], region) for region in REGIONS} | {(MEMBERS[1], "us-west-2")}


def test_a_surplus_stack_is_asked_for_by_the_unit_that_it_was_made_for() -> None:
    """Which may not be one of the plan's any more."""
    planned, members = _planned(), Members(ADMINISTRATOR, active=set())
    [command] = _commands(missing_and_surplus(planned, _instances(MEMBERS[:1], unit=INNER), members))
    assert _after(command, "--deployment-targets")[0].startswith(f"OrganizationalUnitIds={INNER},")
    assert "--no-retain-stacks" in command


@pytest.mark.parametrize("delegated", [True, False])
def test_a_delegated_administrator_says_so(delegated: bool) -> None:
    """Or StackSets knows no such set."""
    planned = _planned(delegated_administrator=delegated)
    live = _instances(MEMBERS[:1], status="OUTDATED", detail="FAILED")
    for command in _commands(instance_groups(planned, live)):
        assert ("--call-as" in command) is delegated


def test_a_set_that_was_changed_outside_its_stack_is_set_again() -> None:
    """A deployment without news changes nothing: the command that does is printed beside it, body and all."""
    planned = _planned()
    planned = replace(planned, body=json.dumps({**json.loads(planned.body), "Description": "`'${x} é"}))
    live = LiveSet("SERVICE_MANAGED", automatic=True, retains=True, body="{}", units=(UNIT,))
    found = {each.field: each.fix for each in set_differences(planned, live)}
    assert list(found) == ["onLeaving", "templateBody"]
    for fix in found.values():
        deploy, update = (shlex.split(command) for command in re.findall("`([^`]*)`", fix))
        assert deploy == ["cdk", "deploy", "Sets", "--exclusively"]
        check_aws_command(update)
    assert json.loads(_after(update, "--template-body")[0]) == json.loads(planned.body)


def test_listed_accounts_are_no_units() -> None:
    """Self-managed permissions know no deployment targets."""
    planned = _planned(organizational_units=(), accounts=MEMBERS)
    [command] = _commands(missing_and_surplus(planned, _instances(MEMBERS[:1]), None))
    assert _after(command, "--accounts") == [*MEMBERS[1:]]


def test_a_stack_that_nobody_can_delete_is_let_go_and_made_anew() -> None:
    """Step by step: out of the set, deleted in its account by its id, back into the set."""
    stack = f"arn:aws:cloudformation:eu-west-1:{MEMBERS[0]}:stack/StackSet-{NAME}/{fleets.UUID}"
    live = _instances(MEMBERS[:1], ["eu-west-1"], status="INOPERABLE", detail="INOPERABLE", stack_id=stack)
    commands = _commands(instance_groups(_planned(), live))
    verbs = ["delete-stack-instances", "delete-stack", "create-stack-instances"]
    assert [command[2] for command in commands] == verbs
    assert "--retain-stacks" in commands[0]
    assert _after(commands[1], "--stack-name") == [stack]


def test_a_stack_in_a_closed_account_is_let_go() -> None:
    """No update reaches it, so that to remove the cause and update the set would help nothing."""
    closed = _instances(MEMBERS[:1], status="OUTDATED", detail="SKIPPED_SUSPENDED_ACCOUNT")
    groups = list(instance_groups(_planned(), closed))
    assert "reopen it" in groups[0].fix
    [command] = _commands(groups)
    assert command[:3] == ["aws", "cloudformation", "delete-stack-instances"]
    assert "--retain-stacks" in command
    assert MEMBERS[0] in _after(command, "--deployment-targets")[0]


@pytest.mark.parametrize(
    ("readers", "capability"),
    [(None, "CAPABILITY_IAM"), ("CaReader-0123abcd-{region}", "CAPABILITY_NAMED_IAM")],
)
def test_an_update_has_the_capabilities_that_the_template_needs(readers: str | None, capability: str) -> None:
    """Or CloudFormation refuses it."""
    live = _instances(MEMBERS[:1], status="OUTDATED", detail="FAILED")
    [command] = _commands(instance_groups(_planned(reader_role_name=readers), live))
    assert _after(command, "--capabilities") == [capability]
