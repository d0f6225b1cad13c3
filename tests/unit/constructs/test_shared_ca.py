"""Rules of `SharedCa`: a stack per stage, with everything of the stage in it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment, RemovalPolicy, Stack, Tags, aws_iam, aws_logs
from aws_cdk.assertions import Annotations, Match, Template

from iot_multiaccount_ca import (
    Admission,
    CaRegistration,
    CertificateMode,
    JitrEnrollment,
    RetiringCa,
    SharedCa,
    errors,
)
from iot_multiaccount_ca.fleet.planned import read_planned
from iot_multiaccount_ca.model.assembly import ca_certificate_pem, read_registrations
from iot_multiaccount_ca.model.plan.stage import CaStage
from support import plans


def _shared(app: App | None = None, **changes: Any) -> SharedCa:
    return SharedCa(app or App(), "FleetCa", plan=plans.plan(**changes))


def test_each_stage_is_a_stack_with_its_environment_and_name() -> None:
    """The stack is named <id>-<stage> and stands in the stage's account and region."""
    shared = _shared()
    assert {name: (s.stack_name, s.account, s.region) for name, s in shared.stacks.items()} == {
        "dev": ("FleetCa-dev", plans.DEV, plans.REGION),
        "staging": ("FleetCa-staging", plans.STAGING, plans.REGION),
        "prod": ("FleetCa-prod", plans.PROD, plans.REGION),
    }
    assert shared.registrations["prod"].certificate_mode is CertificateMode.DEFAULT


def test_the_stack_name_prefix_of_the_plan_beats_the_id() -> None:
    """A team keeps its stack names when the construct gets another id."""
    assert _shared(stack_name_prefix="Older").stacks["dev"].stack_name == "Older-dev"


def test_only_the_owner_proves_possession() -> None:
    """DEFAULT with verification in the owner's stack, SNI_ONLY without anywhere else."""
    app = App()
    shared = _shared(app)
    found = {
        name: plans.registrations(plans.template_of(app, stack))[0] for name, stack in shared.stacks.items()
    }
    assert {name: each["CertificateMode"] for name, each in found.items()} == {
        "dev": "SNI_ONLY",
        "staging": "SNI_ONLY",
        "prod": "DEFAULT",
    }
    assert found["prod"]["Verification"] == {"Type": "SECRET", "SecretId": "fleet-ca/private-key"}
    assert "Verification" not in found["dev"]


def _depends_on(stack: Stack) -> set[str]:
    return {each.stack_name for each in stack.dependencies}


def test_no_stage_depends_on_another() -> None:
    """The CDK CLI destroys what depends along with it: destroying dev must never offer prod."""
    assert all(_depends_on(stack) == set() for stack in _shared().stacks.values())


def test_the_default_stack_is_deployed_last_where_a_hand_over_is_allowed() -> None:
    """Then DEFAULT is handed over in one deployment: the stack that gives it up goes before the one that takes it."""
    shared = _shared(allow_mode_change=True)
    assert _depends_on(shared.stacks["prod"]) == {"FleetCa-dev", "FleetCa-staging"}
    assert _depends_on(shared.stacks["dev"]) == set()


def test_the_users_own_order_is_no_cycle() -> None:
    """Production first, if that is what somebody wants."""
    app = App()
    shared = _shared(app)
    shared.stacks["dev"].add_dependency(shared.stacks["prod"])
    app.synth()
    assert _depends_on(shared.stacks["dev"]) == {"FleetCa-prod"}


def test_outputs_tell_id_arn_and_mode() -> None:
    """What a person or a script looks up after a deployment."""
    template = Template.from_stack(_shared().stacks["dev"])
    for name in ("CaCertificateId", "CaCertificateArn", "CertificateMode"):
        template.has_output(name, Match.any_value())


def test_a_stage_without_provisioning_has_no_template_and_enrols_nobody() -> None:
    """No template, no role that could provision, auto-registration off."""
    app = App()
    shared = _shared(app, provisioning=None)
    template = plans.template_of(app, shared.stacks["dev"])
    assert plans.resources(template, "AWS::IoT::ProvisioningTemplate") == []
    [properties] = plans.registrations(template)
    assert properties["AutoRegistration"] == "false"
    assert "RegistrationConfig" not in properties


