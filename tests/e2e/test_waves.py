"""An account moves from a stack of its own to the set, as docs/scale.md tells it: known devices do not notice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from iot_multiaccount_ca.local.device import Outcome
from support.certificates import certificate_id, make_ca
from support.deployments import ACCOUNTS, REGIONS, Deployments
from support.local_accounts import LocalAccount, connect, device_of
from support.organizations import Organization

if TYPE_CHECKING:
    from iot_multiaccount_ca.local.emulator import LocalAws

ADMINISTRATOR, REGION = ACCOUNTS[0], REGIONS[0]
_APP = """
import json, os
from aws_cdk import App, Environment, Stack
from iot_multiaccount_ca import CaCertificate, CaStage, JitpTemplateBody, SharedCa, SharedCaPlan, SharedCaStackSet

asked = json.loads(os.environ["ASKED"])
app = App(outdir=os.environ["CDK_OUTDIR"])
ca = CaCertificate.from_pem(asked["ca"])
provisioning = JitpTemplateBody.from_file(asked["jitp"])
if asked["stages"]:
    SharedCa(app, "Waves", plan=SharedCaPlan(ca_certificate=ca, provisioning=provisioning, stages=[
        CaStage(f"s{n}", account=account, region="eu-west-1") for n, account in enumerate(asked["stages"])]))
stack = Stack(app, "WavesSet", env=Environment(account="111111111111", region="eu-west-1"))
SharedCaStackSet(
    stack, "WavesOfAll", ca_certificate=ca, provisioning=provisioning, regions=["eu-west-1"],
    organizational_units=[asked["unit"]], excluded_accounts=asked["stages"])
app.synth()
"""


@pytest.mark.slow
def test_an_account_moves_from_its_stack_to_the_set(
    deployments: Deployments, local_aws: LocalAws, pytestconfig: pytest.Config
) -> None:
    """Stack and exclusion; no stack; no exclusion. A known device connects at every step, a new one has to wait."""
    ca = make_ca("ec-p256", common_name="CA in waves")
    organization = Organization(local_aws, manager=ADMINISTRATOR)
    unit = organization.unit("waves")
    account = organization.join(unit)
    deployments.bootstrap(account, REGION)
    place = LocalAccount(local_aws, account, REGION)
    known, new = device_of(ca, "known-device"), device_of(ca, "new-device")

    def deploy(stages: list[str]) -> None:
        jitp = str(pytestconfig.rootpath / "examples/jitp.json")
        asked = {"ca": ca.pem, "jitp": jitp, "unit": unit, "stages": stages}
        deployments.deploy(_APP, name="waves", variables={"ASKED": json.dumps(asked)})
        organization.quiet("WavesOfAll")

    deploy([account])
    assert place.status_of(known) is None
    assert connect(local_aws, known, place.endpoint) is Outcome.CUT_OFF  # provisioned
    assert connect(local_aws, known, place.endpoint) is Outcome.CONNECTED

    deployments.destroy_one("waves", "Waves/s0")
    assert deployments.describe_ca(certificate_id(ca.certificate), account, REGION) is None
    assert connect(local_aws, known, place.endpoint) is Outcome.CONNECTED
    assert connect(local_aws, new, place.endpoint) is Outcome.CUT_OFF
    assert place.status_of(new) is None

    deploy([])
    found = deployments.describe_ca(certificate_id(ca.certificate), account, REGION)
    assert found is not None
    assert found["certificateMode"] == "SNI_ONLY"
    assert connect(local_aws, known, place.endpoint) is Outcome.CONNECTED
    assert connect(local_aws, new, place.endpoint) is Outcome.CUT_OFF
    assert connect(local_aws, new, place.endpoint) is Outcome.CONNECTED
