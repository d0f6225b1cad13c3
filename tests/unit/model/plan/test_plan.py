"""Rules of stages and the plan: each broken one raises its own error before any stack exists."""

from __future__ import annotations

import itertools
from typing import Any

import attrs
import pytest

from iot_multiaccount_ca import errors
from iot_multiaccount_ca.model.ca.certificate import CertificateMode
from iot_multiaccount_ca.model.jitr.enrollment import JitrEnrollment
from iot_multiaccount_ca.model.options import OnExisting
from iot_multiaccount_ca.model.plan.plan import SharedCaPlan
from iot_multiaccount_ca.model.plan.retiring import RetiringCa
from iot_multiaccount_ca.model.plan.stage import CaStage
from iot_multiaccount_ca.model.possession.verification import Verification
from support import plans
from support.certificates import make_ca, make_verification_certificate, registration_code
from support.plans import DEV, PROD, PROOF

TEMPLATE = plans.jitp()


def _plan(stages: Any = None, **settings: Any) -> SharedCaPlan:
    """Three stages, of which none owns and none provisions unless told."""
    chosen = plans.stages() if stages is None else stages
    return plans.sni_only_plan(**{"stages": chosen, "provisioning": None, **settings})


def _refused(kind: type[errors.SharedCaError], make: Any) -> str:
    with pytest.raises(kind) as caught:
        make()
    assert type(caught.value) is kind
    return str(caught.value)


# --- modes --------------------------------------------------------------------------------------------------


def test_without_an_owner_every_stage_is_sni_only() -> None:
    """No owner, no key, no proof: what AWS recommends."""
    assert {stage.certificate_mode for stage in _plan().stages} == {CertificateMode.SNI_ONLY}


def test_the_owner_account_is_default_in_every_region_it_has() -> None:
    """DEFAULT is per region; the owner's stage of each region has it, all others are SNI_ONLY."""
    stages = [*plans.stages(), CaStage("prod-us", account=PROD, region="us-east-1")]
    plan = _plan(stages, owner_account=PROD, verification=PROOF)
    assert {stage.name: str(stage.certificate_mode) for stage in plan.stages} == {
        "dev": "SNI_ONLY",
        "staging": "SNI_ONLY",
        "prod": "DEFAULT",
        "prod-us": "DEFAULT",
    }


def test_an_explicit_mode_beats_the_owner_account() -> None:
    """A stage of the owner's account that says SNI_ONLY is SNI_ONLY; modes may be AWS's own words."""
    stages = [
        CaStage("prod", account=PROD, region="eu-west-1", certificate_mode="SNI_ONLY"),
        CaStage("prod-us", account=PROD, region="us-east-1"),
    ]
    plan = _plan(stages, owner_account=PROD, verification=PROOF)
    assert plan.stage("prod").certificate_mode is CertificateMode.SNI_ONLY
    assert plan.stage("prod-us").certificate_mode is CertificateMode.DEFAULT


def test_what_a_stage_leaves_out_comes_from_the_plan() -> None:
    """Provisioning and verification of the plan are those of stages without their own; SNI_ONLY has no proof."""
    own = Verification.from_secret("another")
    stages = [
        *plans.stages(),
        CaStage("us", account=DEV, region="us-east-1", certificate_mode="DEFAULT", verification=own),
    ]
    plan = _plan(stages, owner_account=PROD, verification=PROOF, provisioning=TEMPLATE)
    assert plan.stage("us").verification == own
    assert plan.stage("prod").verification == PROOF
    assert plan.stage("dev").verification is None
    assert plan.stage("dev").provisioning == TEMPLATE


def test_an_unknown_mode_is_refused() -> None:
    """The message lists the modes there are."""
    message = _refused(
        errors.InvalidCertificateModeError,
        lambda: CaStage("dev", account=DEV, region="eu-west-1", certificate_mode="SNI"),
    )
    assert "SNI_ONLY" in message


# --- one DEFAULT owner per region -----------------------------------------------------------------------------


