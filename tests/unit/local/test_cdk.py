"""What the CDK CLI is told: which environments, bootstraps and stacks an assembly has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca.local.cdk import CdkError, environments, find_cdk, qualifiers, stack_selectors

if TYPE_CHECKING:
    from pathlib import Path


def stack(environment: str, name: str = "S", qualifier: str = "hnb659fds") -> dict[str, Any]:
    """A stack's artifact."""
    parameter = f"/cdk-bootstrap/{qualifier}/version"
    return {
        "type": "aws:cloudformation:stack",
        "environment": f"aws://{environment}",
        "displayName": name,
        "properties": {"templateFile": "t.json", "bootstrapStackVersionSsmParameter": parameter},
    }


def write(folder: Path, **artifacts: dict[str, Any]) -> Path:
    """An assembly of these artifacts."""
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    return folder


def test_environments_are_those_of_all_stacks(tmp_path: Path) -> None:
    """Each account and region once, stacks without registrations too; those that leave it open are left out."""
    write(tmp_path / "nested", E=stack("222222222222/us-east-1"))
    assembly = write(
        tmp_path,
        A=stack("111111111111/eu-west-1"),
        B=stack("111111111111/eu-west-1"),
        C=stack("unknown-account/unknown-region"),
        D={"type": "cdk:cloud-assembly", "properties": {"directoryName": "nested"}},
    )
    assert environments(assembly) == [("111111111111", "eu-west-1"), ("222222222222", "us-east-1")]


def test_the_bootstrap_has_the_qualifier_of_the_stacks(tmp_path: Path) -> None:
    """An app with a qualifier of its own gets bootstraps with that qualifier."""
    assembly = write(tmp_path, A=stack("111111111111/eu-west-1", qualifier="mine"), B=stack("x/y"))
    assert qualifiers(assembly) == ["mine", "hnb659fds"]


def test_stages_are_deployed_and_no_pipeline(tmp_path: Path) -> None:
    """Without Stages all stacks are taken; with Stages theirs alone, since the pipeline cannot run here."""
    write(tmp_path / "nested", B=stack("111111111111/eu-west-1", "Dev/FleetCa-dev"))
    plain = write(tmp_path / "plain", A=stack("111111111111/eu-west-1", "FleetCa/dev"))
    assert stack_selectors(plain) == ["--all"]
    pipeline = write(
        tmp_path,
        A=stack("111111111111/eu-west-1", "Pipeline"),
        D={"type": "cdk:cloud-assembly", "properties": {"directoryName": "nested"}},
    )
    assert stack_selectors(pipeline) == ["Dev/FleetCa-dev"]


def test_the_cli_beside_the_app_comes_first(tmp_path: Path) -> None:
    """An app's own CDK CLI, in its folder or one above, is the one that runs."""
    cli = tmp_path / "node_modules" / ".bin" / "cdk"
    cli.parent.mkdir(parents=True)
    cli.touch()
    app = tmp_path / "apps" / "mine"
    app.mkdir(parents=True)
    assert find_cdk(app) == str(cli)


def test_no_cli_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a CDK CLI the error says how to get one."""
    monkeypatch.setattr("iot_multiaccount_ca.local.cdk._CHECKOUT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CdkError, match="npm install aws-cdk"):
        find_cdk(tmp_path)
