"""One CA registered in one account and region: the ``Custom::IotCaCertificate`` of a stack."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import jsii
from aws_cdk import Annotations, CfnResource, ITaggable, RemovalPolicy, Stack, TagManager, TagType, aws_iam
from constructs import Construct

from ..errors import InvalidTypeError, MissingVerificationError, ProvisioningConflictError
from ..model.assembly import METADATA_TYPE, RESOURCE_TYPE, RegistrationRecord
from ..model.ca.certificate import CaCertificate, CertificateMode, resolve_mode
from ..model.options import OnExisting, resolve_on_existing, resolve_removal_policy
from ..model.possession.verification import check_verification
from .engines.custom_resource.permissions import Need
from .engines.custom_resource.registrar_function import RegistrarFunction
from .engines.custom_resource.request_properties import request_properties
from .place import Place
from .provisioning_template import JitpProvisioningTemplate, retained
from .registry import Claim, Enrollment

if TYPE_CHECKING:
    from aws_cdk import aws_logs

    from ..model.possession.verification import Verification
    from .provisioning_template import IJitpProvisioningTemplate

#: A CA that expires sooner than this is worth a warning at every synth.
NEAR_EXPIRY = dt.timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Planned:
    """What a plan says of one of its registrations."""

    stage_name: str
    place: Place
    retiring: bool = False


class ICaRegistration(Protocol):
    """A registered CA, ours or another's."""

    @property
    def ca_certificate_id(self) -> str:
        """The CA's certificate id, 64 hex digits; may be a Token."""

    @property
    def ca_certificate_arn(self) -> str:
        """The CA's ARN; may be a Token."""

    def grant_read(self, grantee: aws_iam.IGrantable) -> aws_iam.Grant:
        """Let a role, function or user see the registration and its tags, and change nothing."""


class _ImportedRegistration:
    """A registration that this app does not make."""

    def __init__(self, ca_certificate_id: str, ca_certificate_arn: str) -> None:
        self.ca_certificate_id = ca_certificate_id
        self.ca_certificate_arn = ca_certificate_arn

    def grant_read(self, grantee: aws_iam.IGrantable) -> aws_iam.Grant:
        return _grant_read(grantee, self.ca_certificate_arn)


