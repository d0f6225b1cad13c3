"""Rules of `SharedCaPipelineStage`: one plan over all stages of a pipeline, the same stacks as with --all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, DefaultStackSynthesizer, Environment, Stack, Stage, aws_iam, aws_logs, pipelines
from aws_cdk.assertions import Annotations, Match, Template

from iot_multiaccount_ca import SharedCa, SharedCaPipelineStage, __version__, errors
from iot_multiaccount_ca.model.assembly import read_registrations
from iot_multiaccount_ca.model.plan.stage import CaStage
from support import plans

if TYPE_CHECKING:
    from pathlib import Path


_MADE = ("AWS::IAM::Role", "AWS::IAM::Policy", "AWS::Logs::LogGroup")


def _names(shared: SharedCa | SharedCaPipelineStage) -> dict[str, str]:
    return {name: stack.stack_name for name, stack in shared.stacks.items()}


def test_the_stacks_are_those_of_the_named_stages() -> None:
    """Only they, in the order given."""
    stage = SharedCaPipelineStage(App(), "NonProd", plan=plans.plan(), stages=["staging", "dev"])
    assert list(stage.stacks) == ["staging", "dev"]
    assert stage.registrations["dev"].node.path.startswith("NonProd/dev/Ca")


def test_stack_names_are_those_of_the_shared_ca() -> None:
    """A team moves from --all to a pipeline without new stacks."""
    plan = plans.plan(stack_name_prefix="FleetCa")
    app = App()
    piped = [SharedCaPipelineStage(app, name.title(), plan=plan, stages=[name]) for name in ("dev", "prod")]
    names = {key: value for stage in piped for key, value in _names(stage).items()}
    assert names == {"dev": "FleetCa-dev", "prod": "FleetCa-prod"}
    assert names.items() <= _names(SharedCa(App(), "FleetCa", plan=plans.plan())).items()


def test_templates_are_those_of_the_shared_ca() -> None:
    """Not only the names: the resources, their logical ids and properties are the same, so nothing is replaced."""
    plan = plans.plan(stack_name_prefix="FleetCa")
    shared = SharedCa(App(), "FleetCa", plan=plan).stacks["prod"]
    piped = SharedCaPipelineStage(App(), "Prod", plan=plan, stages=["prod"]).stacks["prod"]
    assert Template.from_stack(piped).to_json() == Template.from_stack(shared).to_json()


def test_role_and_log_group_are_the_users_own_where_a_mapping_names_them() -> None:
    """By stage: the other one makes its own of both."""
    app = App()
    home = Stack(app, "Home", env=Environment(account=plans.DEV, region=plans.REGION))
    role = aws_iam.Role.from_role_name(home, "Role", "ca-registrar")
    logs = aws_logs.LogGroup.from_log_group_name(home, "Logs", "/ca-registrar")
    stage = SharedCaPipelineStage(
        app,
        "NonProd",
        plan=plans.sni_only_plan(),
        stages=["dev", "staging"],
        role={"dev": role},
        log_group={"dev": logs},
    )
    made = {
        name: [len(Template.from_stack(stack).find_resources(kind)) for kind in _MADE]
        for name, stack in stage.stacks.items()
    }
    # The provisioning role is there in both.
    assert made == {"dev": [1, 1, 0], "staging": [2, 0, 1]}


def test_without_a_prefix_the_stacks_have_the_default_one() -> None:
    """The pipeline stage's own id differs from stage to stage, so it cannot name the stacks."""
    stage = SharedCaPipelineStage(App(), "Dev", plan=plans.plan(), stages=["dev"])
    assert _names(stage) == {"dev": "SharedCa-dev"}


def test_the_default_stack_waits_for_the_others_of_its_stage() -> None:
    """Dependencies across Stages cannot be; within one they are as with --all."""
    stage = SharedCaPipelineStage(
        App(), "All", plan=plans.plan(allow_mode_change=True), stages=["prod", "dev"]
    )
    assert [each.stack_name for each in stage.stacks["prod"].dependencies] == ["SharedCa-dev"]