def test_two_default_owners_by_mode_are_refused() -> None:
    """The message names both stages, both accounts, the region, and what to change."""
    stages = [
        CaStage(name, account=account, region="eu-west-1", certificate_mode=CertificateMode.DEFAULT)
        for name, account in (("dev", DEV), ("prod", PROD))
    ]
    message = _refused(errors.MultipleDefaultOwnersError, lambda: _plan(stages, verification=PROOF))
    for part in ("'dev'", "'prod'", DEV, PROD, "eu-west-1", "SNI_ONLY"):
        assert part in message


def test_two_default_owners_by_owner_account_and_mode_are_refused() -> None:
    """An explicit DEFAULT beside the owner account's stage is a second owner."""
    stages = [
        *plans.stages()[1:],
        CaStage("dev", account=DEV, region="eu-west-1", certificate_mode="DEFAULT"),
    ]
    _refused(errors.MultipleDefaultOwnersError, lambda: _plan(stages, owner_account=PROD, verification=PROOF))


def test_default_owners_of_two_regions_are_fine() -> None:
    """Each region has an owner of its own."""
    stages = [
        CaStage("eu", account=DEV, region="eu-west-1", certificate_mode="DEFAULT"),
        CaStage("us", account=PROD, region="us-east-1", certificate_mode="DEFAULT"),
    ]
    assert len(_plan(stages, verification=PROOF).stages) == 2


def test_default_without_verification_is_refused() -> None:
    """The message names the stage and the ways of proof."""
    message = _refused(errors.MissingVerificationError, lambda: _plan(owner_account=PROD))
    assert "'prod'" in message
    assert "from_secret" in message


def test_an_owner_account_of_no_stage_is_refused() -> None:
    """The message lists the accounts there are."""
    message = _refused(
        errors.UnknownOwnerAccountError, lambda: _plan(owner_account="444444444444", verification=PROOF)
    )
    assert PROD in message


# --- stages -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "1dev", "dev_1", "dev stage", "d" * 32, "dév", "-dev", None, 7])
def test_stage_names_that_no_stack_can_have_are_refused(name: Any) -> None:
    """A letter, then up to 30 letters, digits or hyphens."""
    _refused(errors.InvalidStageNameError, lambda: CaStage(name, account=DEV, region="eu-west-1"))


def test_stage_names_at_the_limit_are_taken() -> None:
    """31 characters are fine."""
    assert CaStage("d" * 31, account=DEV, region="eu-west-1").name == "d" * 31


@pytest.mark.parametrize(
    "account", ["11111111111", "1111-1111-1111", "", "१११११११११११११", "1111111111\u0661", 111111111111, None]
)
def test_what_is_no_account_is_refused(account: Any) -> None:
    """12 ASCII digits, as a literal string."""
    _refused(errors.InvalidAccountError, lambda: CaStage("dev", account=account, region="eu-west-1"))


def test_an_account_that_is_a_token_is_refused_with_the_reason() -> None:
    """Ownership of a region cannot be proved for an unknown account."""
    message = _refused(
        errors.UnresolvedTargetError,
        lambda: CaStage("dev", account="${Token[AWS.AccountId.4]}", region="eu-west-1"),
    )
    assert "cannot be proved" in message


@pytest.mark.parametrize(
    "region", ["eu-west", "EU-WEST-1", "eu_west_1", "eu-west-1a", "Ireland", "", None, 1]
)
def test_malformed_regions_are_refused(region: Any) -> None:
    """A region looks like eu-west-1."""
    _refused(errors.InvalidRegionError, lambda: CaStage("dev", account=DEV, region=region))


def test_a_region_that_is_a_token_is_refused() -> None:
    """As with accounts."""
    _refused(
        errors.UnresolvedTargetError, lambda: CaStage("dev", account=DEV, region="${Token[AWS.Region.4]}")
    )


