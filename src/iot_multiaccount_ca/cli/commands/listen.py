"""``iot-ca listen``: a fleet on a local AWS that waits for boards, and a sentence for each of their connections."""

from __future__ import annotations

import ipaddress
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import WrongOptionsError
from ..device_keys import load_key
from ..local_fleet import deploy, deploying_options, local_aws
from ..options import LONGEST_WAIT, Seconds
from ..output import reader_is_gone, say
from ..rehearsal_text import Steps, print_endpoints

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...local.connections import Connections
    from ...local.emulator import LocalAws

JSON_SHAPE = "iot-ca/listen"
JSON_VERSION = 1
_POLL_SECONDS = 0.2


def _address(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        address = None
    # One that boards can dial: every address at once is none that could be printed.
    if (
        address is None
        or address.version != 4
        or address.is_unspecified
        or address.is_multicast
        or address.is_reserved
        or not _is_here(value)
    ):
        raise WrongOptionsError(
            "--bind is an address of this machine",
            value=value,
            allowed="one IPv4 address of its own",
            fix="give the address by which the board reaches this machine, such as 192.168.1.20",
        )
    return value


def _is_here(address: str) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


@click.command("listen")
@deploying_options
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON documents of a versioned shape, one per line."
)
@click.option(
    "--bind",
    metavar="ADDRESS",
    callback=_address,
    help="Listen for boards on this address of the machine, too. Default: 127.0.0.1 only.",
)
@click.option(
    "--for",
    "seconds",
    type=Seconds(0, LONGEST_WAIT),
    metavar="SECONDS",
    help="End after that many seconds. Default: Ctrl-C ends it.",
)
def listen(
    app: str | None,
    ca_keys: tuple[Path, ...],
    wanted: tuple[str, ...],
    unwanted: tuple[str, ...],
    concurrency: int,
    as_json: bool,
    bind: str | None,
    seconds: float | None,
) -> None:
    """Deploy an app to a local AWS, and report for each device that connects what AWS would do with it, and why.

    Prints the endpoint of each stage, the port and the roots to trust. Then it reports each connection: what the device
    sent, which stage it landed in or why in none, and which setting of its stack to change. Nothing is deployed to any
    account of yours. When it ends, nothing of it is left.

    \b
    Example: iot-ca listen --ca-key fleet-ca.key
    Example: iot-ca listen --app cdk.out --bind 192.168.1.20
    Example: iot-ca listen --app cdk.out --json --for 60
    """
    shown = Steps()
    keys = [load_key(path) for path in ca_keys]
    ended = False
    with local_aws(shown, bind=bind) as (aws, _):
        from ...local.connections import Connections
        from ...local.rehearsal import Rehearsal

        rehearsal = Rehearsal(
            aws,
            Path.cwd(),
            ca_keys=keys,
            with_device=False,
            wanted=wanted,
            unwanted=unwanted,
            concurrency=concurrency,
            say=shown.say,
        )
        deploy(rehearsal, app, shown)
        connections = Connections(aws, rehearsal.app)
        if bind is not None:
            say(
                f"WARNING: whoever reaches {bind} can connect devices to this fleet; its AWS stays on 127.0.0.1",
                err=True,
            )
        try:  # whoever has read the endpoints may end it
            if as_json:
                _print_json("endpoints", connections.endpoints(bind or "127.0.0.1"))
            else:
                print_endpoints(aws, rehearsal.records, bind or "127.0.0.1")
                say("", "Waiting for devices; Ctrl-C ends it and leaves nothing.", "")
            _listen(aws, connections, seconds, as_json=as_json)
        except KeyboardInterrupt:
            _tell(connections.new(), as_json=as_json)  # what came in the last moment
            ended = True
    if ended:
        say("iot-ca: ended; nothing is left running", err=True)


def _listen(aws: LocalAws, connections: Connections, seconds: float | None, *, as_json: bool) -> None:
    """Tell what happens, until the time is over, the local AWS is gone, or nobody reads any more (``| head``)."""
    end = None if seconds is None else time.monotonic() + seconds
    while not reader_is_gone():
        aws.check()
        last = end is not None and time.monotonic() >= end
        _tell(connections.new(ended=last), as_json=as_json)
        if last:
            return
        time.sleep(_POLL_SECONDS)


def _tell(connections: Iterable[dict[str, Any]], *, as_json: bool) -> None:
    for told in connections:
        if as_json:
            _print_json("connection", told)
        else:
            _print(told)


def _print(told: dict[str, Any]) -> None:
    where = f" [{told['stage']}]" if told["stage"] else ""
    say(f"{told['device']}{where} {told['event']}: {told['says']}")
    if told["sent"]:
        say("    sent: " + "; ".join(f"{name} {value}" for name, value in told["sent"].items()))
    say(f"    at AWS: {told['aws']}")
    for warning in told["warnings"]:
        say(f"    mind: {warning}")
    if told["fix"]:
        say(f"    to change: {told['fix']}")


def _print_json(kind: str, content: dict[str, Any]) -> None:
    import json

    say(json.dumps({"shape": JSON_SHAPE, "version": JSON_VERSION, "kind": kind, **content}))
