"""``iot-ca plan --against``: what a deployment changes, as people, pull requests and programs see it."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca.errors import AssemblyError
from iot_multiaccount_ca.fleet.saved_plan import read_saved_plan
from support.fakes.fleet_aws import FakeAws
from support.fleets import (
    ACCOUNTS,
    Fleet,
    add_registration,
    certificate_id,
    live,
    many_stages,
    record,
    stack_id,
    three_stages,
    write_assembly,
)
from support.stack_sets import set_record, write_with_set
from support.terminal import in_pipe, in_terminal

if TYPE_CHECKING:
    from pathlib import Path

    from iot_multiaccount_ca.model.assembly import RegistrationRecord
    from support.terminal import Ran

DEV, STAGING, PROD = three_stages()
NEW = record("lab", "444444444444")


def compared(folder: Path, old: list[RegistrationRecord], new: list[RegistrationRecord], *more: str) -> Ran:
    """Two assemblies, held beside each other."""
    before, after = write_assembly(folder / "old", old), write_assembly(folder / "new", new)
    return in_pipe("plan", "--app", str(after), "--against", str(before), *more)


def test_the_same_plan_changes_nothing(tmp_path: Path) -> None:
    """A sentence, and exit code 0."""
    ran = compared(tmp_path, three_stages(), three_stages())
    assert (ran.code, ran.stdout, ran.stderr) == (0, "nothing changes\n", "")


def test_what_comes_changes_and_goes_is_told_with_its_risk(tmp_path: Path) -> None:
    """A sign each, the sum in terraform's words, exit code 1."""
    changed = replace(STAGING, certificate_mode="DEFAULT")
    ran = compared(tmp_path, [DEV, STAGING], [changed, NEW])
    assert ran.code == 1
    heads = [line.split()[:2] for line in ran.stdout.splitlines() if line.startswith(("+", "~", "-"))]
    assert heads == [["~", "staging"], ["+", "lab"], ["-", "dev"]]
    assert "    mode: SNI_ONLY -> DEFAULT" in ran.stdout
    assert "risk: for a moment the CA is not registered" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "1 to add, 1 to change, 1 to remove"


def test_default_that_moves_is_told(tmp_path: Path) -> None:
    """From which account to which, and what devices without SNI see meanwhile."""
    new = [replace(DEV, certificate_mode="DEFAULT"), replace(PROD, certificate_mode="SNI_ONLY")]
    ran = compared(tmp_path, [DEV, PROD], new)
    assert f"{DEV.account}" in ran.stdout
    assert f"DEFAULT in eu-west-1, CA {certificate_id()[:8]}: {PROD.account} -> {DEV.account}" in ran.stdout


def test_a_saved_plan_serves_as_the_former_side(tmp_path: Path) -> None:
    """What `--json` printed, though it holds no template bodies."""
    old = write_assembly(tmp_path / "old", three_stages())
    saved = tmp_path / "plan.json"
    saved.write_text(in_pipe("plan", "--app", str(old), "--json").stdout)
    same = in_pipe("plan", "--app", str(old), "--against", str(saved))
    assert (same.code, same.stdout) == (0, "nothing changes\n")
    new = write_assembly(tmp_path / "new", [*three_stages(), NEW])
    ran = in_pipe("plan", "--app", str(new), "--against", str(saved))
    assert (ran.code, ran.stdout.splitlines()[-1]) == (1, "1 to add, 0 to change, 0 to remove")


def test_an_app_that_registers_nothing_yet_is_a_former_side(tmp_path: Path) -> None:
    """The first deployment adds all of it."""
    ran = compared(tmp_path, [], three_stages())
    assert (ran.code, ran.stdout.splitlines()[-1]) == (1, "3 to add, 0 to change, 0 to remove")


def test_json_names_its_shape(tmp_path: Path) -> None:
    """And holds what the text does, its exit code included."""
    document = json.loads(compared(tmp_path, [DEV], [replace(DEV, active=False)], "--json").stdout)
    assert (document["shape"], document["version"]) == ("iot-ca/plan-changes", 1)
    assert (document["exitCode"], document["counts"]) == (1, {"add": 0, "change": 1, "remove": 0})
    [change] = document["changes"]
    [field] = change["fields"]
    assert (field["field"], field["before"], field["after"]) == (
        "status",
        "ACTIVE, current",
        "INACTIVE, current",
    )


def test_markdown_is_for_a_pull_request(tmp_path: Path) -> None:
    """The sum, then a row a registration."""
    ran = compared(tmp_path, [DEV], [DEV, NEW], "--markdown")
    assert ran.code == 1
    assert ran.stdout.startswith("1 to add, 0 to change, 0 to remove\n\n|")
    assert "| + | lab | 444444444444 |" in ran.stdout


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """Three stages, deployed as planned."""
    return Fleet(tmp_path, monkeypatch, three_stages())


