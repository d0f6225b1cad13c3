"""A headless Chromium that asks nobody and leaves nothing behind."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
)


def browse(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it with its profile in ``folder``; what it printed. Raises `RuntimeError` where there is none."""
    chromium = shutil.which("chromium")
    if chromium is None:
        msg = "chromium is missing: apt-get install chromium"
        raise RuntimeError(msg)
    command = [chromium, *_QUIET, f"--user-data-dir={folder / 'profile'}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
