"""The golden table: what the dry run makes of each template and subject (tests/simulation_table.py)."""

from __future__ import annotations

import pytest

from iot_multiaccount_ca import errors
from iot_multiaccount_ca.model.jitp.lint import lint, with_text_policies
from iot_multiaccount_ca.model.jitp.simulation import dry_run, simulate
from support.simulation_table import (
    RECORD,
    ROWS,
    UNDOCUMENTED,
    Row,
    certificate_of,
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_dry_run_says_what_the_table_says(row: Row) -> None:
    """Every finding's code, and the fields of the answer that the row names."""
    run = dry_run(with_text_policies(row.template), certificate_of(row.subject))
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
        "thing_name_in_hex": run.thing_name_in_hex,
        "package_versions": dict(run.package_versions),
        "variables": tuple(variable for each in run.policies for variable in each.variables),
    }
    assert {key: answered[key] for key in row.expected} == dict(row.expected)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_lint_refuses_what_no_device_can_escape(row: Row) -> None:
    """And nothing else: it has the dry run's own rules."""
    if not row.refused:
        lint(with_text_policies(row.template))
        return
    with pytest.raises(getattr(errors, row.refused)) as caught:
        simulate(row.template, certificate_of(row.subject))
    assert type(caught.value).__name__ == row.refused


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.document == UNDOCUMENTED and row.codes and not row.refused],
    ids=lambda row: row.name,
)
def test_what_aws_does_not_document_is_a_warning(row: Row) -> None:
    """Never silent; it is an error only where it makes something illegal."""
    run = simulate(row.template, certificate_of(row.subject))
    assert run.warnings
    assert run.provisioned or "illegal" in " ".join(row.codes)


def test_every_row_has_a_document_and_a_name_of_its_own() -> None:
    """An AWS page, a record of what AWS did, or the word that there is none."""
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert not [
        row.name
        for row in ROWS
        if row.document not in (UNDOCUMENTED, RECORD) and "docs.aws.amazon.com" not in row.document
    ]