def against_live(fleet: Fleet) -> Ran:
    with FakeAws(fleet.world) as url:
        fleet.ask(url)
        return in_pipe("plan", "--app", str(fleet.assembly()), "--against", "live")


def test_what_is_live_as_planned_changes_nothing(fleet: Fleet) -> None:
    """Asked by the roles that `iot-ca verify` uses."""
    ran = against_live(fleet)
    assert (ran.code, ran.stdout) == (0, "nothing changes\n"), ran.stderr


def test_what_is_live_and_differs_is_told(fleet: Fleet) -> None:
    """Mode and status as AWS holds them; what is not registered is to be added."""
    first, second, _ = fleet.records
    live(fleet.world, first)["certificateDescription"]["status"] = "INACTIVE"
    del fleet.world.cas[f"{second.account}/{second.region}/{second.certificate_id}"]
    ran = against_live(fleet)
    assert ran.code == 1
    assert "status: INACTIVE, current -> ACTIVE, current" in ran.stdout
    assert "+ staging" in ran.stdout


def rotated(fleet: Fleet, stack: str = "FleetCa-dev") -> RegistrationRecord:
    """One more CA in dev's account, that a stack has and no stage plans."""
    retiring = record(
        "dev", stack_name=stack, certificate_id=certificate_id(1), logical_id="CaOld", active=False
    )
    add_registration(fleet.world, retiring, number=1)
    return retiring


def test_a_live_ca_that_leaves_the_plan_is_told(fleet: Fleet) -> None:
    """The last step of a rotation: its stack deregisters it."""
    gone = rotated(fleet)
    ran = against_live(fleet)
    assert (ran.code, ran.stdout.splitlines()[-1]) == (1, "0 to add, 0 to change, 1 to remove"), ran.stderr
    assert f"- dev 111111111111 eu-west-1 CA {gone.certificate_id[:8]}" in ran.stdout
    assert "by stack FleetCa-dev" in ran.stdout


def test_a_live_ca_of_another_app_is_none_of_its_business(fleet: Fleet) -> None:
    """No deployment of this app touches it; nor what a stack that is gone has left."""
    rotated(fleet, "Another-dev")
    assert against_live(fleet).stdout == "nothing changes\n"


def test_a_live_ca_of_an_earlier_stack_of_the_name_stays(fleet: Fleet) -> None:
    """What RETAIN left is not the present stack's to remove."""
    gone = rotated(fleet)
    earlier = stack_id(gone, "99999999-0000-4000-8000-000000000000")
    fleet.world.cas[f"{gone.account}/{gone.region}/{gone.certificate_id}"]["tags"][
        "iot-multiaccount-ca:stack-id"
    ] = earlier
    fleet.world.stacks[earlier] = "DELETE_COMPLETE"
    assert against_live(fleet).stdout == "nothing changes\n"


def test_where_cas_may_not_be_listed_what_goes_is_not_known(fleet: Fleet) -> None:
    """That is no plan without removals."""
    fleet.world.faults[f"{DEV.account}/ListCACertificates"] = [(403, "AccessDeniedException")] * 20
    ran = against_live(fleet)
    assert (ran.code, ran.stdout) == (2, "nothing changes, in what is known: not all of it is\n")
    assert "not known: which CAs of the app's stacks in account 111111111111, eu-west-1" in ran.stderr


def leaving(fleet: Fleet, *numbers: int) -> Ran:
    """Compared with what is live, once the plan has left those stacks of the app, which stay."""
    folder = fleet.assembly()
    for number in numbers:
        (folder / f"Stack{number}.metadata.json").write_text("{}")
    with FakeAws(fleet.world) as url:
        fleet.ask(url)
        return in_pipe("plan", "--app", str(folder), "--against", "live")


def test_a_stage_that_leaves_the_plan_is_told_of_what_is_live(fleet: Fleet) -> None:
    """Its stack stays and takes the registration out, in an account where nothing is planned any more."""
    ran = leaving(fleet, 2)
    assert (ran.code, ran.stdout.splitlines()[-1]) == (1, "0 to add, 0 to change, 1 to remove"), ran.stderr
    assert f"- {PROD.stack_name} {PROD.account} eu-west-1 CA" in ran.stdout
    assert "DEFAULT, ACTIVE" in ran.stdout


def test_an_app_that_registers_nothing_any_more_removes_all(fleet: Fleet) -> None:
    """Of the stacks that it still has, and of no other's."""
    add_registration(fleet.world, record("x", ACCOUNTS[0], stack_name="Else", certificate_id="ab" * 32))
    ran = leaving(fleet, 0, 1, 2)
    assert (ran.code, ran.stdout.splitlines()[-1]) == (1, "0 to add, 0 to change, 3 to remove"), ran.stderr
    assert "Else" not in ran.stdout


