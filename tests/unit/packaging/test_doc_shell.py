"""Rules of the shell's blocks in the documents: they run as they are printed, in a reader's folder.

In place of what needs AWS, a network or a device's hardware stands a program that does nothing (`cdk synth` gives a
cloud assembly); all that works on files is real. What those commands are told is tried in test_doc_examples.py.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from aws_cdk import App

from iot_multiaccount_ca import SharedCa
from support import plans
from support.certificates import make_ca, make_device, registration_code
from support.documents import PAGES, ROOT, blocks, commands, readers_folder
from support.terminal import in_terminal

if TYPE_CHECKING:
    from pathlib import Path

#: Each of its commands stands for itself; on the other pages one follows another.
_REFERENCE = ROOT / "docs/cli.md"
_PAGES = [page for page in PAGES if page != _REFERENCE]
_ELSEWHERE = ("aws", "gh", "make", "npm", "pip", "pipx")
_OF_IOT_CA = ("listen", "registration-code", "rehearse", "repair", "verify")
_CA = "Fleet device CA"


def _of(language: str) -> list[Path]:
    return [page for page in _PAGES if any(each.language == language for each in blocks(page))]


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the reader's app synthesizes to."""
    folder = tmp_path_factory.mktemp("assembly")
    app = App(outdir=str(folder))
    SharedCa(app, "FleetCa", plan=plans.plan(ca_certificate=plans.ca(_CA)))
    app.synth()
    return folder


@pytest.fixture
def reader(assembly: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A reader's folder, and what is on a reader's PATH."""
    folder, programs = tmp_path / "app", tmp_path / "programs"
    folder.mkdir()
    programs.mkdir()
    for name in _ELSEWHERE:
        _program(programs, name, "exit 0")
    for name in ("cdk", "npx"):
        _program(programs, name, f'case "$*" in *synth*) rm -rf cdk.out; cp -R {assembly} cdk.out;; esac')
    _program(programs, "timeout", "cat >/dev/null")  # a device's connection
    asking = "|".join(f"{each}*" for each in (*_OF_IOT_CA, "*organizations", "*--live"))
    main = shlex.join([sys.executable, "-c", "from iot_multiaccount_ca.cli import main; main()"])
    _program(programs, "iot-ca", f'case "$*" in {asking}) ;; *) exec {main} "$@";; esac')
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(folder)
    _fill(folder)
    shutil.copytree(assembly, folder / "cdk.out")
    return folder


def _fill(folder: Path) -> None:
    """With the CA whose key the reader has, a batch of devices, a request, the wheel, and a branch."""
    readers_folder(folder)
    ca = make_ca("ec-p256", common_name=_CA)
    (folder / "fleet-ca.pem").write_text(ca.pem)
    (folder / "fleet-ca.key").write_text(ca.key_pem)
    (folder / "factory/batch-7").mkdir(parents=True)
    for number in (1, 2):
        device = make_device(ca, common_name=f"device-{number}").pem
        (folder / f"factory/batch-7/{number}.pem").write_text(device)
    (folder / "device.pem").write_text(device)
    (folder / "dist").mkdir()
    (folder / "dist/iot_multiaccount_ca-0.1.0-py3-none-any.whl").touch()
    request = {
        "stage": "prod",
        "account": "333333333333",
        "region": "eu-west-1",
        "registrationCode": registration_code(),
        "caCertificateId": ca.certificate_id,
        "caSubject": f"CN={_CA}",
    }
    (folder / "request.json").write_text(json.dumps({"version": 1, "requests": [request]}))
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for command in (
        ("init", "--quiet"),
        (*identity, "commit", "--quiet", "--allow-empty", "--message", "begin"),
        ("update-ref", "refs/remotes/origin/main", "HEAD"),
    ):
        subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)


def _run(text: str, where: str, folder: Path) -> None:
    """As it is printed; any command that fails, in a pipe too, ends it."""
    ran = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", text],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, f"{where}: {ran.stderr}"


@pytest.mark.parametrize("page", _of("sh"), ids=_name)
def test_every_block_runs_as_printed(page: Path, reader: Path) -> None:
    """One after the other, in one folder; a CA is made where none is yet."""
    if page == ROOT / "examples/README.md":
        for made in ("fleet-ca.pem", "fleet-ca.key"):
            (reader / made).unlink()
    for block in blocks(page):
        if block.language == "sh":
            _run(block.text, f"line {block.line}", reader)


def test_every_command_of_the_reference_runs_as_printed(reader: Path, assembly: Path) -> None:
    """Each in a folder of its own, an empty one where it makes one; with --yes where it asks."""
    (reader / "ca.pem").write_text((reader / "fleet-ca.pem").read_text())
    (reader / "ca.key").write_text((reader / "fleet-ca.key").read_text())
    copies = f"shutil.copytree({str(assembly)!r}, os.environ['CDK_OUTDIR'], dirs_exist_ok=True)"
    (reader / "app.py").write_text(f"import os, shutil\n{copies}\n")
    shutil.copytree(assembly, reader.parent / "main/cdk.out")
    for line, command in commands(_REFERENCE):
        folder = reader.parent / str(line)
        if " create-ca " in command or " init " in command:
            folder.mkdir()
            if "--ca-certificate fleet-ca.pem" in command:
                shutil.copy(reader / "fleet-ca.pem", folder)
        else:
            shutil.copytree(reader, folder)
        _run(command + " --yes" * (" verification-cert " in command), f"line {line}", folder)


@pytest.mark.parametrize("page", _of("console"), ids=_name)
def test_every_dialogue_goes_as_printed(page: Path, reader: Path) -> None:
    """The commands after `$`, what is typed after a question, and each line that holds nothing of the day."""
    (reader / "certs/prod.verification.pem").unlink()
    for block in blocks(page):
        if block.language != "console":
            continue
        command, *shown = block.text.splitlines()
        program, *arguments = shlex.split(command.removeprefix("$ "))
        if program != "iot-ca":
            said = subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout
            assert said.splitlines() == shown
        elif arguments[0] not in _OF_IOT_CA:
            ran = in_terminal(*arguments, columns=125, answer=("[y/N]", "y\n"))
            assert ran.code == 0, ran.plain
            lines = [line.rstrip() for line in ran.plain.splitlines()]
            of_the_day = ("to be signed", "with certificate id", "prod ", "Sign ")
            missing = [each for each in shown if each not in lines and not each.startswith(of_the_day)]
            assert missing == []
