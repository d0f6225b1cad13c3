"""``iot-ca simulate`` on folders and stages: every file is accounted for, and the place is the cloud assembly's."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App
from cryptography.hazmat.primitives.serialization import Encoding

from iot_multiaccount_ca import (
    Admission,
    CaCertificate,
    CaStage,
    JitpTemplateBody,
    JitrEnrollment,
    RetiringCa,
    SharedCa,
    SharedCaPlan,
)
from iot_multiaccount_ca.cli.output import console
from iot_multiaccount_ca.cli.simulation.device_files import files_in, read
from iot_multiaccount_ca.cli.simulation.dry_runs import DryRun, DryRuns
from iot_multiaccount_ca.cli.simulation.registrations import Registration
from iot_multiaccount_ca.cli.simulation.text import show
from support.certificates import make_ca, make_device
from support.simulation_table import POLICY, ref, template
from support.terminal import in_pipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIELD = Path(__file__).parents[1] / "model/jitp/field"
CA = make_ca("ec-p256", common_name="Many CA")
NEXT = make_ca("ec-p256", common_name="Next CA")
DOCUMENT = POLICY.replace('"*"', '"arn:{{partition}}:iot:{{region}}:{{account}}:client/x"')
BODY = template("CommonName", thing={"ThingName": ref("CommonName")}, policy={"PolicyDocument": DOCUMENT})


def test_every_file_of_a_folder_is_accounted_for(tmp_path: Path) -> None:
    """Read, no concern, or not readable and exit code 2; whatever its ending."""
    folder = tmp_path / "factory"
    (folder / "line 2").mkdir(parents=True)
    (folder / ".git").mkdir()
    device = make_device(CA, "d1")
    written = {
        "a.txt": device.pem,
        "line 2/no-ending": make_device(CA, "d2").pem,
        "bundle.pem": CA.pem + make_device(CA, "d3").pem,
        "batch.pem": make_device(CA, "d4").pem + make_device(CA, "d5").pem,
        "a.key.pem": device.key_pem,
        "notes.txt": "notes",
        "nothing.txt": "",
        "nothing.pem": "",
        "text.crt": "no certificate",
        "cut.pem": device.pem[:300],
        ".hidden.pem": device.pem,
    }
    for name, content in written.items():
        (folder / name).write_text(content)
    (folder / "ca.pem").write_text(CA.pem)
    (folder / "link.pem").symlink_to("gone.pem")
    (tmp_path / "jitp.json").write_text(json.dumps(BODY))
    (tmp_path / "ca.pem").write_text(CA.pem)
    ran = in_pipe(
        "simulate", "-t", "jitp.json", "--ca-certificate", "ca.pem", "--json", "factory", cwd=tmp_path
    )
    answer = json.loads(ran.stdout)
    assert ran.code == answer["exitCode"] == 2
    states = {(each["file"], each["number"]): each["state"] for each in answer["devices"]}
    assert states == {
        ("a.txt", 0): "provisioned",
        ("line 2/no-ending", 0): "provisioned",
        ("bundle.pem", 0): "provisioned",
        ("batch.pem", 1): "provisioned",
        ("batch.pem", 2): "provisioned",
        ("nothing.pem", 0): "unreadable",
        ("text.crt", 0): "unreadable",
        ("cut.pem", 0): "unreadable",
        ("link.pem", 0): "unreadable",
    }
    assert {each["file"]: each["reason"] for each in answer["leftOut"]} == {
        "a.key.pem": "a private key",
        "notes.txt": "no certificate in it",
        "nothing.txt": "it is empty",
        ".git": "hidden",
        ".hidden.pem": "hidden",
        "ca.pem": "the CA's own certificate",
    }
    text = in_pipe(
        "simulate", "-t", "jitp.json", "--ca-certificate", "ca.pem", "factory", cwd=tmp_path
    ).stdout
    for each in ("a.key.pem", ".git", "link.pem", "cut.pem", "batch.pem #2"):
        assert each in text


def test_nothing_that_may_hold_a_device_is_taken_for_the_ca(tmp_path: Path) -> None:
    """A CA with a device behind it that is cut off; and text that only looks like base64."""
    folder = tmp_path / "factory"
    folder.mkdir()
    whole, cut = (each.certificate.public_bytes(Encoding.DER) for each in (CA, make_device(CA, "cut")))
    (folder / "a.der").write_bytes(whole + cut[:-9])
    (folder / "serials.txt").write_text("0123456789abcdef" * 40)
    (folder / "archive.tar").write_bytes(b"d.pem".ljust(257, b"\x00") + b"ustar\x00")
    (folder / "d.pem").write_text(make_device(CA, "d1").pem)
    (tmp_path / "jitp.json").write_text(json.dumps(BODY))
    (tmp_path / "ca.pem").write_text(CA.pem)
    ran = in_pipe(
        "simulate", "-t", "jitp.json", "--ca-certificate", "ca.pem", "--json", "factory", cwd=tmp_path
    )
    answer = json.loads(ran.stdout)
    assert ran.code == 2
    assert {each["file"]: each["state"] for each in answer["devices"]} == {
        "a.der": "unreadable",
        "archive.tar": "unreadable",
        "d.pem": "provisioned",
    }
    assert answer["leftOut"] == [{"file": "serials.txt", "reason": "no certificate in it"}]


def test_a_folder_of_one_certificate_in_five_forms(tmp_path: Path) -> None:
    """A row each, and the warning that they are one."""
    shutil.copytree(FIELD / "batch", tmp_path / "batch")
    shutil.copy(FIELD / "serial-declared-unused.json", tmp_path / "jitp.json")
    answer = json.loads(in_pipe("simulate", "-t", "jitp.json", "batch", "--json", cwd=tmp_path).stdout)
    assert answer["counts"] == {"provisioned": len(answer["devices"]), "refused": 0, "unreadable": 0}
    assert {each["file"] for each in answer["devices"]} == {each.name for each in (FIELD / "batch").iterdir()}
    assert {each["form"] for each in answer["devices"]} == {
        "PEM",
        "PEM, UTF-16",
        "PEM (TRUSTED CERTIFICATE)",
        "PEM (X509 CERTIFICATE)",
        "PKCS#7",
    }


def test_problems_only_shows_nothing_else(tmp_path: Path) -> None:
    """In the table and in the JSON; the counts are of all."""
    (tmp_path / "jitp.json").write_text(json.dumps(BODY))
    for name in ("good", "is bad"):
        (tmp_path / f"{name}.pem").write_text(make_device(CA, name).pem)
    files = ("good.pem", "is bad.pem")
    ran = in_pipe("simulate", "-t", "jitp.json", "--problems-only", *files, cwd=tmp_path)
    assert ran.code == 1
    assert "is bad.pem" in ran.stdout
    assert "good.pem" not in ran.stdout
    assert "1 certificate without a problem not shown" in ran.stdout
    answer = json.loads(
        in_pipe("simulate", "-t", "jitp.json", "--problems-only", "--json", *files, cwd=tmp_path).stdout
    )
    assert [each["file"] for each in answer["devices"]] == ["is bad.pem"]
    assert answer["counts"]["provisioned"] == 1


def test_a_table_of_ten_thousand_shows_the_problems_and_is_fast(capsys: pytest.CaptureFixture[str]) -> None:
    """Not ten thousand rows."""
    body = JitpTemplateBody.from_dict(BODY)
    good, bad = (body.render(make_device(CA, name).pem) for name in ("good", "is bad"))
    results = tuple(
        DryRun(f"{number}.pem", bad if number % 5_000 == 0 else good, form="PEM") for number in range(10_000)
    )
    made = DryRuns(results, (), False, Registration("111111111111", "eu-west-1", None, body))
    begin = time.monotonic()
    show(console(), made, problems_only=False)
    assert time.monotonic() - begin < 5
    shown = capsys.readouterr().out
    assert "5000.pem" in shown
    assert "9,998 certificates without a problem not shown" in shown.replace("\u202f", ",")
    assert len(shown.splitlines()) < 100


def test_no_link_is_followed_and_no_device_waited_for(tmp_path: Path) -> None:
    """A link to a folder is a problem; a pipe would never end."""
    (tmp_path / "real").mkdir()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "folder/pipe.pem")
    found = {each.label: read(each) for each in files_in([tmp_path / "folder"])}
    assert "not followed" in (found["link"].problem or "")
    assert found["pipe.pem"].no_concern == "no regular file"


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app with a stage of JITP under a rotation, and one of JITR."""
    folder = tmp_path_factory.mktemp("cdk.out")
    app = App(outdir=str(folder))
    plan = SharedCaPlan(
        ca_certificate=CaCertificate.from_pem(NEXT.pem),
        retiring=[RetiringCa(CaCertificate.from_pem(CA.pem))],
        provisioning=JitpTemplateBody.from_dict(BODY),
        stages=[
            CaStage("prod", account="333333333333", region="eu-west-1"),
            CaStage(
                "lab",
                account="111111111111",
                region="eu-west-1",
                provisioning=JitrEnrollment(
                    policy="devices",
                    admission=Admission(parameter_name="p", subject={"CommonName": "lab-.*"}),
                    thing_name="{CommonName}",
                ),
            ),
        ],
    )
    SharedCa(app, "FleetCa", plan=plan)
    app.synth()
    return folder


