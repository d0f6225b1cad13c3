"""``iot-ca rehearse`` as a user types it: the real CDK CLI, the real Lambda, a device over MQTT, IAM enforced."""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.certificates import make_ca, make_device
from support.terminal import PROGRAM, Ran, in_pipe, in_terminal
from support.tls_client import connect_packet, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.certificates import DeviceKeyPair

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
    assert [each.name for each in folder.iterdir()] == []


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


def test_the_app_that_init_writes(temporary: Path, tmp_path: Path) -> None:
    """As it stands, by the command that init tells to type: a device moves through three accounts, nothing is left."""
    folder = tmp_path / "app"
    written = in_pipe("init", str(folder), "--owner", "prod")
    assert written.code == 0, written.stderr
    told = written.stdout.splitlines()[-1].partition("&& iot-ca ")[2]
    ran = in_pipe(*shlex.split(told), cwd=folder)
    assert ran.code == 0, ran.stdout + ran.stderr
    assert [row[3] for row in rows(ran).values()] == ["SNI_ONLY", "SNI_ONLY", "DEFAULT"]
    assert {row[-1] for row in rows(ran).values()} == {"publishes and receives"}
    assert ran.stdout.splitlines()[-2:] == ["as planned", "nothing is left"]


# The pipeline's stages are deployed by test_pipeline, too.
@pytest.mark.parametrize(
    ("example", "stages"),
    [pytest.param("pipeline", 3, marks=pytest.mark.slow), ("jitr", 2), ("stack_set", 4)],
)
def test_the_other_examples(
    example: str, stages: int, temporary: Path, ca_files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stages of a pipeline, without CodePipeline; a stage that admits who is on a list; an organization that is
    made up."""
    certificate, key = ca_files
    monkeypatch.setenv("FLEET_CA", str(certificate))
    app = f"{sys.executable} examples/{example}/app.py"
    ran = in_pipe("rehearse", "--app", app, "--ca-key", str(key), cwd=ROOT)
    assert ran.code == 0, ran.stdout + ran.stderr
    assert len(rows(ran)) == stages
    assert ran.stdout.splitlines()[-2:] == ["as planned", "nothing is left"]


_SETS = """
import os
from aws_cdk import App, Environment, RemovalPolicy, Stack
from iot_multiaccount_ca import CaCertificate, JitpTemplateBody, SharedCaStackSet

app = App()
kinds = {
    "root, kept": {
        "organizational_units": ["r-ab12"], "on_leaving": RemovalPolicy.RETAIN, "readers": ["999999999999"]},
    "delegated": {"organizational_units": ["ou-ab12-11111111"], "delegated_administrator": True},
    "listed": {"accounts": ["111111111111", "222222222222"]},
}
SharedCaStackSet(
    Stack(app, "Organization", env=Environment(account="999999999999", region="eu-west-1")), "FleetOfAll",
    ca_certificate=CaCertificate.from_file(os.environ["FLEET_CA"]),
    provisioning=JitpTemplateBody.from_file(os.environ["JITP"]), regions=["eu-west-1"], **kinds[os.environ["KIND"]])
app.synth()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "stages", "last"),
    [
        ("root, kept", ["FleetOfAll", "FleetOfAll:"], "nothing else is left"),
        ("delegated", ["FleetOfAll", "FleetOfAll:"], "nothing is left"),
        ("listed", ["FleetOfAll"], "nothing is left"),
    ],
)
def test_an_app_of_a_set_alone(
    kind: str,
    stages: list[str],
    last: str,
    temporary: Path,
    ca_files: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the root, and kept where an account leaves; by a delegated administrator; in listed accounts."""
    certificate, key = ca_files
    (tmp_path / "app.py").write_text(_SETS)
    for name, value in {"FLEET_CA": certificate, "KIND": kind, "JITP": ROOT / "examples/jitp.json"}.items():
        monkeypatch.setenv(name, str(value))
    ran = in_pipe(
        "rehearse", "--app", f"{sys.executable} {tmp_path}/app.py", "--ca-key", str(key), cwd=tmp_path
    )
    assert ran.code == 0, ran.stdout + ran.stderr
    assert [each for each in rows(ran) if each != "kept"] == stages
    assert "as planned" in ran.stdout
    assert ran.stdout.splitlines()[-1] == last


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


@pytest.mark.slow
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


# One SNI_ONLY stage that looks something up, beside a stack of something that the local AWS has not.
_ONE_STAGE_APP = """
import os
from aws_cdk import App, CfnOutput, CfnResource, Stack
from iot_multiaccount_ca import CaCertificate, CaStage, JitpTemplateBody, SharedCa, SharedCaPlan

app = App()
plan = SharedCaPlan(
    ca_certificate=CaCertificate.from_file(os.environ["FLEET_CA"]),
    provisioning=JitpTemplateBody.from_file(os.environ["JITP"]),
    stages=[CaStage("one", account="111111111111", region="eu-west-1")],
)
shared = SharedCa(app, "Fleet", plan=plan)
stack = shared.stacks["one"]
CfnOutput(stack, "Zones", value=",".join(stack.availability_zones))
strange = Stack(app, "Strange", env=dict(account="222222222222", region="eu-west-1"))
CfnResource(strange, "Thing", type="AWS::Nobody::HasIt")
app.synth()
"""

# A board's test as its maker could write it: connects twice, as a first connect is cut off.
_BOARD = """
import os, ssl, sys
import paho.mqtt.client as mqtt

class Naming(ssl.SSLContext):
    def wrap_socket(self, *arguments, **options):
        return super().wrap_socket(*arguments, **{**options, "server_hostname": os.environ["IOT_ENDPOINT"]})

def connects():
    context = Naming(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(os.environ["IOT_CA_FILE"])
    context.load_cert_chain(os.environ["IOT_CERTIFICATE_FILE"], os.environ["IOT_KEY_FILE"])
    accepted = []
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=sys.argv[1], reconnect_on_failure=False)
    client.tls_set_context(context)
    client.on_connect = lambda client, data, flags, reason, properties: (accepted.append(reason), client.disconnect())
    try:
        client.connect(os.environ["IOT_ADDRESS"], int(os.environ["IOT_PORT"]))
        client.loop_forever()
    except OSError:
        pass
    return bool(accepted)

sys.exit(0 if connects() or connects() else 1)
"""


@pytest.fixture
def user_folder(
    tmp_path: Path, ca_files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The folder of a user's app, in which a rehearsal writes nothing, and whose settings it does not follow.

    The user has a proxy that is not there, and settings of the CDK CLI for real accounts.
    """
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.upper(), "http://127.0.0.1:9")
    home = tmp_path / "home"
    home.mkdir()
    # jsii's cache takes a minute to fill.
    cache = Path("~/.cache").expanduser()
    cache.mkdir(exist_ok=True)
    (home / ".cache").symlink_to(cache)
    settings = {
        "profile": "prod",
        "proxy": "http://127.0.0.1:9",
        "roleArn": "arn:aws:iam::111111111111:role/none",
    }
    (home / ".cdk.json").write_text(json.dumps({**settings, "caBundlePath": "none.pem"}))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("CDK_PROFILE", "prod")
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "app.py").write_text(_ONE_STAGE_APP)
    (folder / "board.py").write_text(_BOARD)
    (folder / "cdk.json").write_text(json.dumps({"app": f"{sys.executable} app.py"}))
    monkeypatch.setenv("FLEET_CA", str(ca_files[0]))
    monkeypatch.setenv("JITP", str(ROOT / "examples/jitp.json"))
    before = sorted(folder.rglob("*"))
    yield folder
    assert sorted(folder.rglob("*")) == before
    written = {str(each.relative_to(home)) for each in home.rglob("*") if not each.is_dir()}
    # What aws-cdk-lib remembers of the files that it copied, wherever an app of it runs.
    assert {each for each in written if not each.startswith(".cdk/cache/fingerprints/")} == {".cdk.json"}