def test_a_region_in_no_list_is_a_warning() -> None:
    """AWS adds regions: a well-formed one that is not known is used, and named in the warnings."""
    plan = _plan([CaStage("new", account=DEV, region="eu-west-9")])
    assert any("eu-west-9" in warning and "'new'" in warning for warning in plan.warnings)
    assert _plan().warnings == ()


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("us-east-1", "aws")],
)
def test_a_stage_knows_its_partition(region: str, partition: str) -> None:
    """The partition follows from the region."""
    assert CaStage("dev", account=DEV, region=region).partition == partition


def test_a_stage_takes_jitp_or_jitr_or_neither() -> None:
    """What a stage says itself beats the plan, whichever of the two it is."""
    enrollment = JitrEnrollment(policy="devices")
    stages = [
        CaStage("dev", account=DEV, region="eu-west-1", provisioning=TEMPLATE),
        CaStage("prod", account=PROD, region="eu-west-1"),
    ]
    plan = _plan(stages, provisioning=enrollment)
    assert plan.stage("dev").provisioning == TEMPLATE
    assert plan.stage("prod").provisioning == enrollment
    assert _plan(stages[1:]).stage("prod").provisioning is None


def test_jitp_and_jitr_at_once_are_refused() -> None:
    """With the reason: each would act on a device's first connect."""
    both: Any = [TEMPLATE, JitrEnrollment(policy="devices")]
    said = _refused(
        errors.RivalEnrollmentsError,
        lambda: CaStage("dev", account=DEV, region="eu-west-1", provisioning=both),
    )
    assert "stage 'dev' has both" in said
    assert "first connect" in said
    assert "the plan has both" in _refused(errors.RivalEnrollmentsError, lambda: _plan(provisioning=both))


def test_jitr_without_auto_registration_is_refused() -> None:
    """No event would ever come."""
    said = _refused(
        errors.AutoRegistrationOffError,
        lambda: _plan(provisioning=JitrEnrollment(policy="devices"), auto_registration=False),
    )
    assert "stage 'dev'" in said


def test_provisioning_of_another_kind_is_refused() -> None:
    """A path is no template."""
    _refused(
        errors.InvalidTypeError,
        lambda: CaStage("dev", account=DEV, region="eu-west-1", provisioning="jitp.json"),  # type: ignore[arg-type]
    )


def test_verification_of_another_kind_is_refused() -> None:
    """A secret's name is no verification."""
    _refused(errors.InvalidTypeError, lambda: _plan(verification="fleet-ca/private-key"))


# --- the plan as a whole ------------------------------------------------------------------------------------------


def test_a_plan_without_stages_is_refused() -> None:
    """There is nothing to deploy."""
    _refused(errors.EmptyPlanError, lambda: _plan([]))


def test_duplicate_stage_names_are_refused_ignoring_case() -> None:
    """Stack names that differ only in case confuse people and file systems."""
    stages = [
        CaStage("dev", account=DEV, region="eu-west-1"),
        CaStage("Dev", account=PROD, region="eu-west-1"),
    ]
    assert "dev and Dev" in _refused(errors.DuplicateStageNameError, lambda: _plan(stages))


def test_duplicate_account_and_region_are_refused() -> None:
    """AWS IoT registers a CA once per account and region."""
    stages = [
        CaStage("dev", account=DEV, region="eu-west-1"),
        CaStage("dev2", account=DEV, region="eu-west-1"),
    ]
    message = _refused(errors.DuplicateTargetError, lambda: _plan(stages))
    assert "'dev'" in message
    assert "'dev2'" in message


def test_things_that_are_no_stages_are_refused() -> None:
    """A stage is a CaStage."""
    _refused(errors.InvalidTypeError, lambda: _plan(["dev"]))


def test_the_ca_is_a_ca_certificate() -> None:
    """PEM text is not taken silently."""
    with pytest.raises(errors.InvalidTypeError, match=r"CaCertificate\.from_file"):
        SharedCaPlan(ca_certificate="-----BEGIN", stages=plans.stages())  # type: ignore[arg-type]


