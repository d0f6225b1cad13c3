"""Work shared out among processes, whatever becomes of them."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca.fleet.access import Access
from iot_multiaccount_ca.fleet.crew import run_in_processes
from iot_multiaccount_ca.fleet.planned import read_planned
from iot_multiaccount_ca.fleet.result import StageState
from iot_multiaccount_ca.fleet.verify import verify_fleet
from support.errands import Errand
from support.fakes.fleet_aws import FakeAws
from support.fleets import Fleet, live, many_stages

if TYPE_CHECKING:
    from pathlib import Path


def run(tasks: list[int], *, deadline: float = 60.0) -> dict[int, tuple[int, int]]:
    """By two processes, two tasks at a time each."""
    return dict(run_in_processes(tasks, Errand(), processes=2, concurrency=4, deadline=deadline))


def test_each_task_is_done_once_and_told_by_its_number() -> None:
    """By this process and by another; afterwards only this one is left."""
    done = list(run_in_processes([10, 20, 30, 40], Errand(), processes=2, concurrency=4, deadline=60.0))
    assert sorted((number, double) for number, (double, _) in done) == [(0, 20), (1, 40), (2, 60), (3, 80)]
    assert len({process for _, (_, process) in done} - {os.getpid()}) == 1
    assert {number for number, (_, process) in done if process == os.getpid()} == {0, 2}
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("fatal", [3, 5])
def test_what_a_lost_process_leaves_is_not_among_the_results(fatal: int) -> None:
    """Killed, or ended by an exception: this process's share is done, and nobody waits."""
    done = run([20, fatal, 40, 60])
    assert 1 not in done
    assert {number: done[number][0] for number in (0, 2)} == {0: 40, 2: 80}


def test_what_this_process_leaves_is_not_among_the_results() -> None:
    """An exception of its own ends nobody else's share."""
    done = run([5, 20, 40, 60])
    assert 0 not in done
    assert {number: done[number][0] for number in (1, 3)} == {1: 40, 3: 120}


def test_a_task_that_takes_too_long_is_given_up_there() -> None:
    """With what stands for its result."""
    assert run([20, 7], deadline=0.3)[1][0] == -7


def test_who_leaves_leaves_no_process_behind() -> None:
    """Closing the iterator ends those that are at work."""
    running = run_in_processes([20, 7, 40, 7], Errand(), processes=2, concurrency=4, deadline=600.0)
    next(running)
    running.close()
    assert multiprocessing.active_children() == []


def test_a_fleet_is_checked_by_several_processes_as_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each in its own account, with one's own credentials; rows in the plan's order."""
    fleet = Fleet(tmp_path, monkeypatch, many_stages(12))
    # A difference whose fix does not name the time.
    live(fleet.world, fleet.records[-1])["certificateDescription"]["status"] = "INACTIVE"
    assembly = fleet.assembly()
    done: list[int] = []
    with FakeAws(fleet.world) as url:
        fleet.ask(url)
        access = Access()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")  # who starts them hands its own over
        planned = read_planned(assembly)
        alone = verify_fleet(planned, access, concurrency=4)
        asked = set(fleet.world.calls)
        fleet.world.calls.clear()
        together = verify_fleet(planned, access, concurrency=4, processes=2, on_done=done.append)
        access.close()
    assert together.results == alone.results
    assert set(fleet.world.calls) == asked  # not how often: a busy machine's calls may be made again
    assert sum(done) == 12
    assert together.count(StageState.DIFFERENT) == 1


def test_what_one_process_tells_another_does_not_grow_with_the_fleet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is found of a stage holds nothing of the plan, in which each stage knows all others."""
    fleet = Fleet(tmp_path, monkeypatch, many_stages(12))
    told: list[bytes] = []
    send = Connection.send

    def sent(connection: Connection, result: Any) -> None:
        told.append(pickle.dumps(result))
        send(connection, result)

    monkeypatch.setattr(Connection, "send", sent)  # this process's own share goes the same way
    assembly = fleet.assembly()
    with FakeAws(fleet.world) as url:
        fleet.ask(url)
        checked = verify_fleet(read_planned(assembly), Access(), concurrency=4, processes=2)
    assert checked.count(StageState.AS_PLANNED) == 12
    assert len(told) == 6
    assert not [each for each in told if b"PlannedRegistration" in each]


def test_credentials_that_expire_end_all_processes_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was checked before stays, and few more are asked."""
    fleet = Fleet(tmp_path, monkeypatch, many_stages(60))
    fleet.world.expires_after = 6
    assembly = fleet.assembly()
    with FakeAws(fleet.world) as url:
        fleet.ask(url)
        checked = verify_fleet(read_planned(assembly), Access(), concurrency=4, processes=2)
    assert checked.exit_code == 2
    assert checked.count(StageState.AS_PLANNED) >= 3
    (problem,) = checked.problems()
    assert "your AWS credentials have expired" in problem
    # Of 60 roles; how many are on their way when the first answer comes is the machine's affair.
    assert sum("AssumeRole" in call for call in fleet.world.calls) < 40
