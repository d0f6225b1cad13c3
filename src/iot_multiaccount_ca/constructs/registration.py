"""One CA registered in one account and region: the ``Custom::IotCaCertificate`` of a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

import jsii
from aws_cdk import IStringProducer, ITaggable, Lazy, RemovalPolicy, Stack, TagManager, TagType, aws_iam
from constructs import Construct, IValidation

from ..errors import InvalidTypeError, UnusedArgumentError
from ..model.assembly import METADATA_TYPE
from ..model.ca.certificate import CertificateMode
from ..model.checks import is_certificate_id
from ..model.options import OnExisting, RegistrationEngine
from ..model.registration import RegistrationRequest
from ..model.target import is_token
from .annotations import annotate
from .engines.custom_resource.engine import CustomResourceEngine
from .engines.native import NativeEngine
from .engines.none import NoEngine
from .place import Place, outermost
from .provisioning_template import reference_to, retained
from .registry import Claim, Enrollment
from .tag_rules import TagRules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_cdk import IResolveContext, aws_logs

    from ..model.ca.certificate import CaCertificate
    from ..model.possession.verification import Verification
    from .engines.protocol import Engine
    from .provisioning_template import IJitpProvisioningTemplate


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


@jsii.implements(IStringProducer)
class _CertificateId:
    """The CA's id: by reference in the stack that registers it, literally in any other.

    A reference from another stack would be an export, and CloudFormation changes no export that is in use: the id
    changes with every rotation.
    """

    def __init__(self, stack: Stack, reference: str, literal: str) -> None:
        self._stack, self._reference, self._literal = outermost(stack), reference, literal

    def produce(self, context: IResolveContext) -> str:
        """What the CDK asks for each place that the id is used in."""
        here = outermost(Stack.of(context.scope)) is self._stack
        return self._reference if here else self._literal


@jsii.implements(ITaggable)
class CaRegistration(Construct):
    """Registers a CA with AWS IoT in the account and region of its stack, and keeps it as declared.

    Args:
        ca_certificate: the CA that signs the devices.
        certificate_mode: SNI_ONLY by default; DEFAULT needs a ``verification``.
        verification: how possession of the CA's key is proved, in DEFAULT mode only; by default not.
        provisioning_template: a `JitpProvisioningTemplate`, or the name of one; by default none.
        active: whether the CA takes part at all; by default yes.
        auto_registration: enroll unknown devices; by default where there is a template.
        allow_mode_change: lets a deployment change the mode, which deletes the registration and makes it anew; by
            default not.
        on_existing: what to do with a registration that exists already; by default FAIL.
        adopt_from_stack: name or id of the stack whose registration may be adopted, with ADOPT; by default none.
        adopt_template_role_arn: the role of a template that is found, so that the template can be given back (grants
            iam:PassRole on it); by default none.
        removal_policy: DESTROY by default; RETAIN leaves the CA registered when the stack goes.
        role: of your own, for the one Lambda that all registrations of a stack share; by default the stack makes one.
        log_group: likewise; by default one that keeps a year.
        engine: what carries the registration out: LAMBDA by default, or NATIVE, which needs no Lambda, and can register
            only; NONE for the deployment between the two.

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
        adopt_template_role_arn: str | None = None,
        removal_policy: RemovalPolicy | str = RemovalPolicy.DESTROY,
        role: aws_iam.IRole | None = None,
        log_group: aws_logs.ILogGroup | None = None,
        engine: RegistrationEngine | str = RegistrationEngine.LAMBDA,
    ) -> None:
        request = RegistrationRequest(
            ca_certificate=ca_certificate,
            certificate_mode=certificate_mode,
            verification=verification,
            template=reference_to(provisioning_template),
            active=active,
            auto_registration=auto_registration,
            allow_mode_change=allow_mode_change,
            on_existing=on_existing,
            adopt_from_stack=adopt_from_stack,
            adopt_template_role_arn=adopt_template_role_arn,
            removal_policy=removal_policy,
            engine=engine,
        )
        self._register(scope, id, request, engine_of(request, role=role, log_group=log_group))

    def _register(self, scope: Construct, id: str, request: RegistrationRequest, engine: Engine) -> None:  # noqa: A002
        """Make the construct: what every way to it, public or from a plan, comes down to."""
        place, ca = Place.of(scope, id), request.ca_certificate
        path = place.path_of(scope, id)
        request.check_place(place.account, place.region)
        Construct.__init__(self, scope, id)
        target = (ca.certificate_id, place.account, place.region)
        place.registry.claim(Claim(*target, request.certificate_mode, path))
        if request.template is not None:
            place.registry.claim_enrollment(target, Enrollment.TEMPLATE, path)
        self._request = request
        self._place = place
        self._tags: TagManager | None = None
        self._id: str | None = None
        self._registered = engine.emit(self, request, place)
        if request.retained and self._registered.resource is not None:
            retained(self._registered.resource)
        record = request.record(
            target=place.target,
            stack_name=place.stack_name,
            logical_id=self._registered.logical_id or self._registered.certificate_id,
            nested_template=place.nested[1] if place.nested is not None else None,
        )
        self.node.add_metadata(METADATA_TYPE, record.to_metadata())
        annotate(self, request, place.account)

    @property
    @jsii.member(jsii_name="tags")
    def tags(self) -> TagManager:
        """The tags of the CA; CDK's `Tags.of` asks for this, and fills it."""
        if self._tags is None:
            # Made when the first tag comes by: most stages of most apps have none.
            self._tags = TagManager(TagType.KEY_VALUE, self._registered.resource_type)
            for key, value in self._registered.own_tags.items():
                self._tags.set_tag(key, value)
            if self._registered.resource is not None:
                self._registered.resource.add_property_override("Tags", self._tags.rendered_tags)
            rules = TagRules(self._tags, self._registered.own_tags, self._registered.tag_limits)
            self.node.add_validation(cast("IValidation", rules))
        return self._tags

    @property
    def ca_certificate_id(self) -> str:
        """The id of the CA; a Token.

        In the registration's own stack it is what AWS IoT answered, and in other stacks what was computed, so that no
        export stands in the way of a rotation.
        """
        if self._id is None:
            producer = _CertificateId(
                self._place.stack,
                self._registered.certificate_id,
                self._request.ca_certificate.certificate_id,
            )
            self._id = Lazy.uncached_string(cast("IStringProducer", producer))
        return self._id

    @property
    def ca_certificate_arn(self) -> str:
        """The CA's ARN; a Token, as `ca_certificate_id` is."""
        place = self._place
        return place.target.arn("iot", f"cacert/{self.ca_certificate_id}")

    def grant_read(self, grantee: aws_iam.IGrantable) -> aws_iam.Grant:
        """Let a role, function or user see this registration and its tags, and change nothing."""
        return _grant_read(grantee, self.ca_certificate_arn)

    @property
    def auto_registration(self) -> bool:
        """Whether unknown devices of the CA become known by connecting."""
        return self._request.enrolls

    @property
    def target(self) -> tuple[str, str, str]:
        """The CA's certificate id as it was computed, the account and the region: all literal."""
        return self._request.ca_certificate.certificate_id, self._place.account, self._place.region

    @property
    def certificate_mode(self) -> CertificateMode:
        """The mode that is asked for."""
        return self._request.certificate_mode

    @staticmethod
    def from_ca_certificate_id(
        scope: Construct,
        id: str,  # noqa: A002, ARG004 - as CDK's own from_… methods have it
        ca_certificate_id: str,
    ) -> ICaRegistration:
        """Refer to a CA that is registered already, in the account and region of the scope's stack.

        Args:
            ca_certificate_id: 64 hex digits, or a Token.
        """
        if not (is_certificate_id(ca_certificate_id) or is_token(ca_certificate_id)):
            raise InvalidTypeError(
                "a registration is referred to by its certificate id",
                value=ca_certificate_id,
                allowed="64 hex digits (lower case), or a Token",
            )
        arn = Stack.of(scope).format_arn(service="iot", resource="cacert", resource_name=ca_certificate_id)
        return _ImportedRegistration(ca_certificate_id, arn)


