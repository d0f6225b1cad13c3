"""However a rehearsal ends, it is a sentence and an exit code, and nothing is left. The CDK CLI is a script here."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from aws_cdk import App

from iot_multiaccount_ca import SharedCa
from support import plans
from support.certificates import make_ca
from support.processes import commands_of, wait_until
from support.terminal import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Does nothing well; hangs, with a child, or fails where a file of that name is.
_CLI = """#!/bin/sh
here=$(dirname "$0")
[ "$1" != synth ] || cp -R "$here/app.out" cdk.out
echo "$1" >> "$here/begun"
if [ -e "$here/$1.hangs" ]; then sleep 600 & wait; fi
if [ -e "$here/$1.sh" ]; then . "$here/$1.sh"; fi
"""
_MOMENTS = ("synth", "bootstrap", "deploy", "destroy", "device", "visit")
_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL)
_QUICK = {("synth", signal.SIGTERM), ("device", signal.SIGHUP)}


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a CLI that deploys nothing, for an app of SNI_ONLY stages; after the test nothing is left."""
    folder = tmp_path / "app/node_modules/.bin"
    folder.mkdir(parents=True)
    app = App(outdir=str(folder / "app.out"))
    SharedCa(app, "FleetCa", plan=plans.plan(owner_account=None, verification=None))
    app.synth()
    (folder / "cdk").write_text(_CLI)
    (folder / "cdk").chmod(0o755)
    (tmp_path / "app/cdk.json").write_text(json.dumps({"app": "true"}))
    (tmp_path / "ca.key").write_text(make_ca("ec-p256", common_name="Fleet CA").key_pem)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    yield folder
    wait_until(lambda: commands_of(tmp_path / "tmp") == [])
    wait_until(lambda: not [*(tmp_path / "tmp").iterdir()])


def start(cli: Path, *arguments: str) -> subprocess.Popen[str]:
    """The command line in the app's folder."""
    key = cli.parents[2] / "ca.key"
    return subprocess.Popen(
        [*PROGRAM, *arguments, "--ca-key", str(key)],
        cwd=cli.parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _begun(cli: Path, moment: str) -> Callable[[], bool]:
    """Whether the moment has come: the CLI's command runs, the device's, or the device is at the broker."""
    if moment == "visit":
        found = cli.parents[2] / "tmp"
        return lambda: any(each.read_text() for each in found.glob("iot-ca-*/connections.jsonl"))
    return lambda: (cli / "begun").exists() and moment in (cli / "begun").read_text().split()


@pytest.mark.parametrize(
    ("moment", "how"),
    [
        pytest.param(moment, how, marks=[] if (moment, how) in _QUICK else [pytest.mark.slow])
        for moment in _MOMENTS
        for how in _SIGNALS
    ],
)
def test_a_signal_at_any_moment(cli: Path, moment: str, how: signal.Signals) -> None:
    """SIGTERM, SIGHUP and Ctrl-C are a sentence and exit code 2; after them and a SIGKILL nothing is left."""
    (cli / f"{moment}.hangs").touch()
    more = {
        "device": ["--device-command", f"echo device >> {cli}/begun; sleep 600 & sleep 600"],
        "destroy": ["--no-device"],
    }
    with start(cli, "rehearse", *more.get(moment, [])) as process:
        wait_until(_begun(cli, moment))
        process.send_signal(how)
        _, said = process.communicate(timeout=60)
    if how is signal.SIGKILL:
        assert process.returncode == -how
    else:
        assert (process.returncode, said.splitlines()[-1]) == (2, "iot-ca: interrupted"), said


@pytest.mark.slow
@pytest.mark.parametrize("command", ["rehearse", "listen"])
def test_a_local_aws_that_dies(cli: Path, command: str) -> None:
    """In the middle: what died is told, with the end of its log, and not what failed because of it."""
    (cli / "deploy.sh").write_text("kill -KILL $(cat $TMPDIR/ministack-*.pid); sleep 1")
    with start(cli, command) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 2, said
    assert "iot-ca: the local AWS ended by itself (exit code 137); the end of its log:\n" in said
    assert "Traceback" not in said


def test_a_local_aws_that_dies_while_it_is_listened_to(cli: Path) -> None:
    """Who waits for boards does not wait for ever."""
    with start(cli, "listen", "--json") as process:
        assert process.stdout is not None
        process.stdout.readline()
        (file,) = (cli.parents[2] / "tmp").glob("iot-ca-*/tmp/ministack-*.pid")
        subprocess.run(["kill", "-KILL", file.read_text()], check=True)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 2, said
    assert "the local AWS ended by itself" in said


@pytest.mark.parametrize(
    "how", [signal.SIGTERM, *(pytest.param(each, marks=pytest.mark.slow) for each in _SIGNALS[1:])]
)
def test_what_waits_for_boards_is_ended_by_a_signal(cli: Path, how: signal.Signals) -> None:
    """That is how it is meant to end: exit code 0, and nothing is left of it."""
    with start(cli, "listen", "--json") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(how)
        _, said = process.communicate(timeout=60)
    if how is signal.SIGKILL:
        assert process.returncode == -how
    else:
        assert (process.returncode, said.splitlines()[-1]) == (0, "iot-ca: ended; nothing is left running"), (
            said
        )


def test_who_reads_no_more_ends_it(cli: Path) -> None:
    """`iot-ca listen | head`: when the reader is gone there is nobody to listen for, and that is no failure."""
    with start(cli, "listen", "--json") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["kind"] == "endpoints"
        process.stdout.close()
        assert process.wait(60) == 0


def test_what_the_cli_said_keeps_its_lines(cli: Path) -> None:
    """A template that CloudFormation refuses, an app's traceback: to be read, below the sentence, without colours."""
    (cli / "synth.sh").write_text(r"printf 'one\n\033[31mtwo\033[0m \033[2J\n'; exit 3")
    with start(cli, "rehearse") as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said.endswith("\niot-ca: cdk synth failed with exit code 3:\none\ntwo \\x1b[2J\n")


@pytest.mark.parametrize(
    ("script", "says"),
    [
        pytest.param("kill -KILL $$", "cdk synth was ended by SIGKILL", marks=pytest.mark.slow),
        ("rm -r cdk.out; echo Done", "no cloud assembly"),
        pytest.param("echo '<html>' > cdk.out/manifest.json", "manifest.json", marks=pytest.mark.slow),
        pytest.param("echo '[]' > cdk.out/manifest.json", "manifest.json", marks=pytest.mark.slow),
    ],
)
def test_a_cli_that_does_not_do_its_work(cli: Path, script: str, says: str) -> None:
    """Killed, or with exit code 0 and no assembly that can be read: a sentence, no traceback."""
    (cli / "synth.sh").write_text(script)
    with start(cli, "rehearse") as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 2, said
    assert says in said.splitlines()[-1], said
    assert "Traceback" not in said
    assert "bug" not in said
