"""``iot-ca simulate``: what JITP or JITR would do with device certificates. Reads files alone; asks no AWS."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ... import text
from ...model.ca.certificate import CaCertificate
from ...model.jitp.simulation import read_one_device
from ...model.jitp.template_body import STAND_IN_ACCOUNT, STAND_IN_REGION, JitpTemplateBody
from ...model.jitr.simulation import ignored_entries, read_allow_list
from ..options import cloud_assembly, json_option
from ..output import console, emit_json, progress, say
from ..simulation.device_files import DeviceFile, FoundFile, files_in, read
from ..simulation.document import SIMULATE, SIMULATE_VERSION, simulate_document
from ..simulation.dry_runs import DryRun, DryRuns, LeftOut
from ..simulation.registrations import Registration, registration_for, registrations_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_PATH = click.Path(exists=True, path_type=Path)


@click.command("simulate")
@click.option(
    "-t",
    "--template",
    metavar="FILE",
    help="The JITP template body, JSON; {{account}}, {{region}} and {{partition}} in it are filled.",
)
@click.option(
    "-d",
    "--device-certificate",
    "options",
    metavar="FILE|FOLDER",
    multiple=True,
    type=_PATH,
    help="A device certificate: PEM, DER, PKCS#7, base64; of a chain the one that issued no other. Or a folder of "
    "them, with its subfolders. The same as an argument.",
)
@click.option("--ca-certificate", metavar="FILE", help="The registered CA, PEM: the chain is checked too.")
@click.option("--account", metavar="ID", help=f"The stage's account.  [default: {STAND_IN_ACCOUNT}]")
@click.option("--region", metavar="NAME", help=f"The stage's region.  [default: {STAND_IN_REGION}]")
@click.option(
    "--app",
    "-a",
    metavar="DIR|COMMAND",
    help="A synthesized cloud assembly, or the app's command: template or enrollment, CA and account are the stage's.",
)
@click.option("--stage", metavar="NAME", help="The stage of --app.")
@click.option(
    "--allow-list",
    metavar="FILE",
    help="What the stage's JITR allow-list holds: separated by commas, blanks or new lines.",
)
@click.option("--problems-only", is_flag=True, help="Show only devices that are not as they should be.")
@json_option
@click.argument("arguments", metavar="[DEVICE]...", nargs=-1, type=_PATH)
def simulate(
    options: tuple[Path, ...],
    arguments: tuple[Path, ...],
    allow_list: str | None,
    problems_only: bool,
    as_json: bool,
    **place: str | None,
) -> None:
    """Show what just-in-time provisioning would make of a device, before it connects, and what it lacks.

    Asks no AWS and needs no credentials. Of several devices also: thing names that they would share. With --app and
    --stage the stage's own template, CA and account count, and the admission of a stage with just-in-time registration.
    Exit code: 0 provisioned, 1 not, or names collide, 2 bad input. What AWS does not document is a warning.

    \b
    Example: iot-ca simulate --template jitp.json --ca-certificate fleet-ca.pem device.pem
    Example: iot-ca simulate --app cdk.out --stage prod factory/batch-7 --problems-only
    """
    paths = (*options, *arguments)
    if not paths:
        raise click.UsageError("no device certificate: give a file or a folder")
    registrations, stands_in = _registrations(**place)
    admitted = _admitted(allow_list, registrations) if allow_list else None
    one = len(paths) == 1 and not paths[0].is_dir()
    results, left_out = run_all(paths, registrations, admitted, one=one)
    if not results:
        reasons = ", ".join(f"{each.file}: {each.reason}" for each in left_out[:10])
        raise click.UsageError(
            f"no device certificate in {', '.join(map(str, paths))}" + (f" ({reasons})" if reasons else "")
        )
    made = DryRuns(
        tuple(results),
        tuple(left_out),
        one and len(results) == 1,
        registrations[0],
        place["template"],
        place["stage"],
        stands_in,
    )
    if as_json:
        emit_json(SIMULATE, SIMULATE_VERSION, simulate_document(made, problems_only=problems_only))
    else:
        from ..simulation.text import show

        show(console(), made, problems_only=problems_only)
    sys.exit(made.exit_code)


def _admitted(path: str, registrations: Sequence[Registration]) -> frozenset[str]:
    """What the allow-list's file holds, for a stage that asks one; what in it is not an entry is told."""
    if not any(
        ((each.enrollment or {}).get("admission") or {}).get("list")
        for each in registrations
        if not each.body
    ):
        raise click.UsageError(
            "--allow-list is for a stage whose just-in-time registration asks an allow-list"
        )
    found, ignored = read_allow_list(path), ignored_entries(path)
    if ignored:
        many = text.counted(len(ignored), "entry", "entries")
        say(
            f"warning: {many} of the allow-list, not a hex number, admitting nobody: {text.listed(ignored)}",
            err=True,
        )
    return found


