"""Rules of engines: what a registration may ask of the one that carries it out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import attrs
import pytest

from iot_multiaccount_ca import (
    Admission,
    CertificateMode,
    JitrEnrollment,
    OnExisting,
    RegistrationEngine,
    RetiringCa,
    Verification,
    errors,
)
from iot_multiaccount_ca.constructs.registration import ENGINES
from iot_multiaccount_ca.model.options import CAPABILITIES, PEM_PROPERTIES, Capability
from iot_multiaccount_ca.model.registration import RegistrationRequest
from support import plans
from support.certificates import make_ca, make_verification_certificate, registration_code

NATIVE = RegistrationEngine.NATIVE


def proof_of(name: str) -> str:
    """A verification certificate that the CA of this name signed, PEM."""
    return make_verification_certificate(make_ca("ec-p256", common_name=name), registration_code())


ROLE = "arn:aws:iam::111111111111:role/theirs"
SECRET = Verification.from_secret("ca-key")


def test_the_lambda_can_do_everything() -> None:
    """That is what it is for."""
    assert CAPABILITIES[RegistrationEngine.LAMBDA] == frozenset(Capability)


def test_every_engine_says_what_it_can_do() -> None:
    """One that said nothing would be taken for one that can do everything."""
    assert set(CAPABILITIES) == set(RegistrationEngine)


def test_every_engine_is_known_to_constructs_tools_and_pages() -> None:
    """In one spelling; one that is forgotten somewhere is taken for another engine there."""
    assert set(ENGINES) == set(RegistrationEngine)
    assert set(PEM_PROPERTIES) == set(RegistrationEngine)
    docs = Path(__file__).parents[3] / "docs"
    for page in ("engines.md", "json.md"):
        text = (docs / page).read_text(encoding="utf-8")
        missing = [each for each in RegistrationEngine if not re.search(rf"`(\w+\.)?{each.value}`", text)]
        assert missing == [], page


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"on_existing": OnExisting.ADOPT}, "taking over"),
        ({"allow_mode_change": True}, "change of the certificate mode"),
        ({"adopt_template_role_arn": ROLE}, "giving back a template"),
        ({"certificate_mode": CertificateMode.DEFAULT, "verification": SECRET}, "made during the deployment"),
        (
            {"certificate_mode": CertificateMode.DEFAULT, "retiring": True},
            "retiring CA in DEFAULT mode without",
        ),
    ],
)
def test_what_native_cannot_do_is_refused(asked: dict[str, Any], said: str) -> None:
    """By the request, before anything is made; the Lambda takes the same."""
    RegistrationRequest(ca_certificate=plans.ca(), **asked)
    with pytest.raises(errors.UnsupportedByEngineError, match=said):
        RegistrationRequest(ca_certificate=plans.ca(), engine=NATIVE, **asked)


def test_an_unknown_engine_is_refused() -> None:
    """The words that there are stand in the message."""
    with pytest.raises(
        errors.InvalidEngineError, match=r"RegistrationEngine\.LAMBDA, RegistrationEngine\.NATIVE"
    ):
        RegistrationRequest(ca_certificate=plans.ca(), engine="lambda")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"on_existing": OnExisting.ADOPT}, "taking over"),
        ({"allow_mode_change": True}, "change of the certificate mode"),
        ({"owner_account": plans.PROD, "verification": SECRET}, "made during the deployment"),
        (
            {"provisioning": JitrEnrollment(policy="devices", admission=Admission(table_name="fleet"))},
            "a Lambda that",
        ),
    ],
)
def test_a_plan_says_which_stage_asks_its_engine_for_too_much(changed: dict[str, Any], said: str) -> None:
    """Already when it is made: no stack exists yet."""
    plan = plans.sni_only_plan(engine=NATIVE)
    with pytest.raises(errors.UnsupportedByEngineError, match=f"stage '.*{said}"):
        attrs.evolve(plan, **changed)


def test_a_native_stage_has_no_role_of_a_template_to_give_back() -> None:
    """It adopts nothing; the stage between two engines may keep the argument."""
    plan = plans.sni_only_plan(engine=NATIVE)
    first = plan.stages[0]
    stages = [attrs.evolve(first, adopt_template_role_arn=ROLE, engine=None)]
    with pytest.raises(errors.UnsupportedByEngineError, match="giving back a template"):
        attrs.evolve(plan, stages=stages)
    attrs.evolve(plan, stages=stages, engine=RegistrationEngine.NONE, removal_policy="RETAIN")


def test_a_stages_engine_beats_the_plans() -> None:
    """So one stage may need the Lambda, and the others need none."""
    plan = plans.sni_only_plan(engine=NATIVE)
    first, *others = plan.stages
    mixed = attrs.evolve(plan, stages=[attrs.evolve(first, engine=RegistrationEngine.LAMBDA), *others])
    assert [stage.engine for stage in mixed.stages] == [
        RegistrationEngine.LAMBDA,
        *[NATIVE for _ in others],
    ]


def test_a_retiring_ca_of_a_native_owner_keeps_its_proof() -> None:
    """Without it CloudFormation would replace the registration by one of the same id, which fails."""
    pre_issued = Verification.from_pre_issued({"prod": proof_of("Fleet CA")})
    plan = plans.plan(engine=NATIVE, verification=pre_issued)
    old = RetiringCa(
        plans.ca("Old CA"), verification=Verification.from_pre_issued({"prod": proof_of("Old CA")})
    )
    attrs.evolve(plan, retiring=[old])
    with pytest.raises(
        errors.UnsupportedByEngineError, match="stage 'prod'.*retiring CA in DEFAULT mode without"
    ):
        attrs.evolve(plan, retiring=[attrs.evolve(old, verification=None)])
    with pytest.raises(errors.UnsupportedByEngineError, match="stage 'prod'.*made during the deployment"):
        attrs.evolve(plan, retiring=[attrs.evolve(old, verification=SECRET)])


def test_a_native_owner_without_a_proof_is_told_of_the_one_way_that_it_has() -> None:
    """And not of those that the next error would refuse."""
    said = r"allowed: Verification\.from_pre_issued; fix"
    with pytest.raises(errors.MissingVerificationError, match=said):
        plans.sni_only_plan(engine=NATIVE, owner_account=plans.PROD)
    with pytest.raises(errors.MissingVerificationError, match=said):
        RegistrationRequest(
            ca_certificate=plans.ca(), engine=NATIVE, certificate_mode=CertificateMode.DEFAULT
        )