def test_where_a_stage_left_the_plan_and_nobody_may_look_is_told(fleet: Fleet) -> None:
    """That is no plan without removals."""
    fleet.world.roles = {each for each in fleet.world.roles if PROD.account not in each}
    ran = leaving(fleet, 2)
    assert (ran.code, ran.stdout) == (2, "nothing changes, in what is known: not all of it is\n")
    assert (
        f"not known: which CAs of the app's stacks in account {PROD.account}, eu-west-1 leave the plan: "
        in ran.stderr
    )
    assert "cannot be assumed by" in ran.stderr


def test_a_live_ca_without_tags_is_told(fleet: Fleet) -> None:
    """The deployment fails over it."""
    fleet.world.cas[f"{DEV.account}/{DEV.region}/{DEV.certificate_id}"]["tags"].clear()
    ran = against_live(fleet)
    assert ran.code == 1
    assert "stack: - -> FleetCa-dev/Ca0123" in ran.stdout
    assert "carries no stack's tags" in ran.stdout


@pytest.mark.parametrize("more", [[], ["--markdown"]])
def test_drift_is_not_said_to_be_mended_by_a_deployment(more: list[str], fleet: Fleet) -> None:
    """CloudFormation does nothing where the template is what it was; verify says what does."""
    live(fleet.world, DEV)["certificateDescription"]["status"] = "INACTIVE"
    with FakeAws(fleet.world) as url:
        fleet.ask(url)
        ran = in_pipe("plan", "--app", str(fleet.assembly()), "--against", "live", *more)
    assert "what was changed outside of CloudFormation" in ran.stdout
    assert "what was changed outside" not in compared(fleet.assembly().parent, [DEV], [NEW]).stdout


def test_a_nested_stacks_live_registration_is_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tags name the nested stack, the plan the one around it."""
    nested = replace(DEV, nested_template="Stack0.template.json")
    fleet = Fleet(tmp_path, monkeypatch, [nested])
    fleet.world.cas[f"{DEV.account}/{DEV.region}/{DEV.certificate_id}"]["tags"][
        "iot-multiaccount-ca:stack-id"
    ] = stack_id(replace(DEV, stack_name="FleetCa-dev-NestedCa-1A2B3C"))
    ran = against_live(fleet)
    assert (ran.code, ran.stdout) == (0, "nothing changes\n"), ran.stderr


def test_what_a_stack_retains_is_read_from_its_template(tmp_path: Path) -> None:
    """The policy that counts is the deployed one: that of the former side."""
    new = write_assembly(tmp_path / "new", [replace(DEV, certificate_id=certificate_id(1), logical_id="N")])
    old = write_assembly(tmp_path / "old", [DEV])
    template = old / "Stack0.template.json"
    content = json.loads(template.read_text())
    content["Resources"][DEV.logical_id]["DeletionPolicy"] = "RetainExceptOnCreate"
    template.write_text(json.dumps(content))
    ran = in_pipe("plan", "--app", str(new), "--against", str(old))
    assert "it stays registered, in no stack's care" in ran.stdout
    assert "refused" not in ran.stdout


def test_what_could_not_be_looked_at_is_2(fleet: Fleet) -> None:
    """Nothing is claimed of it but that it is not known."""
    fleet.world.roles.clear()
    ran = against_live(fleet)
    assert ran.code == 2
    assert ran.stderr.count("not known:") == 2
    assert ran.stdout.startswith("nothing changes, in what is known")  # of dev, which needs no role


def test_one_cause_of_all_that_is_not_known_is_one_sentence(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one a stage."""
    folder = str(fleet.assembly())
    with FakeAws(fleet.world) as url:
        fleet.ask(url)
        monkeypatch.setenv("AWS_ENDPOINT_URL", "junk")
        ran = in_pipe("plan", "--app", folder, "--against", "live")
    assert ran.code == 2
    assert ran.stderr.startswith("not known: dev, staging, prod: ")
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "the plan old.json"),
        ("[]", "is not a plan that this version reads"),
        ('{"shape": "iot-ca/plan", "version": 2}', "iot-ca/plan, version 2"),
        ('{"shape": "iot-ca/plan", "version": 1}', "certificateAuthorities of the plan old.json is missing"),
        ('{"shape": "iot-ca/plan", "version": 1, "version": 1}', "version"),
        (
            '{"shape": "iot-ca/plan", "version": 1, "certificateAuthorities": [], "registrations": [{}]}',
            "certificateId of registration 1 of the plan old.json is missing",
        ),
        (
            '{"shape": "iot-ca/plan", "version": 1, "certificateAuthorities": {"a": 1}, "registrations": 5}',
            "certificateAuthorities of the plan old.json is malformed",
        ),
    ],
)
def test_another_file_is_refused(content: str, said: str, tmp_path: Path) -> None:
    """A sentence and exit code 2; nothing on standard output, which a script would read."""
    old = tmp_path / "old.json"
    old.write_text(content)
    new = write_assembly(tmp_path / "new", three_stages())
    ran = in_pipe("plan", "--app", str(new), "--against", str(old))
    assert (ran.code, ran.stdout) == (2, "")
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("strange", [None, 7, "x", [1], {"a": 1}], ids=repr)
def test_every_field_of_a_saved_plan_may_be_anything(strange: Any, tmp_path: Path) -> None:
    """Each in turn: it is compared, or the sentence names the saved plan and its field, and no cloud assembly."""
    old = write_assembly(tmp_path / "app", [record(verification=None)])
    saved = json.loads(in_pipe("plan", "--app", str(old), "--json").stdout)
    with_set = write_with_set(tmp_path / "set", set_record())
    saved["stackSets"] = json.loads(in_pipe("plan", "--app", str(with_set), "--json").stdout)["stackSets"]
    refused = 0
    for key in ("certificateAuthorities", "registrations", "stackSets"):
        for field in saved[key][0]:
            changed = {**saved, key: [{**saved[key][0], field: strange}]}
            with contextlib.suppress(AssemblyError):
                read_saved_plan(changed, what="the plan old.json")
                continue
            with pytest.raises(
                AssemblyError, match=r" of the plan old\.json is .*; fix: print the plan anew"
            ):
                read_saved_plan(changed, what="the plan old.json")
            refused += 1
        with pytest.raises(AssemblyError, match="of the plan old.json is malformed"):
            read_saved_plan(
                {**saved, key: [strange] if strange != {"a": 1} else strange}, what="the plan old.json"
            )
    assert refused > 10


