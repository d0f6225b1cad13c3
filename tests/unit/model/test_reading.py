"""Files that a user names are read whole, and no further than they can be good for."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from iot_multiaccount_ca.model import reading
from iot_multiaccount_ca.model.reading import read_bytes
from support.documents import ROOT
from support.fleets import three_stages, write_assembly
from support.terminal import in_pipe

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    """Up to the last byte that is allowed, a pipe too: shells give one for ``<(command)``."""
    file, pipe = tmp_path / "file", tmp_path / "pipe"
    file.write_bytes(b"x" * reading.LARGEST)
    assert len(read_bytes(file)) == reading.LARGEST
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"y" * 100_000,))
    writer.start()
    assert read_bytes(pipe) == b"y" * 100_000
    writer.join()


@pytest.mark.parametrize(
    "arguments",
    [
        ["init", "new", "--ca-certificate", "/dev/zero"],
        ["plan", "--app", "app", "--against", "/dev/zero"],
        ["simulate", "--template", "/dev/zero", "app/manifest.json"],
        ["simulate", "--template", str(ROOT / "examples/jitp.json"), "/dev/zero"],
        ["verification-cert", "--private-key", "k", "--ca-certificate", "c", "--request", "/dev/zero"],
        ["rehearse", "--ca-key", "/dev/zero"],
    ],
    ids=" ".join,
)
def test_a_file_that_never_ends_is_a_sentence(arguments: list[str], tmp_path: Path) -> None:
    """Whichever command is given it: at once, and before memory is full."""
    write_assembly(tmp_path / "app", three_stages())
    ran = in_pipe(*arguments, cwd=tmp_path)
    assert ran.code == 2
    assert ran.stderr.startswith("iot-ca: ")
    assert ran.stderr.count("\n") == 1
