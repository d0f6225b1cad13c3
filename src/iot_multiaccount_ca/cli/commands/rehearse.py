"""``iot-ca rehearse``: an app on a local AWS, and a device that moves through its stages. Parses, calls, shows.

Touches no real account: every program that it runs is pointed at the local AWS.
"""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...text import counted
from ..device_keys import load_devices, load_key
from ..rehearsal_text import Steps, print_how_to_use, print_leftovers, print_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...local.emulator import LocalAws
    from ...local.rehearsal import Rehearsal

_KEY_TYPES = ("ec-p256", "rsa-2048")
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def deploying_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that deploys an app to a local AWS."""
    options = [
        click.option(
            "--app",
            "-a",
            metavar="DIR|COMMAND",
            help="A synthesized cloud assembly, or the app's command. Default: the app of cdk.json.",
        ),
        click.option(
            "--ca-key",
            "ca_keys",
            multiple=True,
            type=_FILE,
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


@click.command("rehearse")
@deploying_options
@click.option(
    "--then",
    "then",
    multiple=True,
    metavar="DIR|COMMAND",
    help="An app to deploy over the first, such as the next step of a rotation; may come again.",
)
@click.option(
    "--device-certificate",
    "certificates",
    multiple=True,
    type=_FILE,
    help="A device of your own in place of a made-up one: its certificate, or chain, PEM.",
)
@click.option("--device-key", "device_keys", multiple=True, type=_FILE, help="The key of that device, PEM.")
@click.option(
    "--device-command",
    metavar="COMMAND",
    help="Your own firmware, simulator or test: runs once a stage, with IOT_ENDPOINT, IOT_ADDRESS, IOT_PORT, "
    "IOT_CA_FILE, IOT_CERTIFICATE_FILE and IOT_KEY_FILE, IOT_STAGE, IOT_ACCOUNT, IOT_REGION in its environment.",
)
@click.option(
    "--device-timeout",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the device's command may take a stage; then it is ended.",
)
@click.option(
    "--device-key-type",
    type=click.Choice(_KEY_TYPES),
    default=_KEY_TYPES[0],
    show_default=True,
    help="The key of the device that is made up.",
)
@click.option("--no-device", is_flag=True, help="Deploy and describe only: for a CA whose key is in an HSM.")
@click.option("--keep", is_flag=True, help="Leave the local AWS running, and say how to use and stop it.")
def rehearse(
    app: str | None,
    ca_keys: tuple[Path, ...],
    wanted: tuple[str, ...],
    unwanted: tuple[str, ...],
    concurrency: int,
    then: tuple[str, ...],
    certificates: tuple[Path, ...],
    device_keys: tuple[Path, ...],
    device_command: str | None,
    device_timeout: float,
    device_key_type: str,
    no_device: bool,
    keep: bool,
) -> int:
    """Deploy an app to a local AWS, with the real CDK CLI, and move a device through its stages.

    Nothing is deployed to any account of yours, no credentials are used, nothing is written into your folder. One
    device, its certificate signed by the CA, connects to each stage in turn: its first connect provisions it, with
    its second it publishes and receives. Exit code: 0 if every cell of the table is as planned and nothing is left
    afterwards, 1 if not, 2 where it could not be finished.

    \b
    Example: iot-ca rehearse --ca-key fleet-ca.key
    Example: iot-ca rehearse --ca-key fleet-ca.key --device-command ./test-my-board.sh
    Example: iot-ca rehearse --app before.out --then overlap.out --then after.out --ca-key old.key --ca-key new.key
    """
    shown = Steps()
    with local_aws(shown) as (aws, kept):
        from ...local.device_command import DeviceCommand
        from ...local.rehearsal import Rehearsal

        rehearsal = Rehearsal(
            aws,
            Path.cwd(),
            ca_keys=[load_key(path) for path in ca_keys],
            own_devices=load_devices(certificates, device_keys),
            device_key_type=device_key_type,
            with_device=not no_device,
            device_command=None
            if device_command is None
            else DeviceCommand(device_command, device_timeout, shown.say),
            wanted=wanted,
            unwanted=unwanted,
            concurrency=concurrency,
            say=shown.say,
        )
        try:
            outcomes = [_rehearse(rehearsal, each, shown, bool(then)) for each in (app, *then)]
            good = all(outcomes)
            if not keep:
                return int(not (_destroy(rehearsal, shown) and good))
        except Exception:
            # --keep leaves the local AWS running once a deployment was started, even if it failed.
            if keep and rehearsal.records:
                kept()
                print_how_to_use(aws, rehearsal.records, [*rehearsal.keys.devices.values()])
            raise
        kept()
        print_how_to_use(aws, rehearsal.records, [*rehearsal.keys.devices.values()])
        return int(not good)


@contextlib.contextmanager
def local_aws(shown: Steps, *, bind: str | None = None) -> Iterator[tuple[LocalAws, Callable[[], None]]]:
    """A local AWS that is gone afterwards, unless the callback was called; what its clients raise is told as such."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError

        from ...local.emulator import LocalAws, LocalAwsError
    except ModuleNotFoundError as error:
        raise _without_extra(error) from None
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
        except ModuleNotFoundError as error:
            raise _without_extra(error) from None
        except (BotoCoreError, ClientError) as error:
            raise LocalAwsError(f"the local AWS did not do what was asked of it: {error}") from error
    finally:
        if not lives_on:
            with _uninterrupted():
                aws.stop()


