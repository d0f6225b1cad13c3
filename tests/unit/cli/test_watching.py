"""A fleet that is checked until it is as planned: when it ends, and with what."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca.cli.checked import Checked
from iot_multiaccount_ca.cli.watching import Watch
from iot_multiaccount_ca.fleet.planned import PlannedRegistration
from iot_multiaccount_ca.fleet.planned_sets import PlannedSet
from iot_multiaccount_ca.fleet.result import INTERRUPTED, FleetResult, StageResult, StageState
from iot_multiaccount_ca.fleet.set_result import NOT_ENTERED, InstanceGroup, SetResult
from support.fleets import record
from support.stack_sets import ADMINISTRATOR, body_of, set_record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DIFFERENT, PLANNED, UNCHECKED = StageState.DIFFERENT, StageState.AS_PLANNED, StageState.UNCHECKED


def result(
    *states: StageState, interrupted: bool = False, unusable: bool = False, sets: Sequence[SetResult] = ()
) -> Checked:
    """Of stages s0, s1 and so on; one that is not checked was left out."""
    rows = [
        StageResult(
            PlannedRegistration(record(f"s{number}")),
            state,
            problem=INTERRUPTED if state is UNCHECKED else None,
        )
        for number, state in enumerate(states)
    ]
    now = dt.datetime.now(dt.UTC)
    return Checked(FleetResult(rows, now, interrupted=interrupted, unusable=unusable), [*sets])


def set_result(**found: Any) -> SetResult:
    """Of a set with one stack, whose accounts nobody can enter."""
    planned = PlannedSet(set_record(), ADMINISTRATOR, "eu-west-1", "Sets", "Sets", body_of(set_record()))
    return SetResult(planned, **{"stacks": 1, "problems": (NOT_ENTERED,), **found})


def checks(*results: Checked) -> Callable[[], Checked]:
    """One after the other; asked more often than that, it fails."""
    return iter(results).__next__


def test_it_ends_when_all_is_as_planned(capsys: pytest.CaptureFixture[str]) -> None:
    """Each change is told once, and what stays as it is is not."""
    one, two = result(DIFFERENT, DIFFERENT, PLANNED), result(PLANNED, DIFFERENT, PLANNED)
    last = result(PLANNED, PLANNED, PLANNED)
    assert Watch(1, 0).until_as_planned(checks(one, two, two, last)) is last
    told = [line.partition(" ")[2] for line in capsys.readouterr().err.splitlines()]
    assert told == ["1 as planned, 2 different, 0 not checked", "now as planned: s0", "now as planned: s1"]


def test_it_ends_with_the_time_limit(capsys: pytest.CaptureFixture[str]) -> None:
    """As it stands then, which is said."""
    checked = result(DIFFERENT)
    assert Watch(0, 0).until_as_planned(checks(checked)) is checked
    assert capsys.readouterr().err.endswith("not as planned within 0 minutes\n")


def test_an_interrupted_check_shows_of_the_rest_what_was_known_before() -> None:
    """Not that it was interrupted; the whole is, and ends with 2."""
    checked = Watch(1, 0).until_as_planned(
        checks(result(DIFFERENT, DIFFERENT), result(PLANNED, UNCHECKED, interrupted=True))
    )
    assert [each.state for each in checked.stages.results] == [PLANNED, DIFFERENT]
    assert (checked.interrupted, checked.exit_code) == (True, 2)


def test_credentials_that_are_over_end_it() -> None:
    """Another check would learn nothing."""
    over = result(UNCHECKED, unusable=True)
    assert Watch(1, 0).until_as_planned(checks(over)) is over


def test_credentials_that_are_over_in_an_app_of_sets_end_it_too() -> None:
    """There is no stage that would tell."""
    over = result(sets=[set_result(problems=("expired",), unusable=True)])
    assert Watch(1, 0).until_as_planned(checks(over)) is over


def test_accounts_that_nobody_can_enter_end_it_once_all_else_is_as_planned(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Which are not looked at is said, and the exit code is that of a single check."""
    under_way = InstanceGroup("OUTDATED, RUNNING", "", (("444444444444", "eu-west-1"),), "wait")
    last = result(PLANNED, sets=[set_result()])
    before = [
        result(DIFFERENT, sets=[set_result()]),
        result(PLANNED, sets=[set_result(groups=(under_way,))]),
        result(PLANNED, sets=[set_result(problems=("Organizations did not answer", NOT_ENTERED))]),
    ]
    assert Watch(1, 0).until_as_planned(checks(*before, last)) is last
    assert last.exit_code == 2
    said = "all is as planned that can be looked at; the accounts of FleetOfAll were not entered\n"
    assert capsys.readouterr().err.endswith(said)