def test_a_stage_under_jitr_has_an_activation_and_no_template() -> None:
    """Auto-registration on, no registration config, and the assembly says so; other stages stay as they are."""
    app = App()
    enrollment = JitrEnrollment(policy="devices", admission=Admission(parameter_name="/fleet/admitted"))
    stages = plans.stages()
    stages[0] = CaStage("dev", account=plans.DEV, region=plans.REGION, provisioning=enrollment)
    shared = _shared(app, stages=stages)
    template = plans.template_of(app, shared.stacks["dev"])
    assert plans.resources(template, "AWS::IoT::ProvisioningTemplate") == []
    assert len(plans.resources(template, "AWS::IoT::TopicRule")) == 1
    [properties] = plans.registrations(template)
    assert properties["AutoRegistration"] == "true"
    assert "RegistrationConfig" not in properties
    records = {record.stage: record for record in read_registrations(app.synth().directory)}
    assert {stage: record.jitr for stage, record in records.items()} == {
        "dev": True,
        "staging": False,
        "prod": False,
    }
    other = plans.template_of(app, shared.stacks["staging"])
    assert plans.resources(other, "AWS::IoT::TopicRule") == []
    assert ca_certificate_pem(app.synth().directory, records["dev"]) == plans.ca().pem


def test_each_active_ca_of_a_stage_under_jitr_has_its_activation() -> None:
    """New devices of a retiring CA still enroll while it is active; afterwards nobody listens."""
    enrollment = JitrEnrollment(policy="devices")

    def rules(**how: Any) -> int:
        app = App()
        shared = _shared(app, provisioning=enrollment, retiring=[RetiringCa(plans.ca("Old CA"), **how)])
        template = plans.template_of(app, shared.stacks["dev"])
        count = len(plans.resources(template, "AWS::IoT::TopicRule"))
        known = [each["AutoRegistration"] for each in plans.registrations(template)]
        assert known.count("true") == count
        return count

    assert rules() == 2
    assert rules(active=False) == 1


def test_a_retiring_ca_stands_beside_the_current_one() -> None:
    """One Lambda, one template, two registrations; the current one keeps the outputs."""
    app = App()
    shared = _shared(app, retiring=[RetiringCa(plans.ca("Old CA"), active=False)])
    template = plans.template_of(app, shared.stacks["prod"])
    assert len(plans.resources(template, "AWS::Lambda::Function")) == 1
    assert len(plans.resources(template, "AWS::IoT::ProvisioningTemplate")) == 1
    states = {each["CertificateId"]: each["Active"] for each in plans.registrations(template)}
    assert states == {plans.ca().certificate_id: "true", plans.ca("Old CA").certificate_id: "false"}


def test_a_ca_that_becomes_retiring_keeps_its_logical_id() -> None:
    """Its resource is the same one, so it is neither registered again nor deleted."""

    def logical_ids(**changes: Any) -> dict[str, str]:
        app = App()
        shared = _shared(app, **changes)
        template = plans.template_of(app, shared.stacks["prod"])
        return {
            each["Properties"]["CertificateId"]: logical_id
            for logical_id, each in template["Resources"].items()
            if each["Type"] == "Custom::IotCaCertificate"
        }

    before = logical_ids()
    after = logical_ids(ca_certificate=plans.ca("New CA"), retiring=[RetiringCa(plans.ca())])
    assert before.items() <= after.items()
    assert len(after) == 2


def test_ids_are_the_same_for_every_mode() -> None:
    """A change of mode or verification changes resources in place: a ServiceToken cannot change."""
    app, other = App(), App()
    ours = plans.template_of(app, _shared(app).stacks["prod"])
    theirs = plans.template_of(other, _shared(other, owner_account=None, verification=None).stacks["prod"])
    assert set(ours["Resources"]) == set(theirs["Resources"])


