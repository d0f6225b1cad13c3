"""The stack sets that a synthesized app plans, with the role that looks them up and the template that they carry.

Reads the cloud assembly's files. Asks no AWS: in which accounts a set of units has stacks is not known here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import text
from ..errors import AssemblyError, JsonError
from ..model import strict_json
from ..model.assembly import checked_pem
from ..model.assembly_files import member
from ..model.assembly_sets import StackSetRecord, capability, read_stacks_and_sets
from ..model.ownership import StackId
from ..model.record_forms import SYNTHESIZE
from .planned import LogicalId, PlannedRegistration, SetStack

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from ..model.assembly_files import AssemblyStack
    from .live_sets import LiveInstance

_SET, _TEMPLATE = "AWS::CloudFormation::StackSet", "AWS::IoT::ProvisioningTemplate"
# What the template of a set has filled in each of its stacks.
_OF_A_STACK = ("AWS::AccountId", "AWS::Region", "AWS::Partition")


@dataclass(frozen=True, slots=True)
class PlannedSet:
    """One planned set and what the assembly says around it.

    ``account``, ``region``: the administrator's, where the set's own stack stands; two empty texts where the app leaves
    them open. ``selector``: how the CDK CLI names that stack. ``body``: the template of every account, JSON.
    """

    record: StackSetRecord
    account: str
    region: str
    stack_name: str
    selector: str
    body: str
    lookup_role_arn: str | None = None
    external_id: str | None = None

    @property
    def deploy(self) -> str:
        """The command that deploys its stack, and no other."""
        return f"cdk deploy {text.shell(text.one_stack(self.selector))} --exclusively"

    @property
    def place(self) -> str:
        """Where the set itself stands, in words."""
        return f"{self.account or 'no account'}, {self.region or 'no region'}"

    @property
    def arguments(self) -> str:
        """How AWS's command line names the set, and its region."""
        more = " --call-as DELEGATED_ADMIN" if self.record.delegated_administrator else ""
        return f"--region {self.region} --stack-set-name {self.record.name}{more}"

    @property
    def capability(self) -> str:
        """What the set's template asks of CloudFormation."""
        return capability(self.record.reader_role_name)

    def jitp_template(self, account: str, region: str) -> str | None:
        """The body of the provisioning template in one account and region; None where there is no template."""
        here = dict(zip(_OF_A_STACK, (account, region, self.record.partition), strict=True))
        for resource in json.loads(self.body)["Resources"].values():
            if resource["Type"] == _TEMPLATE:
                return _resolved(resource["Properties"]["TemplateBody"], here)
        return None

    def ca_pem(self, certificate_id: str) -> str | None:
        """The certificate of one of its CAs, PEM; None for a CA that it has not. Raises `AssemblyError`."""
        what = f"the template of the stack set {self.record.name}"
        for ca in self.record.cas:
            if ca.certificate_id == certificate_id:
                where = f"{what}: {ca.logical_id}"
                resource = member(json.loads(self.body)["Resources"], ca.logical_id, dict, what)
                properties = member(resource, "Properties", dict, where)
                return checked_pem(member(properties, "CACertificatePem", str, where), certificate_id, where)
        return None

    def command(self, verb: str, accounts: Sequence[str], regions: Iterable[str], unit: str = "") -> str:
        """A call on stacks of the set, as AWS's command line has it; of all its accounts where none are named.

        ``unit``: the one of the set's that these are of, where that is known.
        """
        record = self.record
        targets = f"--accounts {' '.join(accounts or record.accounts)}"
        if record.service_managed:
            targets = (
                f"--deployment-targets OrganizationalUnitIds={unit or ','.join(record.organizational_units)}"
            )
            listed = accounts or record.excluded_accounts
            if listed:
                how = "INTERSECTION" if accounts else "DIFFERENCE"
                targets += f",Accounts={','.join(listed)},AccountFilterType={how}"
        return f"`aws cloudformation {verb} {self.arguments} {targets} --regions {' '.join(regions)}`"

    def anew(self, instance: LiveInstance) -> str:
        """How to make one of its stacks again: StackSets sees nothing of what was changed in it, and mends nothing."""
        accounts, regions = [instance.account], [instance.region]
        gone = self.command("delete-stack-instances --no-retain-stacks", accounts, regions, instance.unit)
        made = self.command("create-stack-instances", accounts, regions)
        first = 'deploy the set with on_leaving="DESTROY"; then ' if self.record.retains else ""
        return f"{first}run {gone} and, when that has ended, {made}"

    def registrations_of(self, instance: LiveInstance) -> list[PlannedRegistration]:
        """What the set's template comes down to in one of its stacks."""
        account, region = instance.account, instance.region
        stack_name = StackId.parse(instance.stack_id).name
        template: dict[str, Any] = {}
        for resource in json.loads(self.body)["Resources"].values():
            if resource["Type"] == _TEMPLATE:
                role = resource["Properties"]["ProvisioningRoleArn"]["Fn::GetAtt"][0]
                template = {
                    "template_body": self.jitp_template(account, region),
                    "template_role": LogicalId(role),
                }
        return [
            PlannedRegistration(
                record,
                selector=self.selector,
                lookup_role_arn=self.record.reader_role_arn(account, region),
                in_set=SetStack(instance.stack_id, self.anew(instance)),
                **template,
            )
            for record in self.record.registrations(account, region, stack_name)
        ]


