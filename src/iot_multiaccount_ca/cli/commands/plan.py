"""``iot-ca plan``: what a synthesized app registers, and where. Reads files alone; asks no AWS."""

from __future__ import annotations

import datetime as dt
import json
import sys
from typing import TYPE_CHECKING

import click

from ... import text
from ...fleet.overview import Overview
from ...fleet.planned import read_planned
from ...fleet.planned_sets import read_planned_sets
from ...model.assembly_policies import read_foreign_policies
from ...model.native import import_map
from ..changes_text import BY_HAND, CHANGES, CHANGES_VERSION, document, markdown, print_changes
from ..documents import PLAN, PLAN_VERSION, plan_document
from ..options import DEFAULT_CONCURRENCY, app_option, cloud_assembly, json_option
from ..output import (
    Column,
    cell,
    console,
    emit,
    emit_json,
    emit_table,
    emit_unwrapped,
    markdown_table,
    paragraph,
    say,
    say_markdown,
)
from ..set_accounts import expanded
from ..stack_set_text import COLUMNS as SET_COLUMNS
from ..stack_set_text import NOT_KNOWN, print_plan
from ..stack_set_text import row as set_row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import Console

    from ...fleet.overview import Ca

_MATRIX_FROM = 31
_COLUMNS = (
    Column("order", rank=2, right=True),
    Column("stage"),
    Column("account"),
    Column("region"),
    Column("mode"),
    Column("CA", rank=1),
    Column("status", rank=1),
    Column("enrollment", rank=3),
    Column("stack", rank=4),
)
_LEGEND = "D: DEFAULT, S: SNI_ONLY, lower case: retiring"


@click.command("plan")
@app_option
@json_option
@click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown, for a pull request or a wiki.")
@click.option(
    "--view",
    type=click.Choice(["auto", "table", "matrix"]),
    default="auto",
    show_default=True,
    help=f"One row per stage, or accounts by regions; auto: a matrix from {_MATRIX_FROM} registrations on.",
)
@click.option(
    "--import-map",
    "as_import_map",
    is_flag=True,
    help="Print what `cdk import --resource-mapping` needs to bring the CAs into native registrations.",
)
@click.option(
    "--accounts-from",
    metavar="organizations|FILE",
    help="Show what stack sets register account by account: as AWS Organizations says now, or as a JSON file says, an "
    "object with the list of accounts of each organizational unit.",
)
@click.option(
    "--against",
    "old",
    metavar="DIR|FILE|live",
    help="Show what deploying the app changes, and what each change risks: against another cloud assembly, a plan "
    "that --json printed, or what is registered now. Exit code 0: nothing, 1: changes.",
)
@click.option(
    "--profile", metavar="NAME", help="The AWS profile by which Organizations, or what is live, is asked."
)
def plan(
    app: str,
    as_json: bool,
    as_markdown: bool,
    view: str,
    as_import_map: bool,
    accounts_from: str | None,
    old: str | None,
    profile: str | None,
) -> None:
    """Show what a synthesized app registers: stages, modes, templates, CAs, deploy order, owners of DEFAULT.

    Asks no AWS and needs no credentials, but for `--accounts-from organizations` and `--against live`.

    \b
    Example: cdk synth && iot-ca plan
    Example: iot-ca plan --app 'python app.py' --markdown
    Example: iot-ca plan --against ../main/cdk.out
    """
    if as_json + as_markdown + as_import_map > 1:
        raise click.UsageError("--json, --markdown and --import-map exclude one another")
    if old is not None:
        _refuse_beside_against(as_import_map=as_import_map, view=view, accounts_from=accounts_from)
        with cloud_assembly(app) as folder:
            sys.exit(_compare(folder, old, profile, as_json=as_json, as_markdown=as_markdown))
    with cloud_assembly(app) as folder:
        records = [each.record for each in read_planned(folder)]
        sets = read_planned_sets(folder)
        policies = read_foreign_policies(folder)
    if as_import_map:
        say(*json.dumps(import_map(records), indent=2).splitlines())
        return
    if accounts_from is not None:
        records += expanded(sets, accounts_from, profile)
    overview = Overview.of(records, dt.datetime.now(dt.UTC), sets, policies)
    matrix = bool(records) and (view == "matrix" or (view == "auto" and len(records) >= _MATRIX_FROM))
    if as_json:
        emit_json(PLAN, PLAN_VERSION, plan_document(overview))
    elif as_markdown:
        say_markdown(_markdown(overview, matrix=matrix, expanded=accounts_from is not None))
    else:
        _print(overview, matrix=matrix, expanded=accounts_from is not None)


def _refuse_beside_against(*, as_import_map: bool, view: str, accounts_from: str | None) -> None:
    given = {
        "--import-map": as_import_map,
        "--view": view != "auto",
        "--accounts-from": accounts_from is not None,
    }
    for name, is_given in given.items():
        if is_given:
            raise click.UsageError(f"{name} and --against exclude each other")


