"""What an app's process is told silences jsii's own words on the Node below it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from iot_multiaccount_ca.quiet_jsii import QUIET_JSII

if TYPE_CHECKING:
    from pathlib import Path

_OF_ANOTHER_VERSION = 'Object.defineProperty(process, "version", {value: process.env.FAKE_NODE})\n'


def _said(node: str, folder: Path, quiet: dict[str, str]) -> str:
    """What jsii writes, started by a Node that says it is of this version."""
    real = shutil.which("node")
    assert real is not None
    (folder / "version.cjs").write_text(_OF_ANOTHER_VERSION)
    wrapper = folder / "node"
    wrapper.write_text(f'#!/bin/sh\nexec {shlex.quote(real)} -r {folder / "version.cjs"} "$@"\n')
    wrapper.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if name not in QUIET_JSII}
    run = subprocess.run(
        [sys.executable, "-c", "import constructs"],
        env={**kept, **quiet, "JSII_NODE": str(wrapper), "FAKE_NODE": node},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stderr


@pytest.mark.parametrize(("node", "banner"), [("v20.1.0", "end-of-life"), ("v99.0.0", "not been tested")])
def test_jsii_says_nothing_of_the_node_below_it(node: str, banner: str, tmp_path: Path) -> None:
    """An old release is silenced by its number, one that jsii does not know by a flag."""
    assert banner in _said(node, tmp_path, {})
    assert _said(node, tmp_path, dict(QUIET_JSII)) == ""
