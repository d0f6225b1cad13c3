"""Rules of the CAs on their way out of a plan."""

from __future__ import annotations

from typing import Any

import pytest

from iot_multiaccount_ca import errors
from iot_multiaccount_ca.model.plan.retiring import RetiringCa
from iot_multiaccount_ca.model.possession.verification import Verification
from support import plans
from support.certificates import make_ca, make_verification_certificate, registration_code
from support.plans import PROD, PROOF, refused


def test_one_ca_twice_is_refused() -> None:
    """A CA is current or retiring, once."""
    refused(errors.DuplicateCaError, lambda: plans.bare_plan(retiring=[RetiringCa(plans.ca())]))
    old = RetiringCa(plans.ca("Old CA"))
    refused(errors.DuplicateCaError, lambda: plans.bare_plan(retiring=[old, old]))


def test_retiring_takes_retiring_cas_only() -> None:
    """A bare certificate says nothing of its state."""
    refused(errors.InvalidTypeError, lambda: plans.bare_plan(retiring=[plans.ca("Old CA")]))


def test_more_than_ten_cas_of_one_subject_are_refused() -> None:
    """AWS's limit per account, known before deploying."""
    old = [RetiringCa(plans.ca("Fleet CA", key_name=f"key {number}")) for number in range(10)]
    assert "10 per account" in refused(errors.TooManyCasError, lambda: plans.bare_plan(retiring=old))
    plans.bare_plan(retiring=old[:9])


def test_cas_of_one_subject_without_key_identifiers_are_a_warning() -> None:
    """TLS stacks could not tell them apart."""
    alike = RetiringCa(plans.ca("Fleet CA", key_name="older", subject_key_identifier=False))
    assert any("subjectKeyIdentifier" in warning for warning in plans.bare_plan(retiring=[alike]).warnings)
    told_apart = RetiringCa(plans.ca("Fleet CA", key_name="older"))
    assert plans.bare_plan(retiring=[told_apart]).warnings == ()


@pytest.mark.parametrize("flag", ["false", 0, None])
def test_a_retiring_ca_is_active_or_not(flag: Any) -> None:
    """The text "false" would keep it enrolling."""
    refused(errors.InvalidFlagError, lambda: RetiringCa(plans.ca("Old CA"), active=flag))


@pytest.mark.parametrize(
    "retiring", [None, RetiringCa(plans.ca("Old CA")), plans.ca("Old CA"), "Old CA", [None]]
)
def test_retiring_is_a_list_of_retiring_cas(retiring: Any) -> None:
    """A bare one is told how to stand in a list."""
    refused(errors.InvalidTypeError, lambda: plans.bare_plan(retiring=retiring))


def test_a_retiring_cas_proof_is_checked_against_its_own_certificate() -> None:
    """A certificate that the current CA signed proves nothing of the retiring one."""
    current, old = make_ca("ec-p256", common_name="Fleet CA"), make_ca("ec-p256", common_name="Old CA")
    code = registration_code()
    wrong = Verification.from_pre_issued({"prod": make_verification_certificate(current, code)})
    right = Verification.from_pre_issued({"prod": make_verification_certificate(old, code)})
    settings = {"owner_account": PROD, "verification": PROOF}
    with pytest.raises(errors.SharedCaError, match="sign"):
        plans.bare_plan(retiring=[RetiringCa(plans.ca("Old CA"), verification=wrong)], **settings)
    plans.bare_plan(retiring=[RetiringCa(plans.ca("Old CA"), verification=right)], **settings)


def test_a_retiring_cas_proof_is_not_wanted_where_nobody_owns() -> None:
    """Pre-issued certificates for no DEFAULT stage are a mistake there, too."""
    stray = Verification.from_pre_issued(
        {"prod": make_verification_certificate(make_ca("ec-p256", common_name="Old CA"), registration_code())}
    )
    with pytest.raises(errors.SharedCaError):
        plans.bare_plan(retiring=[RetiringCa(plans.ca("Old CA"), verification=stray)])
