"""One device CA in three accounts of one region: DEFAULT in production's, SNI_ONLY in the others."""

import os
from pathlib import Path

from aws_cdk import App

from iot_multiaccount_ca import CaCertificate, CaStage, JitpTemplateBody, SharedCa, SharedCaPlan, Verification

HERE = Path(__file__).parent

app = App()
plan = SharedCaPlan(
    ca_certificate=CaCertificate.from_file(os.environ.get("FLEET_CA", HERE / "fleet-ca.pem")),
    owner_account="333333333333",  # DEFAULT here, SNI_ONLY everywhere else
    verification=Verification.from_secret("fleet-ca/private-key"),
    provisioning=JitpTemplateBody.from_file(HERE / "jitp.json"),
    stages=[
        CaStage("dev", account="111111111111", region="eu-west-1"),
        CaStage("staging", account="222222222222", region="eu-west-1"),
        CaStage("prod", account="333333333333", region="eu-west-1"),
    ],
)
SharedCa(app, "FleetCa", plan=plan)  # one stack per stage: cdk deploy --all
app.synth()
