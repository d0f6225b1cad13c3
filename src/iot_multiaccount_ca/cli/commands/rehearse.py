"""``iot-ca rehearse``: an app on a local AWS, and a device that moves through its stages. Parses, calls, shows.

Touches no account of anyone's: every program that it runs is pointed at the local AWS.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import CaKeyError
from ..output import console, emit, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from rich.status import Status

    from ...local.emulator import LocalAws
    from ...local.rehearsal import CaKey, Leftovers, Rehearsal
    from ...local.stage_check import Cell, Row

_KEY_TYPES = ("ec-p256", "rsa-2048")
_INTERRUPTED = 130


@click.command("rehearse")
@click.option(
    "--app",
    "-a",
    metavar="DIR|COMMAND",
    help="A synthesized cloud assembly, or the app's command. Default: the app of cdk.json.",
)
@click.option(
    "--ca-key",
    "ca_keys",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The CA's private key, PEM; again for each CA of the plan.",
)
@click.option(
    "--device-key-type",
    type=click.Choice(_KEY_TYPES),
    default=_KEY_TYPES[0],
    show_default=True,
    help="The key of the device.",
)
@click.option("--no-device", is_flag=True, help="Deploy and describe only: for a CA whose key is in an HSM.")
@click.option("--keep", is_flag=True, help="Leave the local AWS running, and say how to use and stop it.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 50),
    default=3,
    show_default=True,
    help="How many stacks are deployed at a time.",
)
def rehearse(
    app: str | None,
    ca_keys: tuple[Path, ...],
    device_key_type: str,
    no_device: bool,
    keep: bool,
    concurrency: int,
) -> None:
    """Deploy an app to a local AWS, with the real CDK CLI, and move a device through its stages.

    Nothing is deployed to any account of yours, and no credentials are used. One device, its certificate signed
    by the CA, connects to each stage in turn: its first connect provisions it, with its second it publishes and
    receives. Exit code: 0 if every cell of the table is as planned and nothing is left afterwards, 1 if not,
    2 where it came to no table.

    \b
    Example: iot-ca rehearse --ca-key fleet-ca.key
    Example: iot-ca rehearse --app cdk.out --ca-key old-ca.key --ca-key new-ca.key --keep
    """
    try:
        from ...local.emulator import LocalAws, LocalAwsError
        from ...local.rehearsal import Rehearsal
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"rehearsals need the extra `local` ({error.name} is missing): pip install 'iot-multiaccount-ca[local]'"
        ) from None
    keys = [_load_key(path) for path in ca_keys]
    shown = _Progress()
    aws = LocalAws()
    rehearsal: Rehearsal | None = None
    # What --keep leaves running is what has something deployed, also when that failed.
    as_planned = kept = interrupted = False
    try:
        with _interruptible():
            with shown.step("starting a local AWS") as done:
                aws.start()
                done(f"local AWS at {aws.endpoint_url}, IAM and IoT policies enforced")
            rehearsal = Rehearsal(
                aws,
                Path.cwd(),
                app=app,
                ca_keys=keys,
                device_key_type=device_key_type,
                with_device=not no_device,
                concurrency=concurrency,
                say=shown.say,
            )
            try:
                as_planned = _rehearse(rehearsal, shown, keep=keep)
                kept = keep
            except LocalAwsError:
                kept = keep and bool(rehearsal.records)
                raise
    except KeyboardInterrupt:
        interrupted = True
    finally:
        with _uninterrupted():
            if rehearsal is not None:
                rehearsal.stop()
            if rehearsal is not None and kept:
                _say_how_to_use(aws, rehearsal)
            else:
                aws.stop()
    if interrupted:
        click.echo("iot-ca: interrupted; nothing is left running", err=True)
        sys.exit(_INTERRUPTED)
    sys.exit(0 if as_planned else 1)


def _rehearse(rehearsal: Rehearsal, shown: _Progress, *, keep: bool) -> bool:
    with shown.step("synthesizing the app") as done:
        rehearsal.synthesize()
        accounts = len({record.account for record in rehearsal.records})
        done(
            f"app synthesized: {_count(len(rehearsal.records), 'registration')} in {_count(accounts, 'account')}"
        )
    with shown.step("bootstrapping") as done:
        rehearsal.bootstrap()
        done(f"{_count(len(rehearsal.environments), 'environment')} bootstrapped")
    secrets = rehearsal.put_keys()
    if secrets:
        shown.tell(f"the CA's key put into {_count(secrets, 'secret')} of the local AWS")
    with shown.step("deploying") as done:
        rehearsal.deploy()
        done("deployed by cdk deploy")
    lists = rehearsal.put_on_lists()
    if lists:
        shown.tell(f"the device put on {_count(lists, 'allow-list')} of the local AWS")
    with shown.step("a device moves through the stages") as done:
        rows = list(rehearsal.check())
        done(
            f"{_count(len(rows), 'registration')} described, {_count(len(rehearsal.devices), 'device')} tried"
        )
    _print(rows)
    if keep:
        return all(row.as_planned for row in rows)
    with shown.step("destroying") as done:
        left = rehearsal.destroy()
        done("destroyed by cdk destroy, and looked for what is left")
    _print_leftovers(left)
    return all(row.as_planned for row in rows) and not left.unplanned


# --- what is shown ----------------------------------------------------------------------------------------------


class _Progress:
    """Steps on stderr: each a line when it is done; on a terminal also what goes on in it."""

    def __init__(self) -> None:
        self._console = console(stderr=True)
        self._status: Status | None = None
        self._doing = ""

    @contextlib.contextmanager
    def step(self, doing: str) -> Iterator[_Done]:
        """A step while it lasts; yields what is to be told when it went well."""
        started = time.monotonic()
        done = _Done(doing)
        self._doing = doing
        with self._console.status(f"{doing} …") as self._status:
            yield done
        self.tell(f"{done.text} ({time.monotonic() - started:.1f} s)")

    def say(self, line: str) -> None:
        """What goes on in the step."""
        if self._status is not None:
            from rich.text import Text

            room = max(20, self._console.width - len(self._doing) - 6)
            self._status.update(Text(f"{self._doing}: {' '.join(line.split())[:room]}"))

    def tell(self, line: str) -> None:
        """A line that stays."""
        self._console.print("[green]ok[/green]", line, markup=True, soft_wrap=True)


class _Done:
    def __init__(self, text: str) -> None:
        self.text = text

    def __call__(self, text: str) -> None:
        self.text = text


def _print(rows: list[Row]) -> None:
    out = console()
    columns = list(rows[0].cells)
    made = table("stage", "account", "region", *columns)
    for row in rows:
        record = row.record
        stage = (record.stage or record.stack_name) + (" (retiring)" if record.retiring else "")
        made.add_row(stage, record.account, record.region, *(_cell(row.cells[name]) for name in columns))
    click.echo()
    emit(out, made)
    click.echo()
    for row in rows:
        for note in row.notes:
            click.echo(f"{row.record.stage or row.record.stack_name}: {note}")
    wrong = sum(not cell.as_planned for row in rows for cell in row.cells.values())
    emit(
        out,
        "[green]as planned[/green]"
        if not wrong
        else f"[bold red]not as planned: {_count(wrong, 'cell')}[/bold red]",
    )


def _cell(cell: Cell) -> str:
    from rich.markup import escape

    if cell.as_planned:
        return escape(cell.found)
    return f"[bold red]{escape(cell.found)} (planned: {escape(cell.planned)})[/bold red]"


def _print_leftovers(left: Leftovers) -> None:
    for thing in left.kept:
        click.echo(f"kept by its removal policy: {thing}")
    for thing in left.unplanned:
        click.echo(f"left behind: {thing}")
    if not left.unplanned:
        click.echo("nothing is left" if not left.kept else "nothing else is left")


def _say_how_to_use(aws: LocalAws, rehearsal: Rehearsal) -> None:
    record = rehearsal.records[0]
    trust = aws.folder / "broker.pem"
    trust.write_text(aws.broker_trust_anchor(), encoding="ascii")
    click.echo(f"\nThe local AWS goes on, as process {aws.pid}; its log is {aws.log}.")
    click.echo("To use it (an account is its own access key):\n")
    for name, value in aws.settings(record.account, record.region).items():
        click.echo(f"  export {name}={value}")
    click.echo(f"  aws iot describe-ca-certificate --certificate-id {record.certificate_id}\n")
    click.echo(
        f"Devices dial 127.0.0.1:{aws.broker_port}, trust {trust}, and name (SNI) what describe-endpoint says."
    )
    for certificate_id, device in rehearsal.devices.items():
        path = aws.folder / f"{device.common_name}.pem"
        path.touch(mode=0o600)
        path.write_text(device.pem + device.key_pem, encoding="ascii")
        click.echo(f"The device of CA {certificate_id[:8]}…, certificate and key: {path}")
    click.echo(f"\nTo stop it:\n\n  kill -- -{aws.pid}; rm -r {aws.folder}")


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


# --- keys and signals -------------------------------------------------------------------------------------------


def _load_key(path: Path) -> CaKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    content = path.read_bytes()
    try:
        try:
            key = load_pem_private_key(content, password=None)
        except TypeError:  # it is encrypted
            passphrase: str = click.prompt(f"Passphrase of {path}", hide_input=True, err=True)
            key = load_pem_private_key(content, password=passphrase.encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        return key
    raise CaKeyError(
        "the file holds no private key that can be read",
        value=str(path),
        allowed="an RSA or EC key, PEM; with its passphrase, if it has one",
        fix="give the key of the plan's CA certificate",
    )


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does: in order."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Cleaning up takes a second or two, and is not interrupted."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
