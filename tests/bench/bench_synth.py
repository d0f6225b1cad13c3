"""Synth against the same resources written by hand with L2 constructs, in one run; and how it grows with stages.

Each measurement is a process of its own, as every `cdk synth` is: within one process Node's compiler warms up on
whatever ran before, and the figures come out a fifth too good. What an empty app costs in a process is taken off both
sides. Counted is the CPU time of Python and Node together, since the clock also measures who else uses the machine.
Both sides have one DEFAULT owner among the stages, three outputs, a log group and Lambda's retries switched off.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
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
    aws_secretsmanager,
)

from iot_multiaccount_ca import CaStage, SharedCa, SharedCaPlan, assets

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 5
STAGES = 100
LARGE = 400


def stages(count: int) -> list[CaStage]:
    """So many accounts of one region."""
    return [CaStage(f"s{n}", account=f"{n:012d}", region="eu-west-1") for n in range(count)]


def ours(app: App, count: int) -> None:
    """The plan as a user writes it."""
    given = stages(count)
    plan = SharedCaPlan(
        ca_certificate=plans.ca(),
        stages=given,
        owner_account=given[0].account,
        verification=plans.PROOF,
        provisioning=plans.jitp(),
    )
    SharedCa(app, "FleetCa", plan=plan)


def by_hand(app: App, count: int) -> None:
    """The same resources with L2 constructs, as a careful person would write them in a loop."""
    ca, body = plans.ca(), plans.jitp()
    for number, stage in enumerate(stages(count)):
        owner = number == 0
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
                actions=["iot:RegisterCACertificate", "iot:ListCACertificates"]
                + (["iot:GetRegistrationCode"] if owner else []),
                resources=["*"],
            )
        )
        if owner:
            aws_secretsmanager.Secret.from_secret_name_v2(stack, "Key", "fleet-ca/private-key").grant_read(
                role
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
        package = "registrar-signing" if owner else "registrar"
        function = aws_lambda.Function(
            stack,
            "Function",
            runtime=aws_lambda.Runtime.PYTHON_3_13,
            handler="responder.handler",
            code=aws_lambda.Code.from_asset(
                str(assets.lambda_package(package)), exclude=assets.excluded(package)
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
                "CertificateMode": "DEFAULT" if owner else "SNI_ONLY",
                "Active": "true",
                "AutoRegistration": "true",
                "RegistrationConfig": {"TemplateName": template.ref},
                **({"Verification": {"Type": "SECRET", "SecretId": "fleet-ca/private-key"}} if owner else {}),
            },
        )
        CfnOutput(stack, "CaCertificateId", value=resource.ref)
        CfnOutput(stack, "CaCertificateArn", value=resource.get_att_string("CertificateArn"))
        CfnOutput(stack, "CertificateMode", value=resource.get_att_string("CertificateMode"))


BUILDS: dict[str, Callable[[App, int], None]] = {
    "ours": ours,
    "by-hand": by_hand,
    "empty": lambda app, count: None,
}


def build(name: str, count: int) -> None:
    """One app with its synth, in this process."""
    with tempfile.TemporaryDirectory() as folder:
        app = App(outdir=folder)
        BUILDS[name](app, count)
        app.synth()


def seconds(name: str, count: int) -> float:
    """The CPU time of a process that builds one app, Node included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", __spec__.name, name, str(count)], check=True, stderr=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the ratios."""
    seconds("ours", 2)  # puts the signing package together, where that was not done yet
    empty = min(seconds("empty", 0) for _ in range(ROUNDS))
    ratios, each = [], []
    for _ in range(ROUNDS):
        one, other = seconds("ours", STAGES) - empty, seconds("by-hand", STAGES) - empty
        ratios.append(one / other)
        each.append(one / STAGES)
    ratios.sort()
    ratio = statistics.median(ratios)
    print(
        f"synth of {STAGES} stages: {ratio:.2f} times the same by hand with L2s "
        f"(from {ratios[0]:.2f} to {ratios[-1]:.2f}; budget 0.75)"
    )
    growth = (seconds("ours", LARGE) - empty) / LARGE / statistics.median(each)
    print(f"growth: a stage of {LARGE} costs {growth:.2f} times one of {STAGES} (linear: 1)")
    print(json.dumps({"synth_ratio": round(ratio, 3), "growth": round(growth, 3)}))


if __name__ == "__main__":
    build(sys.argv[1], int(sys.argv[2])) if len(sys.argv) == 3 else main()