def test_retain_renders_retain_except_on_create_for_all_three() -> None:
    """Registration, template and role stay together: a template that a CA uses cannot be deleted."""
    app = App()
    template = plans.template_of(app, _shared(app, removal_policy=RemovalPolicy.RETAIN).stacks["dev"])
    kept = {each["Type"] for each in template["Resources"].values() if "DeletionPolicy" in each}
    assert kept == {"Custom::IotCaCertificate", "AWS::IoT::ProvisioningTemplate", "AWS::IAM::Role"}
    policies = {each.get("DeletionPolicy") for each in template["Resources"].values()}
    assert policies == {None, "RetainExceptOnCreate"}
    assert "DeletionPolicy" not in template["Resources"]["IotCaRegistrarRole2520712B"]


def test_partitions_are_the_regions_own() -> None:
    """In China no ARN says arn:aws:."""
    app = App()
    shared = _shared(app, stages=plans.stages("cn-north-1"))
    text = json.dumps(plans.template_of(app, shared.stacks["prod"]))
    assert "arn:aws-cn:iot:cn-north-1:333333333333:cacert/*" in text
    assert "arn:aws:" not in text


def test_the_assembly_tells_the_plan_without_running_the_app(tmp_path: Path) -> None:
    """One metadata entry per registration; tools read it from the files."""
    app = App(outdir=str(tmp_path))
    _shared(app)
    app.synth()
    records = read_registrations(tmp_path)
    assert [record.stage for record in records] == ["dev", "staging", "prod"]
    prod = records[-1]
    assert (prod.account, prod.region, prod.certificate_mode) == (plans.PROD, plans.REGION, "DEFAULT")
    assert prod.certificate_id == plans.ca().certificate_id
    assert prod.expires == plans.ca().not_valid_after
    assert prod.verification == {"type": "SECRET", "secretId": "fleet-ca/private-key"}
    assert prod.template_name is not None
    assert prod.template_name.startswith("FleetCa-prod-")
    assert ca_certificate_pem(tmp_path, prod) == plans.ca().pem


def test_a_folder_that_is_no_assembly_is_refused(tmp_path: Path) -> None:
    """The message says how to make one."""
    with pytest.raises(errors.AssemblyError, match="cdk synth"):
        read_registrations(tmp_path)


def test_two_shared_cas_of_one_ca_are_refused() -> None:
    """The same CA in the same account and region, from two plans of one app."""
    app = App()
    _shared(app)
    with pytest.raises(errors.DuplicateRegistrationError, match="FleetCa/dev"):
        SharedCa(app, "Again", plan=plans.plan())


def test_default_owners_of_two_plans_are_refused() -> None:
    """Two plans that each are valid contradict each other over the whole app."""
    app = App()
    _shared(app)
    other = [CaStage("other", account="444444444444", region=plans.REGION)]
    with pytest.raises(errors.MultipleDefaultOwnersError) as caught:
        SharedCa(app, "Other", plan=plans.plan(stages=other, owner_account="444444444444"))
    for part in (plans.PROD, "444444444444", plans.REGION, "FleetCa/prod"):
        assert part in str(caught.value)


def test_a_bare_registration_beside_a_shared_ca_is_refused() -> None:
    """Wherever in the tree the two stand, and by certificate, not by PEM text."""
    app = App()
    _shared(app)
    stack = Stack(app, "Own", env=Environment(account=plans.DEV, region=plans.REGION))
    with pytest.raises(errors.DuplicateRegistrationError, match="from_ca_certificate_id"):
        CaRegistration(stack, "Ca", ca_certificate=plans.ca())


def test_two_apps_do_not_know_each_other() -> None:
    """What one app declares says nothing of another: no state outlives its app."""
    _shared()
    _shared()


def _validity(**how: Any) -> SharedCa:
    return _shared(ca_certificate=plans.ca("Timed CA", **how))


NOW = dt.datetime.now(dt.UTC)


def test_an_expired_ca_is_an_error_annotation() -> None:
    """Deploy refuses; destroy still synthesizes."""
    shared = _validity(not_before=NOW - dt.timedelta(days=9), not_after=NOW - dt.timedelta(days=1))
    Annotations.from_stack(shared.stacks["dev"]).has_error("*", Match.string_like_regexp("expired on"))


def test_a_ca_that_is_not_valid_yet_is_an_error_annotation() -> None:
    """As with an expired one."""
    shared = _validity(not_before=NOW + dt.timedelta(days=2), not_after=NOW + dt.timedelta(days=900))
    Annotations.from_stack(shared.stacks["dev"]).has_error("*", Match.string_like_regexp("not valid before"))