def test_what_the_local_aws_has_not_is_named(
    temporary: Path, ca_files: tuple[Path, Path], user_folder: Path
) -> None:
    """A resource that it lacks is told by its name, with how to leave its stack out."""
    ran = in_pipe("rehearse", "--ca-key", str(ca_files[1]), cwd=user_folder)
    assert ran.code == 2, ran.stdout + ran.stderr
    assert "the local AWS has no AWS::Nobody::HasIt; got 'Strange (Thing)'" in ran.stderr
    assert "fix: rehearse without: --exclude Strange" in ran.stderr


def test_what_keep_prints_can_be_followed(
    temporary: Path, ca_files: tuple[Path, Path], user_folder: Path
) -> None:
    """A board of one's own in each stage; then the fleet stays, is used as printed, and is gone by one command."""
    board = f"{sys.executable} board.py rehearsal-{make_ca('ec-p256', common_name='Rehearsed CA').certificate_id[:8]}"
    ran = in_pipe(
        *("rehearse", "--ca-key", str(ca_files[1]), "--exclude", "Strange", "--keep"),
        *("--device-command", board),
        cwd=user_folder,
    )
    assert ran.code == 0, ran.stdout + ran.stderr
    lines = ran.stdout.splitlines()
    assert any(line.startswith("one ") and line.endswith("  connects") for line in lines), ran.stdout
    client = next(line for line in lines if "openssl s_client" in line)
    shell = "; ".join(line.strip() for line in lines if line.startswith("  export "))
    stop = lines[-1].strip()
    try:
        said = subprocess.run(
            f"{client} -brief </dev/null", shell=True, capture_output=True, text=True, timeout=60
        )
        assert "Verification: OK" in said.stderr, said.stderr
        script = "import boto3; print(len(boto3.client('iot').list_things()['things']))"
        asked = f'{shell}; {sys.executable} -c "{script}"'
        assert subprocess.run(asked, shell=True, capture_output=True, text=True, timeout=60).stdout == "1\n"
        (endpoint,) = (line.split()[1] for line in lines if line.startswith("  127.0.0.1 "))
        assert endpoint in client
    finally:
        subprocess.run(stop, shell=True, check=True)
    wait_until(lambda: not any(each.name.startswith("iot-ca-") for each in temporary.iterdir()))
    wait_until(lambda: not [each for each in commands() if str(temporary) in each])


