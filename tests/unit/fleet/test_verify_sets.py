"""The check of stack sets, where whoever is asked does not answer, or does not answer sense."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca.fleet.access import Access
from iot_multiaccount_ca.fleet.live import UnreadableError
from iot_multiaccount_ca.fleet.planned_sets import read_planned_sets
from iot_multiaccount_ca.fleet.verify_sets import members_of, verify_sets
from support.fakes.fleet_aws import FakeAws
from support.fleets import Fleet
from support.stack_sets import ADMINISTRATOR, NAME, deploy_set, set_record, write_with_set

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from iot_multiaccount_ca.fleet.planned_sets import PlannedSet
    from iot_multiaccount_ca.fleet.set_result import SetResult


class _Administrator:
    """The administrator of a set as planned, whose answers a test withholds."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        fleet = Fleet(tmp_path, monkeypatch, [])
        self.world = fleet.world
        deploy_set(self.world, set_record())
        self.aws = FakeAws(self.world)
        [self.planned] = read_planned_sets(write_with_set(tmp_path / "sets", set_record()))
        fleet.ask(self.aws.__enter__())
        self.access = Access()
        self.check(deadline=60)  # makes the clients, which takes longer than a call

    def check(self, *planned: PlannedSet, deadline: float = 1) -> list[SetResult]:
        """Enter no account."""

        def nobody(*_: Any) -> Any:
            raise AssertionError

        return verify_sets(
            planned or [self.planned], self.access, trusting=True, check_accounts=nobody, deadline=deadline
        )


@pytest.fixture
def administrator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Administrator]:
    """Answers until told otherwise."""
    made = _Administrator(tmp_path, monkeypatch)
    yield made
    made.access.close()
    made.aws.__exit__()


@pytest.mark.parametrize(
    ("action", "said", "stacks"),
    [
        ("AssumeRole", "STS did not answer within 1 seconds", 0),
        ("DescribeStackSet", "StackSets in eu-west-1 did not answer within 1 seconds", 0),
        ("ListStackInstances", "StackSets in eu-west-1 did not answer within 1 seconds", 0),
        ("ListAccountsForParent", "Organizations did not answer within 1 seconds", 6),
    ],
)
def test_who_does_not_answer_is_not_waited_for(
    administrator: _Administrator, action: str, said: str, stacks: int
) -> None:
    """The set is not checked, and shows what was known until then."""
    caller = "111111111111" if action == "AssumeRole" else ADMINISTRATOR
    administrator.aws.hang.add(f"{caller}/{action}")
    [result] = administrator.check()
    [problem] = result.problems
    assert problem.startswith(said)
    assert (result.stacks, result.state) == (stacks, "unchecked")


def test_sets_that_do_not_answer_are_waited_for_together(administrator: _Administrator) -> None:
    """Ten of them take no longer than one."""
    administrator.aws.hang.add(f"{ADMINISTRATOR}/DescribeStackSet")
    begun = time.monotonic()
    results = administrator.check(*(replace(administrator.planned) for _ in range(10)))
    assert time.monotonic() - begun < 5
    assert [each.state for each in results] == ["unchecked"] * 10


def test_a_long_listing_has_the_time_that_it_takes(administrator: _Administrator) -> None:
    """Page after page comes, each in time: only all of them take longer than one may."""
    administrator.aws.latency = 0.3
    administrator.world.calls.clear()
    [result] = administrator.check(deadline=2.5)  # a busy machine delays an answer by a second
    assert len(administrator.world.calls) * administrator.aws.latency > 2.5
    assert administrator.world.calls[-1].endswith("ForParent")
    assert (result.state, result.problems) == ("as-planned", ())


def test_an_organization_that_does_not_answer_expands_no_plan(administrator: _Administrator) -> None:
    """A sentence, and no accounts."""
    administrator.aws.hang.add(f"{ADMINISTRATOR}/ListAccountsForParent")
    with pytest.raises(UnreadableError, match="Organizations did not answer within"):
        members_of(administrator.planned, administrator.access, deadline=1)


def test_an_administrator_that_answers_nonsense_is_one_that_was_not_checked(
    administrator: _Administrator,
) -> None:
    """The other sets are."""
    other = replace(administrator.planned, record=set_record(name="Other"))
    administrator.world.sets[f"{ADMINISTRATOR}/eu-west-1/Other"] = {
        **administrator.world.sets[f"{ADMINISTRATOR}/eu-west-1/{NAME}"],
        "instances": [{"Account": "444444444444", "detail": "SUCCEEDED"}],
    }
    bad, good = administrator.check(other, administrator.planned)
    assert "the answer is none of AWS's but one without Summaries.Region" in bad.problems[0]
    assert good.state == "as-planned"
