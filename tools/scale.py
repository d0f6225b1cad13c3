"""How many calls and minutes a rollout takes, from the published quotas: `python -m tools.scale`.

Of the time that one stack takes nothing is published: it is an argument. See "Understand CloudFormation quotas" in the
AWS CloudFormation user guide and "Quotas in AWS CodePipeline" in its user guide.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass

INSTANCES_A_SET = 100_000
INSTANCES_AT_A_TIME = 10_000
ACTIONS_A_STAGE = 50
ACTIONS_A_PIPELINE = 500
#: CDK Pipelines prepares a change set and executes it.
ACTIONS_A_STACK = 2
#: Source, build, self-update and the assets, one after the other, before the first stack.
OTHER_ACTIONS = 10
#: Of accounts and regions.
SIZES = ((10, 1), (40, 6), (1_000, 6), (20_000, 10))


@dataclass(frozen=True)
class Rollout:
    """One way for so many targets. ``parts``: what one command, pipeline or set is not enough for."""

    way: str
    targets: int
    parts: str
    calls: int
    minutes: float


def by_cli(accounts: int, regions: int, *, minutes: float, concurrency: int) -> Rollout:
    """`cdk deploy --all`: for each target a stack of its own; its change set is made, executed and asked about."""
    targets = accounts * regions
    asked = math.ceil(minutes * 60 / 5)  # the CLI asks every five seconds
    return Rollout(
        "deploy --all",
        targets,
        "1 process",
        targets * (2 + asked),
        math.ceil(targets / concurrency) * minutes,
    )


def by_pipeline(accounts: int, regions: int, *, minutes: float) -> Rollout:
    """CDK Pipelines: as many stacks side by side as a pipeline stage has actions for, and as many stages as needed."""
    targets = accounts * regions
    at_a_time = ACTIONS_A_STAGE // ACTIONS_A_STACK
    pipelines = math.ceil(targets * ACTIONS_A_STACK / (ACTIONS_A_PIPELINE - OTHER_ACTIONS))
    waves = math.ceil(math.ceil(targets / pipelines) / at_a_time)
    return Rollout(
        "Pipelines",
        targets,
        f"{pipelines:,} pipeline{'s' if pipelines > 1 else ''}",
        targets * 2,
        waves * minutes,
    )


def by_set(accounts: int, regions: int, *, minutes: float) -> Rollout:
    """A set: region by region, in each as many accounts at once as an administrator may have."""
    targets = accounts * regions
    sets = math.ceil(targets / INSTANCES_A_SET)
    waves = regions * math.ceil(accounts / INSTANCES_AT_A_TIME)
    return Rollout("set", targets, f"{sets} set{'s' if sets > 1 else ''}", 2 * sets, waves * minutes)


def table(*, minutes: float, concurrency: int) -> str:
    """Markdown, a row for each size and way."""
    rows = ["| targets | way | takes | calls of yours | time |", "| --- | --- | --- | --- | --- |"]
    for accounts, regions in SIZES:
        for rollout in (
            by_cli(accounts, regions, minutes=minutes, concurrency=concurrency),
            by_pipeline(accounts, regions, minutes=minutes),
            by_set(accounts, regions, minutes=minutes),
        ):
            where = f"{rollout.targets:,} ({accounts:,} × {regions})"  # noqa: RUF001 - the sign is meant
            rows.append(
                f"| {where} | {rollout.way} | {rollout.parts} | {rollout.calls:,} | {_time(rollout.minutes)} |"
            )
    return "\n".join(rows)


def _time(minutes: float) -> str:
    if minutes < 120:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.0f} h" if minutes < 48 * 60 else f"{minutes / 60 / 24:.0f} days"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description="Calls and durations of a rollout, from the published quotas."
    )
    parser.add_argument("--minutes", type=float, default=1.5, help="that one stack takes (default: 1.5)")
    parser.add_argument("--concurrency", type=int, default=10, help="of cdk deploy (default: 10)")
    given = parser.parse_args()
    if given.minutes <= 0 or given.concurrency < 1:
        parser.error("--minutes is above 0, and --concurrency at least 1")
    print(table(minutes=given.minutes, concurrency=given.concurrency))


if __name__ == "__main__":
    main()