def test_nothing_to_compare_with_is_told(tmp_path: Path) -> None:
    """With what may be given."""
    new = write_assembly(tmp_path / "new", three_stages())
    ran = in_pipe("plan", "--app", str(new), "--against", str(tmp_path / "none"))
    assert ran.code == 2
    assert "allowed: a cloud assembly, a file that `iot-ca plan --json` printed, or live" in ran.stderr


@pytest.mark.parametrize(
    "more", [["--import-map"], ["--view", "matrix"], ["--accounts-from", "organizations"]]
)
def test_what_a_comparison_does_not_know_is_refused(more: list[str], tmp_path: Path) -> None:
    """It would be ignored without a word."""
    ran = compared(tmp_path, [DEV], [DEV], *more)
    assert ran.code == 2
    assert "--against exclude each other" in ran.stderr


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_identifiers_stay_whole_in_every_terminal(columns: int, tmp_path: Path) -> None:
    """No line is longer than the terminal is wide, and no name is broken."""
    long = record("production-line-4-europe-west", "222222222222", "ap-southeast-2")
    old, new = write_assembly(tmp_path / "old", [DEV]), write_assembly(tmp_path / "new", [DEV, long])
    shown = in_terminal("plan", "--app", str(new), "--against", str(old), columns=columns).plain
    for identifier in ("production-line-4-europe-west", "222222222222", "ap-southeast-2", long.stack_name):
        assert identifier in shown
    assert all(len(line.rstrip()) <= columns for line in shown.splitlines())


def test_a_thousand_stages_are_compared(tmp_path: Path) -> None:
    """Each is told, none twice."""
    old = many_stages(1_000, ["eu-west-1"])
    ran = compared(tmp_path, old, [replace(each, active=False) for each in old])
    assert ran.stdout.splitlines()[-1] == "0 to add, 1,000 to change, 0 to remove"
    assert sum(line.startswith("~ ") for line in ran.stdout.splitlines()) == 1_000


def test_markdown_fits_into_a_comment(tmp_path: Path) -> None:
    """GitHub takes 65,536 characters: the counts come first, and how much is left out is said."""
    old = many_stages(1_000, ["eu-west-1"])
    shown = compared(tmp_path, old, [replace(each, active=False) for each in old], "--markdown").stdout
    assert 50_000 < len(shown) < 65_000
    assert shown.startswith("0 to add, 1,000 to change, 0 to remove\n\n|")
    told = sum(line.startswith("| \\~ ") for line in shown.splitlines())
    assert f"{1_000 - told} more lines are left out here" in shown
    whole = in_pipe("plan", "--app", str(tmp_path / "new"), "--view", "table", "--markdown").stdout
    assert len(whole) < 65_000
    assert "1,000 registrations, 1,000 accounts" in whole
