"""Validation of large plans: the cost of a stage, and how it grows."""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support import plans

from iot_multiaccount_ca import CaStage, SharedCaPlan


def milliseconds(count: int) -> float:
    """CPU time of the plan's own validation."""
    stages = [CaStage(f"s{n}", account=f"{n:012d}", region="eu-west-1") for n in range(count)]
    ca, body = plans.ca(), plans.jitp()
    started = time.process_time()
    SharedCaPlan(ca_certificate=ca, stages=stages, provisioning=body)
    return (time.process_time() - started) * 1000


def main() -> None:
    """Print the ratio."""
    milliseconds(100)
    small, large = min(milliseconds(1_000) for _ in range(5)), min(milliseconds(10_000) for _ in range(5))
    print(
        f"10,000 stages: {large / small:.1f} times the work of 1,000 (linear: 10), {large:.0f} ms of CPU time here"
    )


if __name__ == "__main__":
    main()
