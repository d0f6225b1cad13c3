"""All that one set is: a CA, its targets, how it is rolled out, and what leaving accounts keep. Makes no construct."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import attrs

from ...errors import InvalidNameError, InvalidTypeError, UnsupportedInSetError
from ...text import in_iso
from ..assembly_sets import SetCa, StackSetRecord, capability
from ..ca.certificate import CaCertificate
from ..checks import STACK_NAME_ALLOWED, as_items, check_type, is_flag, is_stack_name
from ..jitp.template_body import JitpTemplateBody
from ..jitp.template_name import generated_name
from ..jitr.enrollment import JitrEnrollment
from ..options import resolve_removal_policy
from ..plan.retiring import RetiringCa
from ..plan.rules import check_retiring, region_warnings, rotation_warnings
from .operation import StackSetOperation
from .reader import check_partition, reader_role, reader_role_name, readers_of
from .targets import StackSetTargets
from .template import DESCRIPTION, body_of, logical_id_of, registration_of, render

if TYPE_CHECKING:
    from collections.abc import Iterable


def _name(_: object, __: attrs.Attribute[Any], name: object) -> None:
    if not is_stack_name(name):
        raise InvalidNameError(
            "CloudFormation does not take the name of the set",
            value=name,
            allowed=STACK_NAME_ALLOWED,
            fix="give stack_set_name=…, or the construct another id",
        )


def _certificate(_: object, __: attrs.Attribute[Any], value: object) -> None:
    check_type(value, CaCertificate, "the CA certificate of the set", "CaCertificate.from_file")


def _provisioning(_: object, __: attrs.Attribute[Any], value: object) -> None:
    if isinstance(value, JitrEnrollment):
        raise UnsupportedInSetError(
            "the set has a JitrEnrollment: just-in-time registration needs a Lambda in every account",
            value="JitrEnrollment",
            allowed="a JitpTemplateBody or None",
            fix="register these accounts with SharedCa, or let a JITP template provision every device of the CA",
        )
    if value is not None and not isinstance(value, JitpTemplateBody):
        raise InvalidTypeError(
            "the provisioning of the set is of another kind",
            value=type(value).__name__,
            allowed="a JitpTemplateBody or None",
            fix="read it with JitpTemplateBody.from_file or from_dict",
        )


def _targets(_: object, __: attrs.Attribute[Any], value: object) -> None:
    check_type(value, StackSetTargets, "the targets of the set", "StackSetTargets")


def _operation(_: object, __: attrs.Attribute[Any], value: object) -> None:
    check_type(value, StackSetOperation, "the operation of the set", "StackSetOperation")


def _retiring(values: Iterable[RetiringCa]) -> tuple[RetiringCa, ...]:
    retiring = as_items(values, RetiringCa, "the retiring CAs of the set", "RetiringCa")
    for each in retiring:
        if each.verification is not None:
            raise UnsupportedInSetError(
                f"retiring CA {each.ca_certificate.certificate_id[:16]}… of the set has a verification",
                value=each.verification.kind,
                allowed="none: a set registers SNI_ONLY, which takes no proof",
                fix="leave the verification out",
            )
    return retiring


@attrs.frozen(kw_only=True)
class StackSetRequest:
    """One set, checked. A request that exists is a valid request; see `SharedCaStackSet` for its arguments.

    Raises a `SharedCaError`, one subclass per cause.
    """

    name: str = attrs.field(validator=_name)
    ca_certificate: CaCertificate = attrs.field(validator=_certificate)
    provisioning: JitpTemplateBody | None = attrs.field(validator=_provisioning)
    targets: StackSetTargets = attrs.field(validator=_targets)
    retiring: tuple[RetiringCa, ...] = attrs.field(default=(), converter=_retiring)
    active: bool = attrs.field(default=True, validator=is_flag)
    on_leaving: str = attrs.field(default="DESTROY", converter=resolve_removal_policy)
    operation: StackSetOperation = attrs.field(factory=StackSetOperation, validator=_operation)
    delegated_administrator: bool = attrs.field(default=False, validator=is_flag)
    readers: tuple[str, ...] = attrs.field(default=(), converter=readers_of)

    def __attrs_post_init__(self) -> None:
        """The rules that hold between fields, and the length of what they come down to."""
        check_retiring(self.retiring, self.ca_certificate, ())
        check_partition(self.readers, self.targets.partition)
        if self.delegated_administrator and not self.targets.service_managed:
            raise UnsupportedInSetError(
                "the set lists accounts, and delegated_administrator=True",
                value=True,
                allowed="delegated_administrator beside organizational_units",
                fix="leave it out: self-managed permissions know no delegated administrator",
            )
        _ = self.template_body

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is not an error, and should be looked at: each a sentence."""
        return (
            *region_warnings(self.targets.regions, f"the set {self.name}"),
            *rotation_warnings(self.ca_certificate, self.retiring),
        )

    @property
    def retains(self) -> bool:
        """Whether an account that leaves keeps its registration."""
        return self.on_leaving == "RETAIN"

    @property
    def template_name(self) -> str | None:
        """The provisioning template's name in every account; None where there is none."""
        return generated_name(self.name, "stack-set") if self.provisioning is not None else None

    @property
    def reader_role_name(self) -> str | None:
        """The name of the role that the readers take, with ``{region}`` in it; None where there are none."""
        return reader_role_name(self.name) if self.readers else None

    @functools.cached_property
    def template_body(self) -> str:
        """The neutral template: at most 51,200 bytes, and the same for every account."""
        return body_of(
            render(
                ca_certificate=self.ca_certificate,
                provisioning=self.provisioning,
                retiring=self.retiring,
                active=self.active,
                template_name=generated_name(self.name, "stack-set"),
                retain=self.retains,
                reader=reader_role(self.name, self.readers) if self.readers else None,
            )
        )

    @property
    def certificate_ids(self) -> tuple[str, ...]:
        """The CAs that the set registers, the current one first."""
        return tuple(
            each.certificate_id
            for each in (self.ca_certificate, *(old.ca_certificate for old in self.retiring))
        )

    def record(self, nested_template: str | None = None) -> StackSetRecord:
        """What the cloud assembly says of the set. ``nested_template``: the file, where it is in a nested stack."""
        targets = self.targets
        current = self._ca(self.ca_certificate, active=self.active, retiring=False)
        return StackSetRecord(
            name=self.name,
            cas=(
                current,
                *(self._ca(old.ca_certificate, active=old.active, retiring=True) for old in self.retiring),
            ),
            template_name=self.template_name,
            organizational_units=targets.organizational_units,
            accounts=targets.accounts,
            excluded_accounts=targets.excluded_accounts,
            regions=targets.regions,
            delegated_administrator=self.delegated_administrator,
            retains=self.retains,
            reader_role_name=self.reader_role_name,
            nested_template=nested_template,
        )

    def _ca(self, ca: CaCertificate, *, active: bool, retiring: bool) -> SetCa:
        return SetCa(
            certificate_id=ca.certificate_id,
            logical_id=logical_id_of(ca),
            subject=ca.subject,
            not_valid_before=in_iso(ca.not_valid_before),
            not_valid_after=in_iso(ca.not_valid_after),
            active=active,
            auto_registration=registration_of(ca, self.template_name, active=active).enrolls,
            retiring=retiring,
        )

    def properties(self) -> dict[str, Any]:
        """The properties of the ``AWS::CloudFormation::StackSet`` but for its tags."""
        targets = self.targets
        properties: dict[str, Any] = {
            "StackSetName": self.name,
            "Description": DESCRIPTION,
            "PermissionModel": "SERVICE_MANAGED" if targets.service_managed else "SELF_MANAGED",
            "Capabilities": [capability(self.reader_role_name)],
            "ManagedExecution": {"Active": True},
            "OperationPreferences": self.operation.preferences(targets.regions),
            "StackInstancesGroup": [targets.instances_group()],
            "TemplateBody": self.template_body,
        }
        if targets.service_managed:
            properties["AutoDeployment"] = {
                "Enabled": True,
                "RetainStacksOnAccountRemoval": self.retains,
            }
        if self.delegated_administrator:
            properties["CallAs"] = "DELEGATED_ADMIN"
        return properties
