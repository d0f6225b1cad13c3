"""Stages of a CDK Pipeline: the stacks of some stages of a plan, promoted together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import DefaultStackSynthesizer, Stage, aws_iam, pipelines

from .._version import __version__
from ..model.errors import EmptyPlanError
from ..model.regions import partition_of
from .shared_ca import StageStacks, check_plan, order_default_last

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aws_cdk import Stack
    from constructs import Construct

    from ..model.plan import SharedCaPlan
    from .registration import CaRegistration

DEFAULT_PREFIX = "SharedCa"
_QUALIFIER_CONTEXT = "@aws-cdk/core:bootstrapQualifier"


class SharedCaPipelineStage(Stage):
    """The stacks of the named stages of ``plan``, for ``pipeline.add_stage``.

    One plan serves all stages of a pipeline, so that who owns DEFAULT is proved over the whole of it. The stacks are
    named ``<stack_name_prefix>-<stage>`` as under `SharedCa`: a team that deployed with ``--all`` sets the plan's
    ``stack_name_prefix`` to the id of its `SharedCa` (without it: ``SharedCa``) and moves to the pipeline without new
    stacks. ``stacks`` and ``registrations`` by stage name.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - what CDK calls it
        *,
        plan: SharedCaPlan,
        stages: Iterable[str],
    ) -> None:
        check_plan(plan)
        names = [stages] if isinstance(stages, str) else list(dict.fromkeys(stages))
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
        stacks = StageStacks(self, plan, plan.stack_name_prefix or DEFAULT_PREFIX)
        for stage in chosen:
            self.stacks[stage.name], self.registrations[stage.name] = stacks.add(stage)
        order_default_last(chosen, self.stacks)

    def verify_step(
        self,
        assembly: pipelines.IFileSetProducer,
        *,
        install_commands: Sequence[str] = (f"pip install iot-multiaccount-ca=={__version__}",),
    ) -> pipelines.CodeBuildStep:
        """A step for ``post=``: ``iot-ca verify`` holds what was deployed against the plan, and fails on differences.

        ``assembly``: the pipeline's synth step, whose output is the cloud assembly. The build's role may assume the CDK
        lookup roles of this stage's accounts, which read and change nothing, and no other.
        """
        qualifier = self.node.try_get_context(_QUALIFIER_CONTEXT) or DefaultStackSynthesizer.DEFAULT_QUALIFIER
        roles = dict.fromkeys(
            f"arn:{partition_of(stage.region)}:iam::{stage.account}:role/"
            f"cdk-{qualifier}-lookup-role-{stage.account}-{stage.region}"
            for stage in map(self.plan.stage, self.stacks)
        )
        return pipelines.CodeBuildStep(
            f"Verify{self.stage_name}",
            input=assembly,
            install_commands=list(install_commands),
            commands=[f"iot-ca verify --app {self.artifact_id}"],
            role_policy_statements=[
                aws_iam.PolicyStatement(actions=["sts:AssumeRole"], resources=list(roles))
            ],
        )
