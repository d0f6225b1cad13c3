"""What several commands ask for in the same words: the app, the way into the accounts, how many are asked at a time.

An option and what it stands for are one thing: ``--app`` is a folder that holds a cloud assembly, the access options
are an open `Access`.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import AssemblyError, JsonError
from ..model import strict_json
from ..model.assembly_files import newer_schema
from ..quiet_jsii import QUIET_JSII
from ..text import counted, how_it_ended
from .output import say, working

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..fleet.access import Access

DEFAULT_APP = "cdk.out"
DEFAULT_CONCURRENCY = 100
_GRACE_SECONDS = 2.0
# The last day that X.509 can write in four digits is some 2.9 million days away; a hundred years are enough for anyone.
LONGEST_DAYS = 36_500
# A week, in seconds: of what is waited for in the foreground.
LONGEST_WAIT = 604_800
_SHOWN_LINES = 60
# Of an environment: Windows takes 32,767 characters, Linux 131,072. The CDK has a file for a longer context.
_LONGEST_VARIABLE = 32_000


class Seconds(click.FloatRange):
    """A number of seconds in a range; NaN, which compares with nothing, is in none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """As click calls it."""
        found: float = super().convert(value, param, ctx)
        if math.isnan(found):
            self.fail(f"{value!r} is not a number of seconds", param, ctx)
        return found


# --- the app ----------------------------------------------------------------------------------------------------


def app_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The ``--app`` option, as every command has it."""
    return click.option(
        "--app",
        "-a",
        default=DEFAULT_APP,
        show_default=True,
        metavar="DIR|COMMAND",
        help="A synthesized cloud assembly; or the app's command, which is run first.",
    )(command)


@contextlib.contextmanager
def cloud_assembly(app: str) -> Iterator[Path]:
    """The folder of the assembly that ``app`` names; one that had to be synthesized is gone afterwards.

    Raises `AssemblyError` where it names neither a folder nor a command that works.
    """
    folder = Path(app)
    if app.strip() and folder.is_dir():
        _tell_newer(folder)
        yield folder
        return
    check_app(app)
    with tempfile.TemporaryDirectory(prefix="iot-ca-") as temporary:
        with working("synthesizing the app"):
            _synthesize(app, Path(temporary))
        _tell_newer(Path(temporary))
        yield Path(temporary)


def check_app(app: str) -> None:
    """Raise `AssemblyError` where ``app`` is neither a folder nor a command that there is."""
    if app.strip() and (Path(app).is_dir() or _is_command(app)):
        return
    raise AssemblyError(
        "no such cloud assembly",
        value=app,
        allowed="a folder that `cdk synth` wrote, or a command that synthesizes the app",
        fix="run `cdk synth` first, or give --app the command, such as --app 'python app.py'",
    )


def _tell_newer(folder: Path) -> None:
    sentence = newer_schema(folder)
    if sentence is not None:
        say(f"warning: {sentence}", err=True)


def _is_command(app: str) -> bool:
    try:
        words = shlex.split(app)
    except ValueError:
        return True  # the shell will say what it thinks of it
    return bool(words) and (len(words) > 1 or shutil.which(words[0]) is not None)


@contextlib.contextmanager
def _told_by_the_cdk(folder: Path) -> Iterator[dict[str, str]]:
    """What the CDK CLI tells an app, in its environment: where to write, and the context of the project."""
    context = json.dumps(_context())
    told = {"CDK_OUTDIR": str(folder), "CDK_CONTEXT_JSON": context}
    if len(context) <= _LONGEST_VARIABLE:
        yield told
        return
    with tempfile.TemporaryDirectory(prefix="iot-ca-") as temporary:
        file = Path(temporary, "context.json")
        file.write_text(context, encoding="utf-8")
        yield {**told, "CDK_CONTEXT_JSON": "{}", "CONTEXT_OVERFLOW_LOCATION_ENV": str(file)}


def _synthesize(command: str, folder: Path) -> None:
    with (
        _told_by_the_cdk(folder) as told,
        subprocess.Popen(  # noqa: S602 - the user's own command, as cdk.json has it
            command,
            shell=True,
            env={**QUIET_JSII, **os.environ, **told},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            # A group of its own: the shell is not all that has to end when this is interrupted.
            start_new_session=True,
        ) as process,
    ):
        try:
            output, errors = process.communicate()
        except BaseException:
            _end_group(process)
            raise
    if process.returncode != 0:
        said = (errors if errors.strip() else output).splitlines()
        if len(said) > _SHOWN_LINES:
            many = counted(len(said) - _SHOWN_LINES, "line")
            say(f"({many} before these left out)", err=True)
        if said:
            say(*(line.expandtabs(4) for line in said[-_SHOWN_LINES:]), err=True)
        raise AssemblyError(
            f"the app's command {how_it_ended(process.returncode)}"
            f" ({'its output is above' if said else 'it said nothing'})",
            value=command,
            fix="run `cdk synth`, which shows more, and mend the app",
        )
    if not (folder / "manifest.json").exists():
        raise AssemblyError(
            "the app's command wrote no cloud assembly",
            value=command,
            allowed="the command of a CDK app that ends in `app.synth()`, and leaves it to the CDK where that goes",
            fix="run `cdk synth`, and give the folder that it wrote",
        )


def _end_group(process: subprocess.Popen[str]) -> None:
    """End a command and what it started: by asking, then by killing."""
    with contextlib.suppress(AttributeError, ProcessLookupError, PermissionError):  # Windows has no groups
        try:
            os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_SECONDS)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def _context() -> dict[str, Any]:
    context: dict[str, Any] = {}
    for name, key in (("cdk.context.json", None), ("cdk.json", "context")):
        if not Path(name).exists():
            continue
        try:
            held = strict_json.read(name, what=name)
        except JsonError as error:
            raise AssemblyError.of(error) from error
        values = held.get(key, {}) if key and isinstance(held, dict) else held
        if not isinstance(values, dict):
            raise AssemblyError(
                f"{name} holds no context",
                value=type(values).__name__,
                allowed="a JSON object, names and values",
            )
        context.update(values)
    return context


# --- the accounts -----------------------------------------------------------------------------------------------


def access_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--profile``, ``--role-name`` and ``--qualifier``, for `open_access`."""
    options = [
        click.option("--profile", metavar="NAME", help="The AWS profile of your own credentials."),
        click.option(
            "--role-name",
            metavar="NAME",
            help="The role to assume in each account; {account} and {region} are filled. Default: the lookup role of "
            "CDK's bootstrap that the cloud assembly names.",
        ),
        click.option("--qualifier", metavar="TEXT", help="Of the CDK bootstrap, for the lookup role's name."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document, of a versioned shape."
)
concurrency_option = click.option(
    "--concurrency",
    type=click.IntRange(1, 500),
    default=DEFAULT_CONCURRENCY,
    show_default=True,
    help="How many accounts and regions are asked at a time.",
)


def open_access(
    profile: str | None, role_name: str | None, qualifier: str | None, *, connections: int
) -> Access:
    """The way into the accounts that the options name; ``connections``: how many calls run at a time."""
    from ..fleet.access import Access

    if role_name and qualifier:
        raise click.UsageError("--role-name and --qualifier exclude each other")
    return Access(profile=profile, role_name=role_name, qualifier=qualifier, connections=connections)