def _refused(kind: type[errors.SharedCaError], **settings: Any) -> str:
    with pytest.raises(kind) as caught:
        SharedCaPipelineStage(App(), "Dev", **{"plan": plans.plan(), **settings})
    assert type(caught.value) is kind
    return str(caught.value)


def test_an_unknown_stage_is_refused() -> None:
    """The message lists the plan's stages."""
    assert "dev, staging, prod" in _refused(errors.UnknownStageError, stages=["qa"])


@pytest.mark.parametrize("stages", [[], (), None])
def test_no_stage_is_refused(stages: Any) -> None:
    """An empty pipeline stage is a mistake."""
    assert "dev, staging, prod" in _refused(errors.EmptyPlanError, stages=stages)


def test_a_stage_in_two_pipeline_stages_is_refused() -> None:
    """One stack would be deployed twice."""
    app = App()
    SharedCaPipelineStage(app, "One", plan=plans.plan(), stages=["dev"])
    with pytest.raises(errors.DuplicateRegistrationError, match="One/dev"):
        SharedCaPipelineStage(app, "Two", plan=plans.plan(), stages=["dev", "prod"])


def test_two_plans_that_conflict_are_refused_when_the_second_is_built() -> None:
    """The hand-over of DEFAULT across pipeline stages is explained."""
    app = App()
    SharedCaPipelineStage(app, "Dev", plan=plans.plan(owner_account=plans.DEV), stages=["dev"])
    with pytest.raises(errors.MultipleDefaultOwnersError) as caught:
        SharedCaPipelineStage(app, "Prod", plan=plans.plan(owner_account=plans.PROD), stages=["prod"])
    assert "deploy the giving stage as SNI_ONLY first" in str(caught.value)


def _hand_over_warnings(owner: str, order: list[list[str]], **settings: Any) -> dict[str, list[str]]:
    """What each stage's stack is warned of, in a pipeline of these stages, in this order."""
    plan = plans.plan(owner_account=owner, **settings)
    app = App()
    piped = [SharedCaPipelineStage(app, f"S{n}", plan=plan, stages=names) for n, names in enumerate(order)]
    return {
        name: [
            str(each.entry.data)
            for each in Annotations.from_stack(stack).find_warning("*", Match.any_value())
        ]
        for stage in piped
        for name, stack in stage.stacks.items()
    }


def test_a_hand_over_in_the_wrong_order_is_explained() -> None:
    """Dev takes DEFAULT before staging and prod, one of which may hold it, are deployed."""
    found = _hand_over_warnings(plans.DEV, [["dev"], ["staging", "prod"]], allow_mode_change=True)
    [said] = found["dev"]
    assert "before 'staging', 'prod' of the plan" in said
    assert "two releases" in said
    assert found["staging"] == found["prod"] == []


@pytest.mark.parametrize(
    ("owner", "order", "settings"),
    [
        (plans.PROD, [["dev", "staging"], ["prod"]], {"allow_mode_change": True}),
        (plans.DEV, [["dev", "staging", "prod"]], {"allow_mode_change": True}),
        (plans.DEV, [["dev"], ["staging", "prod"]], {}),
    ],
    ids=["who gives goes first", "all at once", "nothing may change hands"],
)
def test_no_warning_without_a_hand_over_in_the_wrong_order(
    owner: str, order: list[list[str]], settings: dict[str, Any]
) -> None:
    """It would be noise."""
    assert not any(_hand_over_warnings(owner, order, **settings).values())


def test_two_stacks_of_one_name_in_one_environment_are_refused() -> None:
    """Two CAs' plans without prefixes would overwrite each other's stacks."""
    app = App()
    SharedCaPipelineStage(app, "A", plan=plans.plan(), stages=["dev"])
    with pytest.raises(errors.DuplicateStackNameError, match="stack_name_prefix"):
        other = plans.sni_only_plan(ca_certificate=plans.ca("Other CA"))
        SharedCaPipelineStage(app, "B", plan=other, stages=["dev"])


