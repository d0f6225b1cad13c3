"""Rules of modes: who is DEFAULT, one owner in each region, and what an owner needs."""

from __future__ import annotations

from iot_multiaccount_ca import errors
from iot_multiaccount_ca.model.ca.certificate import CertificateMode
from iot_multiaccount_ca.model.plan.stage import CaStage
from iot_multiaccount_ca.model.possession.verification import Verification
from support import plans
from support.plans import DEV, PROD, PROOF, refused

TEMPLATE = plans.jitp()


def test_without_an_owner_every_stage_is_sni_only() -> None:
    """No owner, no key, no proof: what AWS recommends."""
    assert {stage.certificate_mode for stage in plans.bare_plan().stages} == {CertificateMode.SNI_ONLY}


def test_the_owner_account_is_default_in_every_region_it_has() -> None:
    """DEFAULT is per region; the owner's stage of each region has it, all others are SNI_ONLY."""
    stages = [*plans.stages(), CaStage("prod-us", account=PROD, region="us-east-1")]
    plan = plans.bare_plan(stages, owner_account=PROD, verification=PROOF)
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
    plan = plans.bare_plan(stages, owner_account=PROD, verification=PROOF)
    assert plan.stage("prod").certificate_mode is CertificateMode.SNI_ONLY
    assert plan.stage("prod-us").certificate_mode is CertificateMode.DEFAULT


def test_what_a_stage_leaves_out_comes_from_the_plan() -> None:
    """Provisioning and verification of the plan are those of stages without their own; SNI_ONLY has no proof."""
    own = Verification.from_secret("another")
    stages = [
        *plans.stages(),
        CaStage("us", account=DEV, region="us-east-1", certificate_mode="DEFAULT", verification=own),
    ]
    plan = plans.bare_plan(stages, owner_account=PROD, verification=PROOF, provisioning=TEMPLATE)
    assert plan.stage("us").verification == own
    assert plan.stage("prod").verification == PROOF
    assert plan.stage("dev").verification is None
    assert plan.stage("dev").provisioning == TEMPLATE


def test_an_unknown_mode_is_refused() -> None:
    """The message lists the modes there are."""
    message = refused(
        errors.InvalidCertificateModeError,
        lambda: CaStage("dev", account=DEV, region="eu-west-1", certificate_mode="SNI"),
    )
    assert "SNI_ONLY" in message


def test_two_default_owners_by_mode_are_refused() -> None:
    """The message names both stages, both accounts, the region, and what to change."""
    stages = [
        CaStage(name, account=account, region="eu-west-1", certificate_mode=CertificateMode.DEFAULT)
        for name, account in (("dev", DEV), ("prod", PROD))
    ]
    message = refused(errors.MultipleDefaultOwnersError, lambda: plans.bare_plan(stages, verification=PROOF))
    for part in ("'dev'", "'prod'", DEV, PROD, "eu-west-1", "SNI_ONLY"):
        assert part in message


def test_two_default_owners_by_owner_account_and_mode_are_refused() -> None:
    """An explicit DEFAULT beside the owner account's stage is a second owner."""
    stages = [
        *plans.stages()[1:],
        CaStage("dev", account=DEV, region="eu-west-1", certificate_mode="DEFAULT"),
    ]
    refused(
        errors.MultipleDefaultOwnersError,
        lambda: plans.bare_plan(stages, owner_account=PROD, verification=PROOF),
    )


def test_default_owners_of_two_regions_are_fine() -> None:
    """Each region has an owner of its own."""
    stages = [
        CaStage("eu", account=DEV, region="eu-west-1", certificate_mode="DEFAULT"),
        CaStage("us", account=PROD, region="us-east-1", certificate_mode="DEFAULT"),
    ]
    assert len(plans.bare_plan(stages, verification=PROOF).stages) == 2


def test_default_without_verification_is_refused() -> None:
    """The message names the stage and the ways of proof."""
    message = refused(errors.MissingVerificationError, lambda: plans.bare_plan(owner_account=PROD))
    assert "'prod'" in message
    assert "from_secret" in message


def test_an_owner_account_of_no_stage_is_refused() -> None:
    """The message lists the accounts there are."""
    message = refused(
        errors.UnknownOwnerAccountError,
        lambda: plans.bare_plan(owner_account="444444444444", verification=PROOF),
    )
    assert PROD in message


def test_an_unknown_mode_of_a_stage_is_refused_by_its_name() -> None:
    """Words of AWS's are taken, others told with the stage."""
    said = refused(
        errors.InvalidCertificateModeError,
        lambda: CaStage("dev", account=DEV, region="eu-west-1", certificate_mode="SHARED"),
    )
    assert "stage 'dev'" in said
