"""Terminals from 60 to 200 columns, and pipes: identifiers stay whole, and what is left out is said."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click
import pytest
from rich.cells import cell_len

from iot_multiaccount_ca.cli.root import cli, run
from support.fakes.fleet_aws import FakeAws
from support.fleets import Fleet, certificate_id, live, many_stages, record, write_assembly
from support.terminal import in_pipe, in_terminal

if TYPE_CHECKING:
    from pathlib import Path

WIDTHS = [60, 80, 100, 120, 200]
LONG_STAGE = "production-line-4-europe-west"
LONG_STACK = f"{'TheFleetsCertificateAuthority-' * 3}{LONG_STAGE}"
ID = re.compile(r"[0-9a-f]{64}")
COMMAND = re.compile(r"`[^`]+`")


def long_names() -> list[object]:
    """Two stages, one with the longest names that people make, in a region with a long name."""
    more = {"stack_name": LONG_STACK, "template_name": "TheFleetsCertificateAuthori-0123abcd"}
    old = {"certificate_id": certificate_id(1), "logical_id": "CaOld", "retiring": True}
    return [
        record("dev"),
        record(LONG_STAGE, "222222222222", "ap-southeast-2", **more),
        record(LONG_STAGE, "222222222222", "ap-southeast-2", **more, **old),
    ]


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """Long names, one stage that differs in everything that has a command as its fix."""
    made = Fleet(tmp_path, monkeypatch, [record("dev"), *long_names()[1:2]])  # type: ignore[list-item]
    live(made.world, made.records[1])["certificateDescription"].update(
        status="INACTIVE", autoRegistrationStatus="DISABLE"
    )
    live(made.world, made.records[1])["registrationConfig"] = {}
    return made


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_plan_keeps_identifiers_whole_in_every_terminal(columns: int, tmp_path: Path) -> None:
    """What does not fit is left out by column, which is said; a row that does not fit at all is a block of lines."""
    folder = write_assembly(tmp_path, long_names())  # type: ignore[arg-type]
    shown = in_terminal("plan", "--app", str(folder), columns=columns).plain
    for identifier in ("dev", LONG_STAGE, "111111111111", "222222222222", "ap-southeast-2", "SNI_ONLY"):
        assert identifier in shown
    assert certificate_id() in shown
    template = "TheFleetsCertificateAuthori-0123abcd"
    for header, value in (("enrollment", template), ("stack", LONG_STACK)):
        assert value in shown or re.search(rf"left out for want of width: .*{header}", shown)
    lines = (line for line in shown.splitlines() if not ID.search(line) and LONG_STACK not in line)
    assert all(len(line) <= columns for line in lines)


@pytest.mark.parametrize("columns", WIDTHS)
def test_letters_that_are_two_columns_wide_are_counted_so(columns: int, tmp_path: Path) -> None:
    """A sentence of them is wrapped between words, and not by the terminal in one; combining marks take no room."""
    words = ["工場証明書", "e\u0301" * 5, "デバイス"] * 8
    folder = write_assembly(
        tmp_path, [record("工場", subject=f"CN={' '.join(words)}"), record("e\u0301", "222222222222")]
    )
    shown = in_terminal("plan", "--app", str(folder), columns=columns).plain
    assert all(cell_len(line.rstrip()) <= columns for line in shown.splitlines() if not ID.search(line))
    assert all(word in shown for word in words)


@pytest.mark.parametrize("columns", WIDTHS)
def test_verify_keeps_identifiers_and_commands_whole_in_every_terminal(columns: int, fleet: Fleet) -> None:
    """A command that is longer than the terminal is wide stands on one line, which can be copied."""
    with FakeAws(fleet.world) as url:
        fleet.ask(url)
        shown = in_terminal("verify", "--app", str(fleet.assembly()), columns=columns).plain
    shown = shown.replace("\r", "\n")  # where the progress bar was
    for identifier in ("dev", LONG_STAGE, "111111111111", "222222222222", "ap-southeast-2", "different"):
        assert identifier in shown
    whole = [command for line in shown.splitlines() for command in COMMAND.findall(line)]
    assert [each.split()[:3] for each in whole] == [["`aws", "iot", "update-ca-certificate"]] * 3
    assert all(certificate_id() in each for each in whole)
    endpoint = "a222222222222-ats.iot.ap-southeast-2.amazonaws.com"
    assert endpoint in shown or re.search(r"left out for want of width: .*endpoint", shown)
    long = [line for line in shown.splitlines() if len(line) > columns]
    assert all(len(COMMAND.sub("", line).split()) == 0 for line in long), long


def test_a_pipe_gets_every_column_and_whole_sentences(tmp_path: Path, fleet: Fleet) -> None:
    """Nothing is left out, wrapped or cut."""
    shown = in_pipe("plan", "--app", str(write_assembly(tmp_path / "plan", long_names()))).stdout  # type: ignore[arg-type]
    assert [line for line in shown.splitlines() if LONG_STACK in line and "JITP" in line]
    assert "left out" not in shown
    with FakeAws(fleet.world) as url:
        fleet.ask(url)
        checked = in_pipe("verify", "--app", str(fleet.assembly())).stdout
    assert "left out" not in checked
    assert "…" not in shown + checked


def test_colours_in_a_pipe_change_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FORCE_COLOR, as many CI systems set it: every column, and nothing that moves a cursor, on stderr neither."""
    folder = write_assembly(tmp_path / "cdk.out", long_names())  # type: ignore[arg-type]
    arguments = ["plan", "--app", f"cp -r {folder}/. $CDK_OUTDIR"]
    plain = in_pipe(*arguments)
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = in_pipe(*arguments)
    assert "\x1b[" in coloured.stdout
    assert (coloured.plain, coloured.stderr) == (plain.stdout, "")


