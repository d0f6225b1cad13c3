"""A just-in-time provisioning template with its role. Renders what the body says, and lints nothing itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from aws_cdk import Annotations, CfnDeletionPolicy, RemovalPolicy, Token, aws_iam, aws_iot
from constructs import Construct

from ..errors import InvalidNameError, InvalidTypeError, RemovalPolicyConflictError
from ..model.checks import check_flag, check_type
from ..model.jitp.template_body import PROVISIONING_POLICY, ROLE_DESCRIPTION, JitpTemplateBody
from ..model.jitp.template_name import NAME, UNKNOWN, generated_name
from ..model.options import resolve_removal_policy
from ..model.policies import trust
from ..model.registration import TemplateReference
from ..model.target import managed_policy
from .annotations import annotate_template_warnings
from .place import Place

if TYPE_CHECKING:
    from aws_cdk import CfnResource

_STAYS = (CfnDeletionPolicy.RETAIN, CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE)


class IJitpProvisioningTemplate(Protocol):
    """A provisioning template of type JITP, ours or another's."""

    @property
    def template_name(self) -> str:
        """The name: 1 to 36 of ``[0-9A-Za-z_-]``; may be a Token."""

    @property
    def literal_name(self) -> str:
        """The name as it is known at synth."""

    @property
    def role_arn(self) -> str | None:
        """ARN of the role that AWS IoT provisions devices with, where it is known."""


class _ImportedTemplate:
    """A provisioning template that this app does not make."""

    def __init__(self, template_name: str, role_arn: str | None) -> None:
        self.template_name = template_name
        self.literal_name = template_name
        self.role_arn = role_arn


class JitpProvisioningTemplate(Construct):
    """The role and the ``AWS::IoT::ProvisioningTemplate`` of type JITP for one stack.

    Args:
        body: the linted template body; its ``{{account}}``, ``{{region}}`` and ``{{partition}}`` are filled with the
            stack's.
        template_name: 1 to 36 of ``[0-9A-Za-z_-]``; by default a readable head and 8 hex digits of stack name and path
            in the stack, and under RETAIN 8 digits of the stack's own id, so that a template that stayed behind does
            not stand in the way of the next deployment.
        role: the provisioning role; by default one that AWS IoT may assume, with the managed policy
            ``AWSIoTThingsRegistration``.
        description: at most 500 characters; by default none.
        enabled: whether devices are provisioned by it; by default yes.
        removal_policy: DESTROY (default), or RETAIN, which keeps template and role when the stack goes: a CA that stays
            registered needs them.

    Raises a `SharedCaError`; `RemovalPolicyConflictError` for RETAIN with a role of the app that goes with its stack.
    See "Just-in-time provisioning" in the AWS IoT developer guide.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - what CDK calls it
        *,
        body: JitpTemplateBody,
        template_name: str | None = None,
        role: aws_iam.IRole | None = None,
        description: str | None = None,
        enabled: bool = True,
        removal_policy: RemovalPolicy | str = RemovalPolicy.DESTROY,
    ) -> None:
        what = "the body of a provisioning template"
        check_type(body, JitpTemplateBody, what, "JitpTemplateBody.from_file or from_dict")
        if template_name is not None:
            check_template_name(template_name)
        check_flag(enabled, "enabled of the JitpProvisioningTemplate")
        retain = resolve_removal_policy(removal_policy) == "RETAIN"
        place = Place.of(scope, id)
        inside = place.path_of(scope, id).removeprefix(f"{place.stack_path}/")
        if retain and role is not None:
            _check_role_stays(role, place.path_of(scope, id))
        super().__init__(scope, id)
        #: The name as it is known at synth; a ``?`` stands for a digit that only CloudFormation knows.
        self.literal_name: str = template_name or generated_name(place.identity, inside, retained=retain)
        if template_name is not None and retain:
            _warn_of_fixed_name(self, template_name)
        self._role = role
        self._cfn_role = None if role is not None else _provisioning_role(self, place.partition)
        self.role_arn: str = role.role_arn if role is not None else self._cfn_role.attr_arn  # type: ignore[union-attr]
        template = aws_iot.CfnProvisioningTemplate(
            self,
            "Resource",
            provisioning_role_arn=self.role_arn,
            template_body=body.resolve(account=place.account, region=place.region, partition=place.partition),
            template_type="JITP",
            template_name=template_name or _filled(self.literal_name),
            description=description,
            enabled=enabled,
        )
        annotate_template_warnings(self, body)
        self.retained = retain
        #: The template's name, as a reference: what uses it is made after the template and removed before it.
        self.template_name: str = template.ref
        if retain:
            retained(template)
            # Only when the stack goes: one that is replaced by another name is used no more, and its own name, fixed
            # under DESTROY, would be taken on the way back.
            template.cfn_options.update_replace_policy = CfnDeletionPolicy.DELETE
            if self._cfn_role is not None:
                retained(self._cfn_role)

    @property
    def role(self) -> aws_iam.IRole:
        """The provisioning role."""
        if self._role is None:
            self._role = aws_iam.Role.from_role_arn(self, "ImportedRole", self.role_arn)
        return self._role

    @staticmethod
    def from_template_name(
        scope: Construct,  # noqa: ARG004 - as CDK's own from_… methods have it
        id: str,  # noqa: A002, ARG004
        template_name: str,
        *,
        role_arn: str | None = None,
    ) -> IJitpProvisioningTemplate:
        """A template that exists already, by its name.

        Args:
            template_name: 1 to 36 of ``[0-9A-Za-z_-]``.
            role_arn: its provisioning role; the registrar is then allowed to pass it, should AWS IoT ask for that. By
                default it is not.

        Raises `InvalidNameError` for a name that AWS IoT would refuse.
        """
        check_template_name(template_name)
        return _ImportedTemplate(template_name, role_arn)


def reference_to(template: IJitpProvisioningTemplate | str | None) -> TemplateReference | None:
    """What a registration says of its template, given as a construct or by its name; raises for what is neither."""
    if template is None:
        return None
    if isinstance(template, str):
        check_template_name(template)
        return TemplateReference(template, template)
    if not hasattr(template, "literal_name"):
        raise InvalidTypeError(
            "the provisioning template of the registration is of another kind",
            value=type(template).__name__,
            allowed="JitpProvisioningTemplate, a template's name, or None",
        )
    return TemplateReference(
        template.template_name,
        template.literal_name,
        template.role_arn,
        template.retained if isinstance(template, JitpProvisioningTemplate) else None,
    )


def check_template_name(name: object) -> None:
    """Raise `InvalidNameError` unless AWS IoT takes the name."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InvalidNameError(
            "AWS IoT does not take the name of the provisioning template",
            value=name,
            allowed="1 to 36 of 0-9, A-Z, a-z, _ and -",
        )