def test_the_pipeline_has_a_stage_with_its_deployments_each() -> None:
    """In a CodePipeline: source, build, assets, Dev, Prod, each stack prepared and deployed."""
    app = App()
    home = Stack(app, "Pipeline", env=Environment(account=plans.DEV, region=plans.REGION))
    pipeline = pipelines.CodePipeline(
        home,
        "Pipeline",
        cross_account_keys=True,
        synth=pipelines.ShellStep(
            "Synth",
            input=pipelines.CodePipelineSource.connection(
                "example/fleet-ca",
                "main",
                connection_arn=f"arn:aws:codestar-connections:{plans.REGION}:{plans.DEV}:connection/example",
            ),
            commands=["npx cdk synth"],
        ),
    )
    plan = plans.plan(stack_name_prefix="FleetCa")
    pipeline.add_stage(SharedCaPipelineStage(home, "Dev", plan=plan, stages=["dev"]))
    pipeline.add_stage(
        SharedCaPipelineStage(home, "Prod", plan=plan, stages=["prod"]),
        pre=[pipelines.ManualApprovalStep("PromoteToProd")],
    )
    pipeline.build_pipeline()
    [found] = Template.from_stack(home).find_resources("AWS::CodePipeline::Pipeline").values()
    stages = {
        each["Name"]: [action["Name"] for action in each["Actions"]] for each in found["Properties"]["Stages"]
    }
    assert list(stages) == ["Source", "Build", "UpdatePipeline", "Assets", "Dev", "Prod"]
    assert stages["Dev"] == ["Prepare", "Deploy"]
    assert stages["Prod"] == ["PromoteToProd", "FleetCa-prod.Prepare", "FleetCa-prod.Deploy"]
    # One package for each Lambda: with cryptography for the owner, without for the others.
    assert len(stages["Assets"]) == 2
    assert len({stage.name for stage in plan.stages}) == 3
    assert isinstance(plan.stage("dev"), CaStage)


def _source() -> pipelines.CodePipelineSource:
    arn = "arn:aws:codeconnections:eu-west-1:111111111111:connection/c"
    return pipelines.CodePipelineSource.connection("example/fleet-ca", "main", connection_arn=arn)


def _verifying(stage: SharedCaPipelineStage, **how: Any) -> Any:
    source = _source()
    if not {"index_url", "install_commands"} & how.keys():
        how = {"source": source, **how}
    return stage.verify_step(source, **how)


@pytest.fixture
def stage() -> SharedCaPipelineStage:
    home = Stack(App(), "Pipeline", env=Environment(account=plans.DEV, region=plans.REGION))
    return SharedCaPipelineStage(home, "Dev", plan=plans.plan(), stages=["dev"])


@pytest.mark.parametrize(
    ("how", "command"),
    [
        ({}, f"pip install source-of-iot-ca/wheels/iot_multiaccount_ca-{__version__}-py3-none-any.whl"),
        (
            {"wheels": "third party/"},
            f"pip install 'source-of-iot-ca/third party/iot_multiaccount_ca-{__version__}-py3-none-any.whl'",
        ),
        (
            {"index_url": "https://packages.example.com/simple?a&b"},
            "pip install --index-url 'https://packages.example.com/simple?a&b' "
            f"iot-multiaccount-ca=={__version__}",
        ),
        ({"install_commands": ["make tools"]}, "make tools"),
        ({"install_commands": "make tools"}, "make tools"),
    ],
    ids=["the source", "a folder of it", "an index", "commands of one's own", "a command of one's own"],
)
def test_the_verify_step_installs_from_where_it_is_told(
    how: dict[str, Any], command: str, stage: SharedCaPipelineStage
) -> None:
    """This very version, by one command that the shell does not take apart; the source comes along only then."""
    step = _verifying(stage, **how)
    assert step.install_commands == [command]
    beside = [each.directory for each in step.inputs if each.directory != "."]
    assert beside == (["source-of-iot-ca"] if "source-of" in command else [])


@pytest.mark.parametrize("how", [{}, {"install_commands": []}, {"index_url": ""}], ids=str)
def test_without_an_origin_the_verify_step_is_refused(
    how: dict[str, Any], stage: SharedCaPipelineStage
) -> None:
    """Who holds the name in a public index would run in the pipeline; every way is told."""
    with pytest.raises(errors.ExclusiveArgumentsError, match="not told where iot-ca comes from") as caught:
        stage.verify_step(_source(), **how)
    assert all(way in str(caught.value) for way in ("source=", "index_url=", "install_commands=", "wheels/"))