def deploy(rehearsal: Rehearsal, app: str | None, shown: Steps) -> None:
    """Synthesize, bootstrap and deploy an app, and make ready what its devices need."""
    with shown.step("synthesizing the app") as done:
        rehearsal.synthesize(app)
        accounts = len({record.account for record in rehearsal.records})
        done(
            f"app synthesized: {counted(len(rehearsal.records), 'registration')} in {counted(accounts, 'account')}"
        )
    with shown.step("bootstrapping") as done:
        rehearsal.bootstrap()
        done(f"{counted(len(rehearsal.app.environments), 'environment')} bootstrapped")
    secrets = rehearsal.put_keys()
    if secrets:
        shown.tell(f"the CA's key put into {counted(secrets, 'secret')} of the local AWS")
    with shown.step("deploying") as done:
        rehearsal.deploy()
        done("deployed by cdk deploy")
    lists = rehearsal.put_on_lists()
    if lists:
        shown.tell(f"the device put on {counted(lists, 'allow-list')} of the local AWS")


def _rehearse(rehearsal: Rehearsal, app: str | None, shown: Steps, is_one_of_many: bool) -> bool:
    """Deploy one app and look at it; whether all is as planned."""
    deploy(rehearsal, app, shown)
    with shown.step("a device moves through the stages") as done:
        rows = list(rehearsal.check())
        devices = rehearsal.keys.devices
        done(f"{counted(len(rows), 'registration')} described, {counted(len(devices), 'device')} tried")
    for certificate_id, fields in rehearsal.keys.made_up.items():
        held = ", ".join(["CommonName", *fields])
        name = devices[certificate_id].common_name
        shown.tell(
            f"the device {name} is made up, and so is its subject: {held} (--device-certificate takes yours)"
        )
    print_rows(rows, app or "the app of cdk.json" if is_one_of_many else None)
    return all(row.as_planned for row in rows)


def _destroy(rehearsal: Rehearsal, shown: Steps) -> bool:
    """Destroy what was deployed; whether nothing is left."""
    with shown.step("destroying") as done:
        left = rehearsal.destroy()
        done("destroyed by cdk destroy, and looked for what is left")
    print_leftovers(left)
    return not left.unplanned


def _without_extra(error: ModuleNotFoundError) -> click.ClickException:
    return click.ClickException(
        f"rehearsals need the extra `local` ({error.name} is missing): pip install 'iot-multiaccount-ca[local]'"
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
