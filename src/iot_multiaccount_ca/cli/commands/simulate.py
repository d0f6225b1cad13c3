"""``iot-ca simulate``: what JITP would do with device certificates. Reads files alone; asks no AWS, changes nothing."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import UnreadableDeviceCertificateError
from ...model.ca.certificate import CaCertificate
from ...model.jitp.simulation import repeated
from ...model.jitp.simulation.device import holds_certificate
from ...model.jitp.template_body import STAND_IN_ACCOUNT, STAND_IN_REGION, JitpTemplateBody
from ...model.target import partition_of
from ..dry_runs import DryRun, DryRuns
from ..output import console, emit_json, progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...model.jitp.simulation import Provisioning

JSON_SHAPE = "iot-ca/simulate"
JSON_VERSION = 1
_SUFFIXES = frozenset({".pem", ".crt", ".cer", ".der"})


@click.command("simulate")
@click.option(
    "-t",
    "--template",
    required=True,
    metavar="FILE",
    help="The JITP template body, JSON; {{account}}, {{region}} and {{partition}} in it are filled.",
)
@click.option(
    "-d",
    "--device-certificate",
    "devices",
    required=True,
    metavar="FILE|FOLDER",
    type=click.Path(exists=True, path_type=Path),
    help="A device certificate, PEM or DER; of a chain the first. Or a folder of them, with its subfolders: "
    "*.pem, *.crt, *.cer and *.der that hold a certificate.",
)
@click.option("--ca-certificate", metavar="FILE", help="The registered CA, PEM: the chain is checked too.")
@click.option("--account", metavar="ID", help=f"The stage's account.  [default: {STAND_IN_ACCOUNT}]")
@click.option("--region", metavar="NAME", help=f"The stage's region.  [default: {STAND_IN_REGION}]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, of a versioned shape.")
def simulate(
    template: str,
    devices: Path,
    ca_certificate: str | None,
    account: str | None,
    region: str | None,
    as_json: bool,
) -> None:
    """Show what just-in-time provisioning would make of a device, before it connects, and what it lacks.

    Asks no AWS and needs no credentials. Of a folder also: thing names that several devices would share. Exit code: 0
    provisioned, 1 not, or names collide, 2 bad input. What AWS does not document is a warning.

    \b
    Example: iot-ca simulate --template jitp.json --device-certificate device.pem --ca-certificate fleet-ca.pem
    Example: iot-ca simulate --template jitp.json --device-certificate factory/batch-7 --json
    """
    body = JitpTemplateBody.from_file(template)
    authority = CaCertificate.from_file(ca_certificate) if ca_certificate else None
    stands_in = tuple(
        name
        for name, given in (("account", account), ("region", region))
        if given is None and "{{" + name + "}}" in body.text.replace(" ", "")
    )
    account, region = account or STAND_IN_ACCOUNT, region or STAND_IN_REGION
    found = list(_files(devices))
    results = []
    with progress("simulating", len(found)) if devices.is_dir() else nullcontext(_no_progress) as advance:
        for path, label in found:
            result = _dry_run(body, path, label, account, region, authority)
            if not _is_the_ca(result, authority, devices):
                results.append(result)
            advance(1)
    if not results:
        raise click.UsageError(f"no device certificate in {devices} (*.pem, *.crt, *.cer, *.der)")
    made = DryRuns(tuple(results), devices.is_dir(), account, region, stands_in, authority)
    if as_json:
        emit_json(JSON_SHAPE, JSON_VERSION, as_document(made, template))
    else:
        from ..simulate_text import show

        show(console(), made)
    sys.exit(made.exit_code)


def as_document(made: DryRuns, template: str) -> dict[str, Any]:
    """The dry runs as JSON has them."""
    return {
        "exitCode": made.exit_code,
        "template": template,
        "account": made.account,
        "region": made.region,
        "partition": partition_of(made.region),
        "caCertificateId": made.authority.certificate_id if made.authority else None,
        "devices": [
            {
                "file": each.file,
                "state": each.state,
                "problem": each.problem,
                "result": None if each.run is None else _result_document(each.run),
            }
            for each in made.results
        ],
        "collisions": [{"thingName": name, "files": list(files)} for name, files in made.collisions.items()],
        "repeatedCertificates": [{"files": list(files)} for files in repeated(made.answered)],
    }


def _result_document(run: Provisioning) -> dict[str, Any]:
    return {
        "certificateId": run.certificate_id,
        "subject": run.subject,
        "chains": run.chains,
        "certificateStatus": run.certificate_status,
        "parameters": [
            {"name": each.name, "value": each.value, "source": str(each.source)} for each in run.parameters
        ],
        "thing": {
            "name": run.thing_name,
            "nameInHex": run.thing_name_in_hex,
            "attributes": dict(run.attributes),
            "type": run.thing_type,
            "groups": list(run.thing_groups),
            "billingGroup": run.billing_group,
            "packageVersions": dict(run.package_versions),
        }
        if run.makes_thing
        else None,
        "policies": [
            {"name": each.name, "document": each.text, "variables": list(each.variables)}
            for each in run.policies
        ],
        "findings": [
            {"severity": str(each.severity), "code": each.code, "problem": each.problem, "fix": each.fix}
            for each in run.findings
        ],
    }


def _no_progress(_: int) -> None:
    """A single file is done before a bar could be read."""


def _files(devices: Path) -> Iterator[tuple[Path, str]]:
    """The files to look at, each with the name that is printed. Keys and requests beside certificates are left out."""
    if not devices.is_dir():
        yield devices, str(devices)
        return
    for path in sorted(devices.rglob("*")):
        label = path.relative_to(devices)
        hidden = any(part.startswith(".") for part in label.parts)
        if path.suffix.lower() in _SUFFIXES and path.is_file() and not hidden and _may_hold(path):
            yield path, label.as_posix()


def _may_hold(path: Path) -> bool:
    try:
        return holds_certificate(path)
    except OSError:
        return True  # it becomes a row that says why


def _dry_run(
    body: JitpTemplateBody, path: Path, label: str, account: str, region: str, authority: CaCertificate | None
) -> DryRun:
    try:
        return DryRun(label, body.render(path, account=account, region=region, ca_certificate=authority))
    except UnreadableDeviceCertificateError as error:
        if label == str(path):
            raise  # asked for by name, not found in a folder
        return DryRun(label, None, str(error))


def _is_the_ca(result: DryRun, authority: CaCertificate | None, devices: Path) -> bool:
    """The CA's own certificate, lying beside those of its devices."""
    return (
        devices.is_dir()
        and authority is not None
        and result.run is not None
        and result.run.certificate_id == authority.certificate_id
    )
