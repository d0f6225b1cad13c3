"""Rules of the code in the documents: it runs as it is printed, one block after the other, as a reader would."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.session
import click
import pytest
from aws_cdk import App, Environment, Stack, aws_sns
from aws_cdk.assertions import Template
from botocore import xform_name

import iot_multiaccount_ca
from iot_multiaccount_ca import CaCertificate, CaStage, SharedCa
from iot_multiaccount_ca.cli.root import cli
from support import plans
from support.documents import PAGES, ROOT, blocks, commands, pages_with, python_blocks, readers_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Written by the commands themselves; a test of theirs holds it.
_GENERATED = ROOT / "docs/cli.md"


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


# --- Python -------------------------------------------------------------------------------------------------------


def _public() -> dict[str, Any]:
    return {name: getattr(iot_multiaccount_ca, name) for name in iot_multiaccount_ca.__all__}


def _alarms() -> dict[str, Any]:
    app = App()
    shared = SharedCa(app, "FleetCa", plan=plans.plan())
    stack = Stack(app, "Alarms", env=Environment(account=plans.DEV, region=plans.REGION))
    topic = aws_sns.Topic(stack, "Topic")
    prod_topic = aws_sns.Topic(shared.stacks["prod"], "Topic")
    return {"plan": plans.plan(), "shared": shared, "stack": stack, "topic": topic, "prod_topic": prod_topic}


def _rotation() -> dict[str, Any]:
    stages = [CaStage("dev", account=plans.DEV, region=plans.REGION)]
    return {"old": plans.ca("Old CA"), "new": CaCertificate.from_file("certs/fleet-ca.pem"), "stages": stages}


#: What a page takes for granted: names that an earlier page or the sentence before the block has introduced.
_GIVEN: dict[str, Callable[[], dict[str, Any]]] = {
    "docs/fleet.md": lambda: {**_public(), **_alarms()},
    "docs/possession.md": _public,
    "docs/simulate.md": lambda: {"template": Stack(App(), "Devices")},
    "docs/rotation.md": lambda: {**_public(), **_rotation()},
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Runs a page's Python blocks in one namespace, in a reader's folder; the namespace."""
    readers_folder(tmp_path)
    monkeypatch.chdir(tmp_path)

    def run(page: str) -> dict[str, Any]:
        names = _GIVEN.get(page, dict)()
        for number, block in enumerate(python_blocks(ROOT / page)):
            exec(compile(block, f"{page}, example {number + 1}", "exec"), names)
        return names

    return run


@pytest.mark.parametrize("page", [_name(page) for page in pages_with("python")])
def test_python_runs_as_printed(page: str, run: Callable[[str], dict[str, Any]]) -> None:
    """Every block of every page, without an ellipsis that a reader would have to fill."""
    run(page)


def test_the_examples_of_jitr(run: Callable[[str], dict[str, Any]]) -> None:
    """One stage under JITP, one under JITR; a stack without a plan; a target of the user's own."""
    names = run("docs/jitr.md")
    counts = {
        name: len(Template.from_stack(stack).find_resources("AWS::IoT::TopicRule"))
        for name, stack in names["app"].node.find_child("FleetCa").stacks.items()
    }
    assert counts == {"dev": 0, "prod": 1}
    template = Template.from_stack(names["stack"])
    template.resource_count_is("AWS::IoT::TopicRule", 2)
    template.resource_count_is("AWS::CloudWatch::Alarm", 1)


def test_the_examples_of_an_app_of_ones_own(run: Callable[[str], dict[str, Any]]) -> None:
    """A stack with two CAs on one Lambda, what is referred to by id and name, a role and a log group of one's own."""
    names = run("docs/in-your-app.md")
    template = Template.from_stack(names["stack"])
    template.resource_count_is("Custom::IotCaCertificate", 2)
    template.resource_count_is("AWS::Lambda::Function", 1)
    other = Template.from_stack(names["other"])
    other.resource_count_is("AWS::IAM::Role", 0)
    other.resource_count_is("AWS::Logs::LogGroup", 1)
    assert names["template_of_others"].template_name == "fleet-provisioning"
    assert names["ca_of_others"].ca_certificate_id == "0f" * 32


