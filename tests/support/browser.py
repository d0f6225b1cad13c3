"""A headless Chromium that asks nobody and leaves nothing behind."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

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


#: What Chromium calls the colours that its user prefers.
_COLOURS = {"dark": "0", "light": "1"}
_ID = "measured"


def framed(page: Path, *, width: int, height: int, printed: bool = False, script: str = "") -> str:
    """A page that shows ``page`` in a frame of this width: a window of a browser cannot be as narrow as a phone.

    ``printed``: with the rules for print. ``script``: JavaScript in which ``page`` is the document inside, and whose
    value is written into the page around it; the page itself takes no script.
    """
    inside = page.read_text(encoding="utf-8")
    if printed:
        inside = inside.replace("@media print", "@media all").replace("@media screen", "@media speech")
    style = f"border: 0; width: {width}px; height: {height}px; display: block"
    listening = (
        "document.querySelector('iframe').onload = event => { const page = event.target.contentDocument; "
        f"document.getElementById('{_ID}').textContent = JSON.stringify((() => {{ {script} }})()) }}"
    )
    return (
        f'<!doctype html><meta charset="utf-8"><body style="margin: 0"><pre hidden id="{_ID}"></pre>'
        f'<iframe style="{style}" srcdoc="{html.escape(inside)}"></iframe>'
        + (f"<script>{listening}</script>" if script else "")
    )


def measure(folder: Path, page: Path, script: str, *, colours: str = "light", **frame: Any) -> Any:
    """What ``script`` (see `framed`) finds in a page, as Chromium lays it out in a frame, in ``light`` or ``dark``."""
    outer = folder / "outer.html"
    outer.write_text(framed(page, script=script, **frame), encoding="utf-8")
    seen = browse(
        folder, f"--blink-settings=preferredColorScheme={_COLOURS[colours]}", "--dump-dom", outer.as_uri()
    )
    [found] = re.findall(rf'id="{_ID}">(.*?)</pre>', seen.stdout, re.DOTALL)
    return json.loads(html.unescape(found))


def paint(folder: Path, page: Path, picture: Path, *, colours: str = "light", **frame: Any) -> None:
    """A picture of a page in a frame (see `framed`)."""
    outer = folder / "outer.html"
    outer.write_text(framed(page, **frame), encoding="utf-8")
    size = f"--window-size={frame['width']},{frame['height']}"
    scheme = f"--blink-settings=preferredColorScheme={_COLOURS[colours]}"
    browse(folder, size, scheme, f"--screenshot={picture}", outer.as_uri())