def test_a_near_expiry_is_a_warning_that_can_be_acknowledged() -> None:
    """Within 90 days; its id stands behind it, the CDK way."""
    shared = _validity(not_before=NOW - dt.timedelta(days=9), not_after=NOW + dt.timedelta(days=89))
    found = Annotations.from_stack(shared.stacks["dev"])
    found.has_warning("*", Match.string_like_regexp(r"\[ack: iot-multiaccount-ca:ca-expires-soon\]"))
    found.has_no_error("*", Match.any_value())


def test_a_healthy_ca_has_no_annotation() -> None:
    """No noise."""
    found = Annotations.from_stack(_shared().stacks["dev"])
    found.has_no_error("*", Match.any_value())
    found.has_no_warning("*", Match.any_value())


def test_an_expired_retiring_ca_is_only_a_warning() -> None:
    """It goes anyway; a deployment must not stop for it."""
    old = plans.ca("Timed CA", not_before=NOW - dt.timedelta(days=9), not_after=NOW - dt.timedelta(days=1))
    found = Annotations.from_stack(_shared(retiring=[RetiringCa(old)]).stacks["dev"])
    found.has_warning("*", Match.string_like_regexp("expired on"))
    found.has_no_error("*", Match.any_value())


def test_a_subject_steers_no_terminal_by_an_annotation() -> None:
    """The CDK CLI prints annotations as they are; so does synth what the plan warns of."""
    name = "Fleet\x1b[31m\x9b1m\u202e\r\nCA"
    soon = {"not_before": NOW - dt.timedelta(days=9), "not_after": NOW + dt.timedelta(days=20)}
    old, new = plans.ca(name, **soon), plans.ca(name, subject_key_identifier=False)
    shared = _shared(ca_certificate=new, retiring=[RetiringCa(old)], removal_policy=RemovalPolicy.RETAIN)
    found = Annotations.from_stack(shared.stacks["dev"])
    every = [*found.find_warning("*", Match.any_value()), *found.find_info("*", Match.any_value())]
    said = [str(each.entry.data) for each in every]
    assert sum("\\x1b[31m" in each for each in said) == 3
    assert all(each.isprintable() for each in said)


def test_an_unlisted_region_is_a_warning_on_its_own_stack() -> None:
    """The plan's warnings are annotated where they belong."""
    shared = _shared(stages=[*plans.stages(), CaStage("new", account=plans.DEV, region="eu-west-9")])
    Annotations.from_stack(shared.stacks["new"]).has_warning("*", Match.string_like_regexp("eu-west-9"))
    Annotations.from_stack(shared.stacks["dev"]).has_no_warning("*", Match.any_value())


def test_tags_of_the_app_arrive_at_the_ca() -> None:
    """Tags of app, stack and construct are tags of the CA, as of any taggable resource."""
    app = App()
    shared = _shared(app)
    Tags.of(app).add("team", "devices")
    Tags.of(shared.registrations["dev"]).add("ring", "first")
    [properties] = plans.registrations(plans.template_of(app, shared.stacks["dev"]))
    assert properties["Tags"] == [{"Key": "ring", "Value": "first"}, {"Key": "team", "Value": "devices"}]


def test_a_plan_is_wanted() -> None:
    """Another kind of value is refused with ours."""
    with pytest.raises(errors.InvalidTypeError, match="SharedCaPlan"):
        SharedCa(App(), "FleetCa", plan={})  # type: ignore[arg-type]


def test_two_synths_are_the_same_byte_for_byte(tmp_path: Path) -> None:
    """A deployment without a change has no difference."""

    def synth(folder: Path) -> dict[str, bytes]:
        app = App(outdir=str(folder))
        _shared(app)
        app.synth()
        return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    assert synth(tmp_path / "one") == synth(tmp_path / "two")


@pytest.mark.parametrize("name", ["Fleet Ca", "1st", "fleet_ca", "F" * 97, ""])
def test_an_id_that_no_stack_name_begins_with_is_refused(name: str) -> None:
    """By us, with what is allowed, and not by the CDK's other process."""
    with pytest.raises(errors.InvalidNameError, match="the id of the SharedCa"):
        SharedCa(App(), name, plan=plans.plan())


