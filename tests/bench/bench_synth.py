"""Synth against the same resources written by hand with L2 constructs, in one run; and how it grows with stages."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
os.environ["CDK_VALIDATION"] = "false"
sys.path.insert(0, str(Path(__file__).parents[1]))

from support import plans
from aws_cdk import (
    App,
    CfnOutput,
    CustomResource,
    Duration,
    Environment,
    Stack,
    aws_iam,
    aws_iot,
    aws_lambda,
    aws_logs,
)

from iot_multiaccount_ca import CaStage, SharedCa, SharedCaPlan, assets

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 5
STAGES = 30


def stages(count: int) -> list[CaStage]:
    """So many accounts of one region."""
    return [CaStage(f"s{n}", account=f"{n:012d}", region="eu-west-1") for n in range(count)]


def ours(app: App, count: int) -> None:
    """The plan as a user writes it."""
    plan = SharedCaPlan(ca_certificate=plans.ca(), stages=stages(count), provisioning=plans.jitp())
    SharedCa(app, "FleetCa", plan=plan)


def by_hand(app: App, count: int) -> None:
    """The same resources with L2 constructs, as a careful person would write them in a loop."""
    ca, body = plans.ca(), plans.jitp()
    for stage in stages(count):
        env = Environment(account=stage.account, region=stage.region)
        stack = Stack(app, stage.name, env=env, stack_name=f"FleetCa-{stage.name}")
        provisioning = aws_iam.Role(
            stack,
            "ProvisioningRole",
            assumed_by=aws_iam.ServicePrincipal("iot.amazonaws.com"),
            managed_policies=[
                aws_iam.ManagedPolicy.from_aws_managed_policy_name("service-role/AWSIoTThingsRegistration")
            ],
        )
        template = aws_iot.CfnProvisioningTemplate(
            stack,
            "Template",
            provisioning_role_arn=provisioning.role_arn,
            template_body=body.resolve(account=stage.account, region=stage.region, partition="aws"),
            template_type="JITP",
            template_name=f"FleetCa-{stage.name}",
            enabled=True,
        )
        logs = aws_logs.LogGroup(stack, "Logs", retention=aws_logs.RetentionDays.ONE_YEAR)
        role = aws_iam.Role(stack, "Role", assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"))
        logs.grant_write(role)
        role.add_to_policy(
            aws_iam.PolicyStatement(
                actions=["iot:RegisterCACertificate", "iot:ListCACertificates"], resources=["*"]
            )
        )
        role.add_to_policy(
            aws_iam.PolicyStatement(
                actions=[
                    "iot:DescribeCACertificate",
                    "iot:UpdateCACertificate",
                    "iot:DeleteCACertificate",
                    "iot:TagResource",
                    "iot:UntagResource",
                    "iot:ListTagsForResource",
                ],
                resources=[stack.format_arn(service="iot", resource="cacert", resource_name="*")],
            )
        )
        provisioning.grant_pass_role(role)
        function = aws_lambda.Function(
            stack,
            "Function",
            runtime=aws_lambda.Runtime.PYTHON_3_13,
            handler="responder.handler",
            code=aws_lambda.Code.from_asset(
                str(assets.lambda_package("registrar")), exclude=list(assets.EXCLUDED)
            ),
            role=role.without_policy_updates(),
            timeout=Duration.seconds(300),
            memory_size=256,
            log_group=logs,
            retry_attempts=0,
            max_event_age=Duration.seconds(60),
        )
        resource = CustomResource(
            stack,
            "Ca",
            service_token=function.function_arn,
            resource_type="Custom::IotCaCertificate",
            service_timeout=Duration.seconds(420),
            properties={
                "CaCertificatePem": ca.pem,
                "CertificateId": ca.certificate_id,
                "CertificateMode": "SNI_ONLY",
                "Active": "true",
                "AutoRegistration": "true",
                "RegistrationConfig": {"TemplateName": template.ref},
            },
        )
        CfnOutput(stack, "CaCertificateId", value=resource.ref)
        CfnOutput(stack, "CaCertificateArn", value=resource.get_att_string("CertificateArn"))
        CfnOutput(stack, "CertificateMode", value=resource.get_att_string("CertificateMode"))


def seconds(build: Callable[[App, int], None], count: int) -> float:
    """How long app, constructs and synth take together, on the clock (jsii works in another process)."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        app = App(outdir=folder)
        build(app, count)
        app.synth()
        return time.perf_counter() - started


def main() -> None:
    """Print the ratios."""
    seconds(ours, 2), seconds(by_hand, 2)
    pairs = [(seconds(ours, STAGES), seconds(by_hand, STAGES)) for _ in range(ROUNDS)]
    ratios = sorted(one / other for one, other in pairs)
    print(
        f"synth of {STAGES} stages: {statistics.median(ratios):.2f} times the same by hand with L2s "
        f"(from {ratios[0]:.2f} to {ratios[-1]:.2f}; budget 0.75)"
    )
    small, large = (
        min(seconds(ours, 50) for _ in range(3)) / 50,
        min(seconds(ours, 400) for _ in range(1)) / 400,
    )
    print(f"growth: a stage of 400 costs {large / small:.2f} times one of 50 (linear: 1)")
    print(json.dumps({"synth_ratio": round(statistics.median(ratios), 3), "growth": round(large / small, 3)}))


if __name__ == "__main__":
    main()
