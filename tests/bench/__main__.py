"""All benchmarks, one after the other: `make bench`. Figures are ratios within one run; nothing passes or fails."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path


def main() -> None:
    """Run `main` of every module named bench_… beside this one."""
    for module in sorted(each.name for each in pkgutil.iter_modules([str(Path(__file__).parent)])):
        if module.startswith("bench_"):
            print(f"\n== {module.removeprefix('bench_')} ==", flush=True)
            importlib.import_module(f"tests.bench.{module}").main()


if __name__ == "__main__":
    main()
