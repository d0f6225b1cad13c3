"""``iot-ca plan``: what a synthesized app registers, and where. Reads files alone; asks no AWS."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import click

from ...fleet.overview import Overview
from ...fleet.planned import read_planned
from ..app import app_option, cloud_assembly
from ..output import (
    console,
    emit,
    emit_json,
    markdown_table,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from ...fleet.overview import Ca
    from ...model.assembly import RegistrationRecord

JSON_SHAPE = "iot-ca/plan"
JSON_VERSION = 1
_MATRIX_FROM = 31
_HEADERS = ["order", "stage", "account", "region", "mode", "CA", "status", "enrollment", "stack"]


@click.command("plan")
@app_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, of a versioned shape.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown, for a pull request or a wiki.")
@click.option(
    "--view",
    type=click.Choice(["auto", "table", "matrix"]),
    default="auto",
    show_default=True,
    help=f"A row a stage, or accounts by regions; auto: a matrix from {_MATRIX_FROM} registrations on.",
)
def plan(app: str, as_json: bool, as_markdown: bool, view: str) -> None:
    """Show what a synthesized app registers: stages, modes, templates, CAs, deploy order, owners of DEFAULT.

    Asks no AWS and needs no credentials.

    \b
    Example: cdk synth && iot-ca plan
    Example: iot-ca plan --app 'python app.py' --markdown
    """
    if as_json and as_markdown:
        raise click.UsageError("--json and --markdown exclude each other")
    with cloud_assembly(app) as folder:
        records = [each.record for each in read_planned(folder)]
    overview = Overview.of(records, dt.datetime.now(dt.UTC))
    matrix = view == "matrix" or (view == "auto" and len(records) >= _MATRIX_FROM)
    if as_json:
        emit_json(JSON_SHAPE, JSON_VERSION, as_document(overview))
    elif as_markdown:
        click.echo("\n\n".join(_markdown(overview, matrix=matrix)))
    else:
        _print(overview, matrix=matrix)


def as_document(overview: Overview) -> dict[str, Any]:
    """The plan as JSON has it."""
    return {
        "certificateAuthorities": [ca_document(ca) for ca in overview.cas],
        "registrations": [
            {"deployOrder": order, **registration_document(record)}
            for order, record in enumerate(overview.records, start=1)
        ],
        "defaultOwners": [
            {
                "region": record.region,
                "certificateId": record.certificate_id,
                "account": record.account,
                "stage": record.stage,
            }
            for record in overview.default_owners
        ],
    }


def ca_document(ca: Ca) -> dict[str, Any]:
    """A CA as JSON has it."""
    return {
        "certificateId": ca.certificate_id,
        "subject": ca.subject,
        "notValidBefore": ca.not_valid_before,
        "notValidAfter": ca.not_valid_after,
        "daysLeft": ca.days_left,
        "retiring": ca.retiring,
    }


def registration_document(record: RegistrationRecord) -> dict[str, Any]:
    """A planned registration as JSON has it: the fields that the cloud assembly has, but for the CA's own."""
    held = record.to_metadata()
    for of_the_ca in ("version", "subject", "notValidBefore", "notValidAfter"):
        del held[of_the_ca]
    return held


def enrollment(record: RegistrationRecord) -> str:
    """How new devices come in, in a few words."""
    if record.template_name is not None:
        return f"JITP {record.template_name}"
    if record.jitr:
        return "JITR"
    return "auto-registration" if record.auto_registration else "none"


def _rows(overview: Overview) -> Iterator[list[str]]:
    for order, record in enumerate(overview.records, start=1):
        yield [
            str(order),
            record.stage or "-",
            record.account,
            record.region,
            record.certificate_mode,
            overview.label(record),
            ("active" if record.active else "inactive") + (", retiring" if record.retiring else ""),
            enrollment(record),
            record.stack_name,
        ]


def _ca_sentence(overview: Overview, ca: Ca, quote: str = "") -> str:
    kind = "retiring CA" if ca.retiring else "CA"
    name = f"{kind} {overview.labels[ca.certificate_id]}: {quote}{ca.subject}{quote}"
    return f"{name}, id {quote}{ca.certificate_id}{quote}, {ca.validity}"


def _columns(overview: Overview) -> list[int]:
    """The columns worth a terminal's width: those that say something that the others do not."""
    left_out = {"stack"}
    if len(overview.cas) == 1:
        left_out.add("CA")
    if all(record.active and not record.retiring for record in overview.records):
        left_out.add("status")
    return [number for number, header in enumerate(_HEADERS) if header not in left_out]


def _print(overview: Overview, *, matrix: bool) -> None:
    from rich.text import Text

    out = console()
    for ca in overview.cas:
        style = "red" if ca.days_left < 0 else "yellow" if ca.expires_soon else ""
        emit(out, Text(_ca_sentence(overview, ca), style=style))
    emit(out, "")
    if matrix:
        _print_matrix(out, overview)
    else:
        shown = _columns(overview) if out.is_terminal else range(len(_HEADERS))
        grid = table(*(_HEADERS[number] for number in shown))
        grid.columns[0].justify = "right"
        for row in _rows(overview):
            grid.add_row(*(Text(row[n], style="bold cyan" if row[n] == "DEFAULT" else "") for n in shown))
        emit(out, grid)
    emit(out, "", Text(overview.summary))
    for sentence in overview.ownership:
        emit(out, Text(sentence))


def _print_matrix(out: Console, overview: Overview) -> None:
    """Accounts by regions, in as many blocks of regions as the terminal is wide."""
    from rich.text import Text

    each = 11  # the longest word of a region's name, and a gap
    width = max(1, (out.width - 13) // each) if out.is_terminal else len(overview.regions)
    for start in range(0, len(overview.regions), width):
        regions = overview.regions[start : start + width]
        grid = table(
            "account", *(region.replace("-", "-\n") if out.is_terminal else region for region in regions)
        )
        for account in overview.accounts:
            cells = [overview.cell(account, region) for region in regions]
            if any(cells):
                grid.add_row(
                    account, *(Text(cell or ".", style="bold cyan" if "D" in cell else "") for cell in cells)
                )
        emit(out, grid, "")
    emit(out, Text("D: DEFAULT, S: SNI_ONLY, lower case: retiring, .: none"))


def _markdown(overview: Overview, *, matrix: bool) -> Iterator[str]:
    yield "\n".join(f"- {_ca_sentence(overview, ca, '`')}" for ca in overview.cas)
    if matrix:
        yield markdown_table(
            ["account", *overview.regions],
            [
                [account, *(overview.cell(account, region) or "" for region in overview.regions)]
                for account in overview.accounts
            ],
        )
        yield "D: DEFAULT, S: SNI_ONLY, lower case: retiring"
    else:
        yield markdown_table(_HEADERS, list(_rows(overview)))
    yield "  \n".join([overview.summary, *overview.ownership])
