"""What the commands that run a local AWS share: their options, its life, and an app deployed onto it."""

from __future__ import annotations

import contextlib
import importlib.util
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..text import counted
from .options import check_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..local.emulator import LocalAws
    from ..local.rehearsal import Rehearsal
    from .rehearsal_text import Steps

#: The modules that the extra `local` brings.
_OF_EXTRA = ("ministack", "paho")
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def apps(
    _context: click.Context, _option: click.Parameter, value: str | tuple[str, ...] | None
) -> str | tuple[str, ...] | None:
    """Whether there is such a thing is known before anything is started."""
    for app in (value,) if isinstance(value, str) else value or ():
        check_app(app)
    return value


def deploying_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that deploys an app to a local AWS."""
    options = [
        click.option(
            "--app",
            "-a",
            metavar="DIR|COMMAND",
            callback=apps,
            help="A synthesized cloud assembly, or the app's command. Default: the app of cdk.json.",
        ),
        click.option(
            "--ca-key",
            "ca_keys",
            multiple=True,
            type=FILE,
            help="The CA's private key, PEM; again for each CA of the plan.",
        ),
        click.option(
            "--stack",
            "wanted",
            multiple=True,
            metavar="PATTERN",
            help="Only these stacks; * stands for anything.",
        ),
        click.option("--exclude", "unwanted", multiple=True, metavar="PATTERN", help="All stacks but these."),
        click.option(
            "--concurrency",
            type=click.IntRange(1, 50),
            default=3,
            show_default=True,
            help="How many stacks are deployed at a time.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@contextlib.contextmanager
def local_aws(shown: Steps, *, bind: str | None = None) -> Iterator[tuple[LocalAws, Callable[[], None]]]:
    """A local AWS that is gone afterwards, unless the callback was called; what its clients raise is told as such."""
    require_extra()
    from botocore.exceptions import BotoCoreError, ClientError

    from ..local.cdk import find_cdk
    from ..local.emulator import LocalAws, LocalAwsError

    find_cdk(
        Path.cwd()
    )  # it is asked for once more where the app is deployed; before that, it is told at once
    aws = LocalAws(bind=bind)
    lives_on: list[bool] = []

    def keep() -> None:
        aws.release()
        lives_on.append(True)

    try:
        with shown.step("starting a local AWS") as done:
            aws.start()
            done(f"local AWS at {aws.endpoint_url}, IAM and IoT policies enforced")
        try:
            yield aws, keep
        except Exception as error:
            # Whatever fails once it has died, fails because of that.
            aws.check()
            if isinstance(error, (BotoCoreError, ClientError)):
                raise LocalAwsError(f"the local AWS did not do what was asked of it: {error}") from error
            raise
    finally:
        if not lives_on:
            with _uninterrupted():
                aws.stop()


def deploy(rehearsal: Rehearsal, app: str | None, shown: Steps, *, is_last: bool = True) -> None:
    """Synthesize, bootstrap and deploy an app, and make ready what its devices need.

    ``is_last``: no other one is deployed over it.
    """
    with shown.step("synthesizing the app") as done:
        rehearsal.synthesize(app, is_last=is_last)
        accounts = len({record.account for record in rehearsal.records})
        done(
            f"app synthesized: {counted(len(rehearsal.records), 'registration')} in {counted(accounts, 'account')}"
        )
    with shown.step("bootstrapping") as done:
        rehearsal.bootstrap()
        done(f"{counted(len(rehearsal.app.environments), 'environment')} bootstrapped")
    if rehearsal.app.sets:
        names = ", ".join(each.record.name for each in rehearsal.app.sets)
        shown.tell(f"an organization made up for {names}: its accounts are not bootstrapped")
    secrets = rehearsal.put_keys()
    if secrets:
        shown.tell(f"the CA's key put into {counted(secrets, 'secret')} of the local AWS")
    with shown.step("deploying") as done:
        rehearsal.deploy()
        done("deployed by cdk deploy")
    lists = rehearsal.put_on_lists()
    if lists:
        shown.tell(f"the device put on {counted(lists, 'allow-list')} of the local AWS")


def require_extra() -> None:
    """Say how to install what is missing, before anything starts, where the extra of the local AWS is not there."""
    missing = [name for name in _OF_EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f"a local AWS needs the extra `local` ({' and '.join(missing)} missing): "
            "pip install 'iot-multiaccount-ca[local]'"
        )


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Cleaning up takes a second or two, and is not interrupted."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
