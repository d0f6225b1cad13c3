"""Files that a user names, read whole and no further than they can be good for. Knows no format."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

#: The files of an assembly of thousands of stages stay below a tenth of it; a device that never ends fills no memory.
LARGEST = 64 * 1024 * 1024


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """A file's content; raises `OSError` for one that cannot be read, one that is too large included."""
    with Path(path).open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise OSError(errno.EFBIG, f"it is larger than {LARGEST:,} bytes", str(path))
    return content
