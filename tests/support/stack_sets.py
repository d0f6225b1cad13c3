"""Planned stack sets without a synth, beside the registrations of `fleets`, and a world in which they are deployed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from iot_multiaccount_ca.model.assembly_sets import METADATA_TYPE, SetCa, StackSetRecord
from support import fleets
from support.fleets import BODY, certificate_id, write_assembly

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from iot_multiaccount_ca.model.assembly import RegistrationRecord
    from support.fakes.fleet_aws import World

ADMINISTRATOR = fleets.OWN_ACCOUNT
UNIT, INNER = "ou-ab12-11111111", "ou-ab12-22222222"
MEMBERS = ("444444444444", "555555555555", "666666666666")
REGIONS = (fleets.REGION, "us-east-1")
STACK = "Organization"
LOGICAL_ID = "Ca0123"
NAME = "FleetOfAll"
_LOOKUP = f"cdk-hnb659fds-lookup-role-{ADMINISTRATOR}-{fleets.REGION}"


def ca(number: int = 0, **changes: Any) -> SetCa:
    """A CA of a set, active."""
    values: dict[str, Any] = {
        "certificate_id": certificate_id(number),
        "logical_id": LOGICAL_ID,
        "subject": "CN=Fleet CA",
        "not_valid_before": "2026-01-01T00:00:00Z",
        "not_valid_after": "2096-01-01T00:00:00Z",
        "active": True,
        "auto_registration": True,
        "retiring": False,
    }
    return SetCa(**{**values, **changes})


def set_record(**changes: Any) -> StackSetRecord:
    """A set of one unit in two regions."""
    values: dict[str, Any] = {
        "name": NAME,
        "cas": (ca(),),
        "template_name": "FleetOfAll-0123abcd",
        "organizational_units": (UNIT,),
        "accounts": (),
        "excluded_accounts": (),
        "regions": REGIONS,
        "delegated_administrator": False,
        "retains": False,
    }
    return StackSetRecord(**{**values, **changes})


def stack_name(record: StackSetRecord, account: str) -> str:
    """Of the set's stack in an account."""
    return f"StackSet-{record.name}-{account}"


def body_of(record: StackSetRecord) -> str:
    """The neutral template of a set, in the form that the model renders."""
    resources: dict[str, Any] = {
        each.logical_id: {"Type": "AWS::IoT::CACertificate", "Properties": {}} for each in record.cas
    }
    if record.template_name is not None:
        resources["ProvisioningTemplate"] = {
            "Type": "AWS::IoT::ProvisioningTemplate",
            "Properties": {
                "TemplateName": record.template_name,
                "TemplateBody": BODY,
                "ProvisioningRoleArn": {"Fn::GetAtt": ["ProvisioningRole", "Arn"]},
            },
        }
    return json.dumps({"Resources": resources})


def write_with_set(
    folder: Path,
    record: StackSetRecord,
    registrations: Iterable[RegistrationRecord] = (),
    *,
    environment: str = f"aws://{ADMINISTRATOR}/{fleets.REGION}",
) -> Path:
    """A cloud assembly with a set in a stack of its own, beside these registrations."""
    write_assembly(folder, registrations)
    role = f"arn:${{AWS::Partition}}:iam::{ADMINISTRATOR}:role/{_LOOKUP}"
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["artifacts"]["SetStack"] = {
        "type": "aws:cloudformation:stack",
        "environment": environment,
        "properties": {
            "templateFile": "SetStack.template.json",
            "stackName": STACK,
            "lookupRole": {"arn": role},
        },
        "metadata": {f"/{STACK}/Set": [{"type": METADATA_TYPE, "data": record.to_metadata()}]},
    }
    properties = {"StackSetName": record.name, "TemplateBody": body_of(record)}
    template = {"Resources": {"Set": {"Type": "AWS::CloudFormation::StackSet", "Properties": properties}}}
    (folder / "SetStack.template.json").write_text(json.dumps(template))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def deploy_set(world: World, record: StackSetRecord) -> list[dict[str, str]]:
    """Deploy it in the world, in two members of the unit and one of the unit below; its instances, to be changed."""
    world.roles.add(f"arn:aws:iam::{ADMINISTRATOR}:role/{_LOOKUP}")
    world.units[f"{ADMINISTRATOR}/{UNIT}"] = {
        "accounts": {MEMBERS[0]: "ACTIVE", MEMBERS[1]: "ACTIVE"},
        "units": [INNER],
    }
    world.units[f"{ADMINISTRATOR}/{INNER}"] = {"accounts": {MEMBERS[2]: "ACTIVE"}, "units": []}
    instances = []
    for account in MEMBERS:
        for region in record.regions:
            name = stack_name(record, account)
            for each in record.registrations(account, region, name):
                fleets.add_registration(world, each)
            world.roles.add(
                record.reader_role_arn(account, region) or f"arn:aws:iam::{account}:role/FleetReader"
            )
            instances.append(
                {
                    "Account": account,
                    "Region": region,
                    "Status": "CURRENT",
                    "detail": "SUCCEEDED",
                    "StackId": f"arn:aws:cloudformation:{region}:{account}:stack/{name}/{fleets.UUID}",
                }
            )
    world.sets[f"{ADMINISTRATOR}/{fleets.REGION}/{record.name}"] = {
        "body": body_of(record),
        "units": list(record.organizational_units),
        "automatic": True,
        "retains": record.retains,
        "instances": instances,
    }
    return instances
