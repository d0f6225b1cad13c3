"""``iot-ca plan``: what a synthesized app registers, as a terminal, a pipe, Markdown and JSON show it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from iot_multiaccount_ca.model.assembly_policies import FOREIGN_POLICY_METADATA_TYPE
from support.fleets import (
    add_metadata,
    certificate_id,
    many_stages,
    record,
    soon,
    three_stages,
    write_assembly,
)
from support.terminal import in_pipe, in_terminal

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def assembly(tmp_path: Path) -> str:
    """Three stages, one of them DEFAULT."""
    return str(write_assembly(tmp_path / "cdk.out", three_stages()))


def test_the_plan_is_a_row_a_stage_in_deploy_order(assembly: str) -> None:
    """Stage, account, region, mode and template; who owns the region; the CA with its days."""
    ran = in_pipe("plan", "--app", assembly)
    assert ran.code == 0
    rows = [line.split() for line in ran.stdout.splitlines() if line.strip()[:1].isdigit()]
    assert [row[1:5] for row in rows[:3]] == [
        ["dev", "111111111111", "eu-west-1", "SNI_ONLY"],
        ["staging", "222222222222", "eu-west-1", "SNI_ONLY"],
        ["prod", "333333333333", "eu-west-1", "DEFAULT"],
    ]
    assert "DEFAULT: account 333333333333 in eu-west-1 (stage prod)" in ran.stdout
    assert f"id {certificate_id()}, expires on 2096-01-01" in ran.stdout


def test_a_pipe_gets_no_colours_and_whole_lines(assembly: str) -> None:
    """No escape codes, nothing cut or wrapped, no blanks at line ends."""
    ran = in_pipe("plan", "--app", assembly)
    assert "\x1b" not in ran.stdout
    assert not [line for line in ran.stdout.splitlines() if line.endswith(" ")]
    assert "JITP FleetCa-staging-0123abcd" in ran.stdout


def test_a_stage_under_jitr_says_so(tmp_path: Path) -> None:
    """In the table and in JSON."""
    folder = write_assembly(tmp_path / "cdk.out", [record(template_name=None, jitr=True)])
    [row] = [line for line in in_pipe("plan", "--app", str(folder)).stdout.splitlines() if "SNI_ONLY" in line]
    assert row.split()[-2:] == ["JITR", "FleetCa-dev"]
    [found] = json.loads(in_pipe("plan", "--app", str(folder), "--json").stdout)["registrations"]
    assert (found["jitr"], found["templateName"]) == (True, None)


def test_a_terminal_gets_colours(assembly: str) -> None:
    """And the same words."""
    ran = in_terminal("plan", "--app", assembly)
    assert "\x1b[" in ran.stdout
    assert "staging  222222222222  eu-west-1  SNI_ONLY  JITP FleetCa-staging-0123abcd" in ran.plain


def test_no_color_is_honoured(assembly: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """See no-color.org: no colours; bold may stay."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;36m" not in in_terminal("plan", "--app", assembly).stdout
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b[1;36m" in in_terminal("plan", "--app", assembly).stdout


def test_a_large_fleet_is_a_matrix(tmp_path: Path) -> None:
    """Accounts by regions, a letter a registration."""
    ran = in_pipe("plan", "--app", str(write_assembly(tmp_path, many_stages(60))))
    lines = ran.stdout.splitlines()
    assert ["account", "ap-southeast-2", "eu-west-1", "us-east-1"] in [line.split() for line in lines]
    assert ["100000000000", "D", "D", "D"] in [line.split() for line in lines]
    assert ["100000000001", "S", "S", "S"] in [line.split() for line in lines]


def test_a_view_can_be_asked_for(assembly: str) -> None:
    """A matrix of a small fleet."""
    assert ["333333333333", "D"] in [
        line.split() for line in in_pipe("plan", "--app", assembly, "--view", "matrix").stdout.splitlines()
    ]


def test_markdown_is_a_table(assembly: str) -> None:
    """For a pull request."""
    ran = in_pipe("plan", "--app", assembly, "--markdown")
    assert "| 3 | prod | 333333333333 | eu-west-1 | DEFAULT |" in ran.stdout


def test_json_names_its_shape_and_version(assembly: str) -> None:
    """And holds everything that the table does."""
    document = json.loads(in_pipe("plan", "--app", assembly, "--json").stdout)
    assert (document["shape"], document["version"]) == ("iot-ca/plan", 1)
    assert [each["deployOrder"] for each in document["registrations"]] == [1, 2, 3]
    assert document["registrations"][0]["templateName"] == "FleetCa-dev-0123abcd"
    (ca,) = document["certificateAuthorities"]
    assert ca["certificateId"] == certificate_id()
    assert ca["daysLeft"] > 0
    assert document["defaultOwners"] == [
        {"region": "eu-west-1", "certificateId": certificate_id(), "account": "333333333333", "stage": "prod"}
    ]


@pytest.mark.parametrize(
    "given", [("--json", "--markdown"), ("--json", "--import-map"), ("--markdown", "--import-map")]
)
def test_one_form_at_a_time(assembly: str, given: tuple[str, ...]) -> None:
    """A usage error, exit code 2."""
    ran = in_pipe("plan", "--app", assembly, *given)
    assert ran.code == 2
    assert "exclude one another" in ran.stderr


def test_the_import_map_is_what_the_cdk_cli_takes(tmp_path: Path) -> None:
    """By logical id, which stacks of one plan share; registrations of another engine are not in it."""
    native = [
        replace(each, engine="NATIVE", logical_id="Ca1") if each.stage != "prod" else each
        for each in three_stages()
    ]
    ran = in_pipe("plan", "--app", str(write_assembly(tmp_path, native)), "--import-map")
    assert ran.code == 0, ran.stderr
    assert json.loads(ran.stdout) == {"Ca1": {"Id": certificate_id()}}


def test_an_import_map_that_would_be_empty_is_refused(assembly: str) -> None:
    """With the engine to set, exit code 2, and nothing on standard output."""
    ran = in_pipe("plan", "--app", assembly, "--import-map")
    assert (ran.code, ran.stdout) == (2, "")
    assert "engine=RegistrationEngine.NATIVE" in ran.stderr


def test_an_import_map_names_one_ca_by_one_id(tmp_path: Path) -> None:
    """Two stacks may use one logical id for two CAs; the CDK CLI's map cannot tell them apart."""
    first, second, _ = three_stages()
    held = [
        replace(first, engine="NATIVE", logical_id="Ca"),
        replace(second, engine="NATIVE", logical_id="Ca", certificate_id=certificate_id(1)),
    ]
    ran = in_pipe("plan", "--app", str(write_assembly(tmp_path, held)), "--import-map")
    assert (ran.code, ran.stdout) == (2, "")
    assert "one logical id stands for another CA" in ran.stderr


def test_an_import_map_leaves_out_what_stands_in_nested_stacks(tmp_path: Path) -> None:
    """`cdk import` imports nothing there; where nothing else is native, that is said."""
    first, second, _ = three_stages()
    nested = replace(first, engine="NATIVE", logical_id="CaInside", nested_template="Stack0.template.json")
    ran = in_pipe("plan", "--app", str(write_assembly(tmp_path, [nested])), "--import-map")
    assert (ran.code, ran.stdout) == (2, "")
    assert "nested stack" in ran.stderr
    both = [nested, replace(second, engine="NATIVE", logical_id="Ca1")]
    ran = in_pipe("plan", "--app", str(write_assembly(tmp_path, both)), "--import-map")
    assert json.loads(ran.stdout) == {"Ca1": {"Id": certificate_id()}}


def test_two_cas_are_told_apart(tmp_path: Path) -> None:
    """In a rotation a stage has two rows; the retiring one says so."""
    old = record(
        certificate_id=certificate_id(1), logical_id="CaOld", retiring=True, not_valid_after=soon(10)
    )
    ran = in_pipe("plan", "--app", str(write_assembly(tmp_path, [record(), old])))
    assert "retiring CA " + certificate_id(1)[:8] in ran.stdout
    assert "active, retiring" in ran.stdout
    assert "9 days left" in ran.stdout


def test_a_retiring_ca_is_a_small_letter_in_the_matrix(tmp_path: Path) -> None:
    """Beside the current one's capital."""
    old = record(certificate_id=certificate_id(1), logical_id="CaOld", retiring=True)
    ran = in_pipe("plan", "--view", "matrix", "--app", str(write_assembly(tmp_path, [old, record()])))
    assert ["111111111111", "Ss"] in [line.split() for line in ran.stdout.splitlines()]


def test_an_expired_ca_says_so(tmp_path: Path) -> None:
    """Days left are not shown as a negative number."""
    ran = in_pipe("plan", "--app", str(write_assembly(tmp_path, [record(not_valid_after=soon(-10))])))
    assert "expired on " in ran.stdout


def test_a_command_is_synthesized_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``--app COMMAND``: it writes to CDK_OUTDIR and sees the project's context, as under the CDK CLI."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cdk.json").write_text('{"context": {"stage": "from-cdk-json"}}')
    (tmp_path / "app.py").write_text(
        "import json, os, sys\n"
        f"sys.path[:0] = {sys.path!r}\n"
        "from pathlib import Path\n"
        "from support.fleets import record, write_assembly\n"
        "print('noise on stdout')\n"
        "context = json.loads(os.environ['CDK_CONTEXT_JSON'])\n"
        "write_assembly(Path(os.environ['CDK_OUTDIR']), [record(context['stage'])])\n"
    )
    document = json.loads(in_pipe("plan", "--app", f"{sys.executable} app.py", "--json").stdout)
    assert document["registrations"][0]["stage"] == "from-cdk-json"


def test_a_context_that_is_longer_than_a_variable_may_be_reaches_the_app(tmp_path: Path) -> None:
    """Of a project with many lookups; by a file, as the CDK CLI does it."""
    (tmp_path / "cdk.context.json").write_text(json.dumps({"zones": ["eu-west-1a"] * 20_000, "last": "here"}))
    (tmp_path / "app.py").write_text(
        "from pathlib import Path\nfrom aws_cdk import App\n"
        "app = App()\nPath('told').write_text(app.node.get_context('last'))\napp.synth()\n"
    )
    ran = in_pipe("plan", "--app", f"{sys.executable} app.py", cwd=tmp_path)
    assert "the app's command" not in ran.stderr
    assert (tmp_path / "told").read_text() == "here"


def test_a_command_that_fails_shows_what_it_said(tmp_path: Path) -> None:
    """Its stderr, then our sentence."""
    ran = in_pipe(
        "plan", "--app", f"{sys.executable} -c \"raise SystemExit('the app is broken')\"", cwd=tmp_path
    )
    assert ran.code == 2
    assert "the app is broken" in ran.stderr
    assert "failed with exit code 1" in ran.stderr


@pytest.mark.parametrize("command", ["kill -9 $$", "sh -c 'kill -9 $$'; exit $?"], ids=["itself", "in it"])
def test_a_command_that_a_signal_ended_is_told_so(tmp_path: Path, command: str) -> None:
    """As the system ends one that takes too much memory: by the signal's name, which a shell passes on as a number."""
    ran = in_pipe("plan", "--app", command, cwd=tmp_path)
    assert ran.code == 2
    assert "the app's command was ended by SIGKILL (" in ran.stderr


def test_a_missing_folder_is_a_sentence(tmp_path: Path) -> None:
    """On stderr, without a traceback, with the fix; exit code 2."""
    ran = in_pipe("plan", cwd=tmp_path)
    assert (ran.code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("iot-ca: no such cloud assembly; got 'cdk.out'")
    assert "run `cdk synth` first" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    """For a report of a bug."""
    assert "Traceback" in in_pipe("--debug", "plan", cwd=tmp_path).stderr


def test_an_assembly_without_registrations_is_a_sentence(tmp_path: Path) -> None:
    """Somebody gave another app's folder."""
    ran = in_pipe("plan", "--app", str(write_assembly(tmp_path, [])))
    assert ran.code == 2
    assert "no CA registrations" in ran.stderr


@pytest.mark.parametrize(
    "arguments", [["--help"], ["plan", "--help"], ["plan"], ["verify", "--help"], ["report", "--help"]]
)
def test_the_command_line_imports_no_cdk(arguments: list[str], assembly: str) -> None:
    """Importing aws_cdk takes seconds; nothing here needs it. Nor does help need botocore or cryptography."""
    heavy = ["aws_cdk", "jsii", "constructs", "botocore", "boto3"]
    if arguments == ["plan"]:
        arguments = ["plan", "--app", assembly]
    else:
        heavy.append("cryptography")
    program = (
        "import sys\nfrom iot_multiaccount_ca.cli import main\n"
        f"try: main({arguments!r})\nexcept SystemExit: pass\n"
        f"print('loaded:', *(name for name in {heavy!r} if name in sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "loaded:"


FOREIGN = {
    "kind": "key policy",
    "resourceArn": "arn:aws:kms:eu-west-1:999999999999:key/k",
    "policy": {"Sid": "a"},
}


@pytest.mark.parametrize("more", [[], ["--markdown"], ["--json"]])
def test_what_other_accounts_must_add_is_shown(more: list[str], tmp_path: Path) -> None:
    """Once, for all stages that need it, and as it can be pasted."""
    folder = write_assembly(tmp_path, three_stages()[:2])
    add_metadata(folder, FOREIGN_POLICY_METADATA_TYPE, FOREIGN)
    ran = in_pipe("plan", "--app", str(folder), *more)
    assert ran.code == 0, ran.stderr
    if more == ["--json"]:
        [policy] = json.loads(ran.stdout)["foreignPolicies"]
        assert policy == {**FOREIGN, "stages": ["dev", "staging"]}
        return
    assert ran.stdout.count("999999999999") == 1
    assert "dev, staging: add this to the key policy of " in ran.stdout
    assert '{\n  "Sid": "a"\n}' in ran.stdout


@pytest.mark.parametrize("data", [None, [], {}, {**FOREIGN, "policy": "text"}, {**FOREIGN, "kind": 1}])
def test_an_odd_policy_in_the_assembly_is_a_sentence(data: object, tmp_path: Path) -> None:
    """A corrupt or newer assembly: exit code 2."""
    folder = write_assembly(tmp_path, three_stages()[:1])
    add_metadata(folder, FOREIGN_POLICY_METADATA_TYPE, data)
    ran = in_pipe("plan", "--app", str(folder))
    assert (ran.code, ran.stdout) == (2, "")
    assert "Traceback" not in ran.stderr