def read_planned_sets(assembly: str | os.PathLike[str]) -> list[PlannedSet]:
    """The planned sets of a cloud assembly, in deploy order; none where there are none. Raises `AssemblyError`."""
    planned = []
    for stack, record in read_stacks_and_sets(assembly):
        planned.append(
            PlannedSet(
                record,
                account=stack.account,
                region=stack.region,
                stack_name=stack.name,
                selector=stack.selector,
                body=_body(stack, record),
                lookup_role_arn=stack.lookup_role(record.partition),
                external_id=stack.external_id,
            )
        )
    return planned


def _body(stack: AssemblyStack, record: StackSetRecord) -> str:
    for resource in stack.template(record.nested_template)["Resources"].values():
        properties = resource.get("Properties")
        if resource.get("Type") != _SET or not isinstance(properties, dict):
            continue
        body = properties.get("TemplateBody")
        if properties.get("StackSetName") == record.name and isinstance(body, str):
            _check_body(body, record)
            return body
    raise AssemblyError(
        "the stack set of a record is not in the cloud assembly's template",
        value=record.name,
        fix="synthesize the app anew",
    )


def _check_body(body: str, record: StackSetRecord) -> None:
    """Raise `AssemblyError` for a set's template that cannot be read."""
    what = f"the template of the stack set {record.name}"
    try:
        held = strict_json.parse(body, what=what)
    except JsonError as error:
        raise AssemblyError(error.problem, value=error.value, allowed=error.allowed, fix=SYNTHESIZE) from None
    resources = member(member({what: held}, what, dict, "the stack set"), "Resources", dict, what)
    for name in resources:
        resource = member(resources, name, dict, what)
        if member(resource, "Type", str, f"{what}: {name}") == _TEMPLATE:
            _check_template(member(resource, "Properties", dict, f"{what}: {name}"), f"{what}: {name}")


def _check_template(properties: dict[str, Any], where: str) -> None:
    role = member(member(properties, "ProvisioningRoleArn", dict, where), "Fn::GetAtt", list, where)
    body = properties.get("TemplateBody")
    joined = body.get("Fn::Join") if isinstance(body, dict) else ["", [body]]
    pieces = joined[1] if isinstance(joined, list) and len(joined) == 2 else None
    known = [{"Ref": name} for name in _OF_A_STACK]
    if (
        not (role and isinstance(role[0], str))
        or not isinstance(pieces, list)
        or not all(isinstance(each, str) or each in known for each in pieces)
    ):
        raise AssemblyError(
            f"{where} of the cloud assembly is not a provisioning template as this library writes it",
            fix=SYNTHESIZE,
        )


def _resolved(value: Any, here: dict[str, str]) -> str | None:
    """A text of the neutral template as CloudFormation fills it; None for what is none."""
    joined = value.get("Fn::Join") if isinstance(value, dict) else None
    if joined is None:
        return value if isinstance(value, str) else None
    return "".join(each if isinstance(each, str) else here[each["Ref"]] for each in joined[1])
