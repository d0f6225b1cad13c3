"""Rules of the plan as a whole, and of changed ones: each broken one raises its own error before any stack exists."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from iot_multiaccount_ca import errors
from iot_multiaccount_ca.model.jitr.enrollment import JitrEnrollment
from iot_multiaccount_ca.model.options import OnExisting
from iot_multiaccount_ca.model.plan.plan import SharedCaPlan
from iot_multiaccount_ca.model.plan.retiring import RetiringCa
from iot_multiaccount_ca.model.plan.stage import CaStage
from support import plans
from support.plans import DEV, PROD, PROOF, refused

TEMPLATE = plans.jitp()


def test_a_plan_without_stages_is_refused() -> None:
    """There is nothing to deploy."""
    refused(errors.EmptyPlanError, lambda: plans.bare_plan([]))


def test_duplicate_stage_names_are_refused_ignoring_case() -> None:
    """Stack names that differ only in case confuse people and file systems."""
    stages = [
        CaStage("dev", account=DEV, region="eu-west-1"),
        CaStage("Dev", account=PROD, region="eu-west-1"),
    ]
    assert "dev and Dev" in refused(errors.DuplicateStageNameError, lambda: plans.bare_plan(stages))


def test_duplicate_account_and_region_are_refused() -> None:
    """AWS IoT registers a CA once per account and region."""
    stages = [
        CaStage("dev", account=DEV, region="eu-west-1"),
        CaStage("dev2", account=DEV, region="eu-west-1"),
    ]
    message = refused(errors.DuplicateTargetError, lambda: plans.bare_plan(stages))
    assert "'dev'" in message
    assert "'dev2'" in message


def test_things_that_are_no_stages_are_refused() -> None:
    """A stage is a CaStage."""
    refused(errors.InvalidTypeError, lambda: plans.bare_plan(["dev"]))


def test_the_ca_is_a_ca_certificate() -> None:
    """PEM text is not taken silently."""
    with pytest.raises(errors.InvalidTypeError, match=r"CaCertificate\.from_file"):
        SharedCaPlan(ca_certificate="-----BEGIN", stages=plans.stages())  # type: ignore[arg-type]


def test_an_unknown_stage_is_an_error_that_lists_the_known() -> None:
    """`plan.stage` knows its stages."""
    assert "dev, staging, prod" in refused(errors.UnknownStageError, lambda: plans.bare_plan().stage("qa"))


@pytest.mark.parametrize("policy", ["SNAPSHOT", "destroy", None])
def test_other_removal_policies_are_refused(policy: Any) -> None:
    """DESTROY or RETAIN."""
    refused(errors.InvalidRemovalPolicyError, lambda: plans.bare_plan(removal_policy=policy))


def test_an_unknown_on_existing_is_refused() -> None:
    """FAIL or ADOPT; the words are taken too."""
    assert plans.bare_plan(on_existing="ADOPT").on_existing is OnExisting.ADOPT
    refused(errors.InvalidOnExistingError, lambda: plans.bare_plan(on_existing="TAKE"))


@pytest.mark.parametrize("prefix", ["", "1x", "a_b", "a" * 97, 3])
def test_a_bad_stack_name_prefix_is_refused(prefix: Any) -> None:
    """It begins a stack name."""
    refused(errors.InvalidNameError, lambda: plans.bare_plan(stack_name_prefix=prefix))


@pytest.mark.parametrize("flag", ["false", "true", 0, None])
@pytest.mark.parametrize("name", ["allow_mode_change", "active"])
def test_a_flag_of_the_plan_is_a_bool(name: str, flag: Any) -> None:
    """The text "false", as the command line's context gives it, would permit a change of mode."""
    message = refused(errors.InvalidFlagError, lambda: plans.bare_plan(**{name: flag}))
    assert name in message


@pytest.mark.parametrize("flag", ["false", 1])
def test_auto_registration_is_a_bool_or_left_out(flag: Any) -> None:
    """None is the plan's own choice."""
    assert "auto_registration" in refused(
        errors.InvalidFlagError, lambda: plans.bare_plan(auto_registration=flag)
    )
    assert plans.bare_plan(auto_registration=None).auto_registration is None


@pytest.mark.parametrize(
    "stages",
    [
        None,
        "dev",
        b"dev",
        7,
        CaStage("dev", account=DEV, region="eu-west-1"),
        {"dev": CaStage("dev", account=DEV, region="eu-west-1")},
        {CaStage("dev", account=DEV, region="eu-west-1")},
        [CaStage("dev", account=DEV, region="eu-west-1"), None],
        [[CaStage("dev", account=DEV, region="eu-west-1")]],
    ],
)
def test_stages_are_a_list_of_stages(stages: Any) -> None:
    """With the fix, and never a bare TypeError; a set has no order to deploy in."""
    refused(errors.InvalidTypeError, lambda: plans.sni_only_plan(stages=stages))


def test_stages_and_retiring_may_come_from_a_generator() -> None:
    """It is read once, and kept."""
    plan = plans.bare_plan(iter(plans.stages()), retiring=(RetiringCa(plans.ca(name)) for name in ("A", "B")))
    assert [stage.name for stage in plan.stages] == ["dev", "staging", "prod"]
    assert len(plan.retiring) == 2


