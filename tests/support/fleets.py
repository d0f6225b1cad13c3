"""Synthesized fleets without a synth: cloud assemblies written by hand in the form that the CDK writes, and a world
in which they are deployed as planned. A test of the constructs holds the real form; here it is speed that counts."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iot_multiaccount_ca.fleet.access import Access
from iot_multiaccount_ca.fleet.planned import read_planned
from iot_multiaccount_ca.fleet.result import FleetResult, StageResult, StageState
from iot_multiaccount_ca.fleet.verify import verify_fleet
from iot_multiaccount_ca.model.assembly import METADATA_TYPE, RESOURCE_TYPE, RegistrationRecord
from support import plans
from support.fakes.fleet_aws import FakeAws, World

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pytest

    from iot_multiaccount_ca.fleet.difference import Difference

ACCOUNTS, REGION = plans.ACCOUNTS, plans.REGION
OWN_ACCOUNT = plans.DEV
# What stands for a CA's DER: the fake looks at no certificate, and the check only at its hash.
_DER = b"not really a certificate, %d"
UUID = "0a1b2c3d-0000-4000-8000-000000000000"
BODY = json.dumps({"Parameters": {}, "Resources": {"certificate": {"Type": "AWS::IoT::Certificate"}}})


def pem(number: int = 0) -> str:
    """Something in PEM's form."""
    inside = base64.b64encode(_DER % number).decode()
    return f"-----BEGIN CERTIFICATE-----\n{inside}\n-----END CERTIFICATE-----\n"


def certificate_id(number: int = 0) -> str:
    """The id of that something."""
    return hashlib.sha256(_DER % number).hexdigest()


def record(
    stage: str = "dev", account: str = OWN_ACCOUNT, region: str = REGION, **changes: Any
) -> RegistrationRecord:
    """A planned registration: SNI_ONLY, active, with a template."""
    values: dict[str, Any] = {
        "stage": stage,
        "account": account,
        "region": region,
        "partition": "aws",
        "stack_name": f"FleetCa-{stage}",
        "logical_id": "Ca0123",
        "certificate_mode": "SNI_ONLY",
        "certificate_id": certificate_id(),
        "subject": "CN=Fleet CA",
        "not_valid_before": "2026-01-01T00:00:00Z",
        "not_valid_after": "2096-01-01T00:00:00Z",
        "active": True,
        "auto_registration": True,
        "template_name": f"FleetCa-{stage}-0123abcd",
        "jitr": False,
        "retiring": False,
        "verification": None,
    }
    return RegistrationRecord(**{**values, **changes})


def three_stages() -> list[RegistrationRecord]:
    """dev and staging SNI_ONLY, prod DEFAULT; three accounts of one region."""
    modes = ("SNI_ONLY", "SNI_ONLY", "DEFAULT")
    return [
        record(stage, account, certificate_mode=mode)
        for stage, account, mode in zip(("dev", "staging", "prod"), ACCOUNTS, modes, strict=True)
    ]


def many_stages(
    count: int, regions: Sequence[str] = (REGION, "us-east-1", "ap-southeast-2")
) -> list[RegistrationRecord]:
    """``count`` stages over accounts and regions; the first account is the DEFAULT owner of each region."""
    return [
        record(
            f"s{number}",
            f"{100_000_000_000 + number // len(regions):012d}",
            regions[number % len(regions)],
            certificate_mode="DEFAULT" if number < len(regions) else "SNI_ONLY",
        )
        for number in range(count)
    ]


def write_assembly(
    folder: Path,
    records: Iterable[RegistrationRecord],
    *,
    lookup_role: bool = True,
    qualifier: str = "hnb659fds",
) -> Path:
    """A cloud assembly with these registrations, a stack for each account, region and stack name."""
    stacks: dict[tuple[str, str, str], list[RegistrationRecord]] = {}
    for each in records:
        stacks.setdefault((each.stack_name, each.account, each.region), []).append(each)
    folder.mkdir(parents=True, exist_ok=True)
    artifacts = {}
    for number, ((stack_name, account, region), held) in enumerate(stacks.items()):
        artifact = f"Stack{number}"
        role = f"cdk-{qualifier}-lookup-role-{account}-{region}"
        lookup = (
            {"lookupRole": {"arn": f"arn:${{AWS::Partition}}:iam::{account}:role/{role}"}}
            if lookup_role
            else {}
        )
        artifacts[artifact] = {
            "type": "aws:cloudformation:stack",
            "environment": f"aws://{account}/{region}",
            "properties": {"templateFile": f"{artifact}.template.json", "stackName": stack_name, **lookup},
            "additionalMetadataFile": f"{artifact}.metadata.json",
        }
        metadata = {
            f"/{stack_name}/{each.logical_id}": [{"type": METADATA_TYPE, "data": each.to_metadata()}]
            for each in held
        }
        (folder / f"{artifact}.metadata.json").write_text(json.dumps(metadata))
        (folder / f"{artifact}.template.json").write_text(json.dumps(_template(held)))
    (folder / "manifest.json").write_text(json.dumps({"version": "55.0.0", "artifacts": artifacts}))
    return folder