@jsii.implements(ITaggable)
class CaRegistration(Construct):
    """Registers a CA with AWS IoT in the account and region of its stack, and keeps it as declared.

    ``ca_certificate``: the CA that signs the devices. ``certificate_mode``: SNI_ONLY by default; DEFAULT needs a
    ``verification``. ``provisioning_template``: a `JitpProvisioningTemplate`, or the name of one. ``active``: whether
    the CA takes part at all. ``auto_registration``: enroll unknown devices; by default where there is a template.
    ``allow_mode_change``: lets a deployment change the mode, which deletes the registration and makes it anew.
    ``on_existing``: what to do with a registration that exists already; ``adopt_from_stack`` names the stack whose
    registration may be adopted. ``removal_policy``: RETAIN leaves the CA registered when the stack goes.
    ``role``, ``log_group``: of your own, for the one Lambda that all registrations of a stack share.

    Tags of the app, the stack and this construct become tags of the CA.
    Raises a `SharedCaError`; among them `EnvironmentAgnosticError` in a stack without a literal account and region, and
    `DuplicateRegistrationError` or `MultipleDefaultOwnersError` for what contradicts another registration of the app.
    See RegisterCACertificate in the AWS IoT API reference.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - what CDK calls it
        *,
        ca_certificate: CaCertificate,
        certificate_mode: CertificateMode | str = CertificateMode.SNI_ONLY,
        verification: Verification | None = None,
        provisioning_template: IJitpProvisioningTemplate | str | None = None,
        active: bool = True,
        auto_registration: bool | None = None,
        allow_mode_change: bool = False,
        on_existing: OnExisting | str = OnExisting.FAIL,
        adopt_from_stack: str | None = None,
        removal_policy: RemovalPolicy | str = RemovalPolicy.DESTROY,
        role: aws_iam.IRole | None = None,
        log_group: aws_logs.ILogGroup | None = None,
        planned: Planned | None = None,
    ) -> None:
        """``planned`` is what `SharedCa` knows of its plan; leave it out elsewhere."""
        stage_name, retiring = (planned.stage_name, planned.retiring) if planned else (None, False)
        mode = resolve_mode(certificate_mode, where="the registration") or CertificateMode.SNI_ONLY
        existing = resolve_on_existing(on_existing)
        _check(ca_certificate, mode, verification, existing, adopt_from_stack, retiring=retiring)
        retain = resolve_removal_policy(removal_policy) == "RETAIN"
        super().__init__(scope, id)
        if planned is not None:
            place, path = planned.place, f"{planned.place.stack_path}/{id}"
        else:
            place, path = Place.of(self), self.node.path
        place.registry.claim(Claim(ca_certificate.certificate_id, place.account, place.region, mode, path))
        template = _template(self, provisioning_template)
        if template is not None:
            target = (ca_certificate.certificate_id, place.account, place.region)
            place.registry.claim_enrollment(target, Enrollment.TEMPLATE, path)
        auto = auto_registration if auto_registration is not None else template is not None
        if template is not None and not auto:
            raise ProvisioningConflictError(
                f"{path} has a provisioning template, and auto_registration=False: no device would ever be provisioned",
                fix="leave auto_registration out, or leave out the template",
            )
        self._ca_certificate = ca_certificate
        self._certificate_mode = mode
        self._auto_registration = auto
        self._tags: TagManager | None = None
        need = Need(ca_certificate, mode, verification, template.role_arn if template else None)
        registrar = RegistrarFunction.serve(place, need, role=role, log_group=log_group)
        self._resource = CfnResource(
            self,
            "Resource",
            type=RESOURCE_TYPE,
            properties=request_properties(
                service_token=registrar.service_token,
                ca_certificate=ca_certificate,
                mode=mode,
                active=active,
                auto_registration=auto,
                template_name=template.template_name if template is not None else None,
                verification=verification.request_properties(stage_name)
                if verification is not None
                else None,
                allow_mode_change=allow_mode_change,
                on_existing=existing,
                adopt_from_stack=adopt_from_stack,
            ),
        )
        registrar.order_before(self._resource)
        self._place = place
        self._ref: str = self._resource.ref
        if retain:
            retained(self._resource)
        record = RegistrationRecord(
            stage=stage_name,
            account=place.account,
            region=place.region,
            partition=place.partition,
            stack_name=place.stack_name,
            logical_id=self._ref,
            certificate_mode=mode.value,
            certificate_id=ca_certificate.certificate_id,
            subject=ca_certificate.subject,
            not_valid_before=_iso(ca_certificate.not_valid_before),
            not_valid_after=_iso(ca_certificate.not_valid_after),
            active=active,
            auto_registration=auto,
            template_name=template.literal_name if template is not None else None,
            jitr=False,  # what a JitrActivation says later, in an entry of its own
            retiring=retiring,
            verification=verification.metadata(stage_name) if verification is not None else None,
        )
        self.node.add_metadata(METADATA_TYPE, record.to_metadata())
        annotate_validity(self, ca_certificate, retiring=retiring)
        if verification is not None:
            annotate_verification(self, verification, ca_certificate, place.account, stage_name)

    @property
    @jsii.member(jsii_name="tags")
    def tags(self) -> TagManager:
        """The tags of the CA; CDK's `Tags.of` asks for this, and fills it."""
        if self._tags is None:
            # Made when the first tag comes by: most stages of most apps have none.
            self._tags = TagManager(TagType.KEY_VALUE, RESOURCE_TYPE)
            self._resource.add_property_override("Tags", self._tags.rendered_tags)
        return self._tags

    @property
    def ca_certificate_id(self) -> str:
        """The id that AWS IoT gave the CA; a Token that CloudFormation fills."""
        return self._ref

    @property
    def ca_certificate_arn(self) -> str:
        """The CA's ARN; a Token that CloudFormation fills."""
        place = self._place
        return f"arn:{place.partition}:iot:{place.region}:{place.account}:cacert/{self._ref}"

    def grant_read(self, grantee: aws_iam.IGrantable) -> aws_iam.Grant:
        """Let a role, function or user see this registration and its tags, and change nothing."""
        return _grant_read(grantee, self.ca_certificate_arn)

    @property
    def auto_registration(self) -> bool:
        """Whether unknown devices of the CA become known by connecting."""
        return self._auto_registration

    @property
    def target(self) -> tuple[str, str, str]:
        """The CA's certificate id as it was computed, the account and the region: all literal."""
        return self._ca_certificate.certificate_id, self._place.account, self._place.region

    @property
    def certificate_mode(self) -> CertificateMode:
        """The mode that is asked for."""
        return self._certificate_mode

    @property
    def registered_certificate_mode(self) -> str:
        """The mode that AWS IoT holds after the deployment; a Token that CloudFormation fills."""
        return self._resource.get_att("CertificateMode").to_string()

    @staticmethod
    def from_ca_certificate_id(
        scope: Construct,
        id: str,  # noqa: A002, ARG004 - as CDK's own from_… methods have it
        ca_certificate_id: str,
    ) -> ICaRegistration:
        """Refer to a CA that is registered already, in the account and region of the scope's stack."""
        if not isinstance(ca_certificate_id, str) or not ca_certificate_id:
            raise InvalidTypeError(
                "a registration is referred to by its certificate id",
                value=ca_certificate_id,
                allowed="64 hex digits, or a Token",
            )
        arn = Stack.of(scope).format_arn(service="iot", resource="cacert", resource_name=ca_certificate_id)
        return _ImportedRegistration(ca_certificate_id, arn)


