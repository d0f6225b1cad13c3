"""Rules of examples in the documents: they run as they stand, one after the other, as a reader would."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Template

from support.certificates import make_ca
from support.documents import python_blocks

ROOT = Path(__file__).parents[3]


def _run(page: str, folder: Path) -> dict[str, Any]:
    """Run the page's Python blocks in one namespace, in a folder with a CA and a template; the namespace."""
    (folder / "certs").mkdir()
    (folder / "certs" / "fleet-ca.pem").write_text(make_ca("ec-p256", common_name="Fleet CA").pem)
    (folder / "certs" / "partner-ca.pem").write_text(make_ca("ec-p256", common_name="Partner CA").pem)
    shutil.copy(ROOT / "examples/jitp.json", folder)
    names: dict[str, Any] = {}
    for number, block in enumerate(python_blocks(ROOT / page)):
        exec(compile(block, f"{page}, example {number + 1}", "exec"), names)
    return names


def test_the_examples_of_jitr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One stage under JITP, one under JITR; a stack without a plan; a target of the user's own."""
    monkeypatch.chdir(tmp_path)
    names = _run("docs/jitr.md", tmp_path)
    counts = {
        name: len(Template.from_stack(stack).find_resources("AWS::IoT::TopicRule"))
        for name, stack in names["app"].node.find_child("FleetCa").stacks.items()
    }
    assert counts == {"dev": 0, "prod": 1}
    template = Template.from_stack(names["stack"])
    template.resource_count_is("AWS::IoT::TopicRule", 2)
    template.resource_count_is("AWS::CloudWatch::Alarm", 1)


def test_the_examples_of_an_app_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack with two CAs on one Lambda, what is referred to by id and name, a role and a log group of one's own."""
    monkeypatch.chdir(tmp_path)
    names = _run("docs/in-your-app.md", tmp_path)
    template = Template.from_stack(names["stack"])
    template.resource_count_is("Custom::IotCaCertificate", 2)
    template.resource_count_is("AWS::Lambda::Function", 1)
    other = Template.from_stack(names["other"])
    other.resource_count_is("AWS::IAM::Role", 0)
    other.resource_count_is("AWS::Logs::LogGroup", 1)
    assert names["template_of_others"].template_name == "fleet-provisioning"
    assert names["ca_of_others"].ca_certificate_id == "0f" * 32


def test_the_example_of_pipelines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dev with staging, then a person, then Prod; each verified."""
    monkeypatch.chdir(tmp_path)
    names = _run("docs/pipelines.md", tmp_path)
    names["pipeline"].build_pipeline()
    [found] = Template.from_stack(names["home"]).find_resources("AWS::CodePipeline::Pipeline").values()
    actions = {
        stage["Name"]: [action["Name"] for action in stage["Actions"]]
        for stage in found["Properties"]["Stages"]
    }
    assert list(actions)[-2:] == ["Dev", "Prod"]
    assert {"FleetCa-dev.Deploy", "FleetCa-staging.Deploy", "VerifyDev"} <= set(actions["Dev"])
    assert actions["Prod"][0] == "PromoteToProd"
    assert actions["Prod"][-1] == "VerifyProd"
