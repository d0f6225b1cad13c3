"""Rules of the deployment between two engines: the registration leaves its stack's template, and stays registered."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from aws_cdk import App, RemovalPolicy, Stack, Tags
from aws_cdk.assertions import Annotations, Match, Template

from iot_multiaccount_ca import (
    Admission,
    CaCertificate,
    JitrEnrollment,
    RegistrationEngine,
    RetiringCa,
    SharedCa,
    SharedCaPlan,
    errors,
)
from iot_multiaccount_ca.model.assembly import ca_certificate_pem, read_registrations
from support import plans
from support.certificates import make_ca

NONE = RegistrationEngine.NONE
ENGINES = list(RegistrationEngine)


def _plan(engine: RegistrationEngine, **changes: Any) -> SharedCaPlan:
    return plans.sni_only_plan(engine=engine, removal_policy=RemovalPolicy.RETAIN, **changes)


def _shared(plan: SharedCaPlan) -> tuple[App, SharedCa]:
    app = App()
    return app, SharedCa(app, "FleetCa", plan=plan)


def _template(stack: Stack) -> dict[str, Any]:
    return dict(Template.from_stack(stack).to_json())


def _kinds(stack: Stack) -> list[str]:
    return sorted(each["Type"] for each in _template(stack)["Resources"].values())


def test_only_template_and_role_stay() -> None:
    """Neither the registration nor, of the Lambda, anything else."""
    _, shared = _shared(_plan(NONE))
    assert _kinds(shared.stacks["dev"]) == ["AWS::IAM::Role", "AWS::IoT::ProvisioningTemplate"]


def test_what_stays_is_what_the_other_engines_have() -> None:
    """Whole, under its logical ids: between two engines nothing but the registration comes or goes."""
    held = [_template(_shared(_plan(engine))[1].stacks["dev"])["Resources"] for engine in ENGINES]
    left = _template(_shared(_plan(NONE))[1].stacks["dev"])["Resources"]
    for resources in held:
        assert {name: resources.get(name) for name in left} == left


def test_the_record_is_the_same_but_for_the_engine() -> None:
    """So that `iot-ca verify` holds the registration to the plan meanwhile, its owner included."""
    records = [read_registrations(_shared(_plan(engine))[0].synth().directory) for engine in ENGINES]
    first, *others = ([attrs_of(each) for each in found] for found in records)
    assert all(each == first for each in others)
    assert {record.engine for record in records[ENGINES.index(NONE)]} == {"NONE"}


def attrs_of(record: Any) -> dict[str, Any]:
    """A record's fields without its engine."""
    return {name: getattr(record, name) for name in record.__slots__ if name != "engine"}


def test_the_outputs_stay() -> None:
    """What reads them goes on; the id is literal, and the same."""
    _, shared = _shared(_plan(NONE))
    outputs = _template(shared.stacks["dev"])["Outputs"]
    assert outputs["CaCertificateId"]["Value"] == plans.ca().certificate_id
    assert outputs.keys() == _template(_shared(_plan(ENGINES[0]))[1].stacks["dev"])["Outputs"].keys()


def test_jitr_goes_on() -> None:
    """The activation of a CA is not the registration's, and stays with the CA's id."""
    _, shared = _shared(
        _plan(NONE, provisioning=JitrEnrollment(policy="devices", admission=Admission(table_name="fleet")))
    )
    template = _template(shared.stacks["dev"])
    [function] = plans.resources(template, "AWS::Lambda::Function")
    assert plans.ca().certificate_id in function["Properties"]["Environment"]["Variables"].values()


def test_tags_of_the_app_break_nothing() -> None:
    """They reach the CA with the next engine."""
    app, shared = _shared(_plan(NONE))
    Tags.of(app).add("team", "devices")
    assert "AWS::IoT::ProvisioningTemplate" in _kinds(shared.stacks["dev"])


def test_it_is_said_that_the_deployment_before_has_to_have_retained() -> None:
    """CloudFormation goes by the policy that is deployed, which synth cannot know."""
    _, shared = _shared(_plan(NONE))
    said = Annotations.from_stack(shared.stacks["dev"])
    said.has_warning("*", Match.string_like_regexp("only after a deployment with RETAIN"))


def test_destroy_is_refused() -> None:
    """The registration would go."""
    plan = attrs.evolve(_plan(NONE), removal_policy=RemovalPolicy.DESTROY)
    with pytest.raises(errors.RemovalPolicyConflictError, match="RETAIN with the former engine first"):
        _shared(plan)


def test_a_rotation_has_to_end_first() -> None:
    """A retiring CA is deleted when it leaves the template, whatever the plan's removal policy."""
    old = RetiringCa(CaCertificate.from_pem(make_ca("ec-p256", common_name="Old CA").pem))
    with pytest.raises(errors.RemovalPolicyConflictError, match="take the CA out of `retiring`"):
        _shared(_plan(NONE, retiring=[old]))


def test_who_asks_for_its_ca_is_told(tmp_path: Any) -> None:
    """Nothing in the assembly holds the CA's certificate: a rehearsal or a dry run cannot begin."""
    app, _ = _shared(_plan(NONE))
    folder = app.synth().directory
    [record, *_] = read_registrations(folder)
    with pytest.raises(errors.AssemblyError, match="carried out by nothing"):
        ca_certificate_pem(folder, record)
