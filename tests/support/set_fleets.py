"""An app with a stack set, deployed by the CDK CLI into an organization of the local AWS. For end-to-end tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.certificates import Authority, certificate_id
from support.deployments import ACCOUNTS, REGIONS, Deployments
from support.organizations import Organization

if TYPE_CHECKING:
    from collections.abc import Iterable

ADMINISTRATOR = ACCOUNTS[0]
_APP = """
import json, os
from aws_cdk import App, Environment, Stack
from iot_multiaccount_ca import (
    CaCertificate, CaStage, JitpTemplateBody, SharedCa, SharedCaPlan, SharedCaStackSet, StackSetOperation, Verification)

asked = json.loads(os.environ["ASKED"])
owner, regions = asked["owner"], asked["regions"]
app = App(outdir=os.environ["CDK_OUTDIR"])
ca = CaCertificate.from_pem(asked["ca"])
provisioning = JitpTemplateBody.from_file(asked["jitp"])
if "secret" in asked:
    SharedCa(app, asked["name"] + "Owner", plan=SharedCaPlan(
        ca_certificate=ca,
        owner_account=owner,
        verification=Verification.from_secret(asked["secret"]),
        provisioning=provisioning,
        stages=CaStage.grid(accounts={"owner": owner}, regions=regions),
    ))
stack = Stack(app, asked["name"], env=Environment(account=owner, region=regions[0]))
SharedCaStackSet(
    stack, "Set", ca_certificate=ca, provisioning=provisioning, regions=regions, organizational_units=asked["units"],
    excluded_accounts=[owner, *asked.get("excluded", ())], stack_set_name=asked["name"], readers=[owner],
    operation=StackSetOperation(regions_in_parallel=asked.get("parallel", False)))
app.synth()
"""


class SetFleet:
    """One app with a set, its organization, and what is registered in its accounts."""

    def __init__(self, deployments: Deployments, root: str, ca: Authority, name: str, **asked: Any) -> None:
        self.deployments, self.aws, self.ca, self.name = deployments, deployments.aws, ca, name
        self.organization = Organization(deployments.aws, manager=ADMINISTRATOR)
        self.regions: tuple[str, ...] = asked.get("regions", REGIONS)
        self.folder = Path()
        self._asked: dict[str, Any] = {
            "owner": ADMINISTRATOR,
            "regions": REGIONS,
            "ca": ca.pem,
            "name": name,
            **asked,
        }
        self._asked["jitp"] = f"{root}/examples/jitp.json"

    def deploy(self, units: Iterable[str], *arguments: str) -> None:
        """Deploy the app with a set of these units."""
        variables = {"ASKED": json.dumps({**self._asked, "units": [*units]})}
        self.deployments.deploy(_APP, *arguments, name=self.name, variables=variables)
        self.folder = self.deployments.assembly(self.name)

    def modes(self, account: str) -> list[str | None]:
        """The mode that the CA is registered in, in each region; None where it is not."""
        found = [
            self.deployments.describe_ca(certificate_id(self.ca.certificate), account, region)
            for region in self.regions
        ]
        return [each["certificateMode"] if each else None for each in found]

    def statuses(self) -> dict[str, set[str]]:
        """The statuses of each account's instances, once the set is quiet."""
        self.organization.quiet(self.name)
        found: dict[str, set[str]] = {}
        for (account, _), each in self.organization.instances(self.name).items():
            found.setdefault(account, set()).add(each["Status"])
        return found

    def left_in(self, account: str) -> list[str]:
        """Stacks, templates and roles in an account."""
        left: list[str] = []
        for region in self.regions:
            iot = self.aws.client("iot", account=account, region=region)
            left += self.organization.stacks(account, region)
            left += [each["templateName"] for each in iot.list_provisioning_templates()["templates"]]
        iam = self.aws.client("iam", account=account, region=REGIONS[0])
        return left + [
            each["RoleName"]
            for each in iam.list_roles()["Roles"]
            if each["RoleName"].startswith(("StackSet", "CaReader"))
        ]
