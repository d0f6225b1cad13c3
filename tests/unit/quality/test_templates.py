"""What every template of the examples has to pass: cdk-nag, cfn-lint, CloudFormation's limits, and a second synth."""

from __future__ import annotations

import filecmp
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.session import Session
from botocore.validate import ParamValidator

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
SNAPSHOT = HERE / "three_stages.json"
#: Their apps, each in a folder of its own; the first is the folder of examples itself.
EXAMPLES = ("app.py", "jitr/app.py", "pipeline/app.py", "stack_set/app.py")
# On what CDK Pipelines writes; ours is clean without them.
_LINT_OF_PIPELINES = ("E3703", "W3005")
_MOST_BYTES, _MOST_RESOURCES, _MOST_OUTPUTS = 1_000_000, 500, 200


@pytest.fixture(scope="module")
def synthesized(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> dict[str, tuple[Path, str]]:
    """Each example's cloud assembly, and what cdk-nag found in it."""
    made = {}
    for example in EXAMPLES:
        folder = tmp_path_factory.mktemp("example") / "cdk.out"
        made[example] = (folder, _run(pytestconfig.rootpath, folder, str(HERE / "nagged.py"), example))
    return made


def _run(root: Path, folder: Path, *command: str) -> str:
    *script, example = command
    environment = {**os.environ, "CDK_OUTDIR": str(folder), "CDK_VALIDATION": "true"}
    run = subprocess.run(
        [sys.executable, *script, str(root / "examples" / example)],
        env=environment,
        cwd=folder.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout


def _templates(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.rglob("*.template.json"))


@pytest.mark.parametrize("example", EXAMPLES)
def test_cdk_nag_finds_nothing_without_a_reason(
    example: str, synthesized: dict[str, tuple[Path, str]]
) -> None:
    """The AwsSolutions pack; ours are acknowledged by `acknowledge_findings`."""
    folder, found = synthesized[example]
    assert (folder / "validation-report.json").exists()
    assert found == ""


def test_without_acknowledgements_it_would_find_something(
    synthesized: dict[str, tuple[Path, str]],
) -> None:
    """Each is in the assembly's metadata, with its reason: the check above is not a blind one."""
    folder, _ = synthesized["app.py"]
    noted = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.metadata.json"))
    for rule in ("AwsSolutions-IAM4", "AwsSolutions-IAM5", "AwsSolutions-L1"):
        assert rule in noted


@pytest.mark.parametrize("example", EXAMPLES)
def test_cfn_lint_is_clean(example: str, synthesized: dict[str, tuple[Path, str]]) -> None:
    """Errors and warnings; what CDK Pipelines writes is let off two rules."""
    folder, _ = synthesized[example]
    ours = [path for path in _templates(folder) if not path.name.startswith("FleetCaPipeline.")]
    theirs = [path for path in _templates(folder) if path not in ours]
    assert ours
    for paths, ignored in ((ours, ()), (theirs, _LINT_OF_PIPELINES)):
        if paths:
            options = ["--ignore-checks", *ignored, "--"] if ignored else ["--"]
            command = [str(Path(sys.executable).with_name("cfn-lint")), *options, *map(str, paths)]
            run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
            assert run.returncode == 0, run.stdout


def test_what_a_set_carries_is_clean_too(synthesized: dict[str, tuple[Path, str]], tmp_path: Path) -> None:
    """cfn-lint of the template of every account, and botocore's own check of the calls that CloudFormation makes."""
    folder, _ = synthesized["stack_set/app.py"]
    [resource] = _sets(folder)
    properties = resource["Properties"]
    body = tmp_path / "body.json"
    body.write_text(properties["TemplateBody"], encoding="utf-8")
    lint = [str(Path(sys.executable).with_name("cfn-lint")), "--", str(body)]
    ran = subprocess.run(lint, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout
    client = Session().create_client("cloudformation", region_name="eu-west-1")
    create, [group] = dict(properties), properties["StackInstancesGroup"]
    preferences = create.pop("OperationPreferences")
    del create["StackInstancesGroup"]
    for operation, request in (
        ("CreateStackSet", create),
        (
            "CreateStackInstances",
            {"StackSetName": create["StackSetName"], "OperationPreferences": preferences, **group},
        ),
    ):
        shape = client.meta.service_model.operation_model(operation).input_shape
        assert ParamValidator().validate(request, shape).generate_report() == ""
        assert set(request) <= set(shape.members)


def _sets(folder: Path) -> list[dict[str, Any]]:
    return [
        resource
        for path in _templates(folder)
        for resource in json.loads(path.read_text(encoding="utf-8"))["Resources"].values()
        if resource["Type"] == "AWS::CloudFormation::StackSet"
    ]


@pytest.mark.parametrize("example", EXAMPLES)
def test_templates_are_within_cloudformations_limits(
    example: str, synthesized: dict[str, tuple[Path, str]]
) -> None:
    """1 MB, 500 resources, 200 outputs (CloudFormation quotas)."""
    for path in _templates(synthesized[example][0]):
        template = json.loads(path.read_text(encoding="utf-8"))
        assert path.stat().st_size < _MOST_BYTES
        assert len(template["Resources"]) <= _MOST_RESOURCES
        assert len(template.get("Outputs", {})) <= _MOST_OUTPUTS


def test_a_second_synth_is_the_same_byte_for_byte(
    synthesized: dict[str, tuple[Path, str]], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """So that a deployment without a change changes nothing: every file, in another process and folder."""
    again = tmp_path / "cdk.out"
    _run(pytestconfig.rootpath, again, str(HERE / "nagged.py"), "app.py")
    first = synthesized["app.py"][0]
    names = [str(path.relative_to(first)) for path in first.rglob("*") if path.is_file()]
    # The report tells which temporary files Node ran from.
    names.remove("validation-report.json")
    _, mismatch, errors = filecmp.cmpfiles(first, again, names, shallow=False)
    assert (mismatch, errors) == ([], [])


def test_the_three_stages_are_as_they_were(synthesized: dict[str, tuple[Path, str]]) -> None:
    """A snapshot, so that no logical id, property or permission changes unseen; asset hashes and the CA are masked.

    Renew it after a look at the difference: ``RENEW_SNAPSHOT=1 .venv/bin/python -m pytest tests/unit/quality``.
    """
    now = {path.name.partition(".")[0]: _masked(path) for path in _templates(synthesized["app.py"][0])}
    if os.environ.get("RENEW_SNAPSHOT"):
        SNAPSHOT.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    assert now == json.loads(SNAPSHOT.read_text(encoding="utf-8"))


def _masked(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----(\\n)?", "<PEM>", text)
    return json.loads(re.sub(r"[0-9a-f]{64}", "<64 hex>", text))


def test_the_examples_pipeline_promotes_dev_to_prod(synthesized: dict[str, tuple[Path, str]]) -> None:
    """Source, build, assets, dev and staging and their check, a person's approval, prod and its check."""
    template = json.loads((synthesized["pipeline/app.py"][0] / "FleetCaPipeline.template.json").read_text())
    [pipeline] = [
        each for each in template["Resources"].values() if each["Type"] == "AWS::CodePipeline::Pipeline"
    ]
    stages = {
        stage["Name"]: [
            action["Name"] for action in sorted(stage["Actions"], key=lambda each: each["RunOrder"])
        ]
        for stage in pipeline["Properties"]["Stages"]
    }
    assert list(stages) == ["Source", "Build", "UpdatePipeline", "Assets", "Dev", "Prod"]
    # Two packages, whatever the number of stages: with cryptography for the owner, without for the others.
    assert len(stages["Assets"]) == 2
    assert stages["Dev"][-1] == "VerifyDev"
    assert {"FleetCa-dev.Deploy", "FleetCa-staging.Deploy"} < set(stages["Dev"])
    assert stages["Prod"][0] == "PromoteToProd"
    assert stages["Prod"][-1] == "VerifyProd"
    assert "FleetCa-prod.Deploy" in stages["Prod"]