def test_any_id_will_do_where_the_plan_names_the_stacks() -> None:
    """The id is then no part of a stack's name."""
    shared = SharedCa(App(), "fleet_ca", plan=plans.sni_only_plan(stack_name_prefix="Fleet"))
    assert shared.stacks["dev"].stack_name == "Fleet-dev"


def test_a_retiring_ca_is_deregistered_under_retain_too() -> None:
    """What is taken out of `retiring` has to go; CloudFormation deletes nothing that is retained."""
    app = App()
    old = plans.ca("Old CA")
    shared = _shared(app, retiring=[RetiringCa(old)], removal_policy=RemovalPolicy.RETAIN)
    found = plans.resources(plans.template_of(app, shared.stacks["dev"]), "Custom::IotCaCertificate")
    policies = {each["Properties"]["CertificateId"]: each.get("DeletionPolicy", "Delete") for each in found}
    assert policies == {
        plans.ca().certificate_id: "RetainExceptOnCreate",
        old.certificate_id: "Delete",
    }


@pytest.mark.parametrize(("policy", "told"), [(RemovalPolicy.RETAIN, 1), (RemovalPolicy.DESTROY, 0)])
def test_that_a_retiring_ca_does_not_stay_is_told(policy: RemovalPolicy, told: int) -> None:
    """Under RETAIN alone: a destroyed stage takes it along."""
    shared = _shared(retiring=[RetiringCa(plans.ca("Old CA"))], removal_policy=policy)
    said = Match.string_like_regexp("CN=Old CA.*also if this stage is destroyed")
    assert len(Annotations.from_stack(shared.stacks["dev"]).find_info("*", said)) == told


def test_the_tools_know_a_retained_template_by_all_but_its_last_digits() -> None:
    """The body that is planned is found, and the name that AWS holds is the planned one."""
    app = App()
    _shared(app, removal_policy=RemovalPolicy.RETAIN)
    planned = read_planned(app.synth().directory)[0]
    name = str(planned.record.template_name)
    assert planned.template_body is not None
    assert planned.record.template_is(name.replace("????????", "0123abcd"))
    assert not planned.record.template_is(name.replace("????????", "0123abcd") + "0")
    assert not planned.record.template_is(None)


def _log_groups(app: App) -> Stack:
    return Stack(app, "Home", env=Environment(account=plans.DEV, region=plans.REGION))


def test_one_role_serves_every_stage_that_no_mapping_tells_apart() -> None:
    """Of one account, in several regions; no stage makes a registrar's role of its own."""
    app = App()
    role = aws_iam.Role.from_role_name(_log_groups(app), "Role", "ca-registrar")
    stages = [
        CaStage(f"dev-{region}", account=plans.DEV, region=region) for region in ("eu-west-1", "us-east-1")
    ]
    shared = SharedCa(app, "FleetCa", plan=plans.sni_only_plan(stages=stages), role=role)
    names = set()
    for stack in shared.stacks.values():
        [policy] = plans.resources(plans.template_of(app, stack), "AWS::IAM::Policy")
        assert policy["Properties"]["Roles"] == ["ca-registrar"]
        names.add(policy["Properties"]["PolicyName"])
    assert len(names) == 2


def test_a_stage_has_the_log_group_that_a_mapping_names_for_it() -> None:
    """The others make one."""
    app = App()
    group = aws_logs.LogGroup.from_log_group_name(_log_groups(app), "Logs", "mine")
    shared = SharedCa(app, "FleetCa", plan=plans.plan(), log_group={"dev": group})
    made = {
        name: len(plans.resources(plans.template_of(app, stack), "AWS::Logs::LogGroup"))
        for name, stack in shared.stacks.items()
    }
    assert made == {"dev": 0, "staging": 1, "prod": 1}


def test_a_mapping_for_a_stage_that_is_none_is_refused() -> None:
    """A slip of the pen would give production a role of its own without a word."""
    app = App()
    role = aws_iam.Role.from_role_name(_log_groups(app), "Role", "ca-registrar")
    with pytest.raises(errors.UnknownStageError, match="dev, staging, prod"):
        SharedCa(app, "FleetCa", plan=plans.plan(), role={"production": role})