def test_an_unknown_stage_is_an_error_that_lists_the_known() -> None:
    """`plan.stage` knows its stages."""
    assert "dev, staging, prod" in _refused(errors.UnknownStageError, lambda: _plan().stage("qa"))


def test_one_ca_twice_is_refused() -> None:
    """A CA is current or retiring, once."""
    _refused(errors.DuplicateCaError, lambda: _plan(retiring=[RetiringCa(plans.ca())]))
    old = RetiringCa(plans.ca("Old CA"))
    _refused(errors.DuplicateCaError, lambda: _plan(retiring=[old, old]))


def test_retiring_takes_retiring_cas_only() -> None:
    """A bare certificate says nothing of its state."""
    _refused(errors.InvalidTypeError, lambda: _plan(retiring=[plans.ca("Old CA")]))


def test_more_than_ten_cas_of_one_subject_are_refused() -> None:
    """AWS's limit per account, known before deploying."""
    old = [RetiringCa(plans.ca("Fleet CA", key_name=f"key {number}")) for number in range(10)]
    assert "10 per account" in _refused(errors.TooManyCasError, lambda: _plan(retiring=old))
    _plan(retiring=old[:9])


def test_cas_of_one_subject_without_key_identifiers_are_a_warning() -> None:
    """TLS stacks could not tell them apart."""
    alike = RetiringCa(plans.ca("Fleet CA", key_name="older", subject_key_identifier=False))
    assert any("subjectKeyIdentifier" in warning for warning in _plan(retiring=[alike]).warnings)
    told_apart = RetiringCa(plans.ca("Fleet CA", key_name="older"))
    assert _plan(retiring=[told_apart]).warnings == ()


@pytest.mark.parametrize("policy", ["SNAPSHOT", "destroy", None])
def test_other_removal_policies_are_refused(policy: Any) -> None:
    """DESTROY or RETAIN."""
    _refused(errors.InvalidRemovalPolicyError, lambda: _plan(removal_policy=policy))


def test_an_unknown_on_existing_is_refused() -> None:
    """FAIL or ADOPT; the words are taken too."""
    assert _plan(on_existing="ADOPT").on_existing is OnExisting.ADOPT
    _refused(errors.InvalidOnExistingError, lambda: _plan(on_existing="TAKE"))


@pytest.mark.parametrize("prefix", ["", "1x", "a_b", "a" * 97, 3])
def test_a_bad_stack_name_prefix_is_refused(prefix: Any) -> None:
    """It begins a stack name."""
    _refused(errors.InvalidNameError, lambda: _plan(stack_name_prefix=prefix))


@pytest.mark.parametrize("flag", ["false", "true", 0, None])
@pytest.mark.parametrize("name", ["allow_mode_change", "active"])
def test_a_flag_of_the_plan_is_a_bool(name: str, flag: Any) -> None:
    """The text "false", as the command line's context gives it, would permit a change of mode."""
    message = _refused(errors.InvalidFlagError, lambda: _plan(**{name: flag}))
    assert name in message


@pytest.mark.parametrize("flag", ["false", 1])
def test_auto_registration_is_a_bool_or_left_out(flag: Any) -> None:
    """None is the plan's own choice."""
    assert "auto_registration" in _refused(errors.InvalidFlagError, lambda: _plan(auto_registration=flag))
    assert _plan(auto_registration=None).auto_registration is None


@pytest.mark.parametrize("flag", ["false", 0, None])
def test_a_retiring_ca_is_active_or_not(flag: Any) -> None:
    """The text "false" would keep it enrolling."""
    _refused(errors.InvalidFlagError, lambda: RetiringCa(plans.ca("Old CA"), active=flag))


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
    _refused(errors.InvalidTypeError, lambda: plans.sni_only_plan(stages=stages))


def test_stages_and_retiring_may_come_from_a_generator() -> None:
    """It is read once, and kept."""
    plan = _plan(iter(plans.stages()), retiring=(RetiringCa(plans.ca(name)) for name in ("A", "B")))
    assert [stage.name for stage in plan.stages] == ["dev", "staging", "prod"]
    assert len(plan.retiring) == 2


