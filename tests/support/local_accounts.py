"""Accounts of a local AWS with CAs, templates and devices in them, made by hand: no CDK, none of our Lambdas."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iot_multiaccount_ca.local.device import (
    Broker,
    Device,
    DeviceCertificate,
    Outcome,
    issue_device_certificate,
)
from iot_multiaccount_ca.local.emulator import LOOPBACK
from iot_multiaccount_ca.model.jitp.template_body import JitpTemplateBody
from support.certificates import Authority, make_verification_certificate

if TYPE_CHECKING:
    from iot_multiaccount_ca.local.emulator import LocalAws

REGION = "eu-west-1"
_BODY = JitpTemplateBody.from_file(Path(__file__).parents[2] / "examples/jitp.json")


@dataclass
class LocalAccount:
    """An account and region of the local AWS."""

    aws: LocalAws
    account: str
    region: str = REGION

    @property
    def iot(self) -> Any:
        """A client."""
        return self.aws.client("iot", account=self.account, region=self.region)

    @property
    def endpoint(self) -> str:
        """The name that its devices send."""
        address: str = self.iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
        return address.partition(":")[0]

    def provisioning_role(self, *policies: str) -> str:
        """The ARN of a role for JITP, with AWS's managed policy unless told."""
        iam = self.aws.client("iam", account=self.account, region=self.region)
        trust = policy_document("sts:AssumeRole", Principal={"Service": "iot.amazonaws.com"})
        name = f"jitp-{len(iam.list_roles()['Roles'])}"
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        for policy in policies or ("arn:aws:iam::aws:policy/service-role/AWSIoTThingsRegistration",):
            iam.attach_role_policy(RoleName=name, PolicyArn=policy)
        return arn

    def body(self) -> str:
        """The example's template body, for this account and region."""
        return _BODY.resolve(account=self.account, region=self.region, partition="aws")

    def template(self, name: str = "jitp", *, body: str | None = None, **settings: Any) -> str:
        """A provisioning template, the example's unless told; its name."""
        how = {"type": "JITP", "enabled": True, **settings}
        if "provisioningRoleArn" not in how:
            how["provisioningRoleArn"] = self.provisioning_role()
        self.iot.create_provisioning_template(templateName=name, templateBody=body or self.body(), **how)
        return name

    def register(self, ca: Authority, mode: str = "SNI_ONLY", **settings: Any) -> str:
        """Register a CA, active and auto-registering unless told; its id."""
        how: dict[str, Any] = {"setAsActive": True, "allowAutoRegistration": True, **settings}
        if mode == "DEFAULT" and "verificationCertificate" not in how:
            code = self.iot.get_registration_code()["registrationCode"]
            how["verificationCertificate"] = make_verification_certificate(ca, code)
        made = self.iot.register_ca_certificate(caCertificate=ca.pem, certificateMode=mode, **how)
        certificate_id: str = made["certificateId"]
        return certificate_id

    def create_stack(self, name: str, resources: dict[str, Any], **how: Any) -> str:
        """Create a stack of these resources and wait; its last status."""
        cloudformation = self.aws.client("cloudformation", account=self.account, region=self.region)
        cloudformation.create_stack(
            StackName=name,
            TemplateBody=json.dumps({"Resources": resources}),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            **how,
        )
        return self._settled(cloudformation, name)

    def update_stack(self, name: str, resources: dict[str, Any]) -> str:
        """Update a stack to these resources and wait; its last status."""
        cloudformation = self.aws.client("cloudformation", account=self.account, region=self.region)
        cloudformation.update_stack(
            StackName=name,
            TemplateBody=json.dumps({"Resources": resources}),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        return self._settled(cloudformation, name)

    def delete_stack(self, name: str) -> str:
        """Delete a stack and wait; its last status."""
        cloudformation = self.aws.client("cloudformation", account=self.account, region=self.region)
        stack_id = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        cloudformation.delete_stack(StackName=name)
        return self._settled(cloudformation, stack_id)

    def assumed(self, service: str, *policies: str) -> Any:
        """A client of a service, as a new role with these policies."""
        name = f"limited-{uuid.uuid4().hex[:8]}"
        iam = self.aws.client("iam", account=self.account, region=self.region)
        trust = policy_document("sts:AssumeRole", Principal={"AWS": f"arn:aws:iam::{self.account}:root"})
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        for number, document in enumerate(policies):
            iam.put_role_policy(RoleName=name, PolicyName=f"p{number}", PolicyDocument=document)
        sts = self.aws.client("sts", account=self.account, region=self.region)
        given = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        return self.aws.client(
            service,
            account=self.account,
            region=self.region,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )

    @staticmethod
    def _settled(cloudformation: Any, name: str) -> str:
        deadline = time.monotonic() + 60
        while True:
            status: str = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
            if not status.endswith("_IN_PROGRESS"):
                return status
            assert time.monotonic() < deadline, f"stack {name} is {status}"

    def status_of(self, device: DeviceCertificate) -> str | None:
        """The status of a device's certificate; None where the account does not know it."""
        try:
            answer = self.iot.describe_certificate(certificateId=device.certificate_id)
        except self.iot.exceptions.ResourceNotFoundException:
            return None
        status: str = answer["certificateDescription"]["status"]
        return status


def device_of(ca: Authority, name: str = "device-1") -> DeviceCertificate:
    """A device of a CA."""
    return issue_device_certificate(ca.pem, ca.key, name)  # type: ignore[arg-type]


def connect(aws: LocalAws, device: DeviceCertificate, server_name: str | None) -> Outcome:
    """Let a device connect once, by this name."""
    broker = Broker(LOOPBACK, aws.broker_port, aws.broker_trust_anchor())
    with Device(device, broker, server_name, client_id=device.common_name) as connection:
        return connection.connect()


def policy_document(actions: str | list[str], **more: Any) -> str:
    """A policy document of one statement that allows."""
    statement = {"Effect": "Allow", "Action": actions, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
