"""``iot-ca rehearse``: an app on a local AWS, and a device that moves through its stages. Parses, calls, shows.

Touches no real account: every program that it runs is pointed at the local AWS.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import WrongOptionsError
from ...text import counted
from ..device_keys import load_devices, load_key
from ..local_fleet import FILE, apps, deploy, deploying_options, local_aws
from ..options import LONGEST_WAIT, Seconds
from ..rehearsal_text import Steps, print_how_to_use, print_leftovers, print_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...local.emulator import LocalAws
    from ...local.rehearsal import Rehearsal

_KEY_TYPES = ("ec-p256", "rsa-2048")


@click.command("rehearse")
@deploying_options
@click.option(
    "--then",
    "then",
    multiple=True,
    metavar="DIR|COMMAND",
    callback=apps,
    help="An app to deploy over the first, such as the next step of a rotation; may come again.",
)
@click.option(
    "--device-certificate",
    "certificates",
    multiple=True,
    type=FILE,
    help="A device of your own in place of a made-up one: its certificate, or chain, PEM.",
)
@click.option("--device-key", "device_keys", multiple=True, type=FILE, help="The key of that device, PEM.")
@click.option(
    "--device-command",
    metavar="COMMAND",
    help="Your own firmware, simulator or test: runs once per stage, with IOT_ENDPOINT, IOT_ADDRESS, IOT_PORT, "
    "IOT_CA_FILE, IOT_CERTIFICATE_FILE and IOT_KEY_FILE, IOT_STAGE, IOT_ACCOUNT, IOT_REGION in its environment.",
)
@click.option(
    "--device-timeout",
    type=Seconds(1, LONGEST_WAIT),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the device's command may take per stage; then it is ended.",
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
) -> None:
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
    _check_who_connects(certificates, device_command, no_device=no_device)
    keys, devices = [load_key(path) for path in ca_keys], load_devices(certificates, device_keys)
    with local_aws(shown) as (aws, kept):
        from ...local.device_command import DeviceCommand
        from ...local.rehearsal import Rehearsal

        rehearsal = Rehearsal(
            aws,
            Path.cwd(),
            ca_keys=keys,
            own_devices=devices,
            device_key_type=device_key_type,
            with_device=not no_device,
            device_command=DeviceCommand.of(device_command, device_timeout, shown.say),
            wanted=wanted,
            unwanted=unwanted,
            concurrency=concurrency,
            say=shown.say,
        )
        try:
            good = _rehearse_all(rehearsal, [app, *then], shown)
            if not keep:
                sys.exit(int(not (_destroy(rehearsal, shown) and good)))
        except Exception:
            # --keep leaves the local AWS running once a deployment was started, even if it failed.
            if keep and rehearsal.records:
                _leave_running(aws, kept, rehearsal)
            raise
        _leave_running(aws, kept, rehearsal)
        sys.exit(int(not good))


def _check_who_connects(
    certificates: tuple[Path, ...], device_command: str | None, *, no_device: bool
) -> None:
    if no_device and (certificates or device_command is not None):
        raise WrongOptionsError(
            "with --no-device nobody connects",
            value="--device-certificate" if certificates else "--device-command",
            fix="leave one of the two options out",
        )
    if device_command is not None and not device_command.strip():
        raise WrongOptionsError(
            "--device-command is empty",
            value=device_command,
            fix="give the command that runs your device, or leave the option out: a made-up device connects then",
        )


def _leave_running(aws: LocalAws, kept: Callable[[], None], rehearsal: Rehearsal) -> None:
    """Say how to use and stop the local AWS, and keep it: one of which nobody was told would never be stopped."""
    print_how_to_use(aws, rehearsal.records, [*rehearsal.keys.devices.values()])
    kept()


def _rehearse_all(rehearsal: Rehearsal, apps: list[str | None], shown: Steps) -> bool:
    """One app over the other, whatever becomes of each; whether all is as planned."""
    outcomes = [_rehearse(rehearsal, apps, number, shown) for number in range(len(apps))]
    return all(outcomes)


def _rehearse(rehearsal: Rehearsal, apps: list[str | None], number: int, shown: Steps) -> bool:
    """Deploy one of the apps and look at it; whether all is as planned."""
    app = apps[number]
    deploy(rehearsal, app, shown, is_last=number == len(apps) - 1)
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
    print_rows(rows, app or "the app of cdk.json" if len(apps) > 1 else None)
    return all(row.as_planned for row in rows)


def _destroy(rehearsal: Rehearsal, shown: Steps) -> bool:
    """Destroy what was deployed; whether nothing is left."""
    with shown.step("destroying") as done:
        left = rehearsal.destroy()
        done("destroyed by cdk destroy, and looked for what is left")
    print_leftovers(left)
    return not left.unplanned
