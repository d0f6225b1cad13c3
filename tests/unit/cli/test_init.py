"""`iot-ca init`: a whole app, which works as it stands, or nothing at all."""

from __future__ import annotations

import filecmp
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from iot_multiaccount_ca import CertificateMode, JitpTemplateBody, read_registrations
from iot_multiaccount_ca._version import WHEEL
from iot_multiaccount_ca.cli.root import run as main
from iot_multiaccount_ca.cli.starter import Starter
from support.certificates import make_ca
from support.documents import ROOT, blocks
from support.terminal import PROGRAM, in_pipe

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"app.py", "cdk.json", "jitp.json", "requirements.txt", "README.md", ".gitignore", "fleet-ca.pem"}
REGIONS = "eu-west-1,us-east-1"
KINDS = [[], ["--pipeline"], ["--stack-set"]]
OWNERS = [[], ["--owner", "prod"]]
PLACES = [[], ["--regions", REGIONS], ["--accounts", "a=111111111111,prod=222222222222"]]
APPS = ["plain", "pipeline", "stack_set"]
REGION_LISTS = [
    ("eu-west-1",),
    ("eu-west-1", "us-east-1"),
    ("eu-west-1", "eu-central-1", "us-east-1", "us-west-2", "ap-northeast-1"),
]
COMBINATIONS = [[*kind, *owner, *place] for kind, owner, place in itertools.product(KINDS, OWNERS, PLACES)]


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["init", *arguments])
    return int(caught.value.code or 0)


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    path = tmp_path / "given.pem"
    path.write_text(make_ca("ec-p256", common_name="Given CA").pem)
    return path


