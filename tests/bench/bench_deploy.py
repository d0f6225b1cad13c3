"""A deployment of three SNI_ONLY stages by the real CDK CLI onto the local AWS: with the Lambda, native, and by hand.

By hand is an app of the same three native registrations in L2 constructs. All are synthesized before; the clock runs
while ``cdk deploy --all`` does. The three take turns, each time onto accounts that hold nothing of them.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

from iot_multiaccount_ca import RegistrationEngine
from iot_multiaccount_ca.local.cdk import Cdk
from iot_multiaccount_ca.local.emulator import LocalAws

from . import apps

ROUNDS = 5
ROOT = Path(__file__).parents[2]
PLACES = [("dev", "111111111111"), ("staging", "222222222222"), ("prod", "333333333333")]
ADMIN = PLACES[0][1]
BY_HAND = "by hand"
BUDGETS = {"native": 1.2, "with the Lambda": 2.5}
BUILDS: dict[str, apps.Build] = {
    BY_HAND: lambda app: apps.native_by_hand(app, PLACES),
    "native": lambda app: apps.fleet(app, PLACES, engine=RegistrationEngine.NATIVE, with_owner=False),
    "with the Lambda": lambda app: apps.fleet(app, PLACES, with_owner=False),
}


def main() -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory() as temporary, LocalAws() as aws:
        cdk = Cdk(aws, ROOT)
        cdk.bootstrap([(account, apps.REGION) for _, account in PLACES], trusted=ADMIN)
        assemblies = {
            name: apps.synthesize(build, str(Path(temporary) / name.replace(" ", "-")))
            for name, build in BUILDS.items()
        }

        def seconds(name: str) -> float:
            start = time.perf_counter()
            cdk.deploy(assemblies[name], account=ADMIN, region=apps.REGION)
            took = time.perf_counter() - start
            cdk.destroy(assemblies[name], account=ADMIN, region=apps.REGION)
            return took

        for name in BUILDS:
            seconds(name)  # assets are uploaded once, and whatever is loaded late is loaded
        rounds = [{name: seconds(name) for name in BUILDS} for _ in range(ROUNDS)]
    found = {}
    for name, budget in BUDGETS.items():
        ratios = sorted(each[name] / each[BY_HAND] for each in rounds)
        found[name] = round(statistics.median(ratios), 2)
        print(
            f"deploying three stages {name}: {found[name]:.2f} times native registrations by hand "
            f"(from {ratios[0]:.2f} to {ratios[-1]:.2f}; budget {budget})"
        )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
