"""What stacks that are gone have left, as the check of a fleet finds it, over real HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from iot_multiaccount_ca.fleet.result import StageState
from support.fleets import (
    OWN_ACCOUNT,
    REGION,
    UUID,
    Fleet,
    add_registration,
    certificate_id,
    live,
    record,
    stack_id,
)

if TYPE_CHECKING:
    from pathlib import Path

HERE = f"{OWN_ACCOUNT}/{REGION}"
EARLIER = "99999999-0000-4000-8000-000000000000"
RETAINED = "FleetCa-dev-0123abcd-????????"
DEPLOY = "cdk deploy FleetCa-dev --exclusively"


def held_by(fleet: Fleet, stack: str, logical_id: str = "Ca0123") -> None:
    """Let the registration carry the tags of that stack."""
    fleet.world.cas[f"{HERE}/{certificate_id()}"]["tags"] |= {
        "iot-multiaccount-ca:stack-id": stack,
        "iot-multiaccount-ca:logical-id": logical_id,
    }


def undeployed(fleet: Fleet) -> None:
    """Let the stage's own stack be gone."""
    fleet.world.stack_resources.clear()


@pytest.mark.parametrize("status", ["DELETE_COMPLETE", None])
def test_a_registration_of_a_stack_that_is_gone_is_told(one: Fleet, status: str | None) -> None:
    """Deleted, or unknown by its full id: the same stack, deployed again, takes it up."""
    undeployed(one)
    one.world.stacks[stack_id(one.records[0])] = status
    difference = one.difference()
    assert (difference.field, difference.live) == ("owner", "FleetCa-dev/Ca0123 of a stack that is gone")
    assert difference.fix == f"run `{DEPLOY}`: it takes the registration up for good"


@pytest.mark.parametrize("status", ["DELETE_FAILED", "ROLLBACK_COMPLETE", "DELETE_IN_PROGRESS"])
def test_a_stack_that_failed_to_be_made_or_deleted_is_there(one: Fleet, status: str) -> None:
    """Only CloudFormation's own word makes an orphan."""
    undeployed(one)
    one.world.stacks[stack_id(one.records[0])] = status
    assert one.result().state is StageState.AS_PLANNED


def test_a_stack_that_may_not_be_asked_of_is_there(one: Fleet) -> None:
    """A denial is no word of CloudFormation's."""
    undeployed(one)
    one.world.faults[f"{OWN_ACCOUNT}/DescribeStacks"] = [(403, "AccessDenied")]
    assert one.result().state is StageState.AS_PLANNED


def test_a_stack_of_another_account_is_there(one: Fleet) -> None:
    """It cannot be asked of here: no advice to take anything from it for good."""
    held_by(one, f"arn:aws:cloudformation:{REGION}:222222222222:stack/Other/{EARLIER}")
    assert one.difference().live == "Other/Ca0123"


def test_an_orphan_beside_a_deployed_stack_of_its_name_needs_a_change(one: Fleet) -> None:
    """CloudFormation does nothing where the template is what it was."""
    held_by(one, stack_id(one.records[0], EARLIER))
    fix = one.difference().fix
    assert f"run `{DEPLOY} -c iot-multiaccount-ca:repair=" in fix


def test_an_orphan_of_another_stack_is_taken_up_by_adoption(one: Fleet) -> None:
    """The registrar asks for both: ADOPT, and the stack named."""
    held_by(one, f"arn:aws:cloudformation:{REGION}:{OWN_ACCOUNT}:stack/Old/{EARLIER}")
    fix = one.difference().fix
    assert fix.startswith('set on_existing=OnExisting.ADOPT and adopt_from_stack="Old", and run')


def test_an_orphan_in_another_mode_is_taken_up_in_its_own(one: Fleet) -> None:
    """The registrar refuses to change the mode of what it takes up."""
    undeployed(one)
    live(one.world, one.records[0])["certificateDescription"]["certificateMode"] = "DEFAULT"
    mode, owner = one.result().differences
    assert "take it up first" in mode.fix
    assert "certificate_mode=CertificateMode.DEFAULT" in owner.fix
    assert "allow_mode_change" not in mode.fix + owner.fix


def test_a_native_stage_brings_an_orphan_in_by_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS's own resource adopts nothing."""
    fleet = Fleet(tmp_path, monkeypatch, [record(engine="NATIVE")])
    undeployed(fleet)
    assert "cdk import FleetCa-dev" in fleet.difference().fix


def test_a_stack_that_is_as_planned_costs_no_call_more(one: Fleet) -> None:
    """The answer on its role says which stack it is of."""
    one.check()
    assert f"{HERE}/DescribeStacks" not in one.world.calls
    assert f"{HERE}/ListCACertificates" not in one.world.calls


@pytest.fixture
def retained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """One stage under RETAIN, deployed as planned."""
    return Fleet(tmp_path, monkeypatch, [record(template_name=RETAINED)])


def leave_template(fleet: Fleet, name: str) -> None:
    """A provisioning template that is as good as the deployed one."""
    deployed_one = fleet.world.templates[f"{HERE}/FleetCa-dev-0123abcd-{UUID[:8]}"]
    fleet.world.templates[f"{HERE}/{name}"] = {**deployed_one, "templateName": name}


def test_a_retained_stage_as_planned_leaves_nothing(retained: Fleet) -> None:
    """Its template is the one that carries the digits of its stack."""
    result = retained.result()
    assert (result.state, result.warnings) == (StageState.AS_PLANNED, ())
    assert result.template is not None


