"""What a cloud assembly plans, with the look-up roles and template bodies around it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from iot_multiaccount_ca.errors import AssemblyError
from iot_multiaccount_ca.fleet.planned import read_planned
from support.fleets import (
    BODY,
    certificate_id,
    record,
    three_stages,
    write_assembly,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_each_registration_comes_with_its_role_and_body(tmp_path: Path) -> None:
    """The role that the app's synthesizer names, its partition filled, and the stack's own template body."""
    first = read_planned(write_assembly(tmp_path, three_stages()))[0]
    assert (
        first.lookup_role_arn
        == "arn:aws:iam::111111111111:role/cdk-hnb659fds-lookup-role-111111111111-eu-west-1"
    )
    assert first.template_body == BODY


def test_a_role_of_another_partition_is_named_in_it(tmp_path: Path) -> None:
    """China's regions are of aws-cn."""
    (planned,) = read_planned(write_assembly(tmp_path, [record(region="cn-north-1", partition="aws-cn")]))
    assert str(planned.lookup_role_arn).startswith("arn:aws-cn:iam::")


def test_stages_of_a_pipeline_are_found(tmp_path: Path) -> None:
    """They lie in assemblies of their own, inside."""
    write_assembly(tmp_path / "assembly-Prod", [record("prod")])
    nested = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}}
    (tmp_path / "manifest.json").write_text(json.dumps({"version": "55.0.0", "artifacts": {"Prod": nested}}))
    (planned,) = read_planned(tmp_path)
    assert planned.record.stage == "prod"
    assert planned.lookup_role_arn is not None
    assert planned.template_body == BODY


def test_a_template_of_another_stack_has_no_body_here(tmp_path: Path) -> None:
    """Its body is not this app's to compare."""
    folder = write_assembly(tmp_path, [record()])
    path = folder / "Stack0.template.json"
    path.write_text(json.dumps({"Resources": {}}))
    assert read_planned(folder)[0].template_body is None


def test_an_external_id_is_kept(tmp_path: Path) -> None:
    """A synthesizer may want one for its roles."""
    folder = write_assembly(tmp_path, [record()])
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["artifacts"]["Stack0"]["properties"]["lookupRole"]["assumeRoleExternalId"] = "secret-word"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert read_planned(folder)[0].external_id == "secret-word"


def test_several_cas_of_one_stack_share_its_role(tmp_path: Path) -> None:
    """A rotation: two registrations, one stack."""
    old = record(certificate_id=certificate_id(1), logical_id="CaOld", retiring=True)
    planned = read_planned(write_assembly(tmp_path, [record(), old]))
    assert len(planned) == 2
    assert len({each.lookup_role_arn for each in planned}) == 1


def test_an_assembly_without_registrations_is_refused(tmp_path: Path) -> None:
    """Somebody named another app's folder."""
    with pytest.raises(AssemblyError, match="no CA registrations"):
        read_planned(write_assembly(tmp_path, []))