def test_the_stage_says_template_account_and_ca(assembly: Path, tmp_path: Path) -> None:
    """Of two CAs the one that signed the device."""
    for name, authority in (("old", CA), ("new", NEXT)):
        (tmp_path / f"{name}.pem").write_text(make_device(authority, name).pem)
    arguments = ("--app", str(assembly), "--stage", "prod", "--json", "old.pem", "new.pem")
    ran = in_pipe("simulate", *arguments, cwd=tmp_path)
    answer = json.loads(ran.stdout)
    assert ran.code == 0
    assert (answer["stage"], answer["account"], answer["template"]) == ("prod", "333333333333", None)
    for each in answer["devices"]:
        assert each["result"]["chains"] is True
        assert "arn:aws:iot:eu-west-1:333333333333" in each["result"]["policies"][0]["document"]


def test_the_stages_admission_is_tried(assembly: Path, tmp_path: Path) -> None:
    """Subject rules, and the allow-list that is given as a file."""
    admitted, stranger = make_device(NEXT, "lab-1"), make_device(NEXT, "pump-1")
    (tmp_path / "admitted.pem").write_text(admitted.pem)
    (tmp_path / "stranger.pem").write_text(stranger.pem)
    (tmp_path / "list").write_text(admitted.certificate_id)
    files = ("admitted.pem", "stranger.pem")
    arguments = ("--app", str(assembly), "--stage", "lab", "--allow-list", "list", "--json", *files)
    answer = json.loads(in_pipe("simulate", *arguments, cwd=tmp_path).stdout)
    codes = [[each["code"] for each in device["result"]["findings"]] for device in answer["devices"]]
    assert codes == [[], ["enrollment-subject", "enrollment-not-listed"]]
    assert answer["devices"][0]["result"]["thing"]["name"] == "lab-1"