def test_a_template_that_an_earlier_stack_left_is_told(retained: Fleet) -> None:
    """With the call that removes it, and its role; no difference."""
    left = f"FleetCa-dev-0123abcd-{EARLIER[:8]}"
    leave_template(retained, left)
    result = retained.result()
    (warning,) = result.warnings
    assert result.state is StageState.AS_PLANNED
    assert f"aws iot delete-provisioning-template --region {REGION} --template-name {left}`" in warning
    assert f"arn:aws:iam::{OWN_ACCOUNT}:role/provisioning" in warning


def test_a_template_that_another_ca_uses_is_not_left_over(retained: Fleet) -> None:
    """No advice to remove what devices enroll by, whoever's the CA is."""
    name = "Other-dev-01234567-89abcdef"
    leave_template(retained, name)
    other = record(certificate_id=certificate_id(1), stack_name="Other-dev")
    kept = dict(retained.world.stack_resources)
    add_registration(retained.world, other, number=1)
    retained.world.stack_resources |= kept
    live(retained.world, other)["registrationConfig"] = {"templateName": name}
    assert not retained.result().warnings


def hold(fleet: Fleet, name: str, status: str) -> None:
    """Another app's stack that has a template, retained too."""
    other = record(stack_name="Other-dev")
    fleet.world.stacks[stack_id(other)] = status
    fleet.world.stack_resources[f"{HERE}/Other-dev"] = {
        **fleet.world.stack_resources[f"{HERE}/FleetCa-dev"],
        "StackName": "Other-dev",
        "StackId": stack_id(other),
        "LogicalResourceId": "Template",
        "PhysicalResourceId": name,
    }


@pytest.mark.parametrize(
    ("status", "told"), [("CREATE_COMPLETE", False), ("DELETE_FAILED", False), ("DELETE_COMPLETE", True)]
)
def test_a_template_that_another_stack_has_is_not_left_over(retained: Fleet, status: str, told: bool) -> None:
    """Two plans share the account, and a CA of the other one does not use its template now."""
    name = "Other-dev-01234567-89abcdef"
    leave_template(retained, name)
    hold(retained, name, status)
    assert bool(retained.result().warnings) is told


def test_where_stacks_may_not_be_asked_of_the_advice_is_to_look_first(retained: Fleet) -> None:
    """It may be another stack's all the same."""
    leave_template(retained, f"FleetCa-dev-0123abcd-{EARLIER[:8]}")
    retained.world.faults[f"{OWN_ACCOUNT}/DescribeStackResources"] = [(403, "AccessDenied")]
    (warning,) = retained.result().warnings
    assert "once no stack has it, remove it with `aws iot delete-provisioning-template" in warning


def test_a_renamed_prefix_is_taken_up_with_its_template(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retained under another prefix: one thing to do for all that differs, and the old template stays meanwhile."""
    old = record(template_name="OldCa-dev-0123abcd-????????", stack_name="OldCa-dev")
    fleet = Fleet(tmp_path, monkeypatch, [old])
    fleet.world.stacks[stack_id(old)] = "DELETE_COMPLETE"
    fleet.world.stack_resources.clear()
    fleet.records[:] = [record(template_name=RETAINED)]
    result = fleet.result()
    fixes = {each.field: each.fix for each in result.differences}
    assert set(fixes) == {"owner", "templateName"}
    assert 'adopt_from_stack="OldCa-dev"' in fixes["owner"]
    assert "as said of the owner" in fixes["templateName"]
    assert not result.warnings


def test_templates_of_other_names_are_not_looked_at(retained: Fleet) -> None:
    """What RETAIN leaves has a name of its own form."""
    leave_template(retained, "somebody-elses-template")
    assert not retained.result().warnings


def test_a_deployed_template_that_its_ca_does_not_use_is_not_left_over(retained: Fleet) -> None:
    """It is a difference, and its fix needs the template."""
    leave_template(retained, f"FleetCa-dev-0123abcd-{EARLIER[:8]}")
    live(retained.world, retained.records[0])["registrationConfig"] = {
        "templateName": f"FleetCa-dev-0123abcd-{EARLIER[:8]}"
    }
    result = retained.result()
    (difference,) = result.differences
    assert difference.field == "templateName"
    assert f"--registration-config templateName=FleetCa-dev-0123abcd-{UUID[:8]}`" in difference.fix
    assert not result.warnings


def test_a_ca_that_no_stage_plans_and_whose_stack_is_gone_is_told(one: Fleet) -> None:
    """A Create that came late: nobody else would ever find it."""
    other = record(certificate_id=certificate_id(1), stack_name="Gone-dev", template_name=None)
    add_registration(one.world, other, number=1)
    one.world.stacks[stack_id(other)] = "DELETE_COMPLETE"
    (warning,) = one.check(leftovers=True).results[0].warnings
    assert warning.startswith(f"CA {certificate_id(1)} was registered by stack Gone-dev")
    assert f"delete-ca-certificate --region {REGION} --certificate-id {certificate_id(1)}`" in warning


def test_a_ca_of_a_stack_that_is_there_is_nobodys_business(one: Fleet) -> None:
    """Other apps register CAs in the same accounts."""
    other = record(certificate_id=certificate_id(1), stack_name="Other-dev", template_name=None)
    add_registration(one.world, other, number=1)
    assert not one.check(leftovers=True).results[0].warnings


def test_what_could_not_be_looked_for_is_said(one: Fleet) -> None:
    """A role without the right to list is no reason to say that nothing is left."""
    one.world.faults[f"{OWN_ACCOUNT}/ListCACertificates"] = [(403, "AccessDeniedException")]
    (warning,) = one.check(leftovers=True).results[0].warnings
    assert "iot:ListCACertificates" in warning