def test_one_stage_listed_twice_is_refused() -> None:
    """Also as the same object: its stack would be made twice."""
    stage = CaStage("dev", account=DEV, region="eu-west-1")
    assert "one stage stands twice" in refused(
        errors.DuplicateStageNameError, lambda: plans.bare_plan([stage, stage])
    )


def test_a_verification_where_no_stage_is_default_is_refused() -> None:
    """AWS IoT takes no proof in SNI_ONLY: it would be ignored without a word."""
    assert "owner_account" in refused(
        errors.UnusedVerificationError, lambda: plans.bare_plan(verification=PROOF)
    )
    stages = [CaStage("dev", account=DEV, region="eu-west-1", verification=PROOF), *plans.stages()[1:]]
    said = refused(
        errors.UnusedVerificationError,
        lambda: plans.bare_plan(stages, owner_account=PROD, verification=PROOF),
    )
    assert "stage 'dev'" in said
    old = RetiringCa(plans.ca("Old CA"), verification=PROOF)
    assert "retiring CA" in refused(errors.UnusedVerificationError, lambda: plans.bare_plan(retiring=[old]))


def test_a_template_without_auto_registration_is_refused() -> None:
    """No device would ever become known, and so none provisioned."""
    said = refused(
        errors.AutoRegistrationOffError,
        lambda: plans.bare_plan(provisioning=TEMPLATE, auto_registration=False),
    )
    assert "JitpTemplateBody" in said
    assert plans.bare_plan(auto_registration=False).auto_registration is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ca_certificate", None),
        ("owner_account", 333333333333),
        ("verification", "fleet-ca/private-key"),
        ("provisioning", "jitp.json"),
        ("on_existing", None),
        ("on_existing", []),
        ("removal_policy", []),
        ("removal_policy", None),
        ("stack_name_prefix", 7),
        ("adopt_from_prefix", "a_b"),
        ("adopt_from_prefix", 7),
    ],
)
def test_a_field_of_another_kind_is_an_error_of_ours(name: str, value: Any) -> None:
    """Never a bare TypeError from inside."""
    with pytest.raises(errors.SharedCaError):
        plans.bare_plan(**{name: value})


def test_a_changed_plan_resolves_its_stages_anew() -> None:
    """A mode that came from the owner goes with the owner; an explicit one stays."""
    stages = [*plans.stages(), CaStage("us", account=PROD, region="us-east-1", certificate_mode="SNI_ONLY")]
    plan = plans.bare_plan(stages, owner_account=PROD, verification=PROOF, provisioning=TEMPLATE)
    moved = attrs.evolve(plan, owner_account=DEV)
    assert [stage.certificate_mode for stage in plan.stages] == [
        "SNI_ONLY",
        "SNI_ONLY",
        "DEFAULT",
        "SNI_ONLY",
    ]
    assert [stage.certificate_mode for stage in moved.stages] == [
        "DEFAULT",
        "SNI_ONLY",
        "SNI_ONLY",
        "SNI_ONLY",
    ]
    assert moved.stage("dev").verification == PROOF
    assert moved.stage("prod").verification is None
    enrollment = JitrEnrollment(policy="devices")
    assert {stage.provisioning for stage in attrs.evolve(plan, provisioning=enrollment).stages} == {
        enrollment
    }


def test_a_changed_plan_is_checked_again() -> None:
    """No way to a plan passes its rules by."""
    plan = plans.bare_plan(owner_account=PROD, verification=PROOF)
    refused(errors.MissingVerificationError, lambda: attrs.evolve(plan, verification=None))
    refused(errors.UnknownOwnerAccountError, lambda: attrs.evolve(plan, stages=plans.stages()[:2]))
    refused(errors.UnusedVerificationError, lambda: attrs.evolve(plan, owner_account=None))
    refused(errors.InvalidFlagError, lambda: attrs.evolve(plan, active="false"))  # type: ignore[arg-type]
    refused(errors.InvalidRegionError, lambda: attrs.evolve(plan.stage("dev"), region="Ireland"))


def test_warnings_follow_the_plan() -> None:
    """They are derived, and nobody can give them."""
    plan = plans.bare_plan()
    assert attrs.evolve(plan, stages=[CaStage("new", account=DEV, region="eu-west-9")]).warnings
    with pytest.raises(TypeError):
        plans.bare_plan(warnings=())


def test_plans_and_stages_are_values() -> None:
    """Equal and hashable by what they were given."""
    assert plans.bare_plan() == plans.bare_plan()
    assert hash(plans.bare_plan()) == hash(plans.bare_plan())
    assert plans.bare_plan() != plans.bare_plan(active=False)
    assert len({stage for plan in (plans.bare_plan(), plans.bare_plan()) for stage in plan.stages}) == 3


def test_the_plan_is_frozen() -> None:
    """An existing plan is a valid plan, and stays one."""
    plan = plans.bare_plan()
    with pytest.raises(AttributeError):
        plan.owner_account = DEV  # type: ignore[misc]
    assert isinstance(plan.stages, tuple)
