"""Plans and apps for tests: the example's three stages, and variations of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca.model.ca.certificate import CaCertificate
from iot_multiaccount_ca.model.jitp.template_body import JitpTemplateBody
from iot_multiaccount_ca.model.plan.plan import SharedCaPlan
from iot_multiaccount_ca.model.plan.stage import CaStage
from iot_multiaccount_ca.model.possession.verification import Verification
from support.certificates import make_ca

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_cdk import App, Stack

    from iot_multiaccount_ca.errors import SharedCaError

ROOT = Path(__file__).parents[2]
DEV, STAGING, PROD = ACCOUNTS = ("111111111111", "222222222222", "333333333333")
REGION = "eu-west-1"
PROOF = Verification.from_secret("fleet-ca/private-key")


def jitp() -> JitpTemplateBody:
    """The example's template body."""
    return JitpTemplateBody.from_file(ROOT / "examples/jitp.json")


def ca(name: str = "Fleet CA", **how: Any) -> CaCertificate:
    """A CA by name; the same name is the same CA."""
    return CaCertificate.from_pem(make_ca("ec-p256", common_name=name, **how).pem)


def stages(region: str = REGION) -> list[CaStage]:
    """dev, staging and prod, an account each."""
    return [
        CaStage("dev", account=DEV, region=region),
        CaStage("staging", account=STAGING, region=region),
        CaStage("prod", account=PROD, region=region),
    ]


def plan(**changes: Any) -> SharedCaPlan:
    """The example's plan (prod is the owner), with changes."""
    settings: dict[str, Any] = {
        "ca_certificate": ca(),
        "stages": stages(),
        "owner_account": PROD,
        "verification": PROOF,
        "provisioning": jitp(),
    }
    return SharedCaPlan(**{**settings, **changes})


def sni_only_plan(**changes: Any) -> SharedCaPlan:
    """The example's plan without an owner."""
    return plan(**{"owner_account": None, "verification": None, **changes})


def bare_plan(of: Any = None, **changes: Any) -> SharedCaPlan:
    """The example's plan without an owner, and without anything that devices are enrolled by."""
    chosen = stages() if of is None else of
    return sni_only_plan(**{"stages": chosen, "provisioning": None, **changes})


def refused(kind: type[SharedCaError], make: Callable[[], object]) -> str:
    """What the error says that it raises: of that kind, and of no kind below it."""
    with pytest.raises(kind) as caught:
        make()
    assert type(caught.value) is kind
    return str(caught.value)


def template_of(app: App, stack: Stack) -> dict[str, Any]:
    """The synthesized template of one stack of the app."""
    assembly = app.synth()
    artifact = assembly.get_stack_artifact(stack.artifact_id)
    loaded: dict[str, Any] = json.loads(Path(artifact.template_full_path).read_text())
    return loaded


def resources(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The template's resources of one type."""
    return [each for each in template["Resources"].values() if each["Type"] == kind]


def registrations(template: dict[str, Any]) -> list[dict[str, Any]]:
    """The properties of the CA registrations of a template."""
    return [each["Properties"] for each in resources(template, "Custom::IotCaCertificate")]
