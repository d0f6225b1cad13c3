"""``iot-ca report``: the fleet as one HTML page. Parses, calls, writes one file; changes nothing in AWS."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from .. import files
from ..checking import check_fleet
from ..options import access_options, app_option, cloud_assembly, concurrency_option
from ..output import say


@click.command("report")
@app_option
@click.option(
    "--html",
    "target",
    required=True,
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Where to write the page.",
)
@click.option(
    "--live", is_flag=True, help="Ask AWS too, as verify does; otherwise the page shows the plan alone."
)
@click.option("--title", default="Device CA fleet", show_default=True, help="The page's heading.")
@access_options
@concurrency_option
def report(
    app: str,
    target: Path,
    live: bool,
    title: str,
    profile: str | None,
    role_name: str | None,
    qualifier: str | None,
    concurrency: int,
) -> None:
    """Write the fleet as one self-contained HTML page: matrix, CA validity, differences, stages.

    The page has no script and loads nothing, so that it can be put on a wiki, mailed or printed. One of an earlier time
    is replaced, and a link is not written through. Exit code: 0 when it is written, whatever it shows; `iot-ca verify`
    is for pipelines.

    \b
    Example: iot-ca report --html fleet.html
    Example: iot-ca report --html fleet.html --live --profile audit
    """
    from ...fleet.overview import Overview
    from ...fleet.planned import read_planned
    from ...fleet.planned_sets import read_planned_sets
    from ...report.page import render

    files.check_renewable(target)
    checked, checked_sets = None, []
    with cloud_assembly(app) as folder:
        if live:
            found = check_fleet(
                folder, profile=profile, role_name=role_name, qualifier=qualifier, concurrency=concurrency
            )
            checked, checked_sets = found.stages, found.sets
            records = [result.planned.record for result in checked.results]
        else:
            records = [each.record for each in read_planned(folder)]
        sets = read_planned_sets(folder)
    now = checked.checked_at if checked is not None else dt.datetime.now(dt.UTC)
    page = render(Overview.of(records, now, sets), checked, title=title, now=now, sets=checked_sets)
    files.renew(target, page)
    say(f"wrote {target}", err=True)
