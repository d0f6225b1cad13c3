"""An option of a registration reaches what carries it out, whether a plan gives it or a registration of its own."""

from __future__ import annotations

import inspect
from typing import Any

import attrs
import pytest
from aws_cdk import App, Environment, Stack

from iot_multiaccount_ca import (
    CaRegistration,
    CaStage,
    OnExisting,
    RetiringCa,
    SharedCa,
    SharedCaPlan,
    Verification,
)
from iot_multiaccount_ca.model.plan.stage import StageSettings
from iot_multiaccount_ca.model.registration import RegistrationRequest
from support import plans

PROD = plans.PROD
_ROLE = f"arn:aws:iam::{PROD}:role/theirs"
#: Every option of a registration, as it is not by default. Engines have tests of their own.
OPTIONS: dict[str, Any] = {
    "certificate_mode": "DEFAULT",
    "verification": plans.PROOF,
    "provisioning_template": "fleet",
    "active": False,
    "auto_registration": True,
    "allow_mode_change": True,
    "on_existing": OnExisting.ADOPT,
    "adopt_from_stack": "Older",
    "adopt_template_role_arn": _ROLE,
    "removal_policy": "RETAIN",
}
#: What an option is compared with, where it cannot just be left out.
OTHERWISE: dict[str, dict[str, Any]] = {
    "certificate_mode": {"certificate_mode": "SNI_ONLY", "verification": None},
    "verification": {"verification": Verification.from_secret("another")},
    "on_existing": {"on_existing": OnExisting.FAIL, "adopt_from_stack": None},
    "auto_registration": {"auto_registration": False, "provisioning_template": None},
}
#: Beside what its effect shows, where another option has it too.
BESIDE: dict[str, dict[str, Any]] = {
    "on_existing": {"adopt_from_stack": None},
    "auto_registration": {"provisioning_template": None},
}
_APART = {"scope", "id", "ca_certificate", "engine", "role", "log_group"}


def _register(**options: Any) -> tuple[CaRegistration, Any]:
    stack = Stack(app := App(), "Own", env=Environment(account=PROD, region=plans.REGION))
    made = CaRegistration(stack, "Ca", ca_certificate=plans.ca(), **options)
    return made, lambda: plans.template_of(app, stack)


def _as_by_default(request: RegistrationRequest) -> set[str]:
    return {f.name for f in attrs.fields(RegistrationRequest) if getattr(request, f.name) == f.default}


def test_every_option_is_known_here() -> None:
    """So that the rules below hold for a new one too."""
    assert set(OPTIONS) == set(inspect.signature(CaRegistration.__init__).parameters) - {"self", *_APART}


def test_every_option_of_a_registration_reaches_its_request() -> None:
    """A field that no argument fills is one that nobody can ask for; stage and retiring are a plan's."""
    made, _ = _register(**OPTIONS)
    assert _as_by_default(made._request) == {"stage", "retiring", "engine"}


def test_every_option_of_a_plan_reaches_its_requests() -> None:
    """What the plan takes and does not hand on changes nothing, and says nothing."""
    plan = SharedCaPlan(
        ca_certificate=plans.ca(),
        stages=[CaStage("prod", account=PROD, region=plans.REGION, adopt_template_role_arn=_ROLE)],
        owner_account=PROD,
        verification=plans.PROOF,
        provisioning=plans.jitp(),
        retiring=[RetiringCa(plans.ca("Old CA"))],
        allow_mode_change=True,
        on_existing=OnExisting.ADOPT,
        adopt_from_prefix="Older",
        removal_policy="RETAIN",
        active=False,
        auto_registration=True,
        stack_name_prefix="Fleet",
    )
    untouched = {f.alias for f in attrs.fields(SharedCaPlan) if getattr(plan, str(f.alias)) == f.default}
    assert untouched == {"engine"}, "give every option of the plan here"
    made = SharedCa(App(), "FleetCa", plan=plan).registrations["prod"]
    assert _as_by_default(made._request) == {"retiring", "engine"}


def test_every_option_of_a_stage_reaches_its_request() -> None:
    """By the name that it has there, though the plan says nothing."""
    given: StageSettings = {
        "certificate_mode": "DEFAULT",
        "provisioning": plans.jitp(),
        "verification": plans.PROOF,
        "on_existing": OnExisting.ADOPT,
        "adopt_from_stack": "Older",
        "adopt_template_role_arn": _ROLE,
    }
    options = set(StageSettings.__annotations__) - {"engine"}
    assert set(given) == options, "give every option of a stage here"
    stage = CaStage("prod", account=PROD, region=plans.REGION, **given)
    plan = SharedCaPlan(ca_certificate=plans.ca(), stages=[stage])
    made = SharedCa(App(), "FleetCa", plan=plan).registrations["prod"]
    assert _as_by_default(made._request) & options == set()
    assert made._request.template is not None


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_changes_what_is_deployed(option: str) -> None:
    """One that changes no template reaches no engine."""
    given = OPTIONS | BESIDE.get(option, {})
    changed = OTHERWISE.get(
        option, {option: inspect.signature(CaRegistration.__init__).parameters[option].default}
    )
    _, template = _register(**given)
    _, other = _register(**given | changed)
    assert template() != other()