def _compare(folder: Path, old: str, profile: str | None, *, as_json: bool, as_markdown: bool) -> int:
    """Print what changes; 0 nothing, 1 changes, 2 where a part of the former side is not known."""
    from ...fleet.changes import compare
    from ...fleet.set_changes import compare_sets
    from ..against import LIVE, sides

    before, new, known = sides(old, folder, profile=profile, concurrency=DEFAULT_CONCURRENCY)
    changes = compare(before.registrations, new.registrations, new.stacks)
    known_sets = before.sets is not None and new.sets is not None
    sets = compare_sets(before.sets or (), new.sets or (), new.stacks) if known_sets else []
    exit_code = (1 if changes.changes or sets else 0) if known else 2
    note = BY_HAND if old == LIVE and changes.changes else None
    if as_json:
        emit_json(CHANGES, CHANGES_VERSION, document(changes, sets, exit_code))
    elif as_markdown:
        say_markdown(markdown(changes, sets, note, known=known))
    else:
        print_changes(console(), changes, sets, note, known=known)
    return exit_code


def _rows(overview: Overview) -> Iterator[list[str]]:
    for order, record in enumerate(overview.records, start=1):
        yield [
            text.number(order),
            record.stage or "-",
            record.account,
            record.region,
            record.certificate_mode,
            overview.label(record),
            ("active" if record.active else "inactive") + (", retiring" if record.retiring else ""),
            record.enrollment_words,
            record.stack_name,
        ]


def _worth_showing(overview: Overview) -> list[int]:
    """The columns worth a terminal's width: those that say something that the others do not."""
    left_out = set()
    if len(overview.cas) == 1:
        left_out.add("CA")
    if all(record.active and not record.retiring for record in overview.records):
        left_out.add("status")
    return [number for number, column in enumerate(_COLUMNS) if column.header not in left_out]


def _print(overview: Overview, *, matrix: bool, expanded: bool) -> None:
    out = console()
    for ca in overview.cas:
        style = "red" if ca.days_left < 0 else "yellow" if ca.expires_soon else ""
        kind = "retiring CA" if ca.retiring else "CA"
        sentence = f"{kind} {overview.labels[ca.certificate_id]}: {ca.subject}, id {ca.certificate_id}, {ca.validity}"
        paragraph(out, sentence, style, hanging=2)
    emit(out, "")
    if overview.sets:
        print_plan(out, overview, expanded=expanded)
        emit(out, "")
    if matrix:
        _print_matrix(out, overview)
    elif overview.records:
        shown = _worth_showing(overview) if out.is_terminal else list(range(len(_COLUMNS)))
        rows = [
            [cell(row[number], "bold cyan" if row[number] == "DEFAULT" else "") for number in shown]
            for row in _rows(overview)
        ]
        emit_table(out, [_COLUMNS[number] for number in shown], rows)
    if overview.records:
        emit(out, "")
    paragraph(out, overview.summary)
    for sentence in overview.ownership:
        paragraph(out, sentence, hanging=2)
    for sentence in overview.clashes:
        paragraph(out, sentence, "red", hanging=2)
    for policy in overview.foreign_policies:
        emit(out, "")
        paragraph(out, f"{text.listed(policy.labels)}: {policy.sentence}", hanging=2)
        for line in policy.to_json().splitlines():
            emit_unwrapped(out, cell(line))


def _print_matrix(out: Console, overview: Overview) -> None:
    """Accounts by regions, in as many blocks of regions as the terminal is wide."""
    for regions in _blocks(overview.regions, out.width - len("123456789012") if out.is_terminal else None):
        rows = []
        for account in overview.accounts:
            cells = [overview.cell(account, region) for region in regions]
            if any(cells):
                marks = [cell(each or ".", "bold cyan" if "D" in each else "") for each in cells]
                rows.append([cell(account), *marks])
        emit_table(out, [Column("account"), *(Column(region) for region in regions)], rows)
        emit(out, "")
    paragraph(out, f"{_LEGEND}, .: none")


def _blocks(regions: list[str], room: int | None) -> Iterator[list[str]]:
    """The regions in blocks whose headers fit; at least one in each."""
    block: list[str] = []
    used = 0
    for region in regions:
        needed = len(region) + 2
        if block and room is not None and used + needed > room:
            yield block
            block, used = [], 0
        block.append(region)
        used += needed
    yield block


def _markdown(overview: Overview, *, matrix: bool, expanded: bool) -> Iterator[str]:
    yield "\n".join(f"- {_ca_in_markdown(overview, ca)}" for ca in overview.cas)
    if overview.sets:
        yield markdown_table(
            [column.header for column in SET_COLUMNS], [set_row(each, overview) for each in overview.sets]
        )
        if not expanded and any(each.record.service_managed for each in overview.sets):
            yield NOT_KNOWN
    if matrix:
        yield markdown_table(
            ["account", *overview.regions],
            [
                [account, *(overview.cell(account, region) or "" for region in overview.regions)]
                for account in overview.accounts
            ],
        )
        yield _LEGEND
    elif overview.records:
        yield markdown_table([column.header for column in _COLUMNS], list(_rows(overview)))
    yield "  \n".join(
        text.markdown(each) for each in (overview.summary, *overview.ownership, *overview.clashes)
    )
    for policy in overview.foreign_policies:
        yield text.markdown(f"{text.listed(policy.labels)}: {policy.sentence}")
        yield "\n".join(["```json", *map(text.plain, policy.to_json().splitlines()), "```"])


def _ca_in_markdown(overview: Overview, ca: Ca) -> str:
    kind = "retiring CA" if ca.retiring else "CA"
    subject, identity = text.markdown_code(ca.subject), text.markdown_code(ca.certificate_id)
    return f"{kind} {overview.labels[ca.certificate_id]}: {subject}, id {identity}, {ca.validity}"
