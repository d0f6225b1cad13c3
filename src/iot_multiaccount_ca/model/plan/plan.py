"""The plan: one shared CA over a list of stages, every rule proved at construction. Makes no stack, asks no AWS."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import attrs

from ...errors import AdoptionNotAllowedError, EmptyPlanError, InvalidNameError, UnknownStageError
from ..ca.certificate import CaCertificate, CertificateMode
from ..checks import as_items, check_flag, check_type, is_flag
from ..jitr.enrollment import JitrEnrollment
from ..options import (
    OnExisting,
    RegistrationEngine,
    resolve_engine,
    resolve_on_existing,
    resolve_removal_policy,
)
from ..possession.verification import Verification, check_verification
from ..registration import RegistrationRequest
from ..target import check_account
from . import rules
from .retiring import RetiringCa
from .stage import CaStage, check_provisioning

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..jitp.template_body import JitpTemplateBody
    from ..registration import TemplateReference

_STACK_NAME_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,95}", re.ASCII)


def _certificate(_: object, __: attrs.Attribute[Any], value: object) -> None:
    check_type(value, CaCertificate, "the CA certificate of the plan", "CaCertificate.from_file")


def _stages(stages: Iterable[CaStage]) -> tuple[CaStage, ...]:
    given = as_items(stages, CaStage, "the stages of the plan", "CaStage")
    if not given:
        raise EmptyPlanError(
            "the plan has no stages", fix="list at least one CaStage(name, account=…, region=…)"
        )
    return given


def _owner(_: object, __: attrs.Attribute[Any], owner: object) -> None:
    if owner is not None:
        check_account(owner, where="owner_account")


def _verification(_: object, __: attrs.Attribute[Any], verification: object) -> None:
    check_verification(verification, where="the plan")


def _provisioning(_: object, __: attrs.Attribute[Any], provisioning: object) -> None:
    check_provisioning(provisioning, where="the plan")


def _retiring(retiring: Iterable[RetiringCa]) -> tuple[RetiringCa, ...]:
    return as_items(retiring, RetiringCa, "the retiring CAs of the plan", "RetiringCa")


def _optional_flag(_: object, __: attrs.Attribute[Any], value: object) -> None:
    if value is not None:
        check_flag(value, "auto_registration of the plan")


def checked_prefix(prefix: object, what: str) -> str:
    """The prefix itself; raises `InvalidNameError` unless stack names may begin with it."""
    if not isinstance(prefix, str) or not _STACK_NAME_PREFIX.fullmatch(prefix):
        raise InvalidNameError(
            f"{what} is not a legal beginning of a stack name",
            value=prefix,
            allowed="a letter, then up to 95 letters, digits or hyphens",
        )
    return prefix


def _prefix(_: object, attribute: attrs.Attribute[Any], prefix: object) -> None:
    if prefix is not None:
        checked_prefix(prefix, attribute.name)


@attrs.frozen(kw_only=True)
class SharedCaPlan:
    """One CA over several accounts and regions. A plan that exists is a valid plan.

    Args:
        ca_certificate: the CA that signs the devices.
        stages: where it is registered. ``plan.stages`` carry what each comes down to: mode, provisioning,
            verification, on_existing, adopt_from_stack, engine.
        owner_account: DEFAULT in every region where this account has a stage, SNI_ONLY elsewhere; by default none:
            SNI_ONLY everywhere, which AWS recommends.
        verification: how possession of the CA key is proved in DEFAULT stages; by default none.
        provisioning: of stages without their own: a `JitpTemplateBody` or a `JitrEnrollment`; by default none.
        retiring: CAs on their way out, a list of `RetiringCa`; by default none.
        allow_mode_change: lets a deployment change the mode of a registration, which deletes it and registers it
            again; by default not.
        on_existing: what to do where the CA is registered already; by default ``OnExisting.FAIL``.
        adopt_from_prefix: the prefix that stacks of this plan had before: with ADOPT, stage ``x`` is adopted from stack
            ``<adopt_from_prefix>-x``; by default none. A stage that says FAIL, or names a stack, goes its own way.
        removal_policy: ``RemovalPolicy.DESTROY`` (default) or ``RETAIN``, or its name.
        active: whether the CA takes part at all; by default yes.
        auto_registration: make unknown devices known; by default where there is provisioning.
        engine: what carries registrations out: ``RegistrationEngine.LAMBDA`` (default), or ``NATIVE``, which needs no
            Lambda, and can register only.
        stack_name_prefix: stacks are named ``<prefix>-<stage>``; by default the id of the ``SharedCa``.

    ``attrs.evolve(plan, owner_account=…)`` gives a changed plan, checked again; the stages are then as they were given,
    and come down anew to what the changed plan says.
    Raises a `SharedCaError`, one subclass per cause.
    """

    ca_certificate: CaCertificate = attrs.field(validator=_certificate)
    _given: tuple[CaStage, ...] = attrs.field(alias="stages", converter=_stages, repr=False)
    owner_account: str | None = attrs.field(default=None, validator=_owner)
    verification: Verification | None = attrs.field(default=None, validator=_verification)
    provisioning: JitpTemplateBody | JitrEnrollment | None = attrs.field(
        default=None, validator=_provisioning
    )
    retiring: tuple[RetiringCa, ...] = attrs.field(default=(), converter=_retiring)
    allow_mode_change: bool = attrs.field(default=False, validator=is_flag)
    on_existing: OnExisting = attrs.field(default=OnExisting.FAIL, converter=resolve_on_existing)
    adopt_from_prefix: str | None = attrs.field(default=None, validator=_prefix)
    removal_policy: str = attrs.field(default="DESTROY", converter=resolve_removal_policy)
    active: bool = attrs.field(default=True, validator=is_flag)
    auto_registration: bool | None = attrs.field(default=None, validator=_optional_flag)
    stack_name_prefix: str | None = attrs.field(default=None, validator=_prefix)
    engine: RegistrationEngine = attrs.field(default=RegistrationEngine.LAMBDA, converter=resolve_engine)

    def __attrs_post_init__(self) -> None:
        """The rules that hold between fields."""
        rules.check_names_and_targets(self._given)
        rules.check_owner_account(self.owner_account, self._given)
        if self.adopt_from_prefix is not None and self.adopt_from_prefix == self.stack_name_prefix:
            raise InvalidNameError(
                "adopt_from_prefix is the prefix that the stacks have now",
                value=self.adopt_from_prefix,
                fix="give the prefix that they had before, or leave it out",
            )
        rules.check_default_owners(self.stages)
        rules.check_verifications(self.stages, self.ca_certificate, self.verification)
        rules.check_auto_registration(self.stages, self.auto_registration)
        rules.check_engines(self.stages, self.retiring, allow_mode_change=self.allow_mode_change)
        rules.check_retiring(self.retiring, self.ca_certificate, self.stages)

    @functools.cached_property
    def stages(self) -> tuple[CaStage, ...]:
        """The stages with all that they take from the plan."""
        return tuple(self._resolved(stage) for stage in self._given)

    @functools.cached_property
    def warnings(self) -> tuple[str, ...]:
        """What is not an error, and should be looked at; the constructs annotate their stacks with it."""
        return tuple(rules.warnings_of(self.stages, self.ca_certificate, self.retiring))

    def stage(self, name: str) -> CaStage:
        """The stage of that name, resolved; raises `UnknownStageError` with the names there are."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise UnknownStageError(
            "the plan has no such stage", value=name, allowed=", ".join(stage.name for stage in self.stages)
        )

    def _resolved(self, stage: CaStage) -> CaStage:
        mode = stage.certificate_mode
        if mode is None:
            owned = stage.account == self.owner_account
            mode = CertificateMode.DEFAULT if owned else CertificateMode.SNI_ONLY
        of_plan = self.verification if mode is CertificateMode.DEFAULT else None
        return attrs.evolve(
            stage,
            certificate_mode=mode,
            provisioning=stage.provisioning or self.provisioning,
            verification=stage.verification or of_plan,
            on_existing=stage.on_existing or self.on_existing,
            adopt_from_stack=self._adopted_from(stage),
            engine=stage.engine or self.engine,
        )

    def _adopted_from(self, stage: CaStage) -> str | None:
        stack = stage.adopt_from_stack
        if stack is None and self.adopt_from_prefix is not None and stage.on_existing is not OnExisting.FAIL:
            stack = f"{self.adopt_from_prefix}-{stage.name}"
        if stack is not None and (stage.on_existing or self.on_existing) is not OnExisting.ADOPT:
            raise AdoptionNotAllowedError(
                f"stage {stage.name!r} is to be adopted from stack {stack}, without on_existing=OnExisting.ADOPT",
                value=stack,
                fix="give the plan or the stage on_existing=OnExisting.ADOPT, or leave the stack out",
            )
        return stack