def _filled(name: str) -> str:
    """The name for CloudFormation: where eight ``?`` stand, the first 8 hex digits of the stack's id (a UUID)."""
    if not name.endswith(UNKNOWN):
        return name
    uuid = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
    digits = {"Fn::Select": [0, {"Fn::Split": ["-", uuid]}]}
    return Token.as_string({"Fn::Join": ["", [name.removesuffix(UNKNOWN), digits]]})


def _check_role_stays(role: aws_iam.IRole, path: str) -> None:
    """Raise `RemovalPolicyConflictError` for a role that this app makes, and that goes with its stack."""
    made = role.node.default_child
    if isinstance(made, aws_iam.CfnRole) and made.cfn_options.deletion_policy not in _STAYS:
        raise RemovalPolicyConflictError(
            f"the provisioning template {path} stays when its stack goes, and its role does not: no device could be "
            "provisioned any more",
            value=role.node.path,
            allowed="a role that stays as well",
            fix="call role.apply_removal_policy(RemovalPolicy.RETAIN) before the template is made, or give no role",
        )


def _warn_of_fixed_name(scope: Construct, name: str) -> None:
    Annotations.of(scope).add_warning_v2(
        "iot-multiaccount-ca:retained-name",
        f"the provisioning template {name!r} stays when its stack goes, and the stack cannot be made again while it is "
        "there; fix: leave template_name out, and the name carries a part of the stack's id",
    )


def retained(resource: CfnResource) -> None:
    """Keep the resource when the stack goes, but not when the deployment that makes it fails."""
    resource.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)


def _provisioning_role(scope: Construct, partition: str) -> aws_iam.CfnRole:
    return aws_iam.CfnRole(
        scope,
        "Role",
        assume_role_policy_document=trust({"Service": "iot.amazonaws.com"}),
        managed_policy_arns=[managed_policy(partition, PROVISIONING_POLICY)],
        description=ROLE_DESCRIPTION,
    )
