"""Bounded concurrency that ends when it is told to, and waits for nobody too long. Knows nothing of what it runs.

`concurrent.futures` joins its threads when the interpreter ends, so that Ctrl-C waits for every call under way; these
threads are daemons, and what they were doing (reading) may be left.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

Task = TypeVar("Task")
Result = TypeVar("Result")

_POLL_SECONDS = 0.2
# The run that a thread is of, and the number of its task.
_AT = threading.local()


def run_bounded(
    tasks: Sequence[Task],
    work: Callable[[Task], Result],
    *,
    concurrency: int,
    deadline: float,
    late: Callable[[Task], Result],
) -> Generator[tuple[Task, Result]]:
    """Each task with its result, as they are done; at most ``concurrency`` at a time.

    A task that takes longer than ``deadline`` seconds is left alone: its result is ``late``'s, and another takes its
    place; of one that calls `renew` it is the seconds since it last did. Closing the iterator (an exception in the
    loop, Ctrl-C) begins no further task, and waits for none. An exception that ``work`` raises is raised here.
    """
    run = _Run(tasks, work)
    for _ in range(min(concurrency, len(tasks))):
        run.start_thread()
    unfinished = len(tasks)
    try:
        while unfinished:
            try:
                # With a time limit, so that Ctrl-C gets through on systems where a plain wait cannot be interrupted.
                task, result, error = run.done.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                for task in run.give_up(deadline):
                    unfinished -= 1
                    yield task, late(task)
                continue
            unfinished -= 1
            if error is not None:
                raise error
            yield task, result  # type: ignore[misc]
    finally:
        run.stopped.set()


def renew() -> None:
    """Begin the deadline of the calling thread's task anew: it is long, and has come on."""
    run, number = getattr(_AT, "task", (None, 0))
    if run is not None:
        run.renew(number)


class _Run(Generic[Task, Result]):
    """The threads of one run, and what each is at."""

    def __init__(self, tasks: Sequence[Task], work: Callable[[Task], Result]) -> None:
        self.done: queue.SimpleQueue[tuple[Task, Result | None, BaseException | None]] = queue.SimpleQueue()
        self.stopped = threading.Event()
        self._tasks, self._work = tasks, work
        self._waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in range(len(tasks)):
            self._waiting.put(number)
        self._begun: dict[int, float] = {}
        self._lock = threading.Lock()

    def start_thread(self) -> None:
        """One more that works until nothing is left to do."""
        threading.Thread(target=self._serve, name="fleet", daemon=True).start()

    def give_up(self, deadline: float) -> list[Task]:
        """The tasks that have taken too long; nobody waits for them any more, and others are begun in their place."""
        begun_before = time.monotonic() - deadline
        with self._lock:
            overdue = [number for number, begun in self._begun.items() if begun < begun_before]
            for number in overdue:
                del self._begun[number]
        for _ in overdue:
            self.start_thread()
        return [self._tasks[number] for number in overdue]

    def renew(self, number: int) -> None:
        """Count the time of a task from now on, unless nobody waits for it any more."""
        with self._lock:
            if number in self._begun:
                self._begun[number] = time.monotonic()

    def _serve(self) -> None:
        while not self.stopped.is_set():
            try:
                number = self._waiting.get_nowait()
            except queue.Empty:
                return
            with self._lock:
                self._begun[number] = time.monotonic()
            task, _AT.task = self._tasks[number], (self, number)
            result, error = None, None
            try:
                result = self._work(task)
            except BaseException as raised:  # raised again in the caller's thread
                error = raised
            with self._lock:
                if self._begun.pop(number, None) is None:
                    return  # given up meanwhile, and replaced
            self.done.put((task, result, error))
