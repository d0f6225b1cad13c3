"""The shared CA: a stack per stage of the plan, deployed with ``cdk deploy --all``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from aws_cdk import Annotations, CfnOutput, RemovalPolicy, Stack, Stage, Token
from constructs import Construct

from ..errors import EnvironmentMismatchError, UnknownStageError
from ..model.ca.certificate import CertificateMode
from ..model.checks import check_type
from ..model.jitp.template_body import JitpTemplateBody
from ..model.jitr.enrollment import JitrEnrollment
from ..model.plan.plan import SharedCaPlan, checked_prefix, request_for
from ..text import plain
from .order import stack_after
from .place import StageStack
from .provisioning_template import JitpProvisioningTemplate, reference_to
from .registration import StageRegistration
from .registry import Registry

if TYPE_CHECKING:
    from aws_cdk import aws_iam, aws_logs

    from ..model.ca.certificate import CaCertificate
    from ..model.plan.retiring import RetiringCa
    from ..model.plan.stage import CaStage
    from .registration import CaRegistration


_Given = TypeVar("_Given")


class SharedCa(Construct):
    """Registers the plan's CA in every stage: one stack each, named ``<id>-<stage>``.

    Args:
        plan: the plan.
        role: of your own, for the registrar of every stage, or a mapping of stage names to roles; by default each stack
            makes one. A role is of one account: where the stages have several, give a mapping.
        log_group: likewise.

    ``stacks``: the stacks by stage name. ``registrations``: the current CA's registration by stage name.
    Where the plan allows a change of mode, the DEFAULT stack of a region depends on the region's SNI_ONLY stacks, so
    that DEFAULT is handed over from one stage to another in one ``cdk deploy --all``. The CDK CLI takes stacks
    along that depend on the one it destroys: while that is so, destroy a single stage with ``--exclusively``.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - what CDK calls it
        *,
        plan: SharedCaPlan,
        role: aws_iam.IRole | Mapping[str, aws_iam.IRole] | None = None,
        log_group: aws_logs.ILogGroup | Mapping[str, aws_logs.ILogGroup] | None = None,
    ) -> None:
        check_plan(plan)
        prefix = plan.stack_name_prefix or checked_prefix(
            id, "the id of the SharedCa, by which its stacks are named,"
        )
        super().__init__(scope, id)
        self.plan = plan
        self.stacks: dict[str, Stack] = {}
        self.registrations: dict[str, CaRegistration] = {}
        stacks = StageStacks(self, plan, prefix, role=role, log_group=log_group)
        for stage in plan.stages:
            self.stacks[stage.name], self.registrations[stage.name] = stacks.add(stage)
        order_default_last(plan, self.stacks)


def check_plan(plan: object) -> None:
    """Raise `InvalidTypeError` unless it is a plan."""
    check_type(plan, SharedCaPlan, "the plan", "SharedCaPlan(…)")


