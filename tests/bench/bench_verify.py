"""`iot-ca verify` over 1,000 stages whose calls take 50 ms each: side by side against one after the other.

By one process and by as many as it uses, by turns.

The answers come from another process on this machine, over real HTTP. One after the other is measured over 40 stages
and multiplied: over all of them it would take minutes, which is the point.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
STAGES, SAMPLE, LATENCY, REPETITIONS = 1_000, 40, 0.05, 5
REGIONS = ("eu-west-1", "us-east-1", "ap-southeast-2", "eu-central-1", "us-west-2")


def seconds(assembly: Path, concurrency: int, processes: int = 1) -> tuple[float, float]:
    """Wall-clock and CPU seconds of the whole check, over all its processes; it must find everything as planned."""
    from iot_multiaccount_ca.fleet.access import Access
    from iot_multiaccount_ca.fleet.planned import read_planned
    from iot_multiaccount_ca.fleet.verify import verify_fleet

    wall, cpu = time.perf_counter(), _cpu()
    access = Access(connections=concurrency)
    checked = verify_fleet(read_planned(assembly), access, concurrency=concurrency, processes=processes)
    access.close()
    if checked.exit_code != 0:
        raise SystemExit(f"the fleet is not as planned: {checked.results[0]}")
    return time.perf_counter() - wall, _cpu() - cpu


def _cpu() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def main() -> None:
    """Print both, and the ratio."""
    sys.path.insert(0, str(HERE.parent))
    from support.fakes.fleet_aws import save
    from support.fleets import deployed, many_stages, write_assembly
    from iot_multiaccount_ca.cli.options import DEFAULT_CONCURRENCY
    from iot_multiaccount_ca.fleet.crew import cores

    records = many_stages(STAGES, REGIONS)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        world = deployed(records)
        world.page_size = 50  # all tags of a CA in one answer, as AWS gives them
        save(world, folder / "world.json")
        command = [
            sys.executable,
            str(HERE.parent / "support" / "fakes" / "fleet_aws.py"),
            str(folder / "world.json"),
            str(LATENCY),
        ]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            os.environ.update(
                AWS_ENDPOINT_URL=server.stdout.readline().strip(),
                AWS_ACCESS_KEY_ID="111111111111",
                AWS_SECRET_ACCESS_KEY="test",
            )
            alone, _ = seconds(write_assembly(folder / "few", records[:SAMPLE]), 1)
            assembly = write_assembly(folder / "all", records)
            runs: dict[int, list[tuple[float, float]]] = {count: [] for count in {1, cores()}}
            for processes in [
                *runs
            ] * REPETITIONS:  # by turns: what else the machine does concerns each alike
                runs[processes].append(seconds(assembly, DEFAULT_CONCURRENCY, processes))
            server.stdin.close()
    one_after_the_other = alone / SAMPLE * STAGES
    print(
        f"{STAGES:,} stages, {LATENCY * 1000:.0f} ms a call, {DEFAULT_CONCURRENCY} at a time, by so many processes:"
    )
    for processes, measured in runs.items():
        walls = sorted(wall for wall, _ in measured)
        together, cpu = statistics.median(walls), statistics.median(cpu for _, cpu in measured)
        times = one_after_the_other / together
        print(
            f"  by {processes}: {together:.1f} s ({walls[0]:.1f} … {walls[-1]:.1f}), {cpu:.1f} s of CPU time; one "
            f"after the other {one_after_the_other:.0f} s (from {SAMPLE} stages), {times:.0f} times as long"
        )


if __name__ == "__main__":
    main()
