"""What the Lambda packages weigh, and what a cold start of each imports, as ratios to boto3 alone."""

from __future__ import annotations

import io
import statistics
import subprocess
import sys
import time
import zipfile
from typing import TYPE_CHECKING

from iot_multiaccount_ca import assets

if TYPE_CHECKING:
    from pathlib import Path

_RUNS = 5
_ENTRY = {
    "registrar": "import responder, ca_registrar.lifecycle",
    "registrar-signing": "import responder, ca_registrar.lifecycle, ca_registrar.possession.signing.secret",
    "jitr": "import activation, jitr_activation.enrolling",
}


def _files(package: str) -> list[Path]:
    """What CDK stages of the package: as it reads the patterns, one that names a folder leaves out all in it."""
    folder, patterns = assets.lambda_package(package), assets.excluded(package)

    def is_left_out(path: Path) -> bool:
        inside = path.relative_to(folder)
        return any(part.match(pattern) for part in (inside, *inside.parents) for pattern in patterns)

    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not is_left_out(path)]


def _zipped(package: str) -> int:
    buffer, folder = io.BytesIO(), assets.lambda_package(package)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _files(package):
            archive.write(path, path.relative_to(folder))
    return buffer.tell()


def _seconds(code: str, folder: Path | None = None) -> float:
    """Median time of a fresh interpreter that imports."""
    found = []
    for _ in range(_RUNS):
        start = time.perf_counter()
        # As in Lambda, where nothing can be written beside the code: it is compiled at every cold start.
        subprocess.run([sys.executable, "-B", "-c", code], cwd=folder, check=True)
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def main() -> None:
    """Sizes in bytes; times as ratios."""
    alone = _seconds("import boto3")
    for package, code in _ENTRY.items():
        ratio = _seconds(code, assets.lambda_package(package)) / alone
        print(f"{package}: {_zipped(package):,} bytes zipped; a cold start imports {ratio:.2f} x boto3 alone")