def add_metadata(folder: Path, kind: str, data: Any) -> None:
    """One more entry on every registration of an assembly that `write_assembly` wrote."""
    for file in folder.glob("*.metadata.json"):
        metadata = json.loads(file.read_text())
        for entries in metadata.values():
            entries.append({"type": kind, "data": data})
        file.write_text(json.dumps(metadata))


def _template(records: Sequence[RegistrationRecord]) -> dict[str, Any]:
    resources: dict[str, Any] = {
        each.logical_id: {
            "Type": RESOURCE_TYPE,
            "Properties": {
                "CaCertificatePem": pem(),
                "Tags": [
                    {"Key": "team", "Value": "fleet"},
                    {"Key": "stack", "Value": {"Ref": "AWS::StackName"}},
                ],
            },
        }
        for each in records
    }
    for each in records:
        if each.template_name is not None:
            resources["Template"] = {
                "Type": "AWS::IoT::ProvisioningTemplate",
                "Properties": {
                    "TemplateName": _template_name(each.template_name),
                    "TemplateBody": BODY,
                    "TemplateType": "JITP",
                    "ProvisioningRoleArn": {"Fn::GetAtt": ["ProvisioningRole", "Arn"]},
                },
            }
        if each.enrollment is not None:
            resources["Activation"] = {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Environment": {
                        "Variables": {
                            "CA_CERTIFICATE_ID": {"Ref": each.logical_id},
                            "ENROLLMENT": json.dumps(each.enrollment),
                        }
                    }
                },
            }
    return {"Resources": resources}


def _template_name(name: str) -> Any:
    """As the construct writes it: a retained one's ends in digits of the stack's id."""
    if "?" not in name:
        return name
    uuid = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
    return {"Fn::Join": ["", [name.rstrip("?"), {"Fn::Select": [0, {"Fn::Split": ["-", uuid]}]}]]}


def deployed(records: Iterable[RegistrationRecord]) -> World:
    """A world in which everything is as planned."""
    world = World()
    for each in records:
        add_registration(world, each)
    return world


def stack_id(planned: RegistrationRecord, uuid: str = UUID) -> str:
    """The id of a registration's stack; another UUID is an earlier or later stack of its name."""
    return f"arn:aws:cloudformation:{planned.region}:{planned.account}:stack/{planned.stack_name}/{uuid}"


