"""A fleet that is hard to show: names as long as they may be, all that can be amiss, a set that failed in part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_multiaccount_ca.model.bootstrap import DEFAULT_QUALIFIER, lookup_role_name
from support import fleets, stack_sets

if TYPE_CHECKING:
    from pathlib import Path

    from support.fakes.fleet_aws import World


def hard_fleet(folder: Path) -> tuple[Path, World]:
    """Its cloud assembly, written into a folder, and the world that it is deployed in."""
    stages = [
        f"manufacturing-line-{number:02d}-overseas"
        if number % 2
        else f"ManufacturingLineOverseas{number:06d}"
        for number in range(9)
    ]
    records = [
        fleets.record(
            stage,
            f"{100_000_000_000 + number:012d}",
            ("ap-northeast-1", "ap-southeast-2", "us-gov-west-1")[number % 3],
            stack_name=f"ExampleDevicesInternational-FleetCertificateAuthority-{stage}",
            template_name=f"ExampleDevicesInternational-{number}-0123abcd",
            subject="CN=Example Devices International Fleet CA G2 (ECC P-384),OU=Product Security,O=Example Devices "
            "International Holding GmbH & Co. KG,L=Grossraeschen,ST=Brandenburg,C=DE",
        )
        for number, stage in enumerate(stages)
    ]
    record = stack_sets.set_record(name="ExampleDevicesInternationalFleetOfAllSubsidiaries")
    world = fleets.deployed(records)
    instances = stack_sets.deploy_set(world, record)
    reason = "ResourceLogicalId:Ca0123, ResourceType:AWS::IoT::CACertificate, already exists"
    for each in instances[:3]:
        each.update(Status="OUTDATED", detail="FAILED", StatusReason=reason)
    here = [f"{each.account}/{each.region}" for each in records]
    inactive, mode, gone, template, body, hidden, owner, tags, _ = records
    fleets.live(world, inactive)["certificateDescription"]["status"] = "INACTIVE"
    fleets.live(world, mode)["certificateDescription"]["certificateMode"] = "DEFAULT"
    del world.cas[f"{here[2]}/{gone.certificate_id}"]
    del world.templates[f"{here[3]}/{template.template_name}"]
    world.templates[f"{here[4]}/{body.template_name}"]["templateBody"] = "{}"
    role = lookup_role_name(DEFAULT_QUALIFIER, hidden.account, hidden.region)
    world.roles.discard(hidden.target.arn("iam", f"role/{role}"))
    other = fleets.stack_id(owner).replace("ExampleDevices", "SomebodyElses")
    world.cas[f"{here[6]}/{owner.certificate_id}"]["tags"]["iot-multiaccount-ca:stack-id"] = other
    world.cas[f"{here[7]}/{tags.certificate_id}"]["tags"]["team"] = "somebody-else"
    return stack_sets.write_with_set(folder, record, records), world
