"""Work shared out among processes, each with threads of its own: Python runs the threads of one process on one core.

Knows nothing of what it runs. Nothing is promised: what a process leaves undone, because it could not be started, was
killed, or met an exception, is simply not among the results, and is the caller's to do.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from .pool import run_bounded

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

Task = TypeVar("Task")
Result = TypeVar("Result")
_T = TypeVar("_T", contravariant=True)
_R = TypeVar("_R", covariant=True)

_POLL_SECONDS = 0.2
# More cores than these are better left to others: by then it is the network that takes the time.
_MOST = 4


class Work(Protocol, Generic[_T, _R]):
    """What is done with each task. It goes to other processes, pickled, and so do tasks and results."""

    def __call__(self, task: _T, /) -> _R:
        """Do it."""

    def late(self, task: _T, /) -> _R:
        """What stands for the result of a task that took too long."""


def cores() -> int:
    """How many processes are worth while on this machine."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, _MOST)


def run_in_processes(
    tasks: Sequence[Task], work: Work[Task, Result], *, processes: int, concurrency: int, deadline: float
) -> Generator[tuple[int, Result]]:
    """The number of each task that was done, with its result, as they are done.

    This process is one of them. ``concurrency``: tasks at a time, over all processes. ``deadline``: as `run_bounded`
    has it. Closing the iterator ends the other processes; this one begins nothing more once it has a result that nobody
    takes.
    """
    # Made anew and not forked: a fork copies the locks of threads that it does not copy.
    context = multiprocessing.get_context("spawn")
    each = -(-concurrency // processes)
    shares = [
        {number: tasks[number] for number in range(first, len(tasks), processes)}
        for first in range(processes)
    ]
    running: dict[Connection, Any] = {}
    try:
        for share in shares[1:]:
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(
                target=_serve, args=(sender, share, work, each, deadline), name="fleet", daemon=True
            )
            running[receiver] = process
            with sender, _without_ctrl_c(), contextlib.suppress(OSError):  # no more processes are to be had
                process.start()
        receiver, sender = context.Pipe(duplex=False)
        running[receiver] = None
        threading.Thread(
            target=_serve, args=(sender, shares[0], work, each, deadline), name="fleet", daemon=True
        ).start()
        yield from _received(set(running))
    finally:
        for receiver, process in running.items():
            receiver.close()
            if process is not None and process.pid is not None:
                process.kill()
                process.join()


def _received(left: set[Connection]) -> Generator[Any]:
    """All that is sent until everybody has closed; a process that dies closes too."""
    while left:
        # With a time limit, so that Ctrl-C gets through on systems where a plain wait cannot be interrupted.
        ready = wait(list(left), timeout=_POLL_SECONDS)
        for receiver in [each for each in left if each in ready]:
            try:
                yield receiver.recv()
            except (EOFError, OSError, pickle.UnpicklingError):
                left.discard(receiver)


@contextlib.contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """What is started meanwhile never sees Ctrl-C, which a terminal sends to all: it is told when to end."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(
    results: Connection,
    share: dict[int, Any],
    work: Work[Any, Any],
    concurrency: int,
    deadline: float,
) -> None:
    """In whatever process: do the share, and send what comes of it."""
    running = run_bounded(
        list(share),
        lambda number: work(share[number]),
        concurrency=concurrency,
        deadline=deadline,
        late=lambda number: work.late(share[number]),
    )
    with results, contextlib.closing(running), contextlib.suppress(Exception):
        for number, result in running:
            results.send((number, result))