@pytest.mark.parametrize("columns", [60, 120])
def test_a_terminal_without_escape_sequences_has_its_own_width(columns: int, tmp_path: Path) -> None:
    """Not the eighty columns of old; and no line ends in blanks."""
    folder = write_assembly(tmp_path, many_stages(3))
    shown = in_terminal("plan", "--app", str(folder), columns=columns, term="dumb").stdout
    assert shown == in_terminal("plan", "--app", str(folder), columns=columns).plain
    assert [line for line in shown.splitlines() if line != line.rstrip()] == []
    assert ("left out for want of width: " in shown) == (columns == 60)


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_matrix_is_cut_into_blocks_that_fit(columns: int, tmp_path: Path) -> None:
    """No region's name is broken, none is left out, and no line is longer than the terminal."""
    regions = [
        f"{area}-{side}-1"
        for area in ("ap", "eu", "us")
        for side in ("northeast", "southeast", "central", "west")
    ]
    folder = write_assembly(tmp_path, many_stages(36, regions))
    shown = in_terminal("plan", "--app", str(folder), columns=columns).plain
    heads = [line.split()[1:] for line in shown.splitlines() if line.startswith("account ")]
    assert [region for head in heads for region in head] == sorted(regions)
    assert all(len(line) <= columns for line in shown.splitlines() if certificate_id()[:20] not in line)


@pytest.mark.parametrize("columns", WIDTHS)
def test_counts_have_right_plurals_and_one_format(columns: int, tmp_path: Path) -> None:
    """One is one, thousands have a comma, in every width."""
    one = in_terminal("plan", "--app", str(write_assembly(tmp_path / "1", [record()])), columns=columns).plain
    assert "1 registration, 1 account, 1 region, 1 CA\n" in one
    many = write_assembly(tmp_path / "2", many_stages(1002))
    shown = " ".join(in_terminal("plan", "--app", str(many), columns=columns).plain.split())
    assert "1,002 registrations, 334 accounts, 3 regions, 1 CA" in shown


@pytest.mark.parametrize("columns", [60, 80])
def test_no_help_breaks_a_name_in_two(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither an option nor a command at one of its hyphens, nor what is longer than a line by itself."""

    def words(name: str, width: int) -> list[str]:
        monkeypatch.setattr(click.formatting, "FORCED_WIDTH", width)
        with pytest.raises(SystemExit):
            run([name, *([] if name == "--help" else ["--help"])])
        return capsys.readouterr().out.split()

    for name in ("--help", *cli.list_commands(click.Context(cli))):
        shown = words(name, columns - 2)  # as click leaves them free at a line's end
        assert "\N{NON-BREAKING HYPHEN}" not in "".join(shown)
        assert shown == words(name, 1000)


def test_what_is_longer_than_the_narrowest_terminal_is_wrapped_between_words(tmp_path: Path) -> None:
    """In a block of lines too: a name has a line to itself."""
    folder = write_assembly(tmp_path, many_stages(1))
    shown = in_terminal("plan", "--app", str(folder), columns=20).plain
    assert "enrollment\n  JITP\n  FleetCa-s0-0123abcd\n" in shown
    assert all(len(line) <= 20 or len(line.split()) == 1 for line in shown.splitlines())
