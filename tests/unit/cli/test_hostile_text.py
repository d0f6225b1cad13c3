"""Names, subjects and answers that would steer a terminal, through every output of the commands that show a fleet."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from iot_multiaccount_ca.cli.root import cli, run
from support.documents import ROOT
from support.fakes.fleet_aws import FakeAws
from support.fleets import OWN_ACCOUNT, Fleet, record, write_assembly
from support.terminal import Ran, in_pipe

TEMPLATE = ROOT / "examples/jitp.json"
CLI = Path(__file__).parents[3] / "src" / "iot_multiaccount_ca" / "cli"
HOSTILE = "\x1b[31m\x1b]0;x\x07\x9b1m\u202e\u200b\x7f\r\n|<script>[red]*`"


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """A stage whose every free text is hostile, as the assembly of a stranger's app may have it."""
    hostile: dict[str, Any] = {
        "stage": f"dev{HOSTILE}",
        "stack_name": f"Fleet{HOSTILE}",
        "subject": f"CN={HOSTILE}",
        "template_name": f"t{HOSTILE}",
        "certificate_mode": "DEFAULT",
        "verification": {"type": "SECRET", "secret": HOSTILE},
    }
    return Fleet(tmp_path, monkeypatch, [record(**hostile)])


def raw(shown: str) -> str:
    """What of it cannot be seen, and is not a line's end."""
    return "".join(each for each in shown if not each.isprintable() and each != "\n")


def check(ran: Ran, code: int) -> None:
    """It ended so, said something, and nothing raw, on neither stream; no name begins a line of its own."""
    assert ran.code == code, ran.stderr
    assert (raw(ran.stdout), raw(ran.stderr)) == ("", "")
    assert "\n|<script>" not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--view", "table"],
        ["--view", "matrix"],
        ["--json"],
        ["--markdown"],
        ["--markdown", "--view", "matrix"],
    ],
)
def test_plan_shows_nothing_raw(arguments: list[str], fleet: Fleet) -> None:
    """As table, matrix, JSON and Markdown; in Markdown no mark of a name's own works."""
    ran = in_pipe("plan", "--app", str(fleet.assembly()), *arguments)
    check(ran, 0)
    if arguments == ["--markdown"]:
        [row] = [line for line in ran.stdout.splitlines() if line.startswith("| 1 ")]
        assert "\\|\\<script\\>" in row


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--markdown"]])
def test_a_comparison_shows_nothing_raw(arguments: list[str], fleet: Fleet, tmp_path: Path) -> None:
    """Neither of what comes nor of what goes."""
    other = write_assembly(tmp_path / "other", [record("else", "444444444444")])
    ran = in_pipe("plan", "--app", str(fleet.assembly()), "--against", str(other), *arguments)
    check(ran, 1)


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--differences"], ["--role-name", f"x{HOSTILE}"]])
def test_verify_shows_nothing_raw(arguments: list[str], fleet: Fleet) -> None:
    """Names of the plan, a proxy's page, and a role of that name, in rows, differences and warnings."""
    fleet.world.strange["DescribeEndpoint"] = HOSTILE
    with FakeAws(fleet.world) as url:
        fleet.ask(url)
        ran = in_pipe("verify", "--app", str(fleet.assembly()), *arguments)
    check(ran, ran.code)
    assert "\\x1b" in ran.stdout or "\\u001b" in ran.stdout


@pytest.mark.parametrize("live", [True, False])
def test_a_report_holds_nothing_raw(live: bool, fleet: Fleet, tmp_path: Path) -> None:
    """No control character, and no element of a name's own."""
    target = tmp_path / "fleet.html"
    with FakeAws(fleet.world) as url:
        fleet.ask(url)
        more = ["--live"] if live else []
        check(in_pipe("report", "--app", str(fleet.assembly()), "--html", str(target), *more), 0)
    page = target.read_text(encoding="utf-8")
    assert raw(page) == ""
    assert "<script>" not in page


