"""Which stacks of an assembly a rehearsal takes, and what they need."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca.errors import RehearsalError
from iot_multiaccount_ca.local.cdk import find_cdk
from iot_multiaccount_ca.local.stacks import (
    choose_stacks,
    environments,
    lacks_context,
    qualifiers,
    stack_selectors,
)
from iot_multiaccount_ca.text import one_stack
from support.documents import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def stack(
    environment: str, name: str = "S", qualifier: str = "hnb659fds", template: str = "t.json"
) -> dict[str, Any]:
    """A stack's artifact."""
    parameter = f"/cdk-bootstrap/{qualifier}/version"
    return {
        "type": "aws:cloudformation:stack",
        "environment": f"aws://{environment}",
        "displayName": name,
        "properties": {"templateFile": template, "bootstrapStackVersionSsmParameter": parameter},
    }


def write(folder: Path, more: dict[str, Any] | None = None, **artifacts: dict[str, Any]) -> Path:
    """An assembly of these artifacts."""
    more = more or {}
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps({"version": "48.0.0", "artifacts": artifacts, **more}))
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
    """Without Stages all are taken; with them theirs and those beside them, but no pipeline, which cannot run."""
    write(tmp_path / "nested", B=stack("111111111111/eu-west-1", "Dev/FleetCa-dev"))
    plain = write(tmp_path / "plain", A=stack("111111111111/eu-west-1", "FleetCa/dev"))
    assert stack_selectors(plain) == ["--all"]
    app = write(
        tmp_path,
        A=stack("111111111111/eu-west-1", "Pipeline", template="p.json"),
        B=stack("111111111111/eu-west-1", "Beside", template="b.json"),
        D={"type": "cdk:cloud-assembly", "properties": {"directoryName": "nested"}},
    )
    for name, kind in {"p": "AWS::CodePipeline::Pipeline", "b": "AWS::SNS::Topic"}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"Resources": {"One": {"Type": kind}}}))
    assert stack_selectors(app) == ["Beside", "Dev/FleetCa-dev"]


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """An assembly of three stacks, in two accounts."""
    return write(
        tmp_path,
        Adev=stack("111111111111/eu-west-1", "Fleet/dev"),
        Aprod=stack("222222222222/eu-west-1", "Fleet/prod"),
        Vpc=stack("333333333333/eu-west-1", "Network"),
    )


@pytest.mark.parametrize(
    ("wanted", "unwanted", "chosen"),
    [
        ([], [], None),
        (["Fleet/*"], [], ["Fleet/dev", "Fleet/prod"]),
        (["Adev"], [], ["Fleet/dev"]),
        ([], ["Network"], ["Fleet/dev", "Fleet/prod"]),
        (["Fleet/*"], ["*prod"], ["Fleet/dev"]),
    ],
)
def test_stacks_are_chosen_by_patterns(
    three: Path, wanted: list[str], unwanted: list[str], chosen: list[str] | None
) -> None:
    """By the CLI's name or CloudFormation's; what is left out wins."""
    assert choose_stacks(three, wanted, unwanted) == chosen


def test_only_what_is_chosen_is_bootstrapped(three: Path) -> None:
    """The account of a stack that is left out is not touched."""
    assert environments(three, ["Fleet/dev"]) == [("111111111111", "eu-west-1")]


@pytest.mark.parametrize("pattern", ["Flet*", "dev"])
def test_a_pattern_of_no_stack(three: Path, pattern: str) -> None:
    """A slip in a name is told, with the names that there are."""
    with pytest.raises(RehearsalError, match="no such stack.*Fleet/dev, Fleet/prod, Network"):
        choose_stacks(three, [], [pattern])


def test_all_left_out(three: Path) -> None:
    """Nothing to rehearse is an error, too."""
    with pytest.raises(RehearsalError, match="every stack of the app is left out"):
        choose_stacks(three, [], ["*"])


def test_look_ups_are_seen(tmp_path: Path) -> None:
    """An app that asks for something of an account says so in its manifest, or in that of a Stage."""
    nested = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "nested"}}
    missing = {"missing": [{"key": "availability-zones"}]}
    write(tmp_path / "nested", missing, E=stack("222222222222/us-east-1"))
    assert lacks_context(write(tmp_path, D=nested, A=stack("111111111111/eu-west-1")))
    assert not lacks_context(write(tmp_path / "plain", A=stack("111111111111/eu-west-1")))


def test_a_stack_of_an_odd_name_is_taken_alone(tmp_path: Path) -> None:
    """By a rehearsal, and by the CDK CLI, to which much in a name is a pattern for others."""
    odd = ["Glob[ab]/x", "x{y,z}", "!other", "a+(b)", "b*", "My Team (EU)"]
    others = ["Globa/x", "xy", "else", "ab", "bc", "My Team EU"]
    artifacts = {
        f"A{number}": stack("111111111111/eu-west-1", name, template=f"{number}.json")
        for number, name in enumerate([*odd, *others])
    }
    assembly = write(tmp_path, **artifacts)
    for number in range(len(artifacts)):
        (tmp_path / f"{number}.json").write_text("{}")
    assert choose_stacks(assembly, odd[:2], []) == odd[:2]
    command = [find_cdk(ROOT), "list", "--app", str(assembly), "--no-notices", *map(one_stack, odd)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert sorted(line.partition(" (A")[0] for line in ran.stdout.split("\n") if line) == sorted(odd), (
        ran.stderr
    )
