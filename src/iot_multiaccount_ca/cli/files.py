"""Files that commands write: new ones; over one that is there only when told, and never through a link."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import OutputExistsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_FOR_ALL = 0o644


def check_free(paths: Iterable[Path], *, force: bool) -> None:
    """Raise `OutputExistsError` for a path that is taken, by a link too: asked before the work is done.

    ``force``: only for what no file can replace, a folder, a terminal or a pipe such as ``/dev/stdout``.
    """
    for path in paths:
        if not force and os.path.lexists(path):
            raise _taken(path)
        if force and path.exists() and (not path.is_file() or _of_the_system(path)):
            raise OutputExistsError(
                "what is there is no file, and is not replaced",
                value=str(path),
                allowed="a path where a file is, or nothing",
                fix="give another path",
            )


def check_renewable(path: Path) -> None:
    """For what is written anew each time: raise for a link, a folder, and where the folder for it takes no file.

    A file of an earlier time is replaced, a terminal or a pipe such as ``/dev/stdout`` is written to (see `renew`).
    Raises `OutputExistsError` or `OSError`: asked before the work is done.
    """
    if _is_stream(path):
        return
    if path.is_symlink():
        raise OutputExistsError(
            "a link is there already, and is not written through",
            value=str(path),
            allowed="a path where a file is, or nothing",
            fix="give the path that it leads to, or remove it",
        )
    check_free([path], force=True)
    path.parent.stat()
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path.parent))


def renew(path: Path, content: str) -> None:
    """Write a file, in one step if one is there; what `check_renewable` refuses is refused here, too."""
    check_renewable(path)
    if _is_stream(path):
        path.write_text(content, encoding="utf-8")
    else:
        write(path, content, force=True)


def write(path: Path, content: str, *, force: bool) -> None:
    """Write a file; its folder is made. ``force``: a file or link that is there is replaced, in one step."""
    write_all(path.parent, {path.name: content}, force=force)


def write_all(folder: Path, contents: Mapping[str, str], *, force: bool) -> None:
    """Write every file of a folder, or none, whatever comes in between; the folder is made. They are for all to read.

    ``force``: a file or link that is there is replaced, in one step, and not before all are written. Raises
    `OutputExistsError`.
    """
    ready = {name: (content.encode(), _FOR_ALL) for name, content in contents.items()}
    if not force:
        try:
            create_all(folder, ready)
        except FileExistsError as error:
            raise _taken(Path(error.filename)) from None
        return
    folder.mkdir(parents=True, exist_ok=True)
    with _beside(folder) as temporary:
        create_all(Path(temporary), ready)
        with _undivided():
            for name in ready:
                made, there = Path(temporary, name), folder / name
                if there.is_file() and not there.is_symlink():
                    made.chmod(stat.S_IMODE(there.stat().st_mode))  # who may read it stays as it was
                made.replace(there)


@contextlib.contextmanager
def _beside(folder: Path) -> Iterator[str]:
    """A folder for what is to be moved to its place in one step; where there can be none, that one's name is told."""
    try:
        made = tempfile.TemporaryDirectory(dir=folder, prefix=".writing-")
    except OSError as error:
        error.filename = str(folder)
        raise
    with made as temporary:
        yield temporary


def create(path: Path, content: bytes, *, mode: int) -> None:
    """Make a file with its final mode, and only if nothing is there: no moment in which others could read it.

    Raises `FileExistsError`. Where it cannot be written whole, nothing of it stays.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def create_all(folder: Path, contents: Mapping[str, tuple[bytes, int]]) -> None:
    """Make every file of a folder, with its content and mode, or none; the folder is made.

    Raises `FileExistsError`. Where one cannot be made, those before it are gone again, and so is what was made of the
    folder. Ctrl-C and the like wait until it is done: there is no moment to undo it in.
    """
    with _undivided():
        _create_all(folder, contents)


def _create_all(folder: Path, contents: Mapping[str, tuple[bytes, int]]) -> None:
    new_folders = [each for each in (folder, *folder.parents) if not each.exists()]
    made: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, (content, mode) in contents.items():
            create(folder / name, content, mode=mode)
            made.append(folder / name)
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        for each in new_folders:
            if each.exists() and not any(each.iterdir()):
                each.rmdir()
        raise


@contextlib.contextmanager
def _undivided() -> Iterator[None]:
    """What would end the process comes after this, where the system can make it wait."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _is_stream(path: Path) -> bool:
    """Whether it is written to where it is: a device, a pipe, a file that this process has open."""
    return path.exists() and not path.is_dir() and (not path.is_file() or _of_the_system(path))


def _of_the_system(path: Path) -> bool:
    """Whether it is a name that the system keeps, such as ``/dev/stdout``, whatever that leads to."""
    name = path.absolute()
    return str(name.parent) in {"/dev", "/dev/fd"} or name.is_relative_to("/proc")


def _taken(path: Path) -> OutputExistsError:
    what = "a link" if path.is_symlink() else "something"
    return OutputExistsError(
        f"{what} is there already, and is not written over",
        value=str(path),
        allowed="a path where nothing is",
        fix="give another --out, or --force to replace it",
    )
