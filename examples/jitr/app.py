"""Who enrolls is decided: in dev every device of the CA (JITP), in production the listed ones (JITR)."""

import os
from pathlib import Path

from aws_cdk import App

from iot_multiaccount_ca import (
    Admission,
    CaCertificate,
    CaStage,
    JitpTemplateBody,
    JitrEnrollment,
    SharedCa,
    SharedCaPlan,
)

HERE = Path(__file__).parent
DEVICE = "arn:{{partition}}:iot:{{region}}:{{account}}"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "iot:Connect",
            "Resource": f"{DEVICE}:client/${{iot:Connection.Thing.ThingName}}",
        }
    ],
}

app = App()
plan = SharedCaPlan(
    ca_certificate=CaCertificate.from_file(os.environ.get("FLEET_CA", HERE / "fleet-ca.pem")),
    stages=[
        CaStage(
            "dev",
            account="111111111111",
            region="eu-west-1",
            provisioning=JitpTemplateBody.from_file(HERE / "jitp.json"),
        ),
        CaStage(
            "prod",
            account="333333333333",
            region="eu-west-1",
            provisioning=JitrEnrollment(
                policy=POLICY,
                thing_name="{CommonName}",
                admission=Admission(parameter_name="/fleet/admitted"),
            ),
        ),
    ],
)
SharedCa(app, "FleetCa", plan=plan)
app.synth()