def add_registration(world: World, planned: RegistrationRecord, *, number: int = 0) -> None:
    """Register it as planned, with its template, roles and stack."""
    account, region = planned.account, planned.region
    template_name = planned.template_name and planned.template_name.replace("?" * 8, UUID[:8])
    here = f"{account}/{region}"
    arn = f"arn:aws:iot:{region}:{account}:cacert/{planned.certificate_id}"
    world.roles.add(f"arn:aws:iam::{account}:role/cdk-hnb659fds-lookup-role-{account}-{region}")
    world.cas[f"{here}/{planned.certificate_id}"] = {
        "describe": {
            "certificateDescription": {
                "certificateArn": arn,
                "certificateId": planned.certificate_id,
                "status": "ACTIVE" if planned.active else "INACTIVE",
                "certificatePem": pem(number),
                "autoRegistrationStatus": "ENABLE" if planned.auto_registration else "DISABLE",
                "certificateMode": planned.certificate_mode,
                "validity": {"notAfter": planned.expires.timestamp()},
            },
            "registrationConfig": {"templateName": template_name} if template_name else {},
        },
        "tags": {
            "team": "fleet",
            "stage": planned.stage or "",
            "iot-multiaccount-ca:stack-id": stack_id(planned),
            "iot-multiaccount-ca:logical-id": planned.logical_id,
        },
    }
    world.stack_resources[f"{here}/{planned.stack_name}"] = {
        "StackName": planned.stack_name,
        "StackId": stack_id(planned),
        "LogicalResourceId": planned.logical_id,
        "PhysicalResourceId": planned.certificate_id,
        "ResourceType": RESOURCE_TYPE,
        "ResourceStatus": "CREATE_COMPLETE",
        "LastUpdatedTimestamp": "2026-01-01T00:00:00Z",
    }
    function = f"arn:aws:lambda:{region}:{account}:function"
    if planned.enrollment is not None:
        rule = f"arn:aws:iot:{region}:{account}:rule/rule2"
        world.policies[f"{here}/activation"] = {
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "iot.amazonaws.com"},
                    "Action": "lambda:InvokeFunction",
                    "Resource": f"{function}:activation",
                    "Condition": {
                        "StringEquals": {"AWS:SourceAccount": account},
                        "ArnLike": {"AWS:SourceArn": rule},
                    },
                }
            ]
        }
        listed = (planned.enrollment.get("admission") or {}).get("list")
        if listed:
            world.lists.add(f"{here}/{listed['type']}/{listed['name']}")
        world.functions[f"{here}/activation"] = {
            "CA_CERTIFICATE_ID": planned.certificate_id,
            "ENROLLMENT": json.dumps(planned.enrollment),
        }
        world.stack_resources[f"{here}/{planned.stack_name}/Activation"] = {
            **world.stack_resources[f"{here}/{planned.stack_name}"],
            "LogicalResourceId": "Activation",
            "PhysicalResourceId": "activation",
        }
    if planned.jitr:
        topics = ["devices/+/alarm", "#", f"$aws/events/certificates/registered/{planned.certificate_id}"]
        world.rules[here] = [
            {
                "ruleName": f"rule{number}",
                "ruleArn": f"arn:aws:iot:{region}:{account}:rule/rule{number}",
                "topicPattern": topic,
                "ruleDisabled": False,
                "sql": f"SELECT * FROM '{topic}'",
                "actions": [{"lambda": {"functionArn": f"{function}:activation"}}],
            }
            for number, topic in enumerate(topics)
        ]
    if template_name is not None:
        role = f"arn:aws:iam::{account}:role/provisioning"
        world.roles.add(role)
        world.stack_resources[f"{here}/{planned.stack_name}/ProvisioningRole"] = {
            **world.stack_resources[f"{here}/{planned.stack_name}"],
            "LogicalResourceId": "ProvisioningRole",
            "PhysicalResourceId": "provisioning",
        }
        world.templates[f"{here}/{template_name}"] = {
            "templateName": template_name,
            "enabled": True,
            "type": "JITP",
            "provisioningRoleArn": role,
            "templateBody": BODY,
        }


def live(world: World, planned: RegistrationRecord) -> dict[str, Any]:
    """The registration's description in the world, to be changed."""
    held: dict[str, Any] = world.cas[f"{planned.account}/{planned.region}/{planned.certificate_id}"][
        "describe"
    ]
    return held


def soon(days: int) -> str:
    """The time in that many days, as records have it."""
    return f"{dt.datetime.now(dt.UTC) + dt.timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


class Fleet:
    """Records, the world they are deployed in, and a check of the one against the other."""

    def __init__(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, records: list[RegistrationRecord]
    ) -> None:
        self.records, self.world = records, deployed(records)
        self._tmp_path, self._monkeypatch = tmp_path, monkeypatch

    def assembly(self, *, lookup_role: bool = True) -> Path:
        """The fleet's cloud assembly, as it stands now."""
        return write_assembly(self._tmp_path / "cdk.out", self.records, lookup_role=lookup_role)

    def ask(self, url: str) -> None:
        """Let every AWS client of this process, and of those that it starts, ask there as OWN_ACCOUNT."""
        home = self._tmp_path
        for name, value in {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": OWN_ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": str(home / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials"),
        }.items():
            self._monkeypatch.setenv(name, value)

    def check(
        self, *, lookup_role: bool = True, concurrency: int = 4, leftovers: bool = False, **access: str
    ) -> FleetResult:
        """Verify the fleet."""
        assembly = self.assembly(lookup_role=lookup_role)
        with FakeAws(self.world) as url:
            self.ask(url)
            entered = Access(**access)  # type: ignore[arg-type]
            try:
                return verify_fleet(
                    read_planned(assembly), entered, concurrency=concurrency, leftovers=leftovers
                )
            finally:
                entered.close()

    def result(self) -> StageResult:
        """The result of the only registration."""
        (result,) = self.check().results
        return result

    def difference(self) -> Difference:
        """The only difference of the only registration."""
        result = self.result()
        assert result.state is StageState.DIFFERENT
        (difference,) = result.differences
        return difference
