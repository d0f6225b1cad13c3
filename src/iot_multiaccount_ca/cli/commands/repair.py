"""``iot-ca repair``: the command that puts right what differs. Looks as verify does; changes nothing in AWS itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ...text import listed
from ..checking import check_fleet
from ..options import access_options, app_option, cloud_assembly, concurrency_option
from ..output import say

if TYPE_CHECKING:
    from collections.abc import Collection

    from ...fleet.result import StageResult

# What an Update of the registration sets again.
_MENDED = frozenset({"registered", "status", "autoRegistration", "templateName", "tags"})


@click.command("repair")
@app_option
@access_options
@concurrency_option
@click.argument("stages", nargs=-1, metavar="[STAGE]...")
def repair(
    app: str,
    profile: str | None,
    role_name: str | None,
    qualifier: str | None,
    concurrency: int,
    stages: tuple[str, ...],
) -> None:
    """Print the command that puts right what differs from the plan, in all stages or in those that are named.

    Looks as `iot-ca verify` does, and changes nothing: the deployment that it prints does, by the registrar of each
    stage. On stdout stands what can be run, on stderr what no deployment mends, with what does. Exit code: 0 nothing
    differs, 1 something does, 2 where something could not be checked. Stack sets are left out.

    \b
    Example: iot-ca repair
    Example: iot-ca repair prod --profile audit
    """
    from ...fleet.planned import read_planned, repair_command

    with cloud_assembly(app) as folder:
        _check_named(stages, {each.record.label for each in read_planned(folder)})
        checked = check_fleet(
            folder,
            profile=profile,
            role_name=role_name,
            qualifier=qualifier,
            concurrency=concurrency,
            with_sets=False,
            named=stages,
        )
    results = checked.stages.results
    mended = [each.planned for each in results if each.differences and _is_mended(each)]
    if mended:
        say(repair_command(mended))
    for result in results:
        label = result.planned.record.label
        if result.planned not in mended:
            for each in result.differences:
                say(f"{label}: {each.field}: {each.fix}", err=True)
    for problem, having in checked.stages.problems().items():
        say(f"not checked: {listed([each.planned.record.label for each in having])}: {problem}", err=True)
    sys.exit(checked.exit_code)


def _check_named(stages: Collection[str], labels: Collection[str]) -> None:
    for stage in stages:
        if stage not in labels:
            raise click.UsageError(f"no stage {stage!r}; there are {', '.join(sorted(labels))}")


def _is_mended(result: StageResult) -> bool:
    """Whether an Update of the registration mends all of it: of a part one would believe that it was all."""
    return result.planned.is_repairable and {each.field for each in result.differences} <= _MENDED
