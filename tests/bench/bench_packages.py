"""What the Lambda packages weigh, and what a cold start of each imports, as ratios to boto3 alone."""

from __future__ import annotations

import io
import resource
import statistics
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

from iot_multiaccount_ca import assets

if TYPE_CHECKING:
    from pathlib import Path

_RUNS = 11
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
    """CPU time of a fresh interpreter that imports: the clock would also measure who else uses the machine."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # As in Lambda, where nothing can be written beside the code: it is compiled at every cold start.
    subprocess.run([sys.executable, "-B", "-c", code], cwd=folder, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Sizes in bytes; times as ratios, all measured in turns."""
    folders = {package: assets.lambda_package(package) for package in _ENTRY}
    ratios: dict[str, list[float]] = {package: [] for package in _ENTRY}
    for _ in range(_RUNS):
        alone = _seconds("import boto3")
        for package, code in _ENTRY.items():
            ratios[package].append(_seconds(code, folders[package]) / alone)
    for package, measured in ratios.items():
        print(
            f"{package}: {_zipped(package):,} bytes zipped; a cold start imports "
            f"{statistics.median(measured):.2f} x boto3 alone (from {min(measured):.2f} to {max(measured):.2f})"
        )


if __name__ == "__main__":
    main()