#: What carries a registration out, by the word for it.
ENGINES: Mapping[RegistrationEngine, Callable[..., Engine]] = {
    RegistrationEngine.LAMBDA: CustomResourceEngine,
    RegistrationEngine.NATIVE: NativeEngine,
    RegistrationEngine.NONE: NoEngine,
}


def engine_of(
    request: RegistrationRequest,
    *,
    role: aws_iam.IRole | None = None,
    log_group: aws_logs.ILogGroup | None = None,
) -> Engine:
    """The engine that the request names. ``role``, ``log_group``: the user's own, for an engine with a Lambda."""
    engine = ENGINES[request.engine]
    given = {name: value for name, value in (("role", role), ("log_group", log_group)) if value is not None}
    if given and engine is not CustomResourceEngine:
        unused = next(iter(given))
        raise UnusedArgumentError(
            f"{request.where} has a {unused}, and its engine has no Lambda: RegistrationEngine.{request.engine.name}",
            fix=f"leave {unused} out",
        )
    return engine(**given)


def _grant_read(grantee: aws_iam.IGrantable, ca_certificate_arn: str) -> aws_iam.Grant:
    return aws_iam.Grant.add_to_principal(
        grantee=grantee,
        actions=["iot:DescribeCACertificate", "iot:ListTagsForResource"],
        resource_arns=[ca_certificate_arn],
    )


class StageRegistration(CaRegistration):
    """A registration of a plan's stage, whose request is made already. `SharedCa` makes these."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - what CDK calls it
        *,
        request: RegistrationRequest,
        role: aws_iam.IRole | None = None,
        log_group: aws_logs.ILogGroup | None = None,
    ) -> None:
        self._register(scope, id, request, engine_of(request, role=role, log_group=log_group))

    @property
    def reference(self) -> str:
        """The CA's id for its own stack alone, by reference; costs no question to the CDK."""
        return self._registered.certificate_id
