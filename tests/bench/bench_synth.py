"""Synth against the same resources written by hand with L2 constructs, in one run; and how it grows with stages.

Each measurement is a process of its own, as every `cdk synth` is: within one process Node's compiler warms up on
whatever ran before, and the figures come out a fifth too good. What an empty app costs in a process is taken off both
sides, and so is putting the Lambda's packages together, which a checkout does in every process and a wheel never.
Counted is the CPU time of Python and Node together, since the clock also measures who else uses the machine.

``python -m tests.bench.bench_synth 10 100 1000`` measures other numbers of stages than `make bench` does.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from iot_multiaccount_ca import RegistrationEngine, assets

from . import apps

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_cdk import App

ROUNDS = 5
SIZES = (10, 100)
SET_TARGETS = 1_000
# What is measured, against what, and the ratio that it should keep below.
PAIRS = {
    "Lambda, one of them the DEFAULT owner": ("lambda", "lambda-by-hand", 0.75),
    "Lambda, SNI_ONLY": ("lambda-sni-only", "lambda-sni-only-by-hand", 0.75),
    "native, against the same job with a Lambda by hand": ("native", "lambda-by-hand", 0.5),
    "native, against native registrations by hand": ("native", "native-by-hand", None),
}
BUILDS: dict[str, Callable[[App, int], None]] = {
    "empty": lambda app, count: None,
    "empty-lambda": lambda app, count: _put_together("registrar", "registrar-signing"),
    "empty-lambda-sni-only": lambda app, count: _put_together("registrar"),
    "lambda": lambda app, count: apps.fleet(app, apps.places(count)),
    "lambda-by-hand": lambda app, count: apps.lambda_by_hand(app, apps.places(count)),
    "lambda-sni-only": lambda app, count: apps.fleet(app, apps.places(count), with_owner=False),
    "lambda-sni-only-by-hand": lambda app, count: apps.lambda_by_hand(
        app, apps.places(count), with_owner=False
    ),
    "native": lambda app, count: apps.fleet(
        app, apps.places(count), engine=RegistrationEngine.NATIVE, with_owner=False
    ),
    "native-by-hand": lambda app, count: apps.native_by_hand(app, apps.places(count)),
    "set": apps.stack_set,
}


def _put_together(*packages: str) -> None:
    for package in packages:
        assets.lambda_package(package)


def build(name: str, count: int) -> None:
    """One app with its synth, in this process."""
    with tempfile.TemporaryDirectory() as folder:
        apps.synthesize(lambda app: BUILDS[name](app, count), folder)


def seconds(name: str, count: int) -> float:
    """The CPU time of a process that builds one app, Node included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "tests.bench.bench_synth", "--build", name, str(count)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(sizes: tuple[int, ...] = SIZES) -> None:
    """Print the ratios."""
    seconds("lambda", 2)  # puts the signing package together, where that was not done yet
    empty = {
        name: min(seconds(name, 0) for _ in range(ROUNDS))
        for name in ("empty", "empty-lambda", "empty-lambda-sni-only")
    }
    base = {name: empty.get(f"empty-{name.removesuffix('-by-hand')}", empty["empty"]) for name in BUILDS}
    found: dict[str, float] = {}
    for title, (one, other, budget) in PAIRS.items():
        each = {}
        for size in sizes:
            pairs = [
                (seconds(one, size) - base[one], seconds(other, size) - base[other]) for _ in range(ROUNDS)
            ]
            ratios = sorted(ours / theirs for ours, theirs in pairs)
            each[size] = statistics.median(ours for ours, _ in pairs) / size
            found[f"{one}_to_{other}_{size}"] = ratio = statistics.median(ratios)
            print(
                f"{title}: {size} stages cost {ratio:.2f} times the same by hand with L2s "
                f"(from {ratios[0]:.2f} to {ratios[-1]:.2f}{f'; budget {budget}' if budget else ''})",
                flush=True,
            )
        growth = each[sizes[-1]] / each[sizes[0]]
        print(f"{title}: a stage of {sizes[-1]} costs {growth:.2f} times one of {sizes[0]} (linear: 1)")
    of_a_set = statistics.median(seconds("set", SET_TARGETS) - base["set"] for _ in range(ROUNDS))
    print(
        f"a set of {SET_TARGETS:,} accounts costs {of_a_set:.2f} s of CPU time more than an empty app (budget 1)"
    )
    print(json.dumps({name: round(value, 3) for name, value in found.items()}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--build"]:
        build(sys.argv[2], int(sys.argv[3]))
    else:
        main(tuple(int(each) for each in sys.argv[1:]) or SIZES)
