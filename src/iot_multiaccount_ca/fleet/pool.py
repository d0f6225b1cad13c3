"""Bounded concurrency that ends when it is told to. Knows nothing of what it runs.

`concurrent.futures` joins its threads when the interpreter ends, so that Ctrl-C waits for every call under way; these
threads are daemons, and what they were doing (reading) may be left.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

Task = TypeVar("Task")
Result = TypeVar("Result")

_POLL_SECONDS = 0.2


def run_bounded(
    tasks: Sequence[Task], work: Callable[[Task], Result], *, concurrency: int
) -> Generator[tuple[Task, Result]]:
    """Each task with its result, as they are done; at most ``concurrency`` at a time.

    Closing the iterator (an exception in the loop, Ctrl-C) begins no further task, and waits for none. An exception
    that ``work`` raises is raised here.
    """
    waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[Task, Result | None, BaseException | None]] = queue.SimpleQueue()
    stopped = threading.Event()
    for task in tasks:
        waiting.put(task)

    def run() -> None:
        while not stopped.is_set():
            try:
                task = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((task, work(task), None))
            except BaseException as error:  # raised again in the caller's thread
                done.put((task, None, error))

    for number in range(min(concurrency, len(tasks))):
        threading.Thread(target=run, name=f"fleet-{number}", daemon=True).start()
    try:
        for _ in tasks:
            task, result, error = _next(done)
            if error is not None:
                raise error
            yield task, result  # type: ignore[misc]
    finally:
        stopped.set()


def _next(done: queue.SimpleQueue[Result]) -> Result:
    # With a time limit, so that Ctrl-C gets through on systems where a plain wait cannot be interrupted.
    while True:
        try:
            return done.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            continue