def request_for(
    plan: SharedCaPlan, stage: CaStage, template: TemplateReference | None, old: RetiringCa | None = None
) -> RegistrationRequest:
    """What the plan asks for in one of its stages: of its current CA, or of one on its way out.

    ``template``: of the stage, where it provisions by one.
    """
    mode = stage.certificate_mode or CertificateMode.SNI_ONLY
    if old is None:
        ca, active, proof = plan.ca_certificate, plan.active, stage.verification
    else:
        ca, active = old.ca_certificate, old.active
        proof = old.verification if mode is CertificateMode.DEFAULT else None
    auto = plan.auto_registration
    if auto is None and isinstance(stage.provisioning, JitrEnrollment):
        # An inactive CA has no activation, so its devices would be registered and never let in.
        auto = active
    return RegistrationRequest(
        ca_certificate=ca,
        certificate_mode=mode,
        verification=proof,
        template=template,
        active=active,
        auto_registration=auto,
        allow_mode_change=plan.allow_mode_change,
        on_existing=stage.on_existing or plan.on_existing,
        adopt_from_stack=stage.adopt_from_stack,
        adopt_template_role_arn=stage.adopt_template_role_arn,
        # What is taken out of `retiring` is deregistered, and CloudFormation deletes nothing that is retained.
        removal_policy=plan.removal_policy if old is None else "DESTROY",
        stage=stage.name,
        retiring=old is not None,
        engine=stage.engine or plan.engine,
    )
