"""The apps that benchmarks compare: as a user of the library writes them, and the same resources by hand with L2s.

Both sides have a DEFAULT owner where one is asked for, and three outputs; with a Lambda, also a log group and Lambda's
retries switched off.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from iot_multiaccount_ca.quiet_jsii import QUIET_JSII

os.environ.update(QUIET_JSII)
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

from iot_multiaccount_ca import CaStage, RegistrationEngine, SharedCa, SharedCaPlan, SharedCaStackSet, assets

REGION = "eu-west-1"
#: Makes an app's constructs.
Build = Callable[[App], None]
#: The name of a stage and its account.
Place = tuple[str, str]


def synthesize(build: Build, folder: str) -> Path:
    """The cloud assembly of the app that ``build`` fills."""
    app = App(outdir=folder)
    build(app)
    return Path(app.synth().directory)


def places(count: int) -> list[Place]:
    """So many accounts of one region."""
    return [(f"s{n}", f"{n:012d}") for n in range(count)]


def fleet(
    app: App,
    places: list[Place],
    *,
    engine: RegistrationEngine = RegistrationEngine.LAMBDA,
    with_owner: bool = True,
) -> None:
    """The plan as a user writes it."""
    stages = [CaStage(name, account=account, region=REGION) for name, account in places]
    plan = SharedCaPlan(
        ca_certificate=plans.ca(),
        stages=stages,
        provisioning=plans.jitp(),
        engine=engine,
        owner_account=stages[0].account if with_owner else None,
        verification=plans.PROOF if with_owner else None,
    )
    SharedCa(app, "FleetCa", plan=plan)


def _template_by_hand(
    stack: Stack, name: str, account: str
) -> tuple[aws_iam.Role, aws_iot.CfnProvisioningTemplate]:
    role = aws_iam.Role(
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
        provisioning_role_arn=role.role_arn,
        template_body=plans.jitp().resolve(account=account, region=REGION, partition="aws"),
        template_type="JITP",
        template_name=f"FleetCa-{name}",
        enabled=True,
    )
    return role, template


def native_by_hand(app: App, places: list[Place]) -> None:
    """Registrations without a Lambda, SNI_ONLY, with what aws-cdk-lib has for them."""
    ca = plans.ca()
    for name, account in places:
        stack = Stack(
            app, name, env=Environment(account=account, region=REGION), stack_name=f"FleetCa-{name}"
        )
        _, template = _template_by_hand(stack, name, account)
        registered = aws_iot.CfnCACertificate(
            stack,
            "Ca",
            ca_certificate_pem=ca.pem,
            status="ACTIVE",
            certificate_mode="SNI_ONLY",
            auto_registration_status="ENABLE",
            registration_config=aws_iot.CfnCACertificate.RegistrationConfigProperty(
                template_name=template.ref
            ),
        )
        CfnOutput(stack, "CaCertificateId", value=registered.ref)
        CfnOutput(stack, "CaCertificateArn", value=registered.attr_arn)
        CfnOutput(stack, "CertificateMode", value="SNI_ONLY")


def stack_set(app: App, targets: int) -> None:
    """One StackSet for so many listed accounts."""
    stack = Stack(app, "Sets", env=Environment(account="999999999999", region=REGION))
    SharedCaStackSet(
        stack,
        "Fleet",
        ca_certificate=plans.ca(),
        provisioning=plans.jitp(),
        accounts=[f"{n:012d}" for n in range(targets)],
        regions=[REGION],
    )


def lambda_by_hand(app: App, places: list[Place], *, with_owner: bool = True) -> None:
    """The same resources with L2 constructs, as a careful person would write them in a loop."""
    ca = plans.ca()
    for number, (name, account) in enumerate(places):
        owner = with_owner and number == 0
        env = Environment(account=account, region=REGION)
        stack = Stack(app, name, env=env, stack_name=f"FleetCa-{name}")
        provisioning, template = _template_by_hand(stack, name, account)
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
