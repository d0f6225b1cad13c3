"""What a deployment changes of stack sets: a table of pairs of sets, and what is told of each."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca.fleet.changes import Sign, StackPlace
from iot_multiaccount_ca.fleet.held import of_assembly
from iot_multiaccount_ca.fleet.saved_plan import read_saved_plan
from iot_multiaccount_ca.fleet.set_changes import HeldSet, SetChange, compare_sets
from support.fleets import certificate_id
from support.stack_sets import INNER, MEMBERS, REGIONS, STACK, UNIT, ca, set_record, write_with_set
from support.terminal import in_pipe

if TYPE_CHECKING:
    from pathlib import Path

    from iot_multiaccount_ca.model.assembly_sets import StackSetRecord

HERE = StackPlace(STACK, MEMBERS[0], REGIONS[0])
NEW_CA = ca(1, logical_id="CaNew")
OLD_CA = ca(retiring=True)


def changes(
    old: StackSetRecord, new: StackSetRecord, digests: tuple[str | None, str | None] = (None, None)
) -> list[SetChange]:
    return compare_sets([HeldSet(old, HERE, digests[0])], [HeldSet(new, HERE, digests[1])], {HERE})


@pytest.mark.parametrize(
    ("old", "new", "told", "risk"),
    [
        ({}, {"regions": (*REGIONS, "eu-north-1")}, ("regions", "eu-north-1"), None),
        ({}, {"regions": REGIONS[:1]}, ("regions", REGIONS[0]), "its CAs are deregistered"),
        ({"retains": True}, {"retains": True, "regions": REGIONS[:1]}, ("regions", REGIONS[0]), "stays registered"),
        ({}, {"organizational_units": (UNIT, INNER)}, ("units", INNER), None),
        ({}, {"organizational_units": (INNER,)}, ("units", INNER), "its CAs are deregistered"),
        ({}, {"excluded_accounts": MEMBERS[:1]}, ("excluded accounts", MEMBERS[0]), "its CAs are deregistered"),
        ({"excluded_accounts": MEMBERS[:1]}, {}, ("excluded accounts", "-"), None),
        ({}, {"cas": (NEW_CA, OLD_CA)}, (f"CA {certificate_id(1)[:8]}", "ACTIVE, current"), "stay as they are"),
        ({}, {"cas": (NEW_CA,)}, (f"CA {certificate_id()[:8]}", "-"), "are refused from then on"),
        ({"retains": True}, {"cas": (NEW_CA,), "retains": True}, (f"CA {certificate_id()[:8]}", "-"), "RETAIN"),
        ({}, {"cas": (OLD_CA,)}, (f"status of CA {certificate_id()[:8]}", "ACTIVE, retiring"), "none"),
        ({}, {"cas": (ca(active=False),)}, (f"status of CA {certificate_id()[:8]}", "INACTIVE"), "are refused"),
        ({}, {"template_name": None}, ("enrollment", "auto-registration"), "nothing activates them"),
        ({}, {"retains": True}, ("on_leaving", "RETAIN"), None),
        ({}, {"delegated_administrator": True}, ("called as", "DELEGATED_ADMIN"), None),
        ({}, {"reader_role_name": "Reader"}, ("reader role", "Reader"), None),
    ],
)  # fmt: skip
def test_each_change_is_told_with_its_risk(
    old: dict[str, Any], new: dict[str, Any], told: tuple[str, str], risk: str | None
) -> None:
    """In words, with what becomes of the devices; what only comes risks nothing."""
    [change] = changes(set_record(**old), set_record(**new))
    assert change.sign is Sign.CHANGE
    [field] = [each for each in change.fields if each.field == told[0]]
    assert told[1] in (field.after or "-")
    assert (risk is None) == (field.risk is None)
    assert (risk or "") in (field.risk or "")


def test_the_same_set_is_no_change() -> None:
    """Nor is the order of its places, or a template that one side does not know."""
    assert changes(set_record(), set_record(), ("a", None)) == []
    assert changes(set_record(), set_record(), ("a", "a")) == []
    [change] = changes(set_record(), set_record(regions=REGIONS[::-1]))
    assert (change.keys, change.fields) == (("regions",), ())


def test_a_template_that_changes_is_one_change_of_all_cas() -> None:
    """Not one for each."""
    both = set_record(cas=(NEW_CA, OLD_CA))
    [change] = changes(both, both, ("a" * 64, "b" * 64))
    assert change.keys == ("templateBody",)
    assert [each.field for each in change.fields] == ["template"]


def test_every_field_of_a_set_is_looked_at() -> None:
    """One that differs is a change, whether there are words for it or not."""
    other: dict[str, Any] = {
        "name": None,  # which set it is
        "cas": (NEW_CA,),
        "template_name": "Other",
        "organizational_units": (INNER,),
        "accounts": MEMBERS,
        "excluded_accounts": MEMBERS[:1],
        "regions": REGIONS[:1],
        "delegated_administrator": True,
        "retains": True,
        "reader_role_name": "Reader",
        "nested_template": "nested.json",
    }
    assert set(other) == {each.name for each in fields(set_record())}
    for name, value in other.items():
        assert len(changes(set_record(), set_record(**{name: value or "Another"}))) == (1 if value else 2)


@pytest.mark.parametrize(
    ("stays", "said"), [(True, "in every account its CAs"), (False, "until stack Organization")]
)
def test_a_set_that_comes_or_goes_is_told(stays: bool, said: str) -> None:
    """Its stack without it removes it; a stack that left the app stays until it is destroyed."""
    held = HeldSet(set_record(), HERE)
    [comes] = compare_sets([], [held], {HERE})
    assert comes.sign is Sign.ADD
    assert "fails in an account that has one of its CAs already" in str(comes.risk)
    [goes] = compare_sets([held], [], {HERE} if stays else set())
    assert goes.sign is Sign.REMOVE
    assert said in str(goes.risk)


def test_assemblies_and_saved_plans_are_sides(tmp_path: Path) -> None:
    """In text, Markdown and JSON; of a saved plan all but the template's body is known."""
    old = write_with_set(tmp_path / "old", set_record())
    new = write_with_set(tmp_path / "new", set_record(regions=REGIONS[:1]))
    for form in ([], ["--markdown"], ["--json"]):
        ran = in_pipe("plan", "--app", str(new), "--against", str(old), *form)
        assert (ran.code, ran.stderr) == (1, "")
        assert "its CAs are deregistered" in ran.stdout
        assert ", ".join(REGIONS) in ran.stdout
    assert json.loads(ran.stdout)["stackSets"][0]["fields"] == ["regions"]
    saved = json.loads(in_pipe("plan", "--app", str(old), "--json").stdout)
    side = read_saved_plan(saved, what="the plan")
    assert side.sets is not None
    assert compare_sets(side.sets, of_assembly(old).sets or (), set()) == []


def test_a_template_that_changes_alone_is_a_change(tmp_path: Path) -> None:
    """Nothing else of the assembly says so."""
    old = write_with_set(tmp_path / "old", set_record())
    new = write_with_set(tmp_path / "new", set_record())
    template = new / "SetStack.template.json"
    changed = json.loads(template.read_text())
    properties = changed["Resources"]["Set"]["Properties"]
    body = json.loads(properties["TemplateBody"])
    body["Resources"]["ProvisioningTemplate"]["Properties"]["TemplateBody"] = "{}"
    properties["TemplateBody"] = json.dumps(body)
    template.write_text(json.dumps(changed))
    ran = in_pipe("plan", "--app", str(new), "--against", str(old))
    assert (ran.code, "template: body " in ran.stdout) == (1, True)
