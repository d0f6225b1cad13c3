"""The golden table: what the dry run makes of each template and subject (tests/simulation_table.py)."""

from __future__ import annotations

import pytest

from iot_multiaccount_ca.model.jitp.simulation import simulate
from support.simulation_table import (
    ROWS,
    UNDOCUMENTED,
    Row,
    certificate_of,
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_dry_run_says_what_the_table_says(row: Row) -> None:
    """Every finding's code, and the fields of the answer that the row names."""
    run = simulate(row.template, certificate_of(row.subject))
    assert sorted(each.code for each in run.findings) == sorted(row.codes)
    answered = {
        "thing_name": run.thing_name,
        "attributes": dict(run.attributes),
        "thing_type": run.thing_type,
        "thing_groups": run.thing_groups,
        "billing_group": run.billing_group,
        "makes_thing": run.makes_thing,
        "certificate_status": run.certificate_status,
        "missing": run.missing,
        "subject": run.subject,
        "policies": tuple((each.name, each.text) for each in run.policies),
        "variables": tuple(variable for each in run.policies for variable in each.variables),
    }
    assert {key: answered[key] for key in row.expected} == dict(row.expected)


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.document == UNDOCUMENTED and row.codes], ids=lambda row: row.name
)
def test_what_aws_does_not_document_is_a_warning(row: Row) -> None:
    """Never silent, and never an error by itself."""
    run = simulate(row.template, certificate_of(row.subject))
    assert run.warnings
    assert run.provisioned or row.engine_differs


def test_every_row_has_a_document_and_a_name_of_its_own() -> None:
    """An AWS page, or the word that there is none."""
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert not [
        row.name for row in ROWS if row.document != UNDOCUMENTED and "docs.aws.amazon.com" not in row.document
    ]