@pytest.mark.parametrize(
    "retiring", [None, RetiringCa(plans.ca("Old CA")), plans.ca("Old CA"), "Old CA", [None]]
)
def test_retiring_is_a_list_of_retiring_cas(retiring: Any) -> None:
    """A bare one is told how to stand in a list."""
    _refused(errors.InvalidTypeError, lambda: _plan(retiring=retiring))


def test_one_stage_listed_twice_is_refused() -> None:
    """Also as the same object: its stack would be made twice."""
    stage = CaStage("dev", account=DEV, region="eu-west-1")
    assert "one stage stands twice" in _refused(errors.DuplicateStageNameError, lambda: _plan([stage, stage]))


def test_a_verification_where_no_stage_is_default_is_refused() -> None:
    """AWS IoT takes no proof in SNI_ONLY: it would be ignored without a word."""
    assert "owner_account" in _refused(errors.UnusedVerificationError, lambda: _plan(verification=PROOF))
    stages = [CaStage("dev", account=DEV, region="eu-west-1", verification=PROOF), *plans.stages()[1:]]
    said = _refused(
        errors.UnusedVerificationError,
        lambda: _plan(stages, owner_account=PROD, verification=PROOF),
    )
    assert "stage 'dev'" in said
    old = RetiringCa(plans.ca("Old CA"), verification=PROOF)
    assert "retiring CA" in _refused(errors.UnusedVerificationError, lambda: _plan(retiring=[old]))


def test_a_template_without_auto_registration_is_refused() -> None:
    """No device would ever become known, and so none provisioned."""
    said = _refused(
        errors.AutoRegistrationOffError, lambda: _plan(provisioning=TEMPLATE, auto_registration=False)
    )
    assert "JitpTemplateBody" in said
    assert _plan(auto_registration=False).auto_registration is False


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
        _plan(**{name: value})


# --- adoption -----------------------------------------------------------------------------------------------


def test_a_stages_on_existing_beats_the_plans() -> None:
    """And what is None comes from the plan."""
    stages = [CaStage("dev", account=DEV, region="eu-west-1", on_existing="ADOPT"), *plans.stages()[1:]]
    assert [stage.on_existing for stage in _plan(stages).stages] == ["ADOPT", "FAIL", "FAIL"]
    stages = [CaStage("dev", account=DEV, region="eu-west-1", on_existing="FAIL"), *plans.stages()[1:]]
    assert [stage.on_existing for stage in _plan(stages, on_existing="ADOPT").stages] == [
        "FAIL",
        "ADOPT",
        "ADOPT",
    ]


def test_stages_are_adopted_from_the_stacks_of_the_former_prefix() -> None:
    """Stage x from `<prefix>-x`; a stage that names its stack, or says FAIL, goes its own way."""
    stages = [
        CaStage("dev", account=DEV, region="eu-west-1", adopt_from_stack="ByHand"),
        CaStage("staging", account=plans.STAGING, region="eu-west-1"),
        CaStage("prod", account=PROD, region="eu-west-1", on_existing="FAIL"),
    ]
    plan = _plan(stages, on_existing="ADOPT", adopt_from_prefix="Former")
    assert [stage.adopt_from_stack for stage in plan.stages] == ["ByHand", "Former-staging", None]


def test_a_stack_to_adopt_from_needs_adopt() -> None:
    """Else it would be ignored; the stage and the stack are named."""
    named = CaStage("dev", account=DEV, region="eu-west-1", adopt_from_stack="Former-dev")
    assert "stage 'dev'" in _refused(errors.AdoptionNotAllowedError, lambda: _plan([named]))
    assert "Former-dev" in _refused(errors.AdoptionNotAllowedError, lambda: _plan(adopt_from_prefix="Former"))
    _refused(errors.AdoptionNotAllowedError, lambda: attrs.evolve(named, on_existing="FAIL"))
    assert _plan([named], on_existing="ADOPT").stage("dev").adopt_from_stack == "Former-dev"