def _registrations(
    template: str | None,
    ca_certificate: str | None,
    account: str | None,
    region: str | None,
    app: str | None,
    stage: str | None,
) -> tuple[list[Registration], tuple[str, ...]]:
    """What devices are tried on, and the placeholders that nobody said how to fill."""
    if (app is None) != (stage is None):
        raise click.UsageError("--app and --stage go together")
    body = JitpTemplateBody.from_file(template) if template else None
    if app is not None and stage is not None:
        if ca_certificate or account or region:
            raise click.UsageError("--app and --stage say which CA, account and region: leave the others out")
        with cloud_assembly(app) as folder:
            return registrations_of(folder, stage, body), ()
    if body is None:
        raise click.UsageError("no template: give --template, or --app and --stage")
    authority = CaCertificate.from_file(ca_certificate) if ca_certificate else None
    stands_in = tuple(
        name
        for name, given in (("account", account), ("region", region))
        if given is None and "{{" + name + "}}" in body.text.replace(" ", "")
    )
    account, region = account or STAND_IN_ACCOUNT, region or STAND_IN_REGION
    body.resolved_body(account=account, region=region)
    return [Registration(account, region, authority, body)], stands_in


def run_all(
    paths: Sequence[Path],
    registrations: Sequence[Registration],
    admitted: frozenset[str] | None,
    *,
    one: bool,
) -> tuple[list[DryRun], list[LeftOut]]:
    """A dry run of every device in the files and folders, and what in folders is not one."""
    results: list[DryRun] = []
    left_out: list[LeftOut] = []
    authorities = {each.authority.certificate_id for each in registrations if each.authority}
    for place in _advancing(files_in(paths), one=one):
        found = read(place)
        path, label, inside = place
        if one and found.reading is None:
            read_one_device(path)  # asked for by name, not found in a folder: its error is the command's
        if inside is None and found.no_concern is not None:
            found = DeviceFile(label, problem=found.no_concern)
        if found.no_concern is not None:
            left_out.append(LeftOut(label, found.no_concern))
        elif found.reading is None:
            results.append(DryRun(label, None, found.problem))
        else:
            made = _of_file(found, registrations, admitted)
            if not one and all(each.run and each.run.certificate_id in authorities for each in made):
                left_out.append(LeftOut(label, "the CA's own certificate"))
            else:
                results += made
    return results, left_out


def _of_file(
    found: DeviceFile, registrations: Sequence[Registration], admitted: frozenset[str] | None
) -> list[DryRun]:
    assert found.reading is not None  # noqa: S101 - the caller has looked
    devices, others = found.reading.devices, found.reading.others
    return [
        DryRun(
            found.label,
            registration_for(device, registrations).provision(device, others, admitted),
            number=number if len(devices) > 1 else 0,
            form=found.reading.form,
        )
        for number, device in enumerate(devices, 1)
    ]


def _advancing(files: list[FoundFile], *, one: bool) -> Iterator[FoundFile]:
    if one:
        yield from files  # a single file is done before a bar could be read
        return
    advance: Callable[[int], Any]
    with progress("simulating", len(files)) as advance:
        for each in files:
            yield each
            advance(1)
