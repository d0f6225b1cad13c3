"""One CloudFormation StackSet that registers the CA in every account of an organization's units, without a Lambda."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from aws_cdk import CfnStackSet, RemovalPolicy, Stack, Token
from constructs import Construct, IValidation

from ..errors import StackSetRegionsError
from ..model.assembly_sets import METADATA_TYPE
from ..model.stack_set.operation import StackSetOperation
from ..model.stack_set.request import StackSetRequest
from ..model.stack_set.targets import StackSetTargets
from ..model.tags import BY_STACK_SET
from ..model.target import partition_of
from .annotations import annotate_set
from .place import outermost
from .registry import Registry, SetClaim
from .tag_rules import TagRules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model.ca.certificate import CaCertificate
    from ..model.jitp.template_body import JitpTemplateBody
    from ..model.plan.retiring import RetiringCa


class SharedCaStackSet(Construct):
    """Registers the CA, SNI_ONLY and without a Lambda, in every account of the targets: one StackSet, no asset.

    Stands in a stack of the organization's management account, or of a delegated administrator, in any region. With
    organizational units an account that joins is enrolled by itself; the management account is never reached.
    CloudFormation StackSets needs trusted access to AWS Organizations. Tags of the app become tags of the stacks.

    Args:
        ca_certificate: the CA that signs the devices.
        provisioning: the `JitpTemplateBody` of every account, or None for a CA that makes no device known.
        regions: where the CA is registered in each account; one partition.
        organizational_units: ids of units, or of the root; units below are included. Or else:
        accounts: account ids. Each needs the roles of self-managed permissions.
        excluded_accounts: accounts of the units that are left out, such as the DEFAULT owner's; by default none.
        retiring: CAs on their way out, a list of `RetiringCa`; by default none.
        active: whether the CA takes part at all; by default yes.
        on_leaving: ``RemovalPolicy.DESTROY`` (default) or ``RETAIN``: what happens to the registration of an account
            that leaves. After RETAIN an account that returns fails, since its registration exists.
        operation: how the set is rolled out, a `StackSetOperation`.
        stack_set_name: a letter, then up to 127 letters, digits or hyphens; by default the construct's id.
        delegated_administrator: whether the stack's account is one, instead of the management account; by default not.
        readers: accounts, or ARNs of roles, that `iot-ca verify` runs as: each account of the set gets a role for each
            of its regions that they may assume, and that reads what verify looks at, no more; by default none.

    Raises a `StackSetError` for what no set can be, `DuplicateRegistrationError` for an account in which the app
    registers the CA already. See "AWS::CloudFormation::StackSet" in the AWS CloudFormation user guide.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - what CDK calls it
        *,
        ca_certificate: CaCertificate,
        provisioning: JitpTemplateBody | None,
        regions: Iterable[str],
        organizational_units: Iterable[str] | None = None,
        accounts: Iterable[str] | None = None,
        excluded_accounts: Iterable[str] = (),
        retiring: Iterable[RetiringCa] = (),
        active: bool = True,
        on_leaving: RemovalPolicy | str = RemovalPolicy.DESTROY,
        operation: StackSetOperation | None = None,
        stack_set_name: str | None = None,
        delegated_administrator: bool = False,
        readers: Iterable[str] = (),
    ) -> None:
        request = StackSetRequest(
            name=id if stack_set_name is None else stack_set_name,
            ca_certificate=ca_certificate,
            provisioning=provisioning,
            targets=StackSetTargets(
                regions=regions,
                organizational_units=organizational_units,
                accounts=accounts,
                excluded_accounts=excluded_accounts,
            ),
            retiring=retiring,
            active=active,
            on_leaving=on_leaving,
            operation=StackSetOperation() if operation is None else operation,
            delegated_administrator=delegated_administrator,
            readers=readers,
        )
        super().__init__(scope, id)
        self._request = request
        stack = Stack.of(self)
        _check_partition(request, stack.region)
        place = (outermost(stack).account, outermost(stack).region)
        Registry.of(self).claim_set(
            SetClaim(request.certificate_ids, request.targets, self, name=request.name, place=place)
        )
        properties = request.properties()
        self._set = CfnStackSet(
            self,
            "Resource",
            stack_set_name=request.name,
            permission_model=properties["PermissionModel"],
        )
        for name, value in properties.items():
            self._set.add_property_override(name, value)
        # What the set is tagged with, CloudFormation puts on the CA in every account.
        self.node.add_validation(cast("IValidation", TagRules(self._set.tags, {}, BY_STACK_SET)))
        nested = stack.template_file if stack.nested_stack_parent is not None else None
        self.node.add_metadata(METADATA_TYPE, request.record(nested).to_metadata())
        annotate_set(self, request)

    @property
    def template_body(self) -> str:
        """The template of every account, as the set carries it: JSON that names no account but those of readers."""
        return self._request.template_body

    @property
    def template_name(self) -> str | None:
        """The provisioning template's name in every account; None where there is none."""
        return self._request.template_name

    @property
    def stack_set_id(self) -> str:
        """The set's id, ``<name>:<uuid>``; a Token that CloudFormation fills."""
        return self._set.attr_stack_set_id


def _check_partition(request: StackSetRequest, region: str) -> None:
    """Raise `StackSetRegionsError` where the set's own stack stands in another partition than its stacks."""
    partition = request.targets.partition
    if not Token.is_unresolved(region) and partition_of(region) != partition:
        raise StackSetRegionsError(
            f"the set's own stack is in {region} ({partition_of(region)}), and its regions are of another partition",
            value=", ".join(request.targets.regions),
            allowed=f"regions of {partition_of(region)}: an organization ends there",
            fix=f"put the set into a stack of an account of {partition}",
        )
