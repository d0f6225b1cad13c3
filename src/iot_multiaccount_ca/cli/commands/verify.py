"""``iot-ca verify``: every stage's live state against the plan. Parses, calls, prints; changes nothing in AWS."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from ..access import access_options, open_access
from ..app import app_option, cloud_assembly
from ..output import (
    console,
    emit,
    emit_json,
    progress,
    table,
)
from .plan import registration_document

if TYPE_CHECKING:
    from pathlib import Path

    from ...fleet.verify import FleetResult, StageResult

JSON_SHAPE = "iot-ca/verify"
JSON_VERSION = 1
DEFAULT_CONCURRENCY = 100
_MOST_NAMES = 10
_WORDS = {"as-planned": "as planned", "different": "different", "unchecked": "not checked"}
_STYLES = {"as-planned": "green", "different": "bold red", "unchecked": "bold yellow"}


concurrency_option = click.option(
    "--concurrency",
    type=click.IntRange(1, 500),
    default=DEFAULT_CONCURRENCY,
    show_default=True,
    help="How many accounts and regions are asked at a time.",
)


@click.command("verify")
@app_option
@access_options
@concurrency_option
@click.option(
    "--expires-within",
    type=click.IntRange(0),
    default=90,
    show_default=True,
    metavar="DAYS",
    help="Warn of a CA that expires sooner.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, of a versioned shape.")
@click.option("--differences", "only_differences", is_flag=True, help="Leave out stages that are as planned.")
def verify(
    app: str,
    profile: str | None,
    role_name: str | None,
    qualifier: str | None,
    concurrency: int,
    expires_within: int,
    as_json: bool,
    only_differences: bool,
) -> None:
    """Hold the live state of every stage against the plan, field by field.

    Reads each account through the CDK lookup role and changes nothing. Exit code: 0 as planned, 1 differences,
    2 where something could not be checked, which goes before differences. Ctrl-C ends at once with what is known.

    \b
    Example: iot-ca verify
    Example: iot-ca verify --role-name FleetReader --profile audit --json
    """
    with cloud_assembly(app) as folder:
        checked = check(folder, profile, role_name, qualifier, concurrency, expires_within)
    if as_json:
        emit_json(JSON_SHAPE, JSON_VERSION, as_document(checked))
    else:
        _print(checked, only_differences=only_differences)
    sys.exit(checked.exit_code)


def check(
    assembly: Path,
    profile: str | None,
    role_name: str | None,
    qualifier: str | None,
    concurrency: int,
    expires_within: int = 90,
) -> FleetResult:
    """Check the fleet of a cloud assembly, with a progress bar."""
    from ...fleet.planned import read_planned
    from ...fleet.verify import verify_fleet

    planned = read_planned(assembly)
    access = open_access(profile, role_name, qualifier, connections=concurrency)
    with progress("checking", len(planned)) as on_done:
        return verify_fleet(
            planned, access, concurrency=concurrency, expires_soon_days=expires_within, on_done=on_done
        )


def as_document(checked: FleetResult) -> dict[str, Any]:
    """The check as JSON has it."""
    return {
        "checkedAt": f"{checked.checked_at:%Y-%m-%dT%H:%M:%SZ}",
        "interrupted": checked.interrupted,
        "exitCode": checked.exit_code,
        "counts": {word: checked.count(state) for word, state in _states().items()},
        "stages": [_stage_document(result) for result in checked.results],
    }


def _states() -> dict[str, Any]:
    from ...fleet.verify import StageState

    return {
        "asPlanned": StageState.AS_PLANNED,
        "different": StageState.DIFFERENT,
        "unchecked": StageState.UNCHECKED,
    }


def _stage_document(result: StageResult) -> dict[str, Any]:
    live, template = result.live, result.template
    return {
        "planned": registration_document(result.planned.record),
        "state": str(result.state),
        "differences": [
            {"field": each.field, "planned": each.planned, "live": each.live, "fix": each.fix}
            for each in result.differences
        ],
        "warnings": list(result.warnings),
        "problem": result.problem,
        "endpoint": result.endpoint,
        "checkedAs": result.checked_as,
        "live": None
        if live is None
        else {
            "certificateId": live.certificate_id,
            "certificateArn": live.arn,
            "certificateMode": live.mode,
            "status": live.status,
            "autoRegistrationStatus": live.auto_registration,
            "templateName": live.template_name,
            "notValidAfter": f"{live.not_valid_after:%Y-%m-%dT%H:%M:%SZ}" if live.not_valid_after else None,
            "tags": dict(live.tags),
        },
        "template": None
        if template is None
        else {
            "name": template.name,
            "enabled": template.enabled,
            "type": template.type,
            "roleArn": template.role_arn,
            "roleExists": template.role_exists,
        },
    }


def _print(checked: FleetResult, *, only_differences: bool) -> None:
    from rich.text import Text

    out = console()
    shown = [each for each in checked.results if not only_differences or each.state != "as-planned"]
    several = len({each.planned.record.certificate_id for each in checked.results}) > 1
    if shown:
        grid = table(
            "stage", *(["CA"] if several else []), "account", "region", "mode", "state", "endpoint (SNI)"
        )
        for result in shown:
            record = result.planned.record
            state = Text(_WORDS[result.state], style=_STYLES[result.state])
            if result.warnings and result.state == "as-planned":
                state = Text("as planned, warned", style="yellow")
            ca = [Text(record.certificate_id[:8])] if several else []
            mode = result.live.mode if result.live is not None else "-"
            endpoint = result.endpoint or "-"
            grid.add_row(Text(_name(result)), *ca, record.account, record.region, mode, state, Text(endpoint))
        emit(out, grid)
    for result in shown:
        _print_details(out, result)
    for warning, warned in checked.warned().items():
        emit(out, "", Text(f"warning: {warning}", style="yellow"), Text(f"  {_which(warned)}"))
    emit(out, "", _summary(checked))


def _print_details(out: Any, result: StageResult) -> None:
    from rich.padding import Padding
    from rich.text import Text

    def line(indent: int, text: str, style: str = "") -> None:
        emit(out, Padding(Text(text, style=style), (0, 0, 0, indent), expand=False))

    if not (result.differences or result.problem):
        return
    record = result.planned.record
    emit(out, "")
    line(0, f"{_name(result)} ({record.account}, {record.region})", "bold")
    for each in result.differences:
        line(2, f"{each.field}: planned {shown_value(each.planned)}, is {shown_value(each.live)}", "red")
        line(4, f"fix: {each.fix}")
    if result.problem:
        line(2, f"not checked: {result.problem}", "yellow")


def _which(results: list[StageResult]) -> str:
    names = [_name(result) for result in results]
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def shown_value(value: str | bool | None) -> str:
    """A value of a difference in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _name(result: StageResult) -> str:
    return result.planned.record.stage or result.planned.record.stack_name


def _summary(checked: FleetResult) -> str:
    parts = [f"{checked.count(state):,} {_WORDS[state]}" for state in _states().values()]
    return ", ".join(parts) + (" (interrupted)" if checked.interrupted else "")