@pytest.mark.parametrize("options", COMBINATIONS, ids=" ".join)
def test_every_combination_synthesizes(
    options: list[str], tmp_path: Path, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registration in each account and region that was asked for, DEFAULT in the owner's only, JITP in all."""
    folder = tmp_path / "app"
    assert run(str(folder), *options, "--ca-certificate", str(ca_file)) == 0
    assert {each.name for each in folder.iterdir()} == FILES
    monkeypatch.chdir(folder)
    source = (folder / "app.py").read_text().replace("App()", f"App(outdir={str(tmp_path / 'cdk.out')!r})")
    exec(compile(source, "app.py", "exec"), {"__name__": "__main__"})
    records = read_registrations(tmp_path / "cdk.out")
    accounts = 2 if "--accounts" in options else 3
    regions = 2 if "--regions" in options else 1
    assert len({(each.account, each.region) for each in records}) == accounts * regions == len(records)
    owned = {each.label.partition("-")[0] for each in records if each.certificate_mode == "DEFAULT"}
    assert owned == ({"prod"} if "--owner" in options else set())
    assert all(each.template_name for each in records)
    sets = "AWS::CloudFormation::StackSet" in _templates(tmp_path / "cdk.out")
    assert sets == ("--stack-set" in options)
    assert ("AWS::CodePipeline::Pipeline" in _templates(tmp_path / "cdk.out")) == ("--pipeline" in options)


def _templates(assembly: Path) -> str:
    return "".join(each.read_text() for each in assembly.glob("*.template.json"))


@pytest.mark.parametrize(
    "tool", [["mypy", "--strict"], ["ruff", "format", "--isolated", "--diff"]], ids=" ".join
)
def test_every_app_is_as_tools_want_it(tool: list[str], tmp_path: Path) -> None:
    """Typed strictly, and formatted as formatters do by themselves: the first commit of a user is not noise."""
    paths = []
    names = [("dev", "prod"), ("production-line-4-europe-west-a", "production-line-5-europe-west-b")]
    apps = [
        *itertools.product(APPS, (None, "222222222222"), REGION_LISTS, names[:1]),
        *itertools.product(APPS, ("222222222222",), [("ap-southeast-2",)], names[1:]),
    ]
    for number, (kind, owner, regions, (first, second)) in enumerate(apps):
        accounts = {first: "111111111111", second: "222222222222"}
        path = tmp_path / f"app_{number}.py"
        path.write_text(Starter(accounts, regions, kind, owner).texts()["app.py"])
        paths.append(path)
    command = [sys.executable, "-m", *tool, *map(str, paths)]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_without_a_ca_one_is_made_for_development(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Certificate and key, the key for its owner alone and kept out of the repository; that is said."""
    assert run(str(tmp_path / "app")) == 0
    key = tmp_path / "app/fleet-ca.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert "*.key" in (tmp_path / "app/.gitignore").read_text().splitlines()
    said = capsys.readouterr().out
    assert "for development" in said
    assert said.endswith(f"next: cd {tmp_path / 'app'} && iot-ca rehearse --ca-key fleet-ca.key\n")


def test_a_certificate_that_lies_there_is_taken_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `iot-ca create-ca` made in the folder before."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fleet-ca.pem").write_text(make_ca("ec-p256").pem)
    before = (tmp_path / "fleet-ca.pem").read_bytes()
    assert run("--ca-certificate", "fleet-ca.pem") == 0
    assert (tmp_path / "fleet-ca.pem").read_bytes() == before
    assert {each.name for each in tmp_path.iterdir()} == FILES


@pytest.mark.parametrize("taken", [["app.py"], ["jitp.json", ".gitignore"], ["fleet-ca.key"]], ids=" ".join)
def test_nothing_is_overwritten(taken: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every file that is there is named, be it a link to nowhere; none is written."""
    for name in taken[:-1]:
        (tmp_path / name).write_text("mine")
    (tmp_path / taken[-1]).symlink_to(tmp_path / "nowhere")
    assert run(str(tmp_path)) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert all(name in said for name in [*taken, str(tmp_path)])
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(taken)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--owner", "qa"], "--owner is none of the accounts"),
        (["--owner", "444444444444"], "--owner is none of the accounts"),
        (["--accounts", "dev"], "--accounts is malformed"),
        (["--accounts", "dev=111111111111,dev=222222222222"], "a name twice"),
        (["--accounts", "dev=1111"], "12 digits"),
        (["--accounts", "de_v=111111111111"], "stage's name"),
        (["--accounts", "dev=111111111111,prod=111111111111"], "111111111111"),
        (["--regions", "eu-west-1,"], "region"),
        (["--regions", 'eu-west-1"'], "region"),
        (["--pipeline", "--stack-set"], "exclude each other"),
        (["--ca-certificate", "jitp.json"], "PEM"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_where_anything_is_wrong_nothing_is_written(
    options: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One sentence, exit code 2, and no folder."""
    monkeypatch.chdir(ROOT / "examples")
    assert run(str(tmp_path / "new/app"), *options) == 2
    assert says in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_written_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was written before the failure is gone again, and so are the folders made for it."""
    from iot_multiaccount_ca.cli import files

    create = files.create

    def fails_at_the_end(path: Path, content: bytes, *, mode: int) -> None:
        if path.name == "requirements.txt":
            raise OSError(28, "No space left on device", str(path))
        create(path, content, mode=mode)

    monkeypatch.setattr(files, "create", fails_at_the_end)
    assert run(str(tmp_path / "new/app")) == 2
    assert "no space left on device" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_ends_it_in_the_middle_leaves_all_or_nothing(number: signal.Signals, tmp_path: Path) -> None:
    """Sent as soon as the folder is there, and a little later: no half of an app, and no folder for none."""
    for moment in range(3):
        folder = tmp_path / str(moment)
        folder.mkdir()
        process = subprocess.Popen(
            [*PROGRAM, "init", "new/app"], cwd=folder, stderr=subprocess.PIPE, text=True
        )
        waited = time.monotonic()
        while not (folder / "new").exists():
            assert time.monotonic() < waited + 60
        time.sleep(moment / 1000)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
        assert (process.returncode, errors) in {(0, ""), (2, "iot-ca: interrupted\n")}
        made = {each.name for each in (folder / "new/app").iterdir()} if any(folder.iterdir()) else set()
        assert made in (set(), {*FILES, "fleet-ca.key"})


@pytest.mark.parametrize("name", ["-x", "a b", "$HOME", "quo'te", "new\nline", "ü\u202e"], ids=ascii)
def test_what_comes_next_can_be_pasted(name: str, tmp_path: Path) -> None:
    """Whatever the folder is called, and each path on a line of its own."""
    ran = in_pipe("init", "--", name, cwd=tmp_path)
    assert ran.code == 0
    said = ran.stdout.splitlines()
    assert len(said) == len(FILES) + 3
    move = said[-1].removeprefix("next: ").partition(" && ")[0]
    shell = ["bash", "-c", f"{move} && ls"]
    listed = subprocess.run(
        shell, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"}
    )
    assert "jitp.json" in listed.stdout.split(), listed.stderr


def test_a_region_that_nobody_knows_is_warned_of(tmp_path: Path) -> None:
    """It may be new, and it may be a slip."""
    ran = in_pipe("init", "app", "--regions", "eu-wset-1", cwd=tmp_path)
    assert ran.code == 0
    assert "warning: stage 'dev': region eu-wset-1 is not among the AWS IoT regions" in ran.stderr


def test_the_policy_is_scoped_and_the_template_that_of_the_examples() -> None:
    """A device does nothing under another's name; the linter has nothing to warn of."""
    starter = ROOT / "src/iot_multiaccount_ca/cli/starter/files/jitp.json"
    assert JitpTemplateBody.from_file(starter).warnings == ()
    for name in ("jitp.json", "cdk.json"):
        assert filecmp.cmp(starter.with_name(name), ROOT / "examples" / name, shallow=False)


def test_the_readme_shows_what_it_writes() -> None:
    """The first example of the front page is the plain app, whole, and its template is shown once."""
    texts = Starter(
        {"dev": "111111111111", "staging": "222222222222", "prod": "333333333333"}, ("eu-west-1",)
    ).texts()
    shown = blocks(ROOT / "README.md")
    assert next(each.text for each in shown if each.language == "python") == texts["app.py"]
    assert [each.text for each in shown if each.language == "json"] == [texts["jitp.json"]]
    assert json.loads(texts["cdk.json"]) == {"app": "python app.py"}


@pytest.mark.parametrize("kind", ["plain", "pipeline", "stack_set"])
def test_the_library_is_installed_from_its_wheel(kind: str) -> None:
    """By all that the app holds, and never by its name, which on a public index anybody may hold."""
    texts = Starter({"dev": "111111111111"}, ("eu-west-1",), kind=kind).texts()
    ours = [each for each in texts["requirements.txt"].splitlines() if re.search("iot.multiaccount.ca", each)]
    assert ours == [f"./wheels/{WHEEL}[local]"]
    assert f"Put `{WHEEL}` into `wheels/`" in texts["README.md"]
    assert not re.search(r"pip install (?!wheels/|-r )", "".join(texts.values()))


def test_the_plain_app_is_what_it_says(ca_file: Path) -> None:
    """Without an owner every stage is SNI_ONLY, and its own README is short."""
    from iot_multiaccount_ca import CaCertificate

    starter = Starter({"dev": "111111111111"}, ("eu-west-1",))
    [stage] = starter.plan(CaCertificate.from_file(ca_file)).stages
    assert stage.certificate_mode is CertificateMode.SNI_ONLY
    assert len(starter.texts()["README.md"].splitlines()) <= 12
