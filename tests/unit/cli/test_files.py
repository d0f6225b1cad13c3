"""Files that commands write."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from iot_multiaccount_ca.cli import files
from iot_multiaccount_ca.errors import OutputExistsError
from support.terminal import PROGRAM


def test_what_appears_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    """A file or link that was not there when it was asked, and is when it is written: nothing of it changes."""
    kept = tmp_path / "kept"
    kept.write_text("kept")
    for is_link in (False, True):
        path = tmp_path / "out"
        files.check_free([path], force=False)
        if is_link:
            path.symlink_to(kept)
        else:
            path.write_text("kept")
        with pytest.raises(OutputExistsError, match="--force"):
            files.write(path, "new", force=False)
        assert path.read_text() == kept.read_text() == "kept"
        path.unlink()


def test_replacing_is_one_step(tmp_path: Path) -> None:
    """Nothing half written is left, whatever comes in between; the file is for all to read."""
    path = tmp_path / "new" / "out"
    files.write(path, "one", force=True)
    files.write(path, "two", force=True)
    assert path.read_text() == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        files.write(tmp_path / "folder", "x", force=True)
    assert {each.name for each in tmp_path.iterdir()} == {"new", "folder"}


@pytest.mark.parametrize("largest", [0, 100, 600, 1_500])
@pytest.mark.parametrize("arguments", [["init", "new/app"], ["create-ca", "--out", "new/ca"]], ids=" ".join)
def test_what_cannot_be_written_whole_is_not_there(
    arguments: list[str], largest: int, tmp_path: Path
) -> None:
    """Whichever file it is that the system cuts short: no half of it, none of those before it, and no folder."""
    ran = subprocess.run(
        [*PROGRAM, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest)),
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", "iot-ca: file too large\n")
    assert list(tmp_path.iterdir()) == []


def test_of_a_folder_that_was_there_nothing_goes(tmp_path: Path) -> None:
    """Neither the folder nor what is in it, where a file of that name appeared meanwhile."""
    (tmp_path / "b").write_text("mine")
    with pytest.raises(FileExistsError):
        files.create_all(tmp_path, {"a": (b"1", 0o600), "b": (b"2", 0o600)})
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("b", "mine")]


@pytest.mark.parametrize("force", [False, True])
def test_a_set_of_files_is_written_whole_or_not_at_all(
    force: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends it between two files; what was there before is as it was."""
    (tmp_path / "1").write_text("mine")
    made: list[str] = []

    def create(path: Path, content: bytes, *, mode: int) -> None:
        if len(made) == 3:
            raise KeyboardInterrupt
        path.write_bytes(content)
        made.append(path.name)

    monkeypatch.setattr(files, "create", create)
    names = [str(number) for number in range(1 if force else 2, 10)]
    with pytest.raises(KeyboardInterrupt):
        files.write_all(tmp_path, dict.fromkeys(names, "new"), force=force)
    assert len(made) == 3
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("1", "mine")]


def test_what_ends_it_while_files_are_replaced_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until all are: half of the new ones among half of the old would fit nothing."""
    replace = Path.replace

    def interrupted(path: Path, target: Path) -> Path:
        signal.raise_signal(signal.SIGINT)
        return replace(path, target)

    names = [str(number) for number in range(9)]
    files.write_all(tmp_path, dict.fromkeys(names, "old"), force=False)
    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.write_all(tmp_path, dict.fromkeys(names, "new"), force=True)
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == dict.fromkeys(names, "new")


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    """A pipe or a folder, by a link too, with ``force``: nobody who waits there would find a file."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("folder", "pipe", "link"):
        with pytest.raises(OutputExistsError, match="what is there is no file"):
            files.check_free([tmp_path / name], force=True)


def test_what_is_written_anew_goes_through_no_link(tmp_path: Path) -> None:
    """To a file, to nothing, to a folder, of two steps: refused, before and when it is written; nothing changes."""
    kept, path = tmp_path / "kept", tmp_path / "page"
    kept.write_text("kept")
    (tmp_path / "second").symlink_to(kept)
    for target in ("kept", "nothing", ".", "second"):
        path.symlink_to(target)
        for renew in (files.check_renewable, lambda path: files.renew(path, "new")):
            with pytest.raises(OutputExistsError, match=r"link is there.*not written through"):
                renew(path)
        path.unlink()
    assert kept.read_text() == "kept"
    assert {each.name for each in tmp_path.iterdir()} == {"kept", "second"}


def test_what_is_written_anew_replaces_the_former(tmp_path: Path) -> None:
    """In one step, with its mode; another name of the same file keeps what it had."""
    path, other = tmp_path / "page", tmp_path / "other"
    path.write_text("old")
    path.chmod(0o600)
    other.hardlink_to(path)
    files.renew(path, "new")
    assert (path.read_text(), other.read_text()) == ("new", "old")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_name_of_the_system_is_written_to_and_never_replaced(tmp_path: Path) -> None:
    """/dev/stdout stays what it is where it leads to a file, too."""
    with (tmp_path / "out").open("w") as out:
        ran = subprocess.run(
            [*PROGRAM, "registration-code", "--force", "--out", "/dev/stdout"],
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert ran.returncode == 2
    assert "what is there is no file" in ran.stderr
    with (tmp_path / "out").open("w") as out:
        files.renew(Path(f"/proc/self/fd/{out.fileno()}"), "page")
    assert (tmp_path / "out").read_text() == "page"


def test_a_folder_that_takes_no_file_is_named() -> None:
    """Not what was to be made in it for a moment."""
    with pytest.raises(OSError, match="No such file|not permitted") as caught:
        files.renew(Path("/proc/page"), "new")
    assert caught.value.filename == "/proc"


def test_a_folder_that_may_not_be_written_to_is_told_beforehand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not when the work is done."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionError) as caught:
        files.check_renewable(tmp_path / "page")
    assert caught.value.filename == str(tmp_path)
