"""All that one registration is, and its rules, whatever carries it out. Knows neither a construct nor an engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationRequest:
    """One CA to be registered in one account and region. A request that exists is a valid request.

    ``certificate_mode``, ``on_existing`` and ``removal_policy`` are taken as AWS's or CDK's words too.
    ``auto_registration=None`` becomes True where there is a ``template``. ``stage``: the plan's stage, or None for a
    registration outside a plan; ``adopt_template_role_arn``: the role of a template that is found and has to be given
    back; ``retiring``: whether the plan lists the CA among those on their way out.
    """

    ca_certificate: CaCertificate
    certificate_mode: CertificateMode = CertificateMode.SNI_ONLY
    verification: Verification | None = None
    template: TemplateReference | None = None
    active: bool = True
    auto_registration: bool | None = None
    allow_mode_change: bool = False
    on_existing: OnExisting = OnExisting.FAIL
    adopt_from_stack: str | None = None
    adopt_template_role_arn: str | None = None
    removal_policy: str = "DESTROY"
    stage: str | None = None
    retiring: bool = False
    engine: RegistrationEngine = RegistrationEngine.LAMBDA

    def __post_init__(self) -> None:
        put = object.__setattr__  # how a frozen dataclass gives a field its settled value
        mode = resolve_mode(self.certificate_mode, where=self.where) or CertificateMode.SNI_ONLY
        put(self, "certificate_mode", mode)
        put(self, "on_existing", resolve_on_existing(self.on_existing))
        put(self, "removal_policy", resolve_removal_policy(self.removal_policy))
        put(self, "engine", resolve_engine(self.engine))
        what = f"the CA certificate of {self.where}"
        check_type(self.ca_certificate, CaCertificate, what, "CaCertificate.from_file")
        for flag in ("active", "allow_mode_change", "retiring"):
            check_flag(getattr(self, flag), f"{flag} of {self.where}")
        if self.auto_registration is not None:
            check_flag(self.auto_registration, f"auto_registration of {self.where}")
        self._check_proof()
        self._check_adoption()
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
        check_engine(self.engine, self.asks_for, where=self.where)
        if self.auto_registration is None:
            put(self, "auto_registration", self.template is not None)
        elif self.template is not None and not self.auto_registration:
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
        """Whether unknown devices of the CA become known by connecting: ``auto_registration``, settled."""
        return bool(self.auto_registration)

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
