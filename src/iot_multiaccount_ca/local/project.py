"""A folder of the run's own in which the CDK CLI works for the user's: it writes ``cdk.context.json`` where it runs."""

from __future__ import annotations

import json
import shlex
import shutil
from typing import TYPE_CHECKING

from ..errors import AssemblyError, JsonError, RehearsalError
from ..model import strict_json

if TYPE_CHECKING:
    from pathlib import Path

_COMMANDS = ("app", "build")


def make_project(folder: Path, app: str | None, project: Path) -> None:
    """Make ``project`` a CDK project whose app is that of ``folder``, or the command ``app``, run in ``folder``.

    It has the user's settings and context. Raises `RehearsalError` where there is no app.
    """
    project.mkdir(exist_ok=True)
    settings: dict[str, object] = {}
    if (folder / "cdk.json").is_file():
        try:
            read = strict_json.read(folder / "cdk.json", what="cdk.json")
        except JsonError as error:
            raise AssemblyError.of(error) from error
        settings = read if isinstance(read, dict) else {}
    command = app if app is not None else settings.get("app")
    if not isinstance(command, str):
        raise RehearsalError(
            "no app here: the folder has no cdk.json with an app",
            value=str(folder),
            fix="go to the app's folder, or give --app its command or its cloud assembly",
        )
    settings["app"] = command
    for name in _COMMANDS:
        if isinstance(settings.get(name), str):
            settings[name] = f"cd {shlex.quote(str(folder.resolve()))} && {settings[name]}"
    settings.pop("output", None)
    (project / "cdk.json").write_text(json.dumps(settings), encoding="utf-8")
    if (folder / "cdk.context.json").is_file() and not (project / "cdk.context.json").exists():
        shutil.copy(folder / "cdk.context.json", project)
