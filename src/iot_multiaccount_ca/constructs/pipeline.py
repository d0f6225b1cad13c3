"""Stages of a CDK Pipeline: the stacks of some stages of a plan, promoted together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Annotations, Stage, aws_iam, pipelines

from .._version import __version__
from ..errors import EmptyPlanError, UnknownLookupRoleError
from ..model.bootstrap import lookup_role_name
from ..model.ca.certificate import CertificateMode
from .registry import Registry
from .shared_ca import StageStacks, check_plan, order_default_last

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aws_cdk import Stack, aws_logs
    from constructs import Construct

    from ..model.plan.plan import SharedCaPlan
    from ..model.plan.stage import CaStage
    from .registration import CaRegistration

DEFAULT_PREFIX = "SharedCa"


class SharedCaPipelineStage(Stage):
    """The stacks of the named stages of ``plan``, for ``pipeline.add_stage``.

    One plan serves all stages of a pipeline, so that who owns DEFAULT is proved over the whole of it. The stacks are
    named ``<stack_name_prefix>-<stage>`` as under `SharedCa`: a team that deployed with ``--all`` sets the plan's
    ``stack_name_prefix`` to the id of its `SharedCa` (without it: ``SharedCa``) and moves to the pipeline without new
    stacks.

    Args:
        plan: the plan, one for all stages of the pipeline.
        stages: names of the plan's stages that are deployed here.
        role: as of `SharedCa`; by default each stack makes one.
        log_group: as of `SharedCa`; by default each stack makes one.

    ``stacks`` and ``registrations``: by stage name.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - what CDK calls it
        *,
        plan: SharedCaPlan,
        stages: Iterable[str],
        role: aws_iam.IRole | Mapping[str, aws_iam.IRole] | None = None,
        log_group: aws_logs.ILogGroup | Mapping[str, aws_logs.ILogGroup] | None = None,
    ) -> None:
        check_plan(plan)
        names = [stages] if isinstance(stages, str) else list(dict.fromkeys(stages or ()))
        if not names:
            raise EmptyPlanError(
                f"the pipeline stage {id!r} names no stage of the plan",
                allowed=", ".join(stage.name for stage in plan.stages),
                fix="give stages=[…] with at least one of them",
            )
        chosen = [plan.stage(name) for name in names]
        super().__init__(scope, id)
        self.plan = plan
        self.registrations: dict[str, CaRegistration] = {}
        self.stacks: dict[str, Stack] = {}
        stacks = StageStacks(
            self, plan, plan.stack_name_prefix or DEFAULT_PREFIX, role=role, log_group=log_group
        )
        for stage in chosen:
            self.stacks[stage.name], self.registrations[stage.name] = stacks.add(stage)
        order_default_last(plan, self.stacks)
        for stage in chosen:
            self._explain_hand_over(stage)

    def verify_step(
        self,
        assembly: pipelines.IFileSetProducer,
        *,
        install_commands: Sequence[str] = (f"pip install iot-multiaccount-ca=={__version__}",),
        qualifier: str | None = None,
    ) -> pipelines.CodeBuildStep:
        """A step for ``post=``: ``iot-ca verify`` holds what was deployed against the plan, and fails on differences.

        The build's role may assume the CDK lookup roles of this stage's accounts, which read and change nothing, and no
        other.

        Args:
            assembly: the pipeline's synth step, whose output is the cloud assembly.
            install_commands: what installs ``iot-ca`` in the build; by default ``pip install`` of this very version.
            qualifier: of the bootstrap, where ``App(default_stack_synthesizer=…)`` sets it: CDK does not tell it then.

        Raises `UnknownLookupRoleError` where the lookup role is not known otherwise.
        """
        roles = dict.fromkeys(self._lookup_role(name, qualifier) for name in self.stacks)
        return pipelines.CodeBuildStep(
            f"Verify{self.stage_name}",
            input=assembly,
            install_commands=list(install_commands),
            commands=[f"iot-ca verify --app {self._assembly_folder()}"],
            role_policy_statements=[
                aws_iam.PolicyStatement(actions=["sts:AssumeRole"], resources=list(roles))
            ],
        )

    def _assembly_folder(self) -> str:
        """Where this stage lies in the app's cloud assembly: a folder in that of each Stage around it."""
        folders: list[str] = []
        stage: Stage = self
        while stage.parent_stage is not None:
            folders.insert(0, stage.artifact_id)
            stage = stage.parent_stage
        return "/".join(folders)

    def _explain_hand_over(self, stage: CaStage) -> None:
        """Warn where a stage takes DEFAULT before one that may hold it: CDK cannot reorder pipeline stages."""
        if not self.plan.allow_mode_change or stage.certificate_mode is not CertificateMode.DEFAULT:
            return
        registry, ca = Registry.of(self), self.plan.ca_certificate.certificate_id
        later = [
            f"{other.name!r}"
            for other in self.plan.stages
            if other.region == stage.region and not registry.holds((ca, other.account, other.region))
        ]
        if later:
            Annotations.of(self.stacks[stage.name]).add_warning_v2(
                "iot-multiaccount-ca:hand-over-order",
                f"stage {stage.name!r} takes DEFAULT in {stage.region} before {', '.join(later)} of the plan. If one "
                "of these holds DEFAULT today, this stack fails and is rolled back; fix: hand over in two releases, "
                "the first without owner_account (all SNI_ONLY), the second with the new one. If none does, it is fine",
            )

    def _lookup_role(self, stage_name: str, qualifier: str | None) -> str:
        """ARN of the role by which the CDK CLI, and we, look into a stage's account."""
        stage = self.plan.stage(stage_name)
        if qualifier is not None:
            name = lookup_role_name(qualifier, stage.account, stage.region)
            return stage.target.arn("iam", f"role/{name}")
        told: str | None = getattr(self.stacks[stage_name].synthesizer, "lookup_role", None)
        if told is None:
            raise UnknownLookupRoleError(
                f"the synthesizer of stage {stage_name!r} does not tell its lookup role, which the verify step assumes",
                fix="name the bootstrap's qualifier: verify_step(…, qualifier=…)",
            )
        return told.replace("${AWS::Partition}", stage.partition)
