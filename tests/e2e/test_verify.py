"""``iot-ca verify`` on the local AWS: three accounts, IAM enforced, and drift made on purpose.

What is registered is put there call by call from the synthesized templates, so that these tests show the check alone;
that a deployment leaves the same behind is the deployment's own test.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App

from iot_multiaccount_ca import SharedCa
from iot_multiaccount_ca.local.emulator import LocalAws
from iot_multiaccount_ca.model.assembly import RegistrationRecord, ca_certificate_pem, read_registrations
from support import plans
from support.certificates import make_ca, make_verification_certificate
from support.terminal import Ran, in_pipe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

_LOOKUP = "cdk-hnb659fds-lookup-role-{0}-{1}"
# What docs/fleet.md says that a role needs, and no more.
_RIGHTS = [
    "iot:DescribeCACertificate",
    "iot:DescribeEndpoint",
    "iot:DescribeProvisioningTemplate",
    "iot:ListTagsForResource",
    "iot:ListTopicRules",
    "iam:GetRole",
    "cloudformation:DescribeStackResource",
]


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    """A local AWS with the look-up and provisioning roles of three accounts."""
    with LocalAws() as local:
        for account in (plans.DEV, plans.STAGING, plans.PROD):
            iam = local.client("iam", account=account, region=plans.REGION)
            lookup = _LOOKUP.format(account, plans.REGION)
            trusted = _document("sts:AssumeRole", Principal={"AWS": f"arn:aws:iam::{plans.DEV}:root"})
            iam.create_role(RoleName=lookup, AssumeRolePolicyDocument=trusted)
            iam.put_role_policy(
                RoleName=lookup, PolicyName="Read", PolicyDocument=_document(_RIGHTS, Resource="*")
            )
            trusted = _document("sts:AssumeRole", Principal={"Service": "iot.amazonaws.com"})
            iam.create_role(RoleName="provisioning", AssumeRolePolicyDocument=trusted)
        yield local


class Deployed:
    """The example's plan with a CA of its own, registered in the local AWS as its stacks would."""

    def __init__(self, aws: LocalAws, folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.aws, self.assembly = aws, folder / "cdk.out"
        self._authority = make_ca("ec-p256", common_name=name)
        app = App(outdir=str(self.assembly))
        plan = plans.plan(ca_certificate=plans.ca(name), stack_name_prefix=name)
        SharedCa(app, "FleetCa", plan=plan)
        app.synth()
        self.stages = {str(each.stage): each for each in read_registrations(self.assembly)}
        for each in self.stages.values():
            self._register(each)
        for variable, value in aws.settings(plans.DEV, plans.REGION).items():
            monkeypatch.setenv(variable, value)

    def iot(self, stage: str) -> Any:
        """A client of the stage's account."""
        return self.aws.client("iot", account=self.stages[stage].account, region=plans.REGION)

    def verify(self, *arguments: str) -> Ran:
        """Run the command."""
        return in_pipe("verify", "--app", str(self.assembly), *arguments)

    def stages_of(self, ran: Ran) -> dict[str, dict[str, Any]]:
        """What ``--json`` says of each stage."""
        return {each["planned"]["stage"]: each for each in json.loads(ran.stdout)["stages"]}

    def differences(self, stage: str) -> dict[str, tuple[Any, Any]]:
        """Field -> (planned, live) of the one stage that is different; the others are as planned."""
        ran = self.verify("--json")
        assert ran.code == 1, ran.stderr
        found = self.stages_of(ran)
        assert {name: each["state"] for name, each in found.items() if name != stage} == dict.fromkeys(
            set(self.stages) - {stage}, "as-planned"
        )
        return {each["field"]: (each["planned"], each["live"]) for each in found[stage]["differences"]}

    def _register(self, record: RegistrationRecord) -> None:
        iot = self.iot(str(record.stage))
        role = f"arn:aws:iam::{record.account}:role/provisioning"
        iot.create_provisioning_template(
            templateName=record.template_name,
            templateBody=self._template_body(record),
            type="JITP",
            enabled=True,
            provisioningRoleArn=role,
        )
        proof = {}
        if record.certificate_mode == "DEFAULT":
            code = iot.get_registration_code()["registrationCode"]
            proof["verificationCertificate"] = make_verification_certificate(self._authority, code)
        iot.register_ca_certificate(
            caCertificate=ca_certificate_pem(self.assembly, record),
            certificateMode=record.certificate_mode,
            setAsActive=True,
            allowAutoRegistration=True,
            registrationConfig={"templateName": record.template_name},
            tags=[
                {"Key": "iot-multiaccount-ca:stack-id", "Value": _stack_id(record)},
                {"Key": "iot-multiaccount-ca:logical-id", "Value": record.logical_id},
            ],
            **proof,
        )

    def _template_body(self, record: RegistrationRecord) -> str:
        for path in self.assembly.glob("*.template.json"):
            for resource in json.loads(path.read_text())["Resources"].values():
                if resource.get("Properties", {}).get("TemplateName") == record.template_name:
                    return str(resource["Properties"]["TemplateBody"])
        raise LookupError(record.template_name)


@pytest.fixture
def deployed(
    aws: LocalAws, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Deployed:
    """A fleet of this test's own."""
    name = "".join(word.capitalize() for word in request.node.name.split("_")[1:])[:20]
    return Deployed(aws, tmp_path, name, monkeypatch)


def test_a_registered_fleet_is_as_planned(deployed: Deployed) -> None:
    """In three accounts, by the look-up roles and with the documented rights."""
    ran = deployed.verify("--json")
    assert ran.code == 0, ran.stdout + ran.stderr
    found = deployed.stages_of(ran)
    assert {name: each["state"] for name, each in found.items()} == dict.fromkeys(
        deployed.stages, "as-planned"
    )
    assert found["prod"]["live"]["certificateMode"] == "DEFAULT"
    assert found["prod"]["checkedAs"].endswith(_LOOKUP.format(plans.PROD, plans.REGION))
    assert len({each["endpoint"] for each in found.values()}) == 3
    assert all(each["template"]["roleExists"] for each in found.values())


def test_drift_deactivated_ca(deployed: Deployed) -> None:
    """Its status is different; the call that the fix names mends it."""
    staging = deployed.stages["staging"]
    deployed.iot("staging").update_ca_certificate(certificateId=staging.certificate_id, newStatus="INACTIVE")
    assert deployed.differences("staging") == {"status": ("ACTIVE", "INACTIVE")}
    deployed.iot("staging").update_ca_certificate(certificateId=staging.certificate_id, newStatus="ACTIVE")
    assert deployed.verify().code == 0


def test_drift_removed_template(deployed: Deployed) -> None:
    """Detached from the CA, then deleted: both are said."""
    dev = deployed.stages["dev"]
    deployed.iot("dev").update_ca_certificate(certificateId=dev.certificate_id, removeAutoRegistration=True)
    deployed.iot("dev").delete_provisioning_template(templateName=dev.template_name)
    differences = deployed.differences("dev")
    assert differences["template"] == (dev.template_name, None)
    assert differences["templateName"] == (dev.template_name, None)


def test_drift_foreign_mode(deployed: Deployed) -> None:
    """Somebody deregistered it, and registered it by hand in another mode."""
    prod = deployed.stages["prod"]
    iot = deployed.iot("prod")
    _delete(iot, prod)
    iot.register_ca_certificate(
        caCertificate=ca_certificate_pem(deployed.assembly, prod),
        certificateMode="SNI_ONLY",
        setAsActive=True,
        allowAutoRegistration=True,
        registrationConfig={"templateName": prod.template_name},
    )
    assert deployed.differences("prod") == {
        "certificateMode": ("DEFAULT", "SNI_ONLY"),
        "owner": (f"{prod.stack_name}/{prod.logical_id}", None),
    }


def test_drift_deleted_ca(deployed: Deployed) -> None:
    """No stack knows of it here: the fix is to deploy."""
    dev = deployed.stages["dev"]
    _delete(deployed.iot("dev"), dev)
    assert deployed.differences("dev") == {"registered": ("registered", "not deployed")}


def test_drift_missing_role(deployed: Deployed) -> None:
    """Its row says so, the others are checked, and the exit code is 2."""
    iam = deployed.aws.client("iam", account=plans.STAGING, region=plans.REGION)
    lookup = _LOOKUP.format(plans.STAGING, plans.REGION)
    held = iam.get_role(RoleName=lookup)["Role"]["AssumeRolePolicyDocument"]
    iam.delete_role_policy(RoleName=lookup, PolicyName="Read")
    iam.delete_role(RoleName=lookup)
    try:
        ran = deployed.verify("--json")
    finally:
        iam.create_role(RoleName=lookup, AssumeRolePolicyDocument=json.dumps(held))
        iam.put_role_policy(
            RoleName=lookup, PolicyName="Read", PolicyDocument=_document(_RIGHTS, Resource="*")
        )
    assert ran.code == 2
    found = deployed.stages_of(ran)
    assert {name: each["state"] for name, each in found.items()} == {
        "dev": "as-planned",
        "staging": "unchecked",
        "prod": "as-planned",
    }
    assert f"cdk bootstrap aws://{plans.STAGING}/{plans.REGION}" in found["staging"]["problem"]


def test_drift_a_role_that_lacks_a_right(deployed: Deployed) -> None:
    """IAM says no to one call: the row names it, and to whom to allow it."""
    iam = deployed.aws.client("iam", account=plans.STAGING, region=plans.REGION)
    lookup = _LOOKUP.format(plans.STAGING, plans.REGION)
    fewer = [right for right in _RIGHTS if right != "iot:DescribeProvisioningTemplate"]
    iam.put_role_policy(RoleName=lookup, PolicyName="Read", PolicyDocument=_document(fewer, Resource="*"))
    try:
        ran = deployed.verify("--json")
    finally:
        iam.put_role_policy(
            RoleName=lookup, PolicyName="Read", PolicyDocument=_document(_RIGHTS, Resource="*")
        )
    assert ran.code == 2
    problem = deployed.stages_of(ran)["staging"]["problem"]
    assert "allow iot:DescribeProvisioningTemplate to" in problem


def _delete(iot: Any, record: RegistrationRecord) -> None:
    iot.update_ca_certificate(certificateId=record.certificate_id, newStatus="INACTIVE")
    iot.delete_ca_certificate(certificateId=record.certificate_id)


def _stack_id(record: RegistrationRecord) -> str:
    return f"arn:aws:cloudformation:{record.region}:{record.account}:stack/{record.stack_name}/0123"


def _document(action: Any, **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, **more}]})