@pytest.mark.parametrize("stack", ["", "a_b", "1a", "a" * 129, 7, "${Token[Stack.1]}", "arn:aws:s3:::a"])
def test_a_stack_to_adopt_from_is_a_name_or_an_id(stack: Any) -> None:
    """As CloudFormation names stacks."""
    _refused(
        errors.InvalidNameError,
        lambda: CaStage("dev", account=DEV, region="eu-west-1", on_existing="ADOPT", adopt_from_stack=stack),
    )


def test_a_stacks_id_is_taken_to_adopt_from() -> None:
    """The name alone may be another stack's by now."""
    stack = f"arn:aws:cloudformation:eu-west-1:{DEV}:stack/Former-dev/0a1b2c3d-1111-2222-3333-444455556666"
    stage = CaStage("dev", account=DEV, region="eu-west-1", on_existing="ADOPT", adopt_from_stack=stack)
    assert stage.adopt_from_stack == stack


def test_the_former_prefix_is_another_one() -> None:
    """Nothing is to be adopted from the stacks that there are."""
    _refused(
        errors.InvalidNameError,
        lambda: _plan(on_existing="ADOPT", adopt_from_prefix="Fleet", stack_name_prefix="Fleet"),
    )


# --- changed plans ------------------------------------------------------------------------------------------


def test_a_changed_plan_resolves_its_stages_anew() -> None:
    """A mode that came from the owner goes with the owner; an explicit one stays."""
    stages = [*plans.stages(), CaStage("us", account=PROD, region="us-east-1", certificate_mode="SNI_ONLY")]
    plan = _plan(stages, owner_account=PROD, verification=PROOF, provisioning=TEMPLATE)
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
    plan = _plan(owner_account=PROD, verification=PROOF)
    _refused(errors.MissingVerificationError, lambda: attrs.evolve(plan, verification=None))
    _refused(errors.UnknownOwnerAccountError, lambda: attrs.evolve(plan, stages=plans.stages()[:2]))
    _refused(errors.UnusedVerificationError, lambda: attrs.evolve(plan, owner_account=None))
    _refused(errors.InvalidFlagError, lambda: attrs.evolve(plan, active="false"))  # type: ignore[arg-type]
    _refused(errors.InvalidRegionError, lambda: attrs.evolve(plan.stage("dev"), region="Ireland"))


def test_warnings_follow_the_plan() -> None:
    """They are derived, and nobody can give them."""
    plan = _plan()
    assert attrs.evolve(plan, stages=[CaStage("new", account=DEV, region="eu-west-9")]).warnings
    with pytest.raises(TypeError):
        _plan(warnings=())


def test_plans_and_stages_are_values() -> None:
    """Equal and hashable by what they were given."""
    assert _plan() == _plan()
    assert hash(_plan()) == hash(_plan())
    assert _plan() != _plan(active=False)
    assert len({stage for plan in (_plan(), _plan()) for stage in plan.stages}) == 3


# --- grids --------------------------------------------------------------------------------------------------


def test_a_grid_has_a_stage_in_each_region_of_each_account() -> None:
    """Named by both, with what is common to all."""
    made = CaStage.grid(
        accounts={"dev": DEV, "prod": PROD}, regions=["eu-west-1", "us-east-1"], provisioning=TEMPLATE
    )
    places = itertools.product([("dev", DEV), ("prod", PROD)], ["eu-west-1", "us-east-1"])
    assert made == tuple(
        CaStage(f"{name}-{region}", account=account, region=region, provisioning=TEMPLATE)
        for (name, account), region in places
    )
    assert len(_plan(made).stages) == 4
    assert len(CaStage.grid(accounts={"dev": DEV}, regions=iter(["eu-west-1"]))) == 1


