"""``--app``: a synthesized cloud assembly, or the command that synthesizes one. Runs only what it is given."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import AssemblyError, JsonError
from ..model import strict_json
from .output import working

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEFAULT_APP = "cdk.out"


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
    if folder.is_dir():
        yield folder
        return
    if not _is_command(app):
        raise AssemblyError(
            "no such cloud assembly",
            value=app,
            allowed="a folder that `cdk synth` wrote, or a command that synthesizes the app",
            fix="run `cdk synth` first, or give --app the command, such as --app 'python app.py'",
        )
    with tempfile.TemporaryDirectory(prefix="iot-ca-") as temporary:
        with working("synthesizing the app"):
            _synthesize(app, Path(temporary))
        yield Path(temporary)


def _is_command(app: str) -> bool:
    try:
        words = shlex.split(app)
    except ValueError:
        return True  # the shell will say what it thinks of it
    return bool(words) and (len(words) > 1 or shutil.which(words[0]) is not None)


def _synthesize(command: str, folder: Path) -> None:
    # What the CDK CLI tells an app: where to write, and the context of the project.
    environment = {**os.environ, "CDK_OUTDIR": str(folder), "CDK_CONTEXT_JSON": json.dumps(_context())}
    run = subprocess.run(  # noqa: S602 - the user's own command, run by the shell as cdk.json has it
        command, shell=True, env=environment, capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        sys.stderr.write(run.stderr)
        raise AssemblyError(
            f"the app's command failed with exit code {run.returncode} (its output is above)",
            value=command,
            fix="run `cdk synth`, which shows more, and mend the app",
        )


def _context() -> dict[str, Any]:
    context: dict[str, Any] = {}
    for name, key in (("cdk.context.json", None), ("cdk.json", "context")):
        if not Path(name).exists():
            continue
        try:
            held = strict_json.read(name, what=name)
        except JsonError as error:
            raise AssemblyError.of(error) from error
        context.update(held.get(key, {}) if key else held)
    return context