def test_the_example_of_pipelines(run: Callable[[str], dict[str, Any]]) -> None:
    """Dev with staging, then a person, then Prod; each verified."""
    names = run("docs/pipelines.md")
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


# --- JSON and the shell -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", pages_with("json"), ids=_name)
def test_json_is_json(page: Path) -> None:
    """What is to be pasted into a policy can be."""
    for block in blocks(page):
        if block.language == "json":
            json.loads(block.text)


@pytest.mark.parametrize("page", pages_with("sh"), ids=_name)
def test_the_shell_understands_every_block(page: Path) -> None:
    """Quotes and continued lines are whole."""
    for block in blocks(page):
        if block.language == "sh":
            read = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True)
            assert read.returncode == 0, f"{_name(page)}:{block.line}: {read.stderr}"


def _typed(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Where, and which words: every single command that a page's shell blocks and its sentences tell to type."""
    for line, command in commands(page):
        for part in re.split(r"&&|\|", re.sub(r"\s#.*", "", command)):
            words = shlex.split(part)
            if words:
                yield f"{_name(page)}:{line}", words
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for span in re.findall(r"`((?:iot-ca|make|aws) [^`]+)`", text):
        yield f"{_name(page)}, `{span}`", shlex.split(span.replace("…", "x"))


_PAGES = [page for page in PAGES if page != _GENERATED]


@pytest.mark.parametrize("page", _PAGES, ids=_name)
def test_iot_ca_knows_the_commands_and_options(page: Path) -> None:
    """Of blocks and of sentences."""
    for where, (program, *words) in _typed(page):
        if program == "iot-ca":
            command = cli.get_command(click.Context(cli), words[0])
            assert command is not None, where
            known = {name for each in command.params for name in each.opts}
            used = {word.partition("=")[0] for word in words[1:] if word.startswith("--")}
            assert used <= {*known, "--help"}, where


@pytest.mark.parametrize("page", _PAGES, ids=_name)
def test_make_knows_the_targets(page: Path) -> None:
    """As in the Makefile."""
    targets = set(
        re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    for where, (program, *words) in _typed(page):
        if program == "make":
            assert {word for word in words if "=" not in word} <= targets, where


@pytest.mark.parametrize("page", _PAGES, ids=_name)
def test_aws_knows_the_operations_and_parameters(page: Path) -> None:
    """By botocore's models, on which AWS's command line is built; `create-stack-set` is CreateStackSet."""
    session = botocore.session.get_session()
    everywhere = {"--profile", "--region", "--query", "--output", "--cli-input-json", "--cli-binary-format"}
    for where, (program, *words) in _typed(page):
        if program != "aws" or len(words) < 2 or words[1] == "wait":
            continue
        model = session.get_service_model(words[0])
        operations = {xform_name(each, "-"): each for each in model.operation_names}
        assert words[1] in operations, where
        shape = model.operation_model(operations[words[1]]).input_shape
        known = {f"--{xform_name(each, '-')}" for each in (shape.members if shape else ())}
        used = {word.partition("=")[0].replace("--no-", "--") for word in words[2:] if word.startswith("--")}
        assert used <= known | everywhere, where


@pytest.mark.parametrize("page", _PAGES, ids=_name)
def test_pip_installs_what_there_is(page: Path) -> None:
    """The project from its wheel, with extras that it has: on a public index anybody may hold its name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for where, words in _typed(page):
        if words[:2] == ["pip", "install"]:
            assert not [each for each in words if each.startswith(project["name"])], where
            for extra in re.findall(r"\[(\w+)\]", " ".join(words)):
                assert extra in project["optional-dependencies"], where