def test_errors_show_nothing_raw(fleet: Fleet, tmp_path: Path) -> None:
    """Of arguments, of the app's own stderr, and with the traceback of --debug."""
    check(in_pipe("plan", "--app", f"/nowhere/{HOSTILE.replace('`', '')}"), 2)
    check(in_pipe(f"no{HOSTILE}"), 2)
    check(in_pipe("plan", f"--no{HOSTILE}"), 2)
    check(in_pipe("--debug", "plan", "--app", f"/nowhere/{HOSTILE.replace('`', '')}"), 2)
    check(
        in_pipe(
            "report", "--app", str(fleet.assembly()), "--html", str(tmp_path / HOSTILE[:10]), cwd=tmp_path
        ),
        0,
    )
    check(in_pipe("create-ca", "--out", HOSTILE, cwd=tmp_path), 0)
    broken = tmp_path / "app.py"
    broken.write_text(
        f"import sys\nsys.stderr.reconfigure(encoding='utf-8')\nraise SystemExit({HOSTILE!r})\n",
        encoding="utf-8",
    )
    ran = in_pipe("plan", "--app", f"{sys.executable} {broken}")
    assert (ran.code, raw(ran.stderr)) == (2, "")  # its lines stay lines


def test_registration_codes_show_nothing_raw(fleet: Fleet, tmp_path: Path) -> None:
    """Stage names and the file's."""
    fleet.world.codes[f"{OWN_ACCOUNT}/eu-west-1"] = "ab" * 32
    out = tmp_path / "request.json"
    with FakeAws(fleet.world) as url:
        fleet.ask(url)
        ran = in_pipe("registration-code", "--app", str(fleet.assembly()), "--out", str(out))
    check(ran, ran.code)


def texts() -> list[tuple[str, str]]:
    """Every option and argument of every command that takes a text, or a path."""
    context = click.Context(cli)
    numbers = (click.types.IntParamType, click.types.FloatParamType)
    return [
        (name, param.opts[-1] if isinstance(param, click.Option) else "--")
        for name in cli.list_commands(context)
        if name not in {"rehearse", "listen"}  # they start a local AWS first
        and (command := cli.get_command(context, name)) is not None
        for param in command.params
        if not isinstance(param.type, numbers) and not getattr(param, "is_flag", False)
    ]


@pytest.mark.parametrize(("command", "option"), texts(), ids=" ".join)
def test_no_argument_is_shown_raw(
    command: str,
    option: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever the command makes of it: its name, its path, its account."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(write_assembly(tmp_path / "cdk.out", [record(certificate_mode="DEFAULT")]).parent)
    needed = {
        "report": ["--html", "page.html"],
        "verification-cert": ["--request", "request.json", "--private-key", "key"],
        "simulate": ["--template", str(TEMPLATE), str(TEMPLATE)],
    }
    given = [each for each in needed.get(command, []) if option not in {"--", each}]
    with pytest.raises(SystemExit) as ended:
        run([command, *given, option, HOSTILE])
    said = capsys.readouterr()
    assert ended.value.code in {0, 1, 2}
    assert "bug of iot-ca" not in said.err
    check(Ran(0, said.out, said.err), 0)


def test_no_command_prints_by_itself() -> None:
    """What goes to a terminal goes through `cli/output.py`, and so through `text`."""
    own = re.compile(r"click\.s?echo\(|\bprint\(|sys\.std(out|err)\.write")
    allowed = {"output.py", "__init__.py"}  # the latter's is a constant, before anything can be imported
    found = [
        f"{path.relative_to(CLI)}: {line.strip()}"
        for path in sorted(CLI.rglob("*.py"))
        if path.name not in allowed
        for line in path.read_text(encoding="utf-8").splitlines()
        if own.search(line) and ".print(" not in line
    ]
    assert found == []
