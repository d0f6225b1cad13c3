"""Rules of stages and the plan: each broken one raises its own error before any stack exists."""

from __future__ import annotations

from typing import Any

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
