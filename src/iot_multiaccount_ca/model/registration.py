"""All that one registration is, and its rules, whatever carries it out. Knows neither a construct nor an engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import attrs

from ..errors import (
    AdoptionNotAllowedError,
    AutoRegistrationOffError,
    MissingVerificationError,
    RemovalPolicyConflictError,
    UnsupportedByEngineError,
    UnusedVerificationError,
)
from ..text import in_iso
from .adoption import check_place, check_role_arn, check_stack
from .assembly import RegistrationRecord
from .ca.certificate import CaCertificate, CertificateMode, resolve_mode
from .checks import check_flag, check_type
from .options import (
    CAPABILITIES,
    Capability,
    OnExisting,
    RegistrationEngine,
    resolve_engine,
    resolve_on_existing,
    resolve_removal_policy,
)
from .possession.verification import HOW_TO_PROVE, HOW_TO_PROVE_AHEAD, check_verification

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .possession.verification import Verification
    from .target import Target


def asked_of_engine(
    verification: Verification | None,
    *,
    allow_mode_change: bool,
    on_existing: OnExisting | None,
    unproved: bool,
    adopt_template_role_arn: str | None = None,
    admits: bool = False,
) -> frozenset[Capability]:
    """What such a registration needs; ``unproved``: DEFAULT without the verification that it was registered with.

    ``admits``: whether a Lambda decides which devices come in.
    """
    asked = {
        Capability.PROOF: verification is not None and verification.signs_in_lambda,
        Capability.MODE_CHANGE: allow_mode_change,
        Capability.ADOPTION: on_existing is OnExisting.ADOPT,
        Capability.GIVING_BACK: adopt_template_role_arn is not None,
        Capability.ADMISSION: admits,
        Capability.NO_PROOF: unproved,
    }
    return frozenset(each for each, is_asked in asked.items() if is_asked)


def how_to_prove(engine: RegistrationEngine | None) -> str:
    """The ways of proof that an engine can carry out, for messages."""
    by_lambda = Capability.PROOF in CAPABILITIES[engine or RegistrationEngine.LAMBDA]
    return HOW_TO_PROVE if by_lambda else HOW_TO_PROVE_AHEAD


def check_engine(engine: RegistrationEngine, asked: Iterable[Capability], *, where: str) -> None:
    """Raise `UnsupportedByEngineError` where the registration asks for more than its engine can do."""
    missing = [each.value for each in Capability if each in frozenset(asked) - CAPABILITIES[engine]]
    if missing:
        raise UnsupportedByEngineError(
            f"{where} asks its engine, RegistrationEngine.{engine.name}, for what it cannot do",
            value="; ".join(missing),
            allowed="SNI_ONLY, or DEFAULT with Verification.from_pre_issued; no mode change, no adoption, no JITR",
            fix="leave it out, or use engine=RegistrationEngine.LAMBDA",
        )


@dataclass(frozen=True, slots=True)
class TemplateReference:
    """The provisioning template of a registration.

    ``name`` is what AWS IoT is told, and may be a Token; ``literal_name`` is the name as it is known at synth.
    ``role_arn``: its provisioning role, where it is known. ``retained``: whether it stays when its stack goes; None for
    a template that is not made here.
    """

    name: str
    literal_name: str
    role_arn: str | None = None
    retained: bool | None = None


def _mode(mode: CertificateMode | str | None) -> CertificateMode:
    return resolve_mode(mode, where="the registration") or CertificateMode.SNI_ONLY


def _certificate(request: RegistrationRequest, _: attrs.Attribute[Any], ca_certificate: object) -> None:
    what = f"the CA certificate of {request.where}"
    check_type(ca_certificate, CaCertificate, what, "CaCertificate.from_file")


def _flag(request: RegistrationRequest, attribute: attrs.Attribute[Any], flag: object) -> None:
    check_flag(flag, f"{attribute.name} of {request.where}")


@attrs.frozen(kw_only=True)
class RegistrationRequest:
    """One CA to be registered in one account and region. A request that exists is a valid request.

    ``certificate_mode``, ``on_existing``, ``removal_policy`` and ``engine`` are taken as AWS's or CDK's words too.
    ``auto_registration=None``: where there is a ``template``. ``stage``: the plan's stage, or None for a registration
    outside a plan; ``adopt_template_role_arn``: the role of a template that is found and has to be given back;
    ``retiring``: whether the plan lists the CA among those on their way out.
    """

    stage: str | None = None
    ca_certificate: CaCertificate = attrs.field(validator=_certificate)
    certificate_mode: CertificateMode = attrs.field(default=CertificateMode.SNI_ONLY, converter=_mode)
    verification: Verification | None = None
    template: TemplateReference | None = None
    active: bool = attrs.field(default=True, validator=_flag)
    auto_registration: bool | None = attrs.field(default=None, validator=attrs.validators.optional(_flag))
    allow_mode_change: bool = attrs.field(default=False, validator=_flag)
    on_existing: OnExisting = attrs.field(default=OnExisting.FAIL, converter=resolve_on_existing)
    adopt_from_stack: str | None = None
    adopt_template_role_arn: str | None = None
    removal_policy: str = attrs.field(default="DESTROY", converter=resolve_removal_policy)
    retiring: bool = attrs.field(default=False, validator=_flag)
    engine: RegistrationEngine = attrs.field(default=RegistrationEngine.LAMBDA, converter=resolve_engine)

    def __attrs_post_init__(self) -> None:
        """The rules that hold between fields."""
        self._check_proof()
        self._check_adoption()
        self._check_retention()
        check_engine(self.engine, self.asks_for, where=self.where)
        if self.template is not None and not self.enrolls:
            raise AutoRegistrationOffError(
                f"{self.where} has a provisioning template, and auto_registration=False: no device would ever be "
                "provisioned",
                fix="leave auto_registration out, or leave out the template",
            )

    @property
    def where(self) -> str:
        """How messages name the registration."""
        return "the registration" if self.stage is None else f"the registration of stage {self.stage!r}"

    @property
    def retained(self) -> bool:
        """Whether the CA stays registered when the stack goes."""
        return self.removal_policy == "RETAIN"

    @property
    def enrolls(self) -> bool:
        """Whether unknown devices of the CA become known by connecting."""
        return self.template is not None if self.auto_registration is None else self.auto_registration

    @property
    def asks_for(self) -> frozenset[Capability]:
        """What the engine has to be capable of."""
        return asked_of_engine(
            self.verification,
            allow_mode_change=self.allow_mode_change,
            on_existing=self.on_existing,
            unproved=self.certificate_mode is CertificateMode.DEFAULT and self.verification is None,
            adopt_template_role_arn=self.adopt_template_role_arn,
        )

    def check_place(self, account: str, region: str) -> None:
        """Raise `ForeignAdoptionError` where the place is another than that of what it names to adopt."""
        for name in ("adopt_from_stack", "adopt_template_role_arn"):
            check_place(getattr(self, name), account=account, region=region, what=f"{name} of {self.where}")

    def record(
        self,
        *,
        target: Target,
        stack_name: str,
        logical_id: str,
        nested_template: str | None = None,
    ) -> RegistrationRecord:
        """What the cloud assembly says of the registration; ``logical_id`` may be a Token."""
        ca, proof = self.ca_certificate, self.verification
        return RegistrationRecord(
            stage=self.stage,
            account=target.account,
            region=target.region,
            partition=target.partition,
            stack_name=stack_name,
            logical_id=logical_id,
            nested_template=nested_template,
            certificate_mode=self.certificate_mode.value,
            certificate_id=ca.certificate_id,
            subject=ca.subject,
            not_valid_before=in_iso(ca.not_valid_before),
            not_valid_after=in_iso(ca.not_valid_after),
            active=self.active,
            auto_registration=self.enrolls,
            template_name=self.template.literal_name if self.template is not None else None,
            jitr=False,  # what a JitrActivation says later, in an entry of its own
            retiring=self.retiring,
            engine=self.engine.value,
            verification=proof.metadata(self.stage) if proof is not None else None,
        )

    def _check_proof(self) -> None:
        check_verification(self.verification, where=self.where)
        if (
            self.certificate_mode is CertificateMode.DEFAULT
            and self.verification is None
            and not self.retiring
        ):
            raise MissingVerificationError(
                f"{self.where} is in DEFAULT mode, and nothing proves possession of the CA key",
                allowed=how_to_prove(self.engine),
                fix="give it a verification, or register SNI_ONLY, which needs none",
            )
        if self.certificate_mode is CertificateMode.SNI_ONLY and self.verification is not None:
            raise UnusedVerificationError(
                f"{self.where} is in SNI_ONLY mode, and has a verification: AWS IoT takes no proof in this mode",
                fix="leave verification out; the role then needs no right to use any key",
            )

    def _check_retention(self) -> None:
        if self.retained and self.template is not None and self.template.retained is False:
            raise RemovalPolicyConflictError(
                f"{self.where} stays when its stack goes, and its provisioning template does not: AWS IoT deletes no "
                "template that a CA uses",
                value=self.template.literal_name,
                allowed="one removal policy for both",
                fix="give the JitpProvisioningTemplate removal_policy=RemovalPolicy.RETAIN too",
            )
        if self.engine is RegistrationEngine.NONE and not self.retained:
            raise RemovalPolicyConflictError(
                f"{self.where} is left to no engine, and would not stay registered",
                value=f"removal policy {self.removal_policy}"
                + (" of a retiring CA" if self.retiring else ""),
                allowed="RETAIN, deployed with the engine that it had",
                fix="end the rotation first: take the CA out of `retiring`"
                if self.retiring
                else "deploy removal_policy=RemovalPolicy.RETAIN with the former engine first",
            )

    def _check_adoption(self) -> None:
        if self.adopt_from_stack is not None and self.on_existing is not OnExisting.ADOPT:
            raise AdoptionNotAllowedError(
                f"{self.where} has adopt_from_stack without on_existing=OnExisting.ADOPT",
                value=self.adopt_from_stack,
                fix="set both, or neither",
            )
        if self.adopt_from_stack is not None:
            check_stack(self.adopt_from_stack, what=f"adopt_from_stack of {self.where}")
        if self.adopt_template_role_arn is not None:
            check_role_arn(self.adopt_template_role_arn, what=f"adopt_template_role_arn of {self.where}")
