"""Rules of a registration's request: what `CaRegistration` and a plan ask of an engine, checked without aws_cdk."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import attrs
import pytest

from iot_multiaccount_ca import CertificateMode, OnExisting, errors
from iot_multiaccount_ca.model.options import Capability
from iot_multiaccount_ca.model.registration import RegistrationRequest, TemplateReference
from iot_multiaccount_ca.model.target import Target
from support import plans
from support.certificates import make_ca, make_verification_certificate, registration_code

TEMPLATE = TemplateReference(
    "${Token[Ref.1]}", "fleet-12345678", "arn:aws:iam::111111111111:role/provisioning"
)


def request(**settings: Any) -> RegistrationRequest:
    """A request for the example's CA, with settings."""
    return RegistrationRequest(**{"ca_certificate": plans.ca(), **settings})


def test_a_request_is_sni_only_and_leaves_nothing_unsaid() -> None:
    """What AWS recommends is the default, and no default is left for the engine to choose."""
    made = request()
    assert made.certificate_mode is CertificateMode.SNI_ONLY
    assert made.on_existing is OnExisting.FAIL
    assert made.enrolls is False
    assert not made.retained


def test_words_are_taken_for_enums() -> None:
    """AWS's and CDK's own words, as a context value brings them."""
    made = request(
        certificate_mode="DEFAULT", verification=plans.PROOF, on_existing="ADOPT", removal_policy="RETAIN"
    )
    assert made.certificate_mode is CertificateMode.DEFAULT
    assert made.on_existing is OnExisting.ADOPT
    assert made.retained


def test_devices_enroll_where_there_is_a_template() -> None:
    """Unless it is said otherwise."""
    assert request(template=TEMPLATE).enrolls
    assert request(auto_registration=True).enrolls
    assert not request().enrolls


def test_what_was_left_open_stays_open() -> None:
    """A request without a template that gets one enrolls, as if it had been made with it; and the reverse."""
    bare = request()
    assert attrs.evolve(bare, template=TEMPLATE).enrolls
    assert not attrs.evolve(request(template=TEMPLATE), template=None).enrolls


def test_replacing_a_field_checks_again() -> None:
    """A value that was valid with its other fields need not be with new ones."""
    made = request(certificate_mode="DEFAULT", verification=plans.PROOF)
    with pytest.raises(errors.UnusedVerificationError, match="SNI_ONLY"):
        attrs.evolve(made, certificate_mode=CertificateMode.SNI_ONLY)


def test_a_retiring_ca_needs_no_proof() -> None:
    """It is registered already; a proof of its key may be long gone."""
    with pytest.raises(errors.MissingVerificationError):
        request(certificate_mode="DEFAULT")
    assert request(certificate_mode="DEFAULT", retiring=True).verification is None


def test_a_message_names_the_stage() -> None:
    """Of three stages, the one that is wrong."""
    with pytest.raises(errors.AdoptionNotAllowedError, match="stage 'dev'"):
        request(stage="dev", adopt_from_stack="Older")


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ({}, set()),
        ({"allow_mode_change": True}, {Capability.MODE_CHANGE}),
        ({"on_existing": OnExisting.ADOPT}, {Capability.ADOPTION}),
        ({"certificate_mode": "DEFAULT", "verification": plans.PROOF}, {Capability.PROOF}),
    ],
)
def test_a_request_says_what_its_engine_must_be_capable_of(
    settings: dict[str, Any], asked: set[Capability]
) -> None:
    """Registering in SNI_ONLY mode asks for nothing."""
    assert request(**settings).asks_for == asked


def test_a_proof_that_is_made_already_asks_for_nothing() -> None:
    """A pre-issued verification certificate only has to be handed over."""
    from iot_multiaccount_ca import Verification

    issued = make_verification_certificate(make_ca("ec-p256", common_name="Fleet CA"), registration_code())
    proof = Verification.from_pre_issued({"prod": issued})
    assert request(certificate_mode="DEFAULT", verification=proof).asks_for == frozenset()


def test_the_record_says_what_was_asked_for() -> None:
    """What `iot-ca plan` shows is the request, at its place."""
    made = request(template=TEMPLATE, stage="dev", active=False)
    record = made.record(target=Target.of(plans.DEV, plans.REGION), stack_name="S", logical_id="Ca")
    assert (record.stage, record.account, record.certificate_mode) == ("dev", plans.DEV, "SNI_ONLY")
    assert record.template_name == "fleet-12345678"
    assert (record.active, record.auto_registration, record.verification) == (False, True, None)


def test_a_request_needs_no_cdk() -> None:
    """The model is pure: tools may make requests without Node."""
    code = "import sys, iot_multiaccount_ca.model.registration; sys.exit('aws_cdk' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("flag", ["active", "allow_mode_change", "auto_registration", "retiring"])
def test_a_flag_is_a_bool(flag: str) -> None:
    """The text "false", as a context value brings it, counts as true in Python."""
    with pytest.raises(errors.InvalidFlagError, match=flag):
        request(**{flag: "false"})
