"""What a rehearsal shows: its steps as they go, the table, what is left, and how to use what goes on."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from ..text import counted, shell
from .output import Column, cell, console, emit, emit_table, emit_unwrapped, paragraph, say, working

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rich.text import Text

    from ..local.device import DeviceCertificate
    from ..local.emulator import LocalAws
    from ..local.rehearsal import Leftovers
    from ..local.stage_check import Cell, Row
    from ..model.assembly import RegistrationRecord

# The columns that a narrow terminal leaves out, the highest first.
_RANKS = {"account": 1, "region": 2, "template": 6, "auto-registration": 5, "status": 4, "mode": 3}


class Steps:
    """Steps on stderr: each a line when it is done; on a terminal also what goes on in it."""

    def __init__(self) -> None:
        self._console = console(stderr=True)
        self._show: Callable[[str], None] = lambda _: None

    @contextlib.contextmanager
    def step(self, doing: str) -> Iterator[Callable[[str], None]]:
        """A step while it lasts; yields a callback that takes what is to be told when it went well."""
        started = time.monotonic()
        told = [doing]
        with working(doing) as self._show:
            yield told.append
        self.tell(f"{told[-1]} ({time.monotonic() - started:.1f} s)")

    def say(self, line: str) -> None:
        """What goes on in the step."""
        self._show(line)

    def tell(self, line: str) -> None:
        """A line that stays."""
        from rich.text import Text

        emit_unwrapped(self._console, Text.assemble(("ok", "green"), " ", cell(line)))


def print_rows(rows: Sequence[Row], title: str | None = None) -> None:
    """The table, what explains it, and whether all is as planned."""
    out = console()
    names = list(rows[0].cells)
    columns = [
        Column("stage"),
        *(Column(name, _RANKS.get(name, 0)) for name in ("account", "region", *names)),
    ]
    say()
    if title is not None:
        say(title)
    emit_table(
        out,
        columns,
        [
            [
                _stage(row.record),
                row.record.account,
                row.record.region,
                *(_cell(row.cells[name]) for name in names),
            ]
            for row in rows
        ],
    )
    say()
    for row in rows:
        for note in row.notes:
            paragraph(out, f"{row.record.label}: {note}", hanging=2)
    wrong = sum(not each.as_planned for row in rows for each in row.cells.values())
    if wrong:
        emit(out, cell(f"not as planned: {counted(wrong, 'cell')}", "bold red"))
    else:
        emit(out, cell("as planned", "green"))


def print_leftovers(left: Leftovers) -> None:
    """What is there after the stacks are gone."""
    for found in left.kept:
        say(f"kept by its removal policy: {found}")
    for found in left.unplanned:
        say(f"left behind: {found}")
    if not left.unplanned:
        say("nothing is left" if not left.kept else "nothing else is left")


def print_endpoints(aws: LocalAws, records: Sequence[RegistrationRecord], address: str) -> None:
    """Where devices connect: the address, the port, and a line for each stage."""
    from ..local.device_visit import endpoint_of

    places: dict[tuple[str, str], list[RegistrationRecord]] = {}
    for record in records:
        places.setdefault((record.account, record.region), []).append(record)
    endpoints = [endpoint_of(aws, of_place[0]) for of_place in places.values()]
    emit_table(
        console(),
        [Column("stage"), Column("account", 1), Column("region", 2), Column("endpoint (SNI)")],
        [
            [", ".join(dict.fromkeys(each.label for each in of_place)), account, region, endpoint]
            for ((account, region), of_place), endpoint in zip(places.items(), endpoints, strict=True)
        ],
    )
    say("", f"MQTT over TLS, and HTTPS publish: {address}, port {aws.broker_port}.")
    say(f"Devices trust: {trust_file(aws)}")
    say("Where a device takes names and no addresses, this line in /etc/hosts makes them resolve:", "")
    say(f"  {address} {' '.join(endpoints)}")


def print_how_to_use(
    aws: LocalAws, records: Sequence[RegistrationRecord], devices: Sequence[DeviceCertificate]
) -> None:
    """How to go on with a local AWS that is left running, and how to end it."""
    from ..local.device_visit import endpoint_of, write_device_files

    record = records[0]
    say("", f"The local AWS goes on, as process {aws.pid}; its log is {aws.log}.")
    say("To use it with any AWS tool (an account is its own access key; the secret key is of this run):", "")
    say(f"  unset {' '.join(_misleading(aws.settings(record.account, record.region)))}")
    for name, value in aws.settings(record.account, record.region).items():
        say(f"  export {name}={shell(value)}")
    say(f"  aws iot describe-ca-certificate --certificate-id {record.certificate_id}", "")
    print_endpoints(aws, records, "127.0.0.1")
    for device in devices:
        files = write_device_files(aws, device)
        say(
            "",
            f"The device {device.common_name}: {files['certificate']}, its key {files['key']}. For example:",
            "",
        )
        say(
            f"  openssl s_client -connect 127.0.0.1:{aws.broker_port} -servername {endpoint_of(aws, record)} "
            f"-CAfile {shell(files['ca'])} -cert {shell(files['certificate'])} -key {shell(files['key'])}"
        )
    say("", "To stop it; nothing is left of it then:", "", f"  kill {aws.pid}")


def _misleading(settings: Mapping[str, str]) -> list[str]:
    """The variables by which AWS's tools would turn away from these settings, those of this environment included."""
    from ..local.users_environment import is_of_aws

    always = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN")
    found = (name for name in os.environ if is_of_aws(name) and name.isidentifier())
    return sorted({*always, *found} - set(settings))


def trust_file(aws: LocalAws) -> str:
    """The file with the roots by which devices trust the broker, written if it is not there yet."""
    path = aws.folder / "broker-ca.pem"
    path.write_text(aws.broker_trust_anchor(), encoding="ascii")
    return str(path)


def _stage(record: RegistrationRecord) -> str:
    return record.label + (" (retiring)" if record.retiring else "")


def _cell(shown: Cell) -> Text:
    if shown.as_planned:
        return cell(shown.found)
    return cell(f"{shown.found} (planned: {shown.planned})", "bold red")
