"""The first example's CA in a whole organization: DEFAULT in the management account, SNI_ONLY in all others by one set.

An account that joins one of the units tomorrow is enrolled by itself. Only the management account is bootstrapped.
"""

import os
from pathlib import Path

from aws_cdk import App, Environment, Stack

from iot_multiaccount_ca import (
    CaCertificate,
    CaStage,
    JitpTemplateBody,
    SharedCa,
    SharedCaPlan,
    SharedCaStackSet,
    StackSetOperation,
    Verification,
)

HERE = Path(__file__).parent
MANAGEMENT, REGIONS = "333333333333", ["eu-west-1", "us-east-1"]
UNITS = ["ou-ab12-11111111"]  # the accounts in it, and in the units below it

CA = CaCertificate.from_file(os.environ.get("FLEET_CA", HERE / "fleet-ca.pem"))
PROVISIONING = JitpTemplateBody.from_file(HERE / "jitp.json")

app = App()
# A device that sends no SNI comes to the DEFAULT owner. A set never reaches the management account, and is SNI_ONLY.
SharedCa(
    app,
    "FleetCa",
    plan=SharedCaPlan(
        ca_certificate=CA,
        owner_account=MANAGEMENT,
        verification=Verification.from_secret("fleet-ca/private-key"),
        provisioning=PROVISIONING,
        stages=CaStage.grid(accounts={"management": MANAGEMENT}, regions=REGIONS),
    ),
)
SharedCaStackSet(
    Stack(app, "FleetCaOrganization", env=Environment(account=MANAGEMENT, region=REGIONS[0])),
    "FleetCaSet",
    ca_certificate=CA,
    provisioning=PROVISIONING,
    regions=REGIONS,
    organizational_units=UNITS,
    excluded_accounts=[MANAGEMENT],
    readers=[MANAGEMENT],  # so that `iot-ca verify`, run there, can look into each account
    operation=StackSetOperation(failure_tolerance_percentage=10, regions_in_parallel=True),
)
app.synth()
