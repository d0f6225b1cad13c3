"""``iot-ca verify``: what it prints in a terminal, a pipe and as JSON, and how it ends."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import TYPE_CHECKING

import pytest

from support.fakes.fleet_aws import FakeAws
from support.fleets import Fleet, live, soon
from support.terminal import Ran, in_pipe, in_terminal

if TYPE_CHECKING:
    from collections.abc import Callable

LOOKUP_ROLE = "arn:aws:iam::{0}:role/cdk-hnb659fds-lookup-role-{0}-eu-west-1"


def verify(fleet: Fleet, *arguments: str, how: Callable[..., Ran] = in_pipe, **more: str) -> Ran:
    """Run the command against the fleet's world."""
    with FakeAws(fleet.world) as url:
        fleet.ask(url)
        return how("verify", "--app", str(fleet.assembly()), *arguments, **more)


def deactivate(fleet: Fleet) -> None:
    """Drift in staging."""
    live(fleet.world, fleet.records[1])["certificateDescription"]["status"] = "INACTIVE"


def test_as_planned_ends_with_0(fleet: Fleet) -> None:
    """A row a stage with the endpoint that devices send as SNI, and a sum."""
    ran = verify(fleet)
    assert (ran.code, ran.stderr) == (0, "")
    assert "as planned  a222222222222-ats.iot.eu-west-1.amazonaws.com" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "3 as planned, 0 different, 0 not checked"


def test_differences_end_with_1(fleet: Fleet) -> None:
    """Named field by field, with what to do."""
    deactivate(fleet)
    ran = verify(fleet)
    assert ran.code == 1
    assert "status: planned ACTIVE, is INACTIVE" in ran.stdout
    assert "fix: run `aws iot update-ca-certificate --region eu-west-1" in ran.stdout


def test_what_could_not_be_checked_ends_with_2(fleet: Fleet) -> None:
    """And goes before differences."""
    deactivate(fleet)
    fleet.world.roles.discard(LOOKUP_ROLE.format("333333333333"))
    ran = verify(fleet)
    assert ran.code == 2
    assert "1 as planned, 1 different, 1 not checked" in ran.stdout


def test_only_differences_are_shown_on_request(fleet: Fleet) -> None:
    """The sum counts all."""
    deactivate(fleet)
    ran = verify(fleet, "--differences")
    assert "staging" in ran.stdout
    assert "prod" not in ran.stdout
    assert "2 as planned, 1 different" in ran.stdout


def test_json_is_complete_and_versioned(fleet: Fleet) -> None:
    """One document on stdout, whatever the exit code."""
    deactivate(fleet)
    ran = verify(fleet, "--json")
    document = json.loads(ran.stdout)
    assert (document["shape"], document["version"]) == ("iot-ca/verify", 1)
    assert (document["exitCode"], ran.code) == (1, 1)
    assert document["counts"] == {"asPlanned": 2, "different": 1, "unchecked": 0}
    staging = document["stages"][1]
    assert staging["planned"]["stage"] == "staging"
    assert staging["state"] == "different"
    (difference,) = staging["differences"]
    assert (difference["field"], difference["planned"], difference["live"]) == (
        "status",
        "ACTIVE",
        "INACTIVE",
    )
    assert staging["live"]["status"] == "INACTIVE"
    assert staging["template"]["roleExists"] is True
    assert staging["endpoint"] == "a222222222222-ats.iot.eu-west-1.amazonaws.com"


def test_a_pipe_gets_no_progress_and_no_colours(fleet: Fleet) -> None:
    """Neither on stdout nor on stderr."""
    ran = verify(fleet)
    assert "\x1b" not in ran.stdout + ran.stderr


def test_a_terminal_gets_progress_and_colours(fleet: Fleet) -> None:
    """The bar is gone when the table stands."""
    ran = verify(fleet, how=in_terminal)
    assert "checking" in ran.plain
    assert "3/3" in ran.plain
    assert "\x1b[32mas planned" in ran.stdout


def test_ctrl_c_ends_at_once_with_what_is_known(fleet: Fleet) -> None:
    """One account that never answers does not hold the table back; the exit code is 2."""
    server = FakeAws(fleet.world)
    server.hang.add("333333333333/DescribeCACertificate")
    with server as url:
        fleet.ask(url)
        ran = in_terminal("verify", "--app", str(fleet.assembly()), interrupt_at="2/3")
    assert ran.code == 2
    assert "2 as planned, 0 different, 1 not checked (interrupted)" in ran.plain
    assert "Traceback" not in ran.plain


def test_a_watch_ends_with_0_when_all_is_as_planned(fleet: Fleet) -> None:
    """In a pipe: a line on stderr for each change, one table on stdout, nothing redrawn."""
    fleet.world.faults["222222222222/DescribeCACertificate"] = [(404, "ResourceNotFoundException")] * 2
    ran = verify(fleet, "--watch", "--every", "1")
    assert ran.code == 0
    assert ran.stdout.splitlines()[-1] == "3 as planned, 0 different, 0 not checked"
    assert ran.stdout.count("staging") == 1
    first, change = ran.stderr.splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d 2 as planned, 1 different, 0 not checked", first)
    assert re.fullmatch(r"\d\d:\d\d:\d\d now as planned: staging", change)


def test_ctrl_c_ends_a_watch_with_what_is_known(fleet: Fleet) -> None:
    """Between two checks too: the last one's table, and 2."""
    deactivate(fleet)
    ran = verify(fleet, "--watch", how=in_terminal, interrupt_at="checking again in 10 s")
    assert ran.code == 2
    assert "status: planned ACTIVE, is INACTIVE" in ran.plain
    assert "2 as planned, 1 different, 0 not checked (interrupted)" in ran.plain
    assert "Traceback" not in ran.plain


def test_a_ca_that_expires_soon_is_shown_and_ends_with_0(fleet: Fleet) -> None:
    """A warning is not a difference."""
    live(fleet.world, fleet.records[0])["certificateDescription"]["validity"] = {"notAfter": _timestamp(20)}
    ran = verify(fleet)
    assert ran.code == 0
    assert "as planned, warned" in ran.stdout
    assert "begin its rotation now" in ran.stdout


def test_how_soon_is_soon_can_be_said(fleet: Fleet) -> None:
    """``--expires-within 10`` says nothing of a CA with 20 days."""
    live(fleet.world, fleet.records[0])["certificateDescription"]["validity"] = {"notAfter": _timestamp(20)}
    assert "rotation" not in verify(fleet, "--expires-within", "10").stdout


def test_no_credentials_is_a_sentence(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """On stderr; nothing on stdout; exit code 2."""
    fleet.ask("http://127.0.0.1:9")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    ran = in_pipe("verify", "--app", str(fleet.assembly()))
    assert (ran.code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("iot-ca: no AWS credentials found")


def test_role_name_and_qualifier_exclude_each_other(fleet: Fleet) -> None:
    """Both name the role."""
    ran = verify(fleet, "--role-name", "x", "--qualifier", "y")
    assert ran.code == 2
    assert "exclude each other" in ran.stderr


def _timestamp(days: int) -> float:
    return dt.datetime.fromisoformat(soon(days)).timestamp()
