"""``iot-ca rehearse`` as a user types it: the real CDK CLI, the real Lambda, a device over MQTT, IAM enforced."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.certificates import make_ca
from support.terminal import Ran, in_pipe, in_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
# A stage whose template names a policy that nobody made, and one that enrolls no devices.
_APP = """
import os, json
from aws_cdk import App
from iot_multiaccount_ca import CaCertificate, CaStage, JitpTemplateBody, SharedCa, SharedCaPlan

body = json.loads(os.environ["BODY"])
app = App()
plan = SharedCaPlan(
    ca_certificate=CaCertificate.from_file(os.environ["FLEET_CA"]),
    stages=[
        CaStage("broken", account="111111111111", region="eu-west-1", provisioning=JitpTemplateBody.from_dict(body)),
        CaStage("closed", account="222222222222", region="us-east-1"),
    ],
)
SharedCa(app, "Mixed", plan=plan)
app.synth()
"""

# Four ways in which just-in-time registration decides; the app makes one of the lists itself.
_JITR_APP = """
import os
from aws_cdk import App, aws_ssm
from iot_multiaccount_ca import Admission, CaCertificate, CaStage, JitrEnrollment, SharedCa, SharedCaPlan

mqtt = "arn:{{partition}}:iot:{{region}}:{{account}}"
policy = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": mqtt + ":client/*"},
        {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": mqtt + ":topic/rehearsal"},
        {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": mqtt + ":topicfilter/rehearsal"},
    ],
}
listed = Admission(parameter_name="/fleet/admitted")
tabled = Admission(table_name="fleet", table_key="serial", listed_by="SERIAL_NUMBER")

def stage(name, account, region, admission, **how):
    enrollment = JitrEnrollment(**{"policy": policy, "admission": admission, **how})
    return CaStage(name, account=account, region=region, provisioning=enrollment)

app = App()
shared = SharedCa(app, "Jitr", plan=SharedCaPlan(
    ca_certificate=CaCertificate.from_file(os.environ["FLEET_CA"]),
    stages=[
        stage("listed", "111111111111", "eu-west-1", listed, thing_name="{CommonName}"),
        stage("tabled", "222222222222", "eu-west-1", tabled),
        stage("cameras", "333333333333", "eu-west-1", Admission(subject={"CommonName": "camera-[0-9]+"})),
        stage("broken", "333333333333", "us-east-1", Admission.any_certificate(), policy="nobody-made-it"),
    ],
))
aws_ssm.CfnParameter(shared.stacks["listed"], "List", name="/fleet/admitted", type="StringList", value="ab,cd")
app.synth()
"""


@pytest.fixture
def ca_files(tmp_path: Path) -> tuple[Path, Path]:
    """A development CA's certificate and key as files."""
    ca = make_ca("ec-p256", common_name="Rehearsed CA")
    certificate, key = tmp_path / "ca.pem", tmp_path / "ca.key"
    certificate.write_text(ca.pem)
    key.write_text(ca.key_pem)
    return certificate, key


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files, which a rehearsal must leave as it was."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setenv("CDK_VALIDATION", "false")
    yield folder
    assert [each.name for each in folder.iterdir() if each.name.startswith("iot-ca-")] == []


def rows(ran: Ran) -> dict[str, list[str]]:
    """The table's rows by stage, split where columns are."""
    lines = [line for line in ran.stdout.splitlines() if "eu-west-1" in line or "us-east-1" in line]
    return {line.split()[0]: [cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines}


def test_the_example(temporary: Path, ca_files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The example deploys, one device moves through its three accounts, all is as planned, and nothing is left."""
    certificate, key = ca_files
    monkeypatch.setenv("FLEET_CA", str(certificate))
    ran = in_pipe("rehearse", "--ca-key", str(key), cwd=ROOT)
    assert ran.code == 0, ran.stdout + ran.stderr
    found = rows(ran)
    assert list(found) == ["dev", "staging", "prod"]
    assert [row[3] for row in found.values()] == ["SNI_ONLY", "SNI_ONLY", "DEFAULT"]
    assert {tuple(row[4:6]) for row in found.values()} == {("ACTIVE", "ENABLE")}
    assert {row[-1] for row in found.values()} == {"publishes and receives"}
    assert len({row[-2] for row in found.values()}) == 1, "one device, one thing name"
    assert ran.stdout.splitlines()[-2:] == ["as planned", "nothing is left"]
    assert "deployed by cdk deploy" in ran.stderr


@pytest.mark.parametrize(("example", "stages"), [("pipeline", 3), ("jitr", 2)])
def test_the_other_examples(
    example: str, stages: int, temporary: Path, ca_files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stages of a pipeline, without CodePipeline; and a stage that admits who is on a list."""
    certificate, key = ca_files
    monkeypatch.setenv("FLEET_CA", str(certificate))
    app = f"{sys.executable} examples/{example}/app.py"
    ran = in_pipe("rehearse", "--app", app, "--ca-key", str(key), cwd=ROOT)
    assert ran.code == 0, ran.stdout + ran.stderr
    assert len(rows(ran)) == stages
    assert ran.stdout.splitlines()[-2:] == ["as planned", "nothing is left"]


def test_what_is_not_as_planned_is_told(
    temporary: Path, ca_files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stage that provisions nobody is marked, with the cause, and the exit code is 1; a stage without enrollment
    is as planned."""
    certificate, key = ca_files
    (tmp_path / "app.py").write_text(_APP)
    body = json.loads((ROOT / "examples/jitp.json").read_text())
    body["Resources"]["policy"]["Properties"] = {"PolicyName": "nobody-made-it"}
    monkeypatch.setenv("FLEET_CA", str(certificate))
    monkeypatch.setenv("BODY", json.dumps(body))
    ran = in_pipe(
        "rehearse", "--app", f"{sys.executable} {tmp_path / 'app.py'}", "--ca-key", str(key), cwd=ROOT
    )
    assert ran.code == 1, ran.stdout + ran.stderr
    found = rows(ran)
    assert found["broken"][-2:] == ["none (planned: one)", "not activated (planned: publishes and receives)"]
    assert found["closed"][3:] == ["SNI_ONLY", "ACTIVE", "DISABLE", "-", "-", "not tried"]
    assert "not as planned: 2 cells" in ran.stdout
    assert "stays PENDING_ACTIVATION" in ran.stdout
    assert "Policy default version not found" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "nothing is left"


def test_just_in_time_registration_is_rehearsed(
    temporary: Path, ca_files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device is put on the lists and let in; to be kept out by a rule is as planned, with the reason; an activation
    that fails is not."""
    certificate, key = ca_files
    (tmp_path / "app.py").write_text(_JITR_APP)
    monkeypatch.setenv("FLEET_CA", str(certificate))
    ran = in_pipe(
        "rehearse", "--app", f"{sys.executable} {tmp_path / 'app.py'}", "--ca-key", str(key), cwd=ROOT
    )
    assert ran.code == 1, ran.stdout + ran.stderr
    assert "the device put on 2 allow-lists" in ran.stderr
    ends = {stage: row[-2:] for stage, row in rows(ran).items()}
    assert ends["listed"][0].startswith("rehearsal-")
    assert ends == {
        "listed": [ends["listed"][0], "publishes and receives"],
        "tabled": ["-", "publishes and receives"],
        "cameras": ["-", "kept out"],
        "broken": ["-", "not activated (planned: publishes and receives)"],
    }
    assert "cameras: the subject's CommonName 'rehearsal-" in ran.stdout
    assert "does not match 'camera-[0-9]+'" in ran.stdout
    assert "nobody-made-it" in ran.stdout, ran.stdout
    assert ran.stdout.splitlines()[-1] == "nothing is left"


def test_ctrl_c_leaves_nothing(
    temporary: Path, ca_files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle of a deployment ends the CDK CLI and the local AWS, and says so."""
    certificate, key = ca_files
    monkeypatch.setenv("FLEET_CA", str(certificate))
    monkeypatch.chdir(ROOT)
    ran = in_terminal("rehearse", "--ca-key", str(key), columns=120, interrupt_at="deploying: FleetCa")
    assert ran.code == 130, ran.plain
    assert ran.plain.splitlines()[-1] == "iot-ca: interrupted; nothing is left running"
    assert [line for line in commands() if str(temporary) in line] == []


def commands() -> list[str]:
    """Environment and command line of every process of this machine that may be looked at."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.append(
                (process / "environ").read_text(errors="replace") + (process / "cmdline").read_text()
            )
        except OSError:
            continue
    own = Path("/proc/self/environ").read_text(errors="replace")
    return [each for each in found if not each.startswith(own)]
