"""Bounded concurrency that can be left at any time."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from iot_multiaccount_ca.fleet import pool

run_bounded = partial(pool.run_bounded, deadline=60.0, late=lambda task: task)


def test_every_task_comes_back_with_its_result() -> None:
    """Each once, in whatever order."""
    assert sorted(run_bounded(range(100), lambda number: number * 2, concurrency=8)) == [
        (n, n * 2) for n in range(100)
    ]


def test_never_more_than_asked_for_run_at_a_time() -> None:
    """And as many as asked for do: each waits until three are there."""
    together, most, lock = threading.Barrier(3), [0, 0], threading.Lock()

    def work(_: int) -> None:
        with lock:
            most[0] += 1
            most[1] = max(most)
        together.wait(timeout=10)
        with lock:
            most[0] -= 1

    list(run_bounded(range(9), work, concurrency=3))
    assert most[1] == 3


def test_an_exception_of_the_work_is_raised_to_the_caller() -> None:
    """Nothing is lost in a thread."""

    def work(_: int) -> None:
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        list(run_bounded([1], work, concurrency=1))


def test_who_leaves_waits_for_nobody() -> None:
    """Work under way is left behind, in threads that do not hold the interpreter; no more is begun."""
    begun: list[int] = []
    daemons: list[bool] = []
    reached, released = threading.Event(), threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        daemons.append(threading.current_thread().daemon)
        if number == 1:
            reached.set()
            released.wait(timeout=10)
        return number

    running = run_bounded([0, 1, 2, 3], work, concurrency=1)
    assert next(running) == (0, 0)
    assert reached.wait(timeout=10)
    running.close()
    assert not released.is_set()
    released.set()
    for thread in threading.enumerate():
        if thread.name.startswith("fleet"):
            thread.join(timeout=10)
    assert begun == [0, 1]
    assert all(daemons)


def test_a_task_that_takes_too_long_is_given_up_and_holds_nobody_back() -> None:
    """One thread, its task hangs: the others are done all the same, and what comes of it later is dropped."""
    released = threading.Event()

    def work(number: int) -> str:
        if number == 0:
            released.wait(timeout=30)
        return f"done {number}"

    found = dict(
        pool.run_bounded([0, 1, 2], work, concurrency=1, deadline=0.3, late=lambda task: f"late {task}")
    )
    released.set()
    assert found == {0: "late 0", 1: "done 1", 2: "done 2"}
