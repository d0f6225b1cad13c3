"""Stages of a CDK Pipeline: the stacks of some stages of a plan, promoted together."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from aws_cdk import Annotations, Stage, aws_iam, pipelines

from .._version import WHEEL, __version__
from ..errors import (
    EmptyPlanError,
    ExclusiveArgumentsError,
    UnknownLookupRoleError,
    UnusedArgumentError,
)
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
_PACKAGE = "iot-multiaccount-ca"
_WHEELS, _SOURCE = "wheels", "source-of-iot-ca"


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
        source: pipelines.IFileSetProducer | None = None,
        wheels: str | None = None,
        index_url: str | None = None,
        install_commands: str | Sequence[str] | None = None,
        qualifier: str | None = None,
    ) -> pipelines.CodeBuildStep:
        """A step for ``post=``: ``iot-ca verify`` holds what was deployed against the plan, and fails on differences.

        The build's role may assume the CDK lookup roles of this stage's accounts, which read and change nothing, and no
        other. What it runs comes from where you say, in one of three ways; never from a public index on its own, where
        anybody may hold the name.

        Args:
            assembly: the pipeline's synth step, whose output is the cloud assembly.
            source: the pipeline's source, in which this version's wheel lies.
            wheels: the folder of ``source`` that holds the wheel; by default ``wheels``.
            index_url: the package index that has this version, instead of pip's own.
            install_commands: what installs ``iot-ca`` in the build, where it is neither of these; one, or several.
            qualifier: of the bootstrap, where ``App(default_stack_synthesizer=…)`` sets it: CDK does not tell it then.

        Raises `ExclusiveArgumentsError` where none or several of ``source``, ``index_url`` and ``install_commands`` are
        given, `UnusedArgumentError` for ``wheels`` without ``source``, `UnknownLookupRoleError` where the lookup role
        is not known otherwise.
        """
        inputs, installing = _installation(source, wheels, index_url, install_commands)
        roles = dict.fromkeys(self._lookup_role(name, qualifier) for name in self.stacks)
        return pipelines.CodeBuildStep(
            f"Verify{self.stage_name}",
            input=assembly,
            additional_inputs=inputs,
            install_commands=installing,
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


def _installation(
    source: pipelines.IFileSetProducer | None,
    wheels: str | None,
    index_url: str | None,
    install_commands: str | Sequence[str] | None,
) -> tuple[dict[str, pipelines.IFileSetProducer], list[str]]:
    """What a build needs beside the assembly, and the commands that install ``iot-ca`` in it."""
    if wheels is not None and source is None:
        raise UnusedArgumentError(
            "verify_step has wheels, a folder, and no source that it lies in",
            value=wheels,
            fix="give source= too, the pipeline's source",
        )
    ways = {"source": source, "index_url": index_url, "install_commands": install_commands}
    given = [name for name, value in ways.items() if value]
    if len(given) != 1:
        raise ExclusiveArgumentsError(
            "verify_step is not told where iot-ca comes from"
            if not given
            else "verify_step has several origins",
            value=", ".join(given) or None,
            allowed="source=: the pipeline's source, which holds the wheel; index_url=: a package index of yours; "
            "install_commands=: commands of yours",
            fix=f"put {WHEEL} into {_WHEELS}/ of the repository and say verify_step(synth, source=source)"
            if not given
            else "keep one of them",
        )
    if source is not None:
        # The folder that the source is put into, below the assembly, is ours: it meets nothing there.
        wheel = f"{_SOURCE}/{(wheels or _WHEELS).strip('/')}/{WHEEL}"
        return {_SOURCE: source}, [f"pip install {shlex.quote(wheel)}"]
    if index_url is not None:
        return {}, [f"pip install --index-url {shlex.quote(index_url)} {_PACKAGE}=={__version__}"]
    return {}, [install_commands] if isinstance(install_commands, str) else list(install_commands or ())
