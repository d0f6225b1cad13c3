"""The files of device certificates that a command is given: every one is accounted for. Judges no certificate.

A file is read, or it is not a certificate and no concern, or it cannot be read and may hold one: nothing is left out
without a word. Endings decide nothing but this last question.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...errors import NotADeviceCertificateError, UnreadableDeviceCertificateError
from ...model.jitp.simulation import read_devices, read_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...model.jitp.simulation import Reading

#: What a file with such an ending holds should be a certificate; if it does not look so, it is worth a word.
_CERTIFICATE_ENDINGS = frozenset({".pem", ".crt", ".cer", ".cert", ".der", ".p7b", ".p7c", ".p12", ".pfx"})


@dataclass(frozen=True, slots=True)
class DeviceFile:
    """One file and what it holds: a ``reading``; or a ``problem``; or, ``no_concern``, what it is instead."""

    label: str
    reading: Reading | None = None
    problem: str | None = None
    no_concern: str | None = None


class FoundFile(NamedTuple):
    """A file: its path, the name that is printed, and its path ``inside`` the folder that was given; None by itself."""

    path: Path
    label: str
    inside: Path | None


def files_in(paths: Sequence[Path]) -> list[FoundFile]:
    """Every file in the folders, and those given by themselves.

    A file in the only folder is called by its path inside; of several, two may have a file of one name.
    """
    found: list[FoundFile] = []
    for given in paths:
        if not given.is_dir():
            found.append(FoundFile(given, str(given), None))
            continue
        for path in _in_folder(given):
            inside = path.relative_to(given)
            alone = len(paths) == 1 and path != given
            found.append(FoundFile(path, inside.as_posix() if alone else str(path), inside))
    return found


def read(place: FoundFile) -> DeviceFile:
    """What one file holds."""
    path, label, inside = place
    if inside is not None and any(part.startswith(".") for part in inside.parts):
        return DeviceFile(label, no_concern="hidden")
    if path.is_symlink() and (path.is_dir() or not path.exists()):
        what = "a link to a folder, which is not followed" if path.is_dir() else "a link to nothing"
        return DeviceFile(label, problem=what)
    if path.is_dir():
        return DeviceFile(label, problem="a folder that cannot be read")
    if path.exists() and not path.is_file():
        return DeviceFile(label, no_concern="no regular file")
    try:
        return DeviceFile(label, reading=read_devices(read_file(path)))
    except NotADeviceCertificateError as error:
        if error.problem.startswith(_NOTHING) and path.suffix.lower() in _CERTIFICATE_ENDINGS:
            return DeviceFile(label, problem=error.problem)
        return DeviceFile(label, no_concern=error.problem)
    except UnreadableDeviceCertificateError as error:
        if error.problem == _EMPTY and path.suffix.lower() not in _CERTIFICATE_ENDINGS:
            return DeviceFile(label, no_concern=error.problem)
        return DeviceFile(label, problem=error.problem)


_NOTHING, _EMPTY = "no certificate in it", "it is empty"


def _in_folder(folder: Path) -> list[Path]:
    unread: list[Path] = []
    found = []
    for place, folders, names in os.walk(folder, onerror=lambda error: unread.append(Path(error.filename))):
        here = Path(place)
        hidden = [name for name in folders if name.startswith(".")]
        links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = [name for name in folders if name not in hidden and name not in links]
        found += [here / name for name in (*names, *hidden, *links)]
    return sorted([*found, *unread])
