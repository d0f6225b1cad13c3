"""The shared CA: a stack per stage of the plan, deployed with ``cdk deploy --all``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Annotations, CfnOutput, Environment, RemovalPolicy, Stack
from constructs import Construct

from ..model.certificate import CertificateMode
from ..model.errors import InvalidTypeError
from ..model.plan import SharedCaPlan
from .provisioning_template import JitpProvisioningTemplate
from .registration import CaRegistration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model.certificate import CaCertificate
    from ..model.stage import CaStage


class SharedCa(Construct):
    """Registers the plan's CA in every stage: one stack each, named ``<id>-<stage>``.

    ``stacks``: the stacks by stage name. ``registrations``: the current CA's registration by stage name.
    The DEFAULT stack of a region is deployed after its SNI_ONLY stacks, so that a hand-over of DEFAULT from one stage
    to another works in one ``cdk deploy --all``.
    """

    def __init__(self, scope: Construct, id: str, *, plan: SharedCaPlan) -> None:  # noqa: A002 - what CDK calls it
        check_plan(plan)
        super().__init__(scope, id)
        self.plan = plan
        self.stacks: dict[str, Stack] = {}
        self.registrations: dict[str, CaRegistration] = {}
        prefix = plan.stack_name_prefix or id
        for stage in plan.stages:
            stack, registration = add_stage_stack(self, plan, stage, prefix)
            self.stacks[stage.name] = stack
            self.registrations[stage.name] = registration
        order_default_last(plan.stages, self.stacks)


def check_plan(plan: object) -> None:
    """Raise `InvalidTypeError` unless it is a plan."""
    if not isinstance(plan, SharedCaPlan):
        raise InvalidTypeError(
            "the plan is of another kind",
            value=type(plan).__name__,
            allowed="SharedCaPlan",
            fix="make a SharedCaPlan(…)",
        )


def add_stage_stack(
    scope: Construct, plan: SharedCaPlan, stage: CaStage, prefix: str
) -> tuple[Stack, CaRegistration]:
    """The stack of one stage with all that belongs to it: template, current CA, retiring CAs, outputs."""
    stack = Stack(
        scope,
        stage.name,
        env=Environment(account=stage.account, region=stage.region),
        stack_name=f"{prefix}-{stage.name}",
        description=f"AWS IoT device CA, {stage.certificate_mode} (stage {stage.name}; iot-multiaccount-ca)",
    )
    removal_policy = RemovalPolicy[plan.removal_policy]
    template = None
    if stage.provisioning is not None:
        template = JitpProvisioningTemplate(
            stack, "ProvisioningTemplate", body=stage.provisioning, removal_policy=removal_policy
        )
    mode = stage.certificate_mode or CertificateMode.SNI_ONLY
    current = CaRegistration(
        stack,
        registration_id(plan.ca_certificate),
        ca_certificate=plan.ca_certificate,
        certificate_mode=mode,
        verification=stage.verification,
        provisioning_template=template,
        active=plan.active,
        auto_registration=plan.auto_registration,
        allow_mode_change=plan.allow_mode_change,
        on_existing=plan.on_existing,
        removal_policy=removal_policy,
        stage_name=stage.name,
    )
    for old in plan.retiring:
        CaRegistration(
            stack,
            registration_id(old.ca_certificate),
            ca_certificate=old.ca_certificate,
            certificate_mode=mode,
            verification=old.verification if mode is CertificateMode.DEFAULT else None,
            provisioning_template=template,
            active=old.active,
            auto_registration=plan.auto_registration,
            allow_mode_change=plan.allow_mode_change,
            on_existing=plan.on_existing,
            removal_policy=removal_policy,
            stage_name=stage.name,
            retiring=True,
        )
    CfnOutput(stack, "CaCertificateId", value=current.ca_certificate_id)
    CfnOutput(stack, "CaCertificateArn", value=current.ca_certificate_arn)
    CfnOutput(stack, "CertificateMode", value=current.registered_certificate_mode)
    _warn(stack, plan, stage)
    return stack, current


def registration_id(ca_certificate: CaCertificate) -> str:
    """The construct id of a CA's registration: from its certificate id, so that another CA is another resource."""
    return f"Ca{ca_certificate.certificate_id[:16]}"


def order_default_last(stages: Iterable[CaStage], stacks: dict[str, Stack]) -> None:
    """Deploy the DEFAULT stack of each region after the region's SNI_ONLY stacks: who gives goes before who takes."""
    taking: dict[str, Stack] = {}
    giving: dict[str, list[Stack]] = {}
    for stage in stages:
        if stage.name not in stacks:
            continue
        if stage.certificate_mode is CertificateMode.DEFAULT:
            taking[stage.region] = stacks[stage.name]
        else:
            giving.setdefault(stage.region, []).append(stacks[stage.name])
    for region, stack in taking.items():
        for other in giving.get(region, ()):
            _depend(stack, other)


def _depend(stack: Stack, other: Stack) -> None:
    # add_stack_dependency is the newer name; add_dependency the only one before it.
    (getattr(stack, "add_stack_dependency", None) or stack.add_dependency)(other)


def _warn(stack: Stack, plan: SharedCaPlan, stage: CaStage) -> None:
    others = (
        tuple(f"stage {other.name!r}:" for other in plan.stages if other is not stage)
        if plan.warnings
        else ()
    )
    for number, warning in enumerate(plan.warnings):
        if not warning.startswith(others):
            Annotations.of(stack).add_warning_v2(f"iot-multiaccount-ca:plan-{number}", warning)