def annotate_validity(scope: Construct, ca: CaCertificate, *, retiring: bool) -> None:
    """Say at synth what time has done, or will soon do, to the CA.

    An expired or not yet valid CA is an error annotation: `cdk deploy` refuses, `cdk destroy` works.
    """
    now = dt.datetime.now(dt.UTC)
    problem = None
    if now >= ca.not_valid_after:
        problem = f"the CA certificate expired on {_iso(ca.not_valid_after)}"
    elif now < ca.not_valid_before:
        problem = f"the CA certificate is not valid before {_iso(ca.not_valid_before)}"
    named = f"{ca.subject}, {ca.certificate_id[:16]}…"
    if problem is not None and not retiring:
        Annotations.of(scope).add_error(
            f"{problem} ({named}): AWS IoT refuses it; fix: deploy a CA that is valid now (see docs/rotation.md)"
        )
    elif problem is not None:
        Annotations.of(scope).add_warning_v2(
            "iot-multiaccount-ca:retiring-ca-validity", f"{problem} ({named}): take it out of `retiring`"
        )
    elif ca.not_valid_after - now < NEAR_EXPIRY:
        Annotations.of(scope).add_warning_v2(
            "iot-multiaccount-ca:ca-expires-soon",
            f"the CA certificate expires on {_iso(ca.not_valid_after)} ({named}): begin its rotation now "
            "(docs/rotation.md)",
        )


def annotate_verification(
    scope: Construct, verification: Verification, ca: CaCertificate, account: str, stage_name: str | None
) -> None:
    """Say what time has done to a pre-issued certificate, and what another account must grant for its key."""
    problem = verification.pre_issued_problem(stage_name)
    if problem is not None:
        Annotations.of(scope).add_error(problem)
    for policy in verification.foreign_policies(account, ca_certificate=ca):
        Annotations.of(scope).add_info(
            f"add this to the {policy.kind} of {policy.resource_arn}, which another account owns:\n{policy.to_json()}"
        )


def _grant_read(grantee: aws_iam.IGrantable, ca_certificate_arn: str) -> aws_iam.Grant:
    return aws_iam.Grant.add_to_principal(
        grantee=grantee,
        actions=["iot:DescribeCACertificate", "iot:ListTagsForResource"],
        resource_arns=[ca_certificate_arn],
    )


def _check(
    ca_certificate: CaCertificate,
    mode: CertificateMode,
    verification: Verification | None,
    existing: OnExisting,
    adopt_from_stack: str | None,
    *,
    retiring: bool,
) -> None:
    if not isinstance(ca_certificate, CaCertificate):
        raise InvalidTypeError(
            "the CA certificate of the registration is of another kind",
            value=type(ca_certificate).__name__,
            allowed="CaCertificate",
            fix="make it with CaCertificate.from_file or from_pem",
        )
    check_verification(verification, where="the registration")
    if mode is CertificateMode.DEFAULT and verification is None and not retiring:
        raise MissingVerificationError(
            "a registration in DEFAULT mode, and nothing proves possession of the CA key",
            allowed="Verification.from_secret, from_kms_key, from_private_ca, from_pre_issued",
            fix="give it a verification, or register SNI_ONLY, which needs none",
        )
    if mode is CertificateMode.SNI_ONLY and verification is not None:
        raise ProvisioningConflictError(
            "a registration in SNI_ONLY mode with a verification: AWS IoT takes no proof in this mode",
            fix="leave verification out; the role then needs no right to use any key",
        )
    if adopt_from_stack is not None and existing is not OnExisting.ADOPT:
        raise ProvisioningConflictError(
            "adopt_from_stack without on_existing=OnExisting.ADOPT",
            value=adopt_from_stack,
            fix="set both, or neither",
        )


def _template(
    scope: CaRegistration, template: IJitpProvisioningTemplate | str | None
) -> IJitpProvisioningTemplate | None:
    if isinstance(template, str):
        return JitpProvisioningTemplate.from_template_name(scope, "Template", template)
    if template is not None and not hasattr(template, "literal_name"):
        raise InvalidTypeError(
            "the provisioning template of the registration is of another kind",
            value=type(template).__name__,
            allowed="JitpProvisioningTemplate, a template's name, or None",
        )
    return template


def _iso(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