class StageStacks:
    """Makes the stacks of a plan's stages under one scope, which share what is the same in each."""

    def __init__(
        self,
        scope: Construct,
        plan: SharedCaPlan,
        prefix: str,
        *,
        role: aws_iam.IRole | Mapping[str, aws_iam.IRole] | None = None,
        log_group: aws_logs.ILogGroup | Mapping[str, aws_logs.ILogGroup] | None = None,
    ) -> None:
        self._role = _by_stage(plan, "role", role)
        self._log_group = _by_stage(plan, "log_group", log_group)
        self._scope = scope
        self._plan = plan
        self._prefix = prefix
        self._path = scope.node.path
        self._registry = Registry.of(scope)
        self._removal_policy = RemovalPolicy[plan.removal_policy]
        around = Stage.of(scope)
        self._around = (around.account, around.region) if around is not None else (None, None)

    def add(self, stage: CaStage) -> tuple[Stack, CaRegistration]:
        """The stack of one stage with all that belongs to it: template, current CA, retiring CAs, outputs."""
        name = f"{self._prefix}-{stage.name}"
        path = f"{self._path}/{stage.name}".lstrip("/")
        self._check_environment(stage, path)
        stack = StageStack(self._scope, stage, name=name, scope_path=self._path, registry=self._registry)
        template = None
        if isinstance(stage.provisioning, JitpTemplateBody):
            template = JitpProvisioningTemplate(
                stack,
                "ProvisioningTemplate",
                body=stage.provisioning,
                removal_policy=self._removal_policy,
            )
        current = self._register(stage, stack, template, None)
        self._registry.claim_stack(name, stage.account, stage.region, path)
        for old in self._plan.retiring:
            retiring = self._register(stage, stack, template, old)
            if self._removal_policy is RemovalPolicy.RETAIN:
                _tell_it_goes(retiring, old)
        arn = stack.place.target.arn("iot", f"cacert/{current.reference}")
        CfnOutput(stack, "CaCertificateId", value=current.reference)
        CfnOutput(stack, "CaCertificateArn", value=arn)
        CfnOutput(stack, "CertificateMode", value=current.certificate_mode.value)
        _warn(stack, self._plan, stage)
        return stack, current

    def _check_environment(self, stage: CaStage, path: str) -> None:
        """Raise `EnvironmentMismatchError` where the aws_cdk.Stage around has another environment."""
        here = (stage.account, stage.region)
        for around, wanted in zip(self._around, here, strict=True):
            if around is not None and not Token.is_unresolved(around) and around != wanted:
                raise EnvironmentMismatchError(
                    f"{path} stands in an aws_cdk.Stage of another environment than stage {stage.name!r} of the plan",
                    value=around,
                    allowed=wanted,
                    fix="leave env out of the aws_cdk.Stage, since the plan places each stack; or correct the plan",
                )

    def _register(
        self,
        stage: CaStage,
        stack: StageStack,
        template: JitpProvisioningTemplate | None,
        old: RetiringCa | None,
    ) -> StageRegistration:
        request = request_for(self._plan, stage, reference_to(template), old)
        registration = StageRegistration(
            stack,
            registration_id(request.ca_certificate),
            request=request,
            role=self._role.get(stage.name),
            log_group=self._log_group.get(stage.name),
        )
        if request.active and isinstance(stage.provisioning, JitrEnrollment):
            _activate(registration, stage.provisioning, stack)
        return registration


def _tell_it_goes(registration: CaRegistration, old: RetiringCa) -> None:
    ca = old.ca_certificate
    Annotations.of(registration).add_info(
        f"the retiring CA ({plain(ca.subject)}, {ca.certificate_id[:16]}…) does not stay though the plan says RETAIN: "
        "it is deregistered when it is taken out of `retiring`, and also if this stage is destroyed before"
    )


def _by_stage(
    plan: SharedCaPlan, what: str, given: _Given | Mapping[str, _Given] | None
) -> dict[str, _Given]:
    """What each stage's registrar gets: one for all, or each its own; raises for a stage that is not the plan's."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        return {stage.name: given for stage in plan.stages}
    for name in given:
        if name not in {stage.name for stage in plan.stages}:
            raise UnknownStageError(
                f"{what} names a stage that the plan does not have",
                value=name,
                allowed=", ".join(stage.name for stage in plan.stages),
            )
    return dict(given)


def _activate(registration: CaRegistration, enrollment: JitrEnrollment, stack: Stack) -> None:
    # Imported here: apps without just-in-time registration load none of it.
    from .jitr import JitrActivation

    name = f"Jitr{registration.target[0][:16]}"
    JitrActivation(stack, name, ca_registration=registration, enrollment=enrollment)


def registration_id(ca_certificate: CaCertificate) -> str:
    """The construct id of a CA's registration: from its certificate id, so that another CA is another resource."""
    return f"Ca{ca_certificate.certificate_id[:16]}"


def order_default_last(plan: SharedCaPlan, stacks: dict[str, Stack]) -> None:
    """Deploy a region's DEFAULT stack after its SNI_ONLY stacks: the one that gives DEFAULT up is updated first.

    Only where the plan allows a change of mode. The order is a bond for life to the CDK CLI: destroying a stack takes
    along all that depend on it, so that without need a ``cdk destroy`` of dev would offer prod.
    """
    if not plan.allow_mode_change:
        return
    made = [stage for stage in plan.stages if stage.name in stacks]
    taking = {s.region: stacks[s.name] for s in made if s.certificate_mode is CertificateMode.DEFAULT}
    for stage in made:
        if stage.region in taking and stage.certificate_mode is not CertificateMode.DEFAULT:
            stack_after(taking[stage.region], stacks[stage.name])


def _warn(stack: Stack, plan: SharedCaPlan, stage: CaStage) -> None:
    others = (
        tuple(f"stage {other.name!r}:" for other in plan.stages if other is not stage)
        if plan.warnings
        else ()
    )
    for number, warning in enumerate(plan.warnings):
        if not warning.startswith(others):
            Annotations.of(stack).add_warning_v2(f"iot-multiaccount-ca:plan-{number}", warning)
