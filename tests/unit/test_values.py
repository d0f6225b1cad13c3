"""Public values: equal by what they hold, frozen, checked again when changed, fit to be copied and sent elsewhere."""

from __future__ import annotations

import copy
import dataclasses
import enum
import pickle
from typing import Any, is_typeddict

import attrs
import pytest
from constructs import Construct

import iot_multiaccount_ca
from iot_multiaccount_ca import (
    Admission,
    CaStage,
    Finding,
    JitrEnrollment,
    Permission,
    RegistrationRecord,
    RetiringCa,
    SharedCaError,
    SharedCaPlan,
    StackSetOperation,
    Target,
    Verification,
)
from support import fleets, plans
from support.certificates import make_ca, make_device, make_verification_certificate, registration_code

CA = plans.ca()
KEY = "arn:aws:kms:us-east-1:222222222222:key/mrk-0123456789abcdef0123456789abcdef"
PCA = "arn:aws:acm-pca:us-east-1:222222222222:certificate-authority/11111111-2222-3333-4444-555555555555"
PROOF_PEM = make_verification_certificate(make_ca(), registration_code())
_SUBJECT = {"CommonName": "sensor-[0-9]+"}
ENROLLMENT = JitrEnrollment(
    policy="devices", thing_name="{CommonName}", admission=Admission(subject=_SUBJECT)
)
STAGE = CaStage("dev", account=plans.DEV, region=plans.REGION, provisioning=ENROLLMENT)
RUN = plans.jitp().render(make_device(make_ca(), "sensor-1").pem)

#: One of each value that a user makes, and a change of it that is refused.
MADE: list[tuple[Any, dict[str, Any]]] = [
    (CA, {"pem": "no certificate"}),
    (STAGE, {"account": "12"}),
    (plans.jitp(), {"text": "{}"}),
    (Admission(subject=_SUBJECT), {"subject": {"Nickname": "x"}}),
    (ENROLLMENT, {"thing_name": "{Nickname}"}),
    (Verification.from_secret("fleet-ca", field="key"), {"field": " "}),
    (Verification.from_kms_key(KEY), {"key_arn": PCA}),
    (Verification.from_private_ca(PCA), {"certificate_authority_arn": KEY}),
    (Verification.from_pre_issued({"prod": PROOF_PEM}), {"certificates": {}}),
    (RetiringCa(CA), {"active": "false"}),
    (StackSetOperation(), {"max_concurrent_percentage": 0}),
    (plans.sni_only_plan(), {"owner_account": "999999999999"}),
    (attrs.evolve(plans.sni_only_plan(), stages=[STAGE], provisioning=None), {"stages": []}),
]
#: What only comes as an answer, and is judged where it is read or made.
ANSWERS: list[Any] = [
    RUN,
    Finding(iot_multiaccount_ca.Severity.ERROR, "code", "a problem", "a fix"),
    Permission(("kms:Sign",), (KEY,), {"StringEquals": {"kms:MessageType": "DIGEST"}}),
    Verification.from_kms_key(KEY).foreign_policies(plans.DEV, ca_certificate=CA)[0],
    fleets.record(),
    Target.of(plans.DEV, plans.REGION),
]

each_made = pytest.mark.parametrize(("value", "wrong"), MADE, ids=lambda each: type(each).__name__)
each_value = pytest.mark.parametrize(
    "value", [*(value for value, _ in MADE), *ANSWERS], ids=lambda each: type(each).__name__
)


def _with(value: Any, **changes: Any) -> Any:
    return attrs.evolve(value, **changes) if attrs.has(type(value)) else dataclasses.replace(value, **changes)


def test_every_public_value_is_tried_here() -> None:
    """So that the rules below hold for a new one too; the ways of proof are made by `Verification`."""
    tried = {type(value) for value, _ in MADE} | {type(value) for value in ANSWERS}
    missing = []
    for name in iot_multiaccount_ca.__all__:
        found = getattr(iot_multiaccount_ca, name)
        if not isinstance(found, type) or is_typeddict(found) or getattr(found, "_is_protocol", False):
            continue
        if not issubclass(found, (Construct, enum.Enum, Exception)) and not any(
            issubclass(each, found) for each in tried
        ):
            missing.append(name)
    assert missing == []


@each_made
def test_a_changed_value_is_checked_as_a_new_one(value: Any, wrong: dict[str, Any]) -> None:
    """By `attrs.evolve` or `dataclasses.replace`: what exists is valid."""
    assert _with(value) == value
    with pytest.raises(SharedCaError):
        _with(value, **wrong)


@each_value
def test_a_value_is_frozen(value: Any) -> None:
    """No field can be set, and no other attribute be added, by mistake."""
    fields = attrs.fields(type(value)) if attrs.has(type(value)) else dataclasses.fields(value)
    for name in (*(each.name for each in fields), "anything"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(value, name, None)


@each_value
def test_equal_values_have_one_hash(value: Any) -> None:
    """So that they can be held in sets; but for a record, which carries whole documents."""
    twin = _with(value)
    assert twin == value
    if not isinstance(value, RegistrationRecord):
        assert {twin} == {value}


@each_value
@pytest.mark.parametrize(
    "made_anew",
    [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_value_can_be_copied_and_sent_to_another_process(value: Any, made_anew: Any) -> None:
    """A factory's test spreads its devices over processes; an app may keep a plan beside a changed copy."""
    again = made_anew(value)
    assert again == value
    assert type(again) is type(value)
    if isinstance(value, SharedCaPlan):
        assert (again.stages, again.warnings) == (value.stages, value.warnings)
    if value is RUN:
        assert (again.provisioned, again.attributes) == (value.provisioned, value.attributes)
        with pytest.raises(TypeError):
            again.attributes["more"] = "than AWS IoT made"


@each_value
def test_no_certificate_is_shown_whole(value: Any) -> None:
    """What a log or a failing test prints of a value names it, and does not fill the screen."""
    assert "-----BEGIN" not in repr(value)
