"""What a plan asks for in a stage, of its current CA and of those on their way out."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from iot_multiaccount_ca import Admission, CertificateMode, JitrEnrollment, RetiringCa, Verification
from iot_multiaccount_ca.model.plan.plan import request_for
from support import plans

OLD = plans.ca("Old CA")
ENROLLMENT = JitrEnrollment(policy="devices", admission=Admission(table_name="fleet"))


def test_a_retiring_ca_never_stays() -> None:
    """What is taken out of `retiring` is deregistered; the current CA goes by the plan's removal policy."""
    plan = plans.plan(retiring=[RetiringCa(OLD)], removal_policy="RETAIN")
    stage = plan.stage("prod")
    assert request_for(plan, stage, None).retained
    retiring = request_for(plan, stage, None, plan.retiring[0])
    assert (retiring.ca_certificate, retiring.retiring, retiring.retained) == (OLD, True, False)


def test_a_retiring_ca_has_its_own_proof_and_needs_it_in_default_mode_only() -> None:
    """The plan's proves the current CA, and says nothing of another key."""
    proof = Verification.from_secret("old-ca/private-key")
    plan = plans.plan(retiring=[RetiringCa(OLD, verification=proof)])
    by_mode = {
        stage.certificate_mode: request_for(plan, stage, None, plan.retiring[0]).verification
        for stage in plan.stages
    }
    assert by_mode == {CertificateMode.DEFAULT: proof, CertificateMode.SNI_ONLY: None}


@pytest.mark.parametrize(
    ("changes", "old", "enrolls"),
    [
        ({}, None, True),
        ({"active": False}, None, False),
        ({"auto_registration": True, "active": False}, None, True),
        ({}, RetiringCa(OLD), True),
        ({}, RetiringCa(OLD, active=False), False),
    ],
)
def test_devices_become_known_only_where_something_can_let_them_in(
    changes: dict[str, Any], old: RetiringCa | None, enrolls: bool
) -> None:
    """An inactive CA has no activation, so its devices would be registered and stay outside; unless it is asked for."""
    plan = plans.sni_only_plan(provisioning=ENROLLMENT, retiring=[] if old is None else [old], **changes)
    assert request_for(plan, plan.stage("dev"), None, old).enrolls is enrolls


def test_what_a_stage_leaves_open_is_the_plans() -> None:
    """Also where the stage was not made by the plan."""
    plan = plans.plan(on_existing="ADOPT")
    bare = attrs.evolve(plan.stage("dev"), on_existing=None, engine=None)
    request = request_for(plan, bare, None)
    assert (request.on_existing, request.engine) == (plan.on_existing, plan.engine)