def test_files_of_one_name_in_two_folders_are_two(tmp_path: Path) -> None:
    """Each is called by its whole path, and the one that collides with nothing is no problem."""
    for name, devices in {"old": ("d1", "d2"), ".new": ("d3", "d2")}.items():
        (tmp_path / name).mkdir()
        for file, device in zip(("a.pem", "b.pem"), devices, strict=True):
            key = f"{name} {device}"
            (tmp_path / name / file).write_text(make_device(CA, device, key_name=key).pem)
    (tmp_path / "jitp.json").write_text(json.dumps(BODY))
    arguments = ("simulate", "-t", "jitp.json", "old", ".new", "--problems-only", "--json")
    answer = json.loads(in_pipe(*arguments, cwd=tmp_path).stdout)
    assert {each["file"] for each in answer["devices"]} == {"old/b.pem", ".new/b.pem"}
    assert answer["leftOut"] == []


def test_a_folder_that_cannot_be_read_is_called_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given by itself, or inside of another."""
    (tmp_path / "closed").mkdir()

    def closed(folder: Path, onerror: Callable[[OSError], None]) -> Iterator[Any]:
        onerror(PermissionError(13, "denied", str(folder)))
        return iter(())

    monkeypatch.setattr(os, "walk", closed)
    [place] = files_in([tmp_path / "closed"])
    assert place.label == str(tmp_path / "closed")
    assert "cannot be read" in (read(place).problem or "")


def test_what_a_list_has_beside_entries_is_told(assembly: Path, tmp_path: Path) -> None:
    """It admits nobody, and nobody would miss it; a byte order mark is none of it."""
    device = make_device(NEXT, "lab-1")
    (tmp_path / "d.pem").write_text(device.pem)
    (tmp_path / "list").write_text(f'\ufeff{device.certificate_id}, ["abc"]\nnobody')
    ran = in_pipe(
        "simulate", "--app", str(assembly), "--stage", "lab", "--allow-list", "list", "d.pem", cwd=tmp_path
    )
    assert ran.code == 0
    assert ran.stderr == (
        'warning: 2 entries of the allow-list, not a hex number, admitting nobody: ["abc"], nobody\n'
    )


def test_a_list_that_nobody_asks_is_refused(assembly: Path, tmp_path: Path) -> None:
    """Of a stage with a template, and of a template alone: what is given is not ignored."""
    (tmp_path / "d.pem").write_text(make_device(NEXT, "d1").pem)
    (tmp_path / "jitp.json").write_text(json.dumps(BODY))
    for place in (("--app", str(assembly), "--stage", "prod"), ("--template", "jitp.json")):
        ran = in_pipe("simulate", *place, "--allow-list", "d.pem", "d.pem", cwd=tmp_path)
        assert (ran.code, ran.stdout) == (2, "")
        assert "--allow-list is for a stage" in ran.stderr


@pytest.mark.parametrize(
    "arguments",
    [("--stage", "none"), ("--stage", "prod", "--account", "111111111111"), ("--template", "x")],
    ids=["no such stage", "two accounts", "no stage"],
)
def test_a_place_that_cannot_be_is_bad_input(
    arguments: tuple[str, ...], assembly: Path, tmp_path: Path
) -> None:
    """Exit code 2 and a sentence."""
    (tmp_path / "d.pem").write_text(make_device(NEXT, "d").pem)
    ran = in_pipe("simulate", "--app", str(assembly), *arguments, "d.pem", cwd=tmp_path)
    assert ran.code == 2
    assert "Traceback" not in ran.stderr
