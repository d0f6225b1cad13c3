"""The first example's CA and accounts, promoted by CDK Pipelines: dev and staging, a person's approval, production.

After each stage a step holds what was deployed against the plan. The stacks have the names that the first example gives
them: a team that began with ``cdk deploy --all`` moves here without new ones.
"""

import os
from pathlib import Path
from typing import Any

from aws_cdk import App, Environment, Stack, aws_codebuild, pipelines
from constructs import Construct

from iot_multiaccount_ca import (
    CaCertificate,
    CaStage,
    JitpTemplateBody,
    SharedCaPipelineStage,
    SharedCaPlan,
    Verification,
)

HERE = Path(__file__).parent
TOOLS, REGION = "444444444444", "eu-west-1"

PLAN = SharedCaPlan(
    ca_certificate=CaCertificate.from_file(os.environ.get("FLEET_CA", HERE / "fleet-ca.pem")),
    owner_account="333333333333",
    verification=Verification.from_secret("fleet-ca/private-key"),
    provisioning=JitpTemplateBody.from_file(HERE / "jitp.json"),
    stages=[
        CaStage("dev", account="111111111111", region=REGION),
        CaStage("staging", account="222222222222", region=REGION),
        CaStage("prod", account="333333333333", region=REGION),
    ],
    stack_name_prefix="FleetCa",
)


class Promotion(Stack):
    """The pipeline, in an account for tools."""

    def __init__(self, scope: Construct, id: str, **settings: Any) -> None:  # noqa: A002
        super().__init__(scope, id, **settings)
        source = pipelines.CodePipelineSource.connection(
            "example/fleet-ca",
            "main",
            connection_arn=f"arn:aws:codeconnections:{REGION}:{TOOLS}:connection/00000000-0000-0000-0000-000000000000",
        )
        synth = pipelines.ShellStep(
            "Synth",
            input=source,
            install_commands=["pip install wheels/*.whl"],
            commands=["npx aws-cdk@2 synth"],
        )
        # The builds' image has these, and begins with older ones.
        versions = {"nodejs": "24", "python": "3.13"}
        build_spec = {"phases": {"install": {"runtime-versions": versions}}}
        pipeline = pipelines.CodePipeline(
            self,
            "Pipeline",
            synth=synth,
            cross_account_keys=True,
            enable_key_rotation=True,
            code_build_defaults=pipelines.CodeBuildOptions(
                partial_build_spec=aws_codebuild.BuildSpec.from_object(build_spec)
            ),
        )

        dev = SharedCaPipelineStage(self, "Dev", plan=PLAN, stages=["dev", "staging"])
        pipeline.add_stage(dev, post=[dev.verify_step(synth, source=source)])

        prod = SharedCaPipelineStage(self, "Prod", plan=PLAN, stages=["prod"])
        approval = pipelines.ManualApprovalStep("PromoteToProd")
        pipeline.add_stage(prod, pre=[approval], post=[prod.verify_step(synth, source=source)])


app = App()
Promotion(app, "FleetCaPipeline", env=Environment(account=TOOLS, region=REGION))
app.synth()