def test_the_verify_step_takes_one_origin(stage: SharedCaPipelineStage) -> None:
    """Two would leave open which one counts; a folder lies in a source."""
    with pytest.raises(errors.ExclusiveArgumentsError, match="source, index_url"):
        stage.verify_step(_source(), source=_source(), index_url="https://packages.example.com/simple")
    with pytest.raises(errors.UnusedArgumentError, match="third-party"):
        stage.verify_step(_source(), wheels="third-party", index_url="https://packages.example.com/simple")


def test_the_verify_step_asks_this_stages_accounts_and_no_other() -> None:
    """`iot-ca verify` on this stage's part of the cloud assembly, by the lookup roles of its accounts."""
    app = App()
    home = Stack(app, "Pipeline", env=Environment(account=plans.DEV, region=plans.REGION))
    stage = SharedCaPipelineStage(home, "Dev", plan=plans.plan(), stages=["dev", "staging"])
    step = _verifying(stage)
    assert step.commands == ["iot-ca verify --app assembly-Pipeline-Dev"]
    [statement] = step.role_policy_statements
    rendered = statement.to_statement_json()
    assert rendered["Action"] == "sts:AssumeRole"
    assert rendered["Resource"] == [
        f"arn:aws:iam::{account}:role/cdk-hnb659fds-lookup-role-{account}-{plans.REGION}"
        for account in (plans.DEV, plans.STAGING)
    ]


def test_the_verify_step_finds_its_part_of_the_assembly_under_stages_of_the_users_own(tmp_path: Path) -> None:
    """A pipeline may itself stand in a Stage."""
    app = App(outdir=str(tmp_path))
    stage = SharedCaPipelineStage(Stage(app, "Tools"), "Dev", plan=plans.plan(), stages=["dev"])
    [command] = _verifying(stage).commands
    app.synth()
    records = read_registrations(tmp_path / command.removeprefix("iot-ca verify --app "))
    assert [record.stage for record in records] == ["dev"]


def test_the_verify_step_follows_the_bootstraps_qualifier() -> None:
    """The app's own, from its context."""
    app = App(context={"@aws-cdk/core:bootstrapQualifier": "acme"})
    home = Stack(app, "Pipeline", env=Environment(account=plans.DEV, region=plans.REGION))
    stage = SharedCaPipelineStage(home, "Dev", plan=plans.plan(), stages=["dev"])
    [statement] = _verifying(stage).role_policy_statements
    assert "role/cdk-acme-lookup-role-" in statement.to_statement_json()["Resource"]


def test_the_verify_step_takes_the_qualifier_of_the_apps_synthesizer() -> None:
    """CDK does not tell it: it has to be named, and is then the role that the cloud assembly names."""
    app = App(default_stack_synthesizer=DefaultStackSynthesizer(qualifier="acme"))
    stage = SharedCaPipelineStage(app, "Dev", plan=plans.plan(), stages=["dev"])
    with pytest.raises(errors.UnknownLookupRoleError, match="qualifier="):
        _verifying(stage)
    [statement] = _verifying(stage, qualifier="acme").role_policy_statements
    [planned] = app.synth().get_nested_assembly(stage.artifact_id).stacks
    assert planned.lookup_role is not None
    assumed = planned.lookup_role.arn.replace("${AWS::Partition}", "aws")
    assert statement.to_statement_json()["Resource"] == assumed


def test_a_pipeline_stage_takes_a_role_as_a_shared_ca_does() -> None:
    """For the stages that it holds; a mapping may name the others of the plan too."""
    app = App()
    home = Stack(app, "Home", env=Environment(account=plans.DEV, region=plans.REGION))
    roles = {name: aws_iam.Role.from_role_name(home, name, f"{name}-registrar") for name in ("dev", "prod")}
    stage = SharedCaPipelineStage(app, "Dev", plan=plans.plan(), stages=["dev"], role=roles)
    Template.from_stack(stage.stacks["dev"]).has_resource_properties(
        "AWS::IAM::Policy", {"Roles": ["dev-registrar"]}
    )
