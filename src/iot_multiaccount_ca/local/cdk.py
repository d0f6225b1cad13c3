"""The real CDK CLI, run against a local AWS: finds it, runs it, ends it. Knows no constructs.

Every run gets the local AWS's environment, so no command of this module can reach a real account.
"""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from ..model.bootstrap import DEFAULT_QUALIFIER
from ..text import how_it_ended, one_stack
from . import bound_process
from .cdk_surroundings import OVERRULING, surroundings
from .emulator import LocalAwsError
from .stacks import stack_selectors
from .users_environment import proxies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .emulator import LocalAws

EXECUTION_POLICY = "arn:aws:iam::aws:policy/AdministratorAccess"
_PARALLEL = 3
_SHOWN_LINES = 40
_END_SECONDS = 5.0
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # an app may be told to use them wherever it runs
_OF_MEMORY = ("SIGKILL", "SIGABRT")  # the system's killer; Node when its heap is full
_CHECKOUT = Path(__file__).parents[3]


class CdkError(LocalAwsError):
    """The CDK CLI is missing, or a command of it failed."""


class Cdk:
    """The CDK CLI of one folder, against one local AWS. ``say`` is told each line that a command prints.

    ``runs_in``: another folder to run it in than the one whose CLI is taken, for it writes where it runs.
    """

    def __init__(
        self,
        aws: LocalAws,
        folder: Path,
        *,
        runs_in: Path | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._aws, self._folder = aws, runs_in or folder
        self._say = say or (lambda _: None)
        self._command = find_cdk(folder)
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = False
        self._lock = threading.Lock()

    def run(
        self,
        *arguments: str,
        account: str,
        region: str | None = None,
        more: Mapping[str, str] | None = None,
        told: bool = True,
    ) -> str:
        """Run one command as the root user of ``account``; return what it printed. Raises `CdkError` if it fails.

        ``told``: whether ``say`` hears of it while it runs.
        """
        environment = surroundings(self._aws.environment(account, region)) | dict(more or {})
        process = subprocess.Popen(  # noqa: S603 - the CLI that find_cdk found
            [
                *(sys.executable, str(bound_process.__file__), "--"),
                *(self._command, *arguments, *OVERRULING, "--no-notices", "--no-color"),
            ],
            cwd=self._folder,
            env=environment,
            # The CLI, and an app that it runs, end with this process, however that ends.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            # A group of its own: Ctrl-C is for us.
            start_new_session=True,
        )
        with self._lock:
            self._running.add(process)
            stopped = self._stopped
        try:
            if stopped:
                _end(process)
            lines = self._listen(process, self._say if told else None)
            code = process.wait()
        finally:
            _end(process)
            if process.stdin is not None:
                process.stdin.close()
            with self._lock:
                self._running.discard(process)
        if code != 0:
            shown = collections.deque(lines, _SHOWN_LINES)
            raise CdkError(f"cdk {arguments[0]} {_how_it_ended(code)}" + (":" if shown else ""), shown)
        return "\n".join(lines)

    def synthesize(self, output: Path, *, account: str | None = None, region: str | None = None) -> None:
        """Synthesize the folder's app into ``output``; look up what it asks for as ``account``, if there is one."""
        looking_up = ["--no-lookups"] if account is None else []
        self.run(
            *("synth", "--quiet", "--output", str(output)),
            *looking_up,
            account=account or "000000000000",
            region=region,
            # What an app, or the runtime below it, writes on standard error is not a step of the work.
            told=False,
            more=proxies(),
        )

    def bootstrap(
        self, environments: Iterable[tuple[str, str]], *, trusted: str, qualifier: str = DEFAULT_QUALIFIER
    ) -> None:
        """Bootstrap each (account, region), the account ``trusted`` being trusted by the others."""
        regions: dict[str, list[str]] = {}
        for account, region in environments:
            regions.setdefault(account, []).append(region)
        with concurrent.futures.ThreadPoolExecutor(_PARALLEL) as pool:
            waiting = [
                pool.submit(self._bootstrap, account, of, trusted, qualifier)
                for account, of in regions.items()
            ]
            try:
                for each in concurrent.futures.as_completed(waiting):
                    each.result()
            except BaseException:
                for each in waiting:
                    each.cancel()
                self.stop()
                raise

    def deploy(
        self,
        assembly: Path,
        *,
        account: str,
        region: str,
        concurrency: int = _PARALLEL,
        stacks: Sequence[str] | None = None,
    ) -> str:
        """Deploy stacks of an assembly, as ``account``, by the roles that the bootstrap made in the others.

        ``stacks``: only these, by their selectors; None: all of them.
        """
        return self.run(
            "deploy",
            *_selected(assembly, stacks),
            *("--app", str(assembly)),
            *("--require-approval", "never"),
            *("--concurrency", str(concurrency)),
            *("--progress", "events"),
            account=account,
            region=region,
        )

    def destroy(
        self,
        assembly: Path,
        *,
        account: str,
        region: str,
        concurrency: int = _PARALLEL,
        stacks: Sequence[str] | None = None,
    ) -> str:
        """Destroy stacks of an assembly; ``stacks`` as for `deploy`."""
        return self.run(
            "destroy",
            *_selected(assembly, stacks),
            *("--app", str(assembly)),
            "--force",
            *("--concurrency", str(concurrency)),
            account=account,
            region=region,
        )

    def stop(self) -> None:
        """End every command that runs; no other one is run any more."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for process in running:
            _end(process)

    def _bootstrap(self, account: str, regions: list[str], trusted: str, qualifier: str) -> None:
        trust = [] if account == trusted else ["--trust", trusted]
        if qualifier != DEFAULT_QUALIFIER:
            trust += ["--qualifier", qualifier, "--toolkit-stack-name", f"CDKToolkit-{qualifier}"]
        self.run(
            "bootstrap",
            *("--app", ""),
            *(f"aws://{account}/{region}" for region in regions),
            *trust,
            *("--cloudformation-execution-policies", EXECUTION_POLICY),
            account=account,
            region=regions[0],
        )

    def _listen(self, process: subprocess.Popen[str], say: Callable[[str], None] | None) -> list[str]:
        lines = []
        assert process.stdout is not None  # noqa: S101 - for the type checker
        with process.stdout as stream:
            for line in stream:
                lines.append(_COLOURS.sub("", line).rstrip())
                if lines[-1] and say is not None:
                    say(lines[-1])
        return lines


def find_cdk(folder: Path) -> str:
    """The CDK CLI: of the app's folder or one above it, of this checkout, or on PATH; or `CdkError`."""
    for place in (folder.resolve(), *folder.resolve().parents, _CHECKOUT):
        candidate = place / "node_modules" / ".bin" / "cdk"
        if candidate.is_file():
            return str(candidate)
    found = shutil.which("cdk")
    if found is None:
        raise CdkError("there is no CDK CLI, neither beside the app nor on PATH; fix: npm install aws-cdk@2")
    return found


def _how_it_ended(code: int) -> str:
    if code == bound_process.CANNOT_RUN:
        return "cannot be run; fix: install Node.js and the CDK CLI (npm install aws-cdk@2)"
    ended = how_it_ended(code)
    wanted_memory = ended.endswith(_OF_MEMORY)
    return ended + ("; fix: give it more memory, if that is what it wanted" if wanted_memory else "")


def _selected(assembly: Path, stacks: Sequence[str] | None) -> list[str]:
    # The CLI takes along what a stack depends on, or what depends on it, unless told not to.
    return stack_selectors(assembly) if stacks is None else [*map(one_stack, stacks), "--exclusively"]


def _end(process: subprocess.Popen[str]) -> None:
    for how, seconds in ((signal.SIGTERM, _END_SECONDS), (signal.SIGKILL, None)):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
