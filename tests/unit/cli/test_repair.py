"""``iot-ca repair``: what differs, as one command that can be run; nothing is changed by itself."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from support.fakes.fleet_aws import FakeAws
from support.fleets import Fleet, live, record, three_stages
from support.terminal import Ran, in_pipe

if TYPE_CHECKING:
    from pathlib import Path

REPAIR = re.compile(r"cdk deploy (.+) --exclusively -c iot-multiaccount-ca:repair=20[0-9TZ:-]+\n")


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """Three stages, deployed as planned."""
    return Fleet(tmp_path, monkeypatch, three_stages())


def _repair(fleet: Fleet, *more: str) -> Ran:
    with FakeAws(fleet.world) as url:
        fleet.ask(url)
        return in_pipe("repair", "--app", str(fleet.assembly()), *more)


def _drift(fleet: Fleet, *numbers: int) -> None:
    for number in numbers:
        live(fleet.world, fleet.records[number])["certificateDescription"]["status"] = "INACTIVE"


def test_where_nothing_differs_nothing_is_printed(fleet: Fleet) -> None:
    """Exit code 0."""
    assert _repair(fleet) == Ran(0, "", "")


def test_stages_that_differ_are_one_command(fleet: Fleet) -> None:
    """All of them and no other, on standard output alone: it can be handed to a shell."""
    _drift(fleet, 0, 2)
    del fleet.world.cas[
        f"{fleet.records[1].account}/{fleet.records[1].region}/{fleet.records[1].certificate_id}"
    ]
    ran = _repair(fleet)
    assert (ran.code, ran.stderr) == (1, "")
    [stacks] = REPAIR.fullmatch(ran.stdout).groups()  # type: ignore[union-attr]
    assert shlex.split(stacks) == [each.stack_name for each in fleet.records]


def test_named_stages_alone(fleet: Fleet) -> None:
    """The others are not looked at by the command, nor told."""
    _drift(fleet, 0, 2)
    ran = _repair(fleet, "prod")
    assert REPAIR.fullmatch(ran.stdout).group(1) == fleet.records[2].stack_name  # type: ignore[union-attr]
    assert _repair(fleet, "staging") == Ran(0, "", "")


def test_an_account_that_stays_closed_does_not_matter_where_another_is_named(fleet: Fleet) -> None:
    """It is not asked, and the exit code is of what is."""
    _drift(fleet, 0)
    fleet.world.roles -= {each for each in fleet.world.roles if fleet.records[2].account in each}
    ran = _repair(fleet, "dev")
    assert (ran.code, ran.stderr) == (1, "")
    assert _repair(fleet, "staging") == Ran(0, "", "")
    assert _repair(fleet, "prod").code == 2


def test_an_unknown_stage_is_told(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """With those that there are, before anybody is asked."""
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_PROFILE", "none")
    ran = in_pipe("repair", "--app", str(fleet.assembly()), "production")
    assert (ran.code, ran.stdout) == (2, "")
    assert "there are dev, prod, staging" in ran.stderr


@pytest.mark.parametrize("how", ["owner", "body", "native"])
def test_what_no_deployment_mends_is_told_apart(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registration of somebody else's, a template's body, one that CloudFormation carries out: no command."""
    changes = {"engine": "NATIVE"} if how == "native" else {}
    fleet = Fleet(tmp_path, monkeypatch, [record(**changes)])
    own = fleet.records[0]
    if how == "owner":
        fleet.world.cas[f"{own.account}/{own.region}/{own.certificate_id}"]["tags"].clear()
    elif how == "body":
        fleet.world.templates[f"{own.account}/{own.region}/{own.template_name}"]["templateBody"] = "{}"
    _drift(fleet, 0)
    ran = _repair(fleet)
    assert (ran.code, ran.stdout) == (1, "")
    assert "dev: status: run `aws iot update-ca-certificate" in ran.stderr


def test_what_could_not_be_checked_is_2(fleet: Fleet) -> None:
    """The command for what is known stands there all the same."""
    _drift(fleet, 0)
    fleet.world.roles -= {each for each in fleet.world.roles if "lookup-role" in each}
    ran = _repair(fleet)
    assert ran.code == 2
    assert REPAIR.fullmatch(ran.stdout).group(1) == fleet.records[0].stack_name  # type: ignore[union-attr]
    assert ran.stderr.count("not checked:") == 2


def test_one_cause_of_all_is_one_sentence(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one a stage."""
    folder = str(fleet.assembly())
    with FakeAws(fleet.world) as url:
        fleet.ask(url)
        monkeypatch.setenv("AWS_ENDPOINT_URL", "junk")
        ran = in_pipe("repair", "--app", folder)
    assert (ran.code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("not checked: dev, staging, prod: ")
    assert ran.stderr.count("\n") == 1
