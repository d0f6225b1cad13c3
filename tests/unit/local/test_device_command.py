"""Rules of a user's own device command, whatever it does: it ends in its time, and leaves nothing behind."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from iot_multiaccount_ca.local.device_command import CommandEnd, DeviceCommand


def _run(command: str, seconds: float = 30, **variables: str) -> CommandEnd:
    return DeviceCommand(command, seconds).run(variables)


def _is_gone(pid: int) -> bool:
    """Whether no such process runs; one that only waits to be collected does not."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("code", [0, 1, 77, 255])
def test_the_exit_code_is_the_commands(code: int) -> None:
    """With the end of what it printed, on whichever stream."""
    assert _run(f"echo out; echo err >&2; exit {code}") == CommandEnd(code, ["out", "err"])


def test_it_is_told_what_it_needs_and_nothing_of_the_users_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that could use the user's credentials would prove nothing."""
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    end = _run('echo "$IOT_ENDPOINT"; env | grep -c ^AWS_; true', IOT_ENDPOINT="a.example")
    assert end == CommandEnd(0, ["a.example", "0"])


def test_one_that_hangs_is_ended_in_its_time() -> None:
    """Firmware runs for ever; that is not a failure, and has no exit code."""
    begun = time.monotonic()
    assert _run("echo here; exec sleep 600", seconds=1) == CommandEnd(None, ["here"])
    assert time.monotonic() - begun < 30


def test_what_it_started_ends_with_it(tmp_path: Path) -> None:
    """A child in the background that keeps its output open and takes no notice of a hang-up, too."""
    file = tmp_path / "pid"
    end = _run(f"sh -c 'trap \"\" HUP; echo $$ > {file}; exec sleep 600' & sleep 600", seconds=1)
    assert end.code is None
    assert _is_gone(int(file.read_text()))


def test_a_child_that_stays_when_the_command_is_done_ends_too(tmp_path: Path) -> None:
    """The command's own end is not waited for longer than its time."""
    file = tmp_path / "pid"
    _run(f"sleep 600 & echo $! > {file}; exit 0", seconds=2)
    assert _is_gone(int(file.read_text()))


def test_what_left_its_group_ends_with_it(tmp_path: Path) -> None:
    """A daemon, as simulators start them, is not waited for, though it holds the output, and does not stay."""
    file = tmp_path / "pid"
    daemon = f"setsid sh -c 'echo $$ > {file}; while :; do echo here; sleep 0.1; done' &"
    begun = time.monotonic()
    end = _run(f"{daemon} while [ ! -s {file} ]; do sleep 0.05; done; exit 3")
    assert end.code == 3
    assert time.monotonic() - begun < 20
    assert _is_gone(int(file.read_text()))


def test_one_that_takes_no_notice_of_a_signal_is_killed() -> None:
    """Asked first, and then not asked any more."""
    begun = time.monotonic()
    assert _run("trap '' TERM INT HUP; echo here; while :; do sleep 1; done", seconds=1).lines == ["here"]
    assert time.monotonic() - begun < 20


def test_a_line_that_never_ends_is_not_held_in_memory() -> None:
    """A serial line of zeros is shown in pieces, as far as anything is."""
    end = _run("head -c 50000000 /dev/zero; echo; echo end")
    assert (end.code, end.lines[-1]) == (0, "end")
    assert max(map(len, end.lines)) <= 2000


def test_a_private_key_is_not_shown() -> None:
    """Whatever kind: a build's log is no place for a device's key. What stands around it is shown."""
    pem = "-----BEGIN {0}PRIVATE KEY-----\\nMIGHAgEAMBM\\nGByqGSM49\\n-----END {0}PRIVATE KEY-----"
    both = "\\n".join(["before", pem.format(""), "between", pem.format("EC "), "after"])
    hidden = "(a private key is left out)"
    assert _run(f"printf '{both}\\n'").lines == ["before", hidden, "between", hidden, "after"]


def test_bytes_that_are_no_text_are_shown_replaced() -> None:
    """A device's log may be anything."""
    assert _run(r"printf '\377\376\n'; head -c 300000 /dev/zero; echo; echo end").lines[-1] == "end"


def test_of_much_output_the_end_is_kept() -> None:
    """A command that talks for a minute is no reason to run out of memory."""
    end = _run("seq 1 200000")
    assert (end.code, end.lines[-1], len(end.lines)) == (0, "200000", 15)


def test_a_command_that_there_is_not_is_told_by_the_shell() -> None:
    """With the shell's exit code."""
    end = _run("no-such-command-here")
    assert end.code == 127
    assert "not found" in end.lines[-1]


def test_it_has_no_input() -> None:
    """One that asks gets an end of file, and does not wait."""
    assert _run("read answer; echo got:$answer").lines == ["got:"]


def test_each_line_is_told_as_it_comes() -> None:
    """So that a person sees where it stands."""
    told: list[str] = []
    DeviceCommand("echo a; echo b", 30, told.append).run({"PATH": os.environ["PATH"]})
    assert told == ["a", "b"]
