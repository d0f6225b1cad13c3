"""``iot-ca verify``: every stage's live state against the plan. Parses, calls, prints; changes nothing in AWS."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ... import text as words
from ...model.ca import EXPIRES_SOON_DAYS
from ..checking import check_fleet
from ..documents import VERIFY, VERIFY_VERSION, verify_document
from ..options import access_options, app_option, cloud_assembly, concurrency_option, json_option
from ..output import Column, cell, console, emit, emit_json, emit_table, paragraph
from ..results_text import STYLES, print_differences, print_unchecked
from ..stack_set_text import print_checked
from ..watching import Watch

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from ...fleet.result import StageResult
    from ..checked import Checked

_COLUMNS = (
    Column("stage"),
    Column("CA", rank=1),
    Column("account"),
    Column("region"),
    Column("mode", rank=2),
    Column("state"),
    Column("endpoint (SNI)", rank=3),
)


@click.command("verify")
@app_option
@access_options
@concurrency_option
@click.option(
    "--expires-within",
    type=click.IntRange(0, 99_999),
    default=EXPIRES_SOON_DAYS,
    show_default=True,
    metavar="DAYS",
    help="Warn of a CA that expires sooner.",
)
@click.option("--leftovers", is_flag=True, help="Look everywhere for what stacks that are gone have left.")
@click.option(
    "--trust-stack-sets",
    is_flag=True,
    help="Enter no account of a stack set, and take StackSets' word for what is there.",
)
@click.option(
    "--watch", is_flag=True, help="Check again and again, until all is as planned or the time is over."
)
@click.option(
    "--time-limit",
    type=click.IntRange(1, 1_440),
    default=15,
    show_default=True,
    metavar="MINUTES",
    help="How long to watch.",
)
@click.option(
    "--every",
    type=click.IntRange(1, 3_600),
    default=10,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait between two checks of a watch.",
)
@json_option
@click.option("--differences", "only_differences", is_flag=True, help="Leave out stages that are as planned.")
def verify(
    app: str,
    profile: str | None,
    role_name: str | None,
    qualifier: str | None,
    concurrency: int,
    expires_within: int,
    leftovers: bool,
    trust_stack_sets: bool,
    watch: bool,
    time_limit: int,
    every: int,
    as_json: bool,
    only_differences: bool,
) -> None:
    """Hold the live state of every stage against the plan, field by field.

    Reads each account through the CDK lookup role and changes nothing. Of a stack set StackSets is asked first, then
    Organizations, then each account by the role that the set carries, or that of `--role-name`. Exit code: 0 as
    planned, 1 differences, 2 where something could not be checked, which goes before differences. Ctrl-C ends at once
    with what is known (2).

    --watch is for the minutes after a deployment. It prints what changes on stderr, and ends as a single check does.

    \b
    Example: iot-ca verify
    Example: iot-ca verify --watch --time-limit 30
    Example: iot-ca verify --role-name FleetReader --profile audit --json
    """
    with cloud_assembly(app) as folder:
        checked = check_fleet(
            folder,
            profile=profile,
            role_name=role_name,
            qualifier=qualifier,
            concurrency=concurrency,
            expires_within=expires_within,
            leftovers=leftovers,
            trusting=trust_stack_sets,
            watch=Watch(time_limit, every) if watch else None,
        )
    if as_json:
        emit_json(VERIFY, VERIFY_VERSION, verify_document(checked))
    else:
        _print(checked, only_differences=only_differences)
    sys.exit(checked.exit_code)


def _print(checked: Checked, *, only_differences: bool) -> None:
    out, stages = console(), checked.stages
    shown = [each for each in stages.results if not only_differences or each.state != "as-planned"]
    several = len({each.planned.record.certificate_id for each in stages.results}) > 1
    if shown:
        columns = [column for column in _COLUMNS if several or column.header != "CA"]
        emit_table(out, columns, [_row(result, several=several) for result in shown])
    for result in shown:
        _print_details(out, result)
    for problem, unchecked in stages.problems().items():
        emit(out, "")
        print_unchecked(out, problem)
        paragraph(out, words.listed([_where(result) for result in unchecked]), indent=2, hanging=2)
    for warning, warned in stages.warned().items():
        emit(out, "")
        paragraph(out, f"warning: {warning}", "yellow", hanging=2)
        paragraph(out, words.listed([result.planned.record.label for result in warned]), indent=2, hanging=2)
    shown_sets = [each for each in checked.sets if not only_differences or each.state != "as-planned"]
    print_checked(out, shown_sets, lambda result: _print_details(out, result))
    emit(out, "")
    paragraph(out, checked.summary)


def _row(result: StageResult, *, several: bool) -> list[Text | str]:
    record = result.planned.record
    state = cell(result.state.words, STYLES[result.state])
    if result.warnings and result.state == "as-planned":
        state = cell("as planned, warned", "yellow")
    return [
        cell(record.label),
        *([cell(record.certificate_id[:8])] if several else []),
        cell(record.account),
        cell(record.region),
        cell(result.live.mode if result.live is not None else "-"),
        state,
        cell(result.endpoint or "-"),
    ]


def _print_details(out: Console, result: StageResult) -> None:
    if not result.differences:
        return
    emit(out, "")
    paragraph(out, _where(result), "bold")
    print_differences(out, result.differences)


def _where(result: StageResult) -> str:
    record = result.planned.record
    return f"{record.label} ({record.account}, {record.region})"