@pytest.mark.parametrize(
    ("accounts", "regions", "error"),
    [
        ({}, ["eu-west-1"], errors.EmptyGridError),
        ({"dev": DEV}, [], errors.EmptyGridError),
        ([DEV], ["eu-west-1"], errors.InvalidTypeError),
        (None, ["eu-west-1"], errors.InvalidTypeError),
        ({"dev": DEV}, "eu-west-1", errors.InvalidTypeError),
        ({"dev": DEV}, None, errors.InvalidTypeError),
        ({"dev": DEV}, [None], errors.InvalidTypeError),
        ({"dev": DEV}, ["eu-west-1", "eu-west-1"], errors.DuplicateTargetError),
        ({"dev": DEV, "test": DEV}, ["eu-west-1"], errors.DuplicateTargetError),
        ({"dev": "1111"}, ["eu-west-1"], errors.InvalidAccountError),
        ({"dev": DEV}, ["Ireland"], errors.InvalidRegionError),
        ({"dev": DEV}, ["${Token[AWS.Region.4]}"], errors.UnresolvedTargetError),
        ({"a-very-long-account-name": DEV}, ["eu-west-1"], errors.InvalidStageNameError),
        ({"": DEV}, ["eu-west-1"], errors.InvalidStageNameError),
        ({7: DEV}, ["eu-west-1"], errors.InvalidStageNameError),
    ],
)
def test_a_grid_that_cannot_be_is_refused(
    accounts: Any, regions: Any, error: type[errors.SharedCaError]
) -> None:
    """By the cause, before any stage is there."""
    _refused(error, lambda: CaStage.grid(accounts=accounts, regions=regions))


def test_a_grid_says_how_long_an_accounts_name_may_be() -> None:
    """The region takes its part of a stage's name."""
    said = _refused(
        errors.InvalidStageNameError,
        lambda: CaStage.grid(accounts={"a-very-long-account-name": DEV}, regions=["ap-southeast-1"]),
    )
    assert "up to 15 letters" in said
    assert CaStage.grid(accounts={"a" * 16: DEV}, regions=["ap-southeast-1"])


def test_an_unknown_mode_of_a_stage_is_refused_by_its_name() -> None:
    """Words of AWS's are taken, others told with the stage."""
    said = _refused(
        errors.InvalidCertificateModeError,
        lambda: CaStage("dev", account=DEV, region="eu-west-1", certificate_mode="SHARED"),
    )
    assert "stage 'dev'" in said


def test_the_plan_is_frozen() -> None:
    """An existing plan is a valid plan, and stays one."""
    plan = _plan()
    with pytest.raises(AttributeError):
        plan.owner_account = DEV  # type: ignore[misc]
    assert isinstance(plan.stages, tuple)


def test_a_retiring_cas_proof_is_checked_against_its_own_certificate() -> None:
    """A certificate that the current CA signed proves nothing of the retiring one."""
    current, old = make_ca("ec-p256", common_name="Fleet CA"), make_ca("ec-p256", common_name="Old CA")
    code = registration_code()
    wrong = Verification.from_pre_issued({"prod": make_verification_certificate(current, code)})
    right = Verification.from_pre_issued({"prod": make_verification_certificate(old, code)})
    settings = {"owner_account": PROD, "verification": PROOF}
    with pytest.raises(errors.SharedCaError, match="sign"):
        _plan(retiring=[RetiringCa(plans.ca("Old CA"), verification=wrong)], **settings)
    _plan(retiring=[RetiringCa(plans.ca("Old CA"), verification=right)], **settings)


def test_a_retiring_cas_proof_is_not_wanted_where_nobody_owns() -> None:
    """Pre-issued certificates for no DEFAULT stage are a mistake there, too."""
    stray = Verification.from_pre_issued(
        {"prod": make_verification_certificate(make_ca("ec-p256", common_name="Old CA"), registration_code())}
    )
    with pytest.raises(errors.SharedCaError):
        _plan(retiring=[RetiringCa(plans.ca("Old CA"), verification=stray)])
