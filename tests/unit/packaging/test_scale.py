"""What a rollout takes, as computed from the quotas: `tools/scale.py` and the page that prints it."""

from __future__ import annotations

import pytest
from tools import scale

from support.documents import ROOT


def test_the_page_prints_what_the_script_computes() -> None:
    """`python -m tools.scale` prints the table anew."""
    assert scale.table(minutes=1.5, concurrency=10) in (ROOT / "docs/scale.md").read_text()


@pytest.mark.parametrize(
    ("accounts", "regions", "pipelines", "sets"),
    [
        (245, 1, "1 pipeline", "1 set"),
        (246, 1, "2 pipelines", "1 set"),
        (100_001, 1, "409 pipelines", "2 sets"),
    ],
)
def test_what_is_not_enough_for_one_takes_more(
    accounts: int, regions: int, pipelines: str, sets: str
) -> None:
    """500 actions a pipeline, two for each stack and ten others; 100,000 instances a set."""
    assert scale.by_pipeline(accounts, regions, minutes=1).parts == pipelines
    assert scale.by_set(accounts, regions, minutes=1).parts == sets


def test_a_set_goes_region_by_region_within_its_quota() -> None:
    """10,000 instances at a time."""
    assert scale.by_set(10_000, 3, minutes=2).minutes == 3 * 2
    assert scale.by_set(10_001, 3, minutes=2).minutes == 3 * 2 * 2


def test_a_pipeline_stage_holds_25_stacks() -> None:
    """50 actions, two for each; the 26th waits for the next stage."""
    assert scale.by_pipeline(25, 1, minutes=1).minutes == 1
    assert scale.by_pipeline(26, 1, minutes=1).minutes == 2