def test_a_board_is_listened_to(temporary: Path, ca_files: tuple[Path, Path], user_folder: Path) -> None:
    """A fleet that waits: endpoints first, then a document for each connection; Ctrl-C ends it, and nothing is left."""
    process = subprocess.Popen(
        [*PROGRAM, "listen", "--ca-key", str(ca_files[1]), "--exclude", "Strange", "--json"],
        cwd=user_folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    device = make_device(make_ca("ec-p256", common_name="Rehearsed CA"), "board-1")
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        assert first, process.stderr.read()
        fleet = json.loads(first)
        (stage,) = fleet["stages"]
        told = []
        for name in (None, stage["endpoint"]):
            come(fleet, name, device)
            told.append(json.loads(process.stdout.readline()))
        process.send_signal(signal.SIGINT)
        rest = [json.loads(line) for line in process.stdout]
        said = process.stderr.read()
    assert process.returncode == 0, said
    assert [(each["event"], each["stage"]) for each in told] == [("no-sni", None), ("provisioned", "one")]
    assert f"wanted: {stage['endpoint']}" in told[0]["says"]
    assert "SSL_set_tlsext_host_name" in told[0]["fix"]
    assert told[1]["sent"]["chain"] == "CN=board-1"
    assert rest == []
    document = (ROOT / "docs/json.md").read_text().partition("## iot-ca/listen,")[2].partition("\n## ")[0]
    keys = {key for each in (fleet, *told) for key in each} | {f"stages[].{key}" for key in stage}
    listed = set(re.findall(r"^\| `([^`]+)`", document, re.MULTILINE))
    assert {key.removesuffix("[]") for key in listed} == keys - {"stages"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("example", "stage", "told"),
    [
        ("jitr", "prod", ["registered", "kept-out"]),
        ("stack_set", "FleetCaSet", ["provisioned"]),
    ],
)
def test_a_board_is_listened_to_in_the_other_examples(
    example: str,
    stage: str,
    told: list[str],
    temporary: Path,
    ca_files: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that is on no list is told so, with the Lambda's reason; one in an account of a set is let in."""
    monkeypatch.setenv("FLEET_CA", str(ca_files[0]))
    app = f"{sys.executable} examples/{example}/app.py"
    with subprocess.Popen(
        [*PROGRAM, "listen", "--app", app, "--ca-key", str(ca_files[1]), "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        fleet = json.loads(process.stdout.readline())
        endpoint = next(each["endpoint"] for each in fleet["stages"] if each["stage"] == stage)
        come(fleet, endpoint, make_device(make_ca("ec-p256", common_name="Rehearsed CA"), "board-1"))
        found = [json.loads(process.stdout.readline()) for _ in told]
        process.send_signal(signal.SIGINT)
    assert process.returncode == 0
    assert [(each["event"], each["stage"]) for each in found] == [(word, stage) for word in told]
    if example == "jitr":
        assert found[1]["says"].endswith("is not in parameter /fleet/admitted")
        assert "put the device on the stage's allow-list" in found[1]["fix"]


@pytest.mark.slow
def test_a_rotation_of_a_default_owner(
    temporary: Path, ca_files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The steps of a rotation as the documentation has them, one over the other: a known device works through all."""
    new, old = (make_ca("ec-p256", common_name=f"rotated {age}") for age in ("new", "old"))
    for ca, name in ((new, "new"), (old, "old")):
        (tmp_path / f"{name}.pem").write_text(ca.pem)
        (tmp_path / f"{name}.key").write_text(ca.key_pem)
    (tmp_path / "app.py").write_text(_ROTATION_APP)
    monkeypatch.setenv("JITP", str(ROOT / "examples/jitp.json"))
    monkeypatch.setenv("FOLDER", str(tmp_path))
    keys = [f"--ca-key={tmp_path / name}.key" for name in ("old", "new")]
    app = f"{sys.executable} {tmp_path / 'app.py'}"
    steps = ["--app", f"{app} before", *(f"--then={app} {step}" for step in ("overlap", "closing", "after"))]
    ran = in_pipe("rehearse", *keys, *steps, cwd=tmp_path)
    assert ran.code == 0, ran.stdout + ran.stderr
    assert ran.stdout.splitlines().count("as planned") == 4
    inactive = [line for line in ran.stdout.splitlines() if "(retiring)" in line and "INACTIVE" in line]
    assert len(inactive) == 1
    assert "publishes and receives" in inactive[0], "a device that is known goes on working"
    assert ran.stdout.splitlines()[-1] == "nothing is left"


# One stage, the owner; its secret holds the key of the newest CA, as in docs/rotation.md.
_ROTATION_APP = """
import os, sys
from pathlib import Path
from aws_cdk import App
from iot_multiaccount_ca import (
    CaCertificate, CaStage, JitpTemplateBody, RetiringCa, SharedCa, SharedCaPlan, Verification,
)

old, new = (CaCertificate.from_file(Path(os.environ["FOLDER"]) / f"{name}.pem") for name in ("old", "new"))
step = sys.argv[1]
retiring = {"overlap": [RetiringCa(old)], "closing": [RetiringCa(old, active=False)]}.get(step, [])
app = App()
SharedCa(app, "Rotated", plan=SharedCaPlan(
    ca_certificate=old if step == "before" else new,
    retiring=retiring,
    owner_account="111111111111",
    verification=Verification.from_secret("fleet-ca/private-key"),
    provisioning=JitpTemplateBody.from_file(os.environ["JITP"]),
    stages=[CaStage("prod", account="111111111111", region="eu-west-1")],
))
app.synth()
"""


def test_ctrl_c_leaves_nothing(
    temporary: Path, ca_files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle of a deployment ends the CDK CLI and the local AWS, and says so."""
    certificate, key = ca_files
    monkeypatch.setenv("FLEET_CA", str(certificate))
    monkeypatch.chdir(ROOT)
    ran = in_terminal("rehearse", "--ca-key", str(key), columns=120, interrupt_at="deploying: FleetCa")
    assert ran.code == 2, ran.plain
    assert ran.plain.splitlines()[-1] == "iot-ca: interrupted"
    assert [line for line in commands() if str(temporary) in line] == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGHUP])
def test_whatever_ends_it_leaves_nothing(
    temporary: Path, ca_files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    """Killed in the middle of a deployment, it leaves no process of the CDK, of the local AWS, and no folder."""
    certificate, key = ca_files
    monkeypatch.setenv("FLEET_CA", str(certificate))
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from iot_multiaccount_ca.cli import main; main()",
            "rehearse",
            "--ca-key",
            str(key),
        ],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stderr is not None
        next(line for line in process.stderr if "bootstrapped" in line)
        wait_until(lambda: any("--require-approval" in each for each in commands() if str(temporary) in each))
        process.send_signal(how)
        process.stderr.read()
    wait_until(lambda: not [each for each in commands() if str(temporary) in each])
    wait_until(lambda: not any(each.name.startswith("iot-ca-") for each in temporary.iterdir()))


def come(fleet: dict[str, Any], name: str | None, device: DeviceKeyPair) -> None:
    """Let the device connect, with this server name, and be cut off."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=fleet["trustAnchors"])
    load(context, device.pem, device.key_pem)
    with (
        socket.create_connection((fleet["address"], fleet["port"]), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        secure.sendall(connect_packet("board-1"))
        assert secure.recv(1) == b""


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for a condition, half a minute at most."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def commands() -> list[str]:
    """Environment and command line of every process of this machine that may be looked at."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.append(
                "".join((process / name).read_text(errors="replace") for name in ("environ", "cmdline"))
            )
        except OSError:
            continue
    own = Path("/proc/self/environ").read_text(errors="replace")
    return [each for each in found if not each.startswith(own)]
