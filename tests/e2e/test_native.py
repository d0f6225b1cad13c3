"""Registrations without a Lambda, under the real CDK CLI and IAM enforcement: one fleet from its first deploy on."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest

from support.certificates import Authority, certificate_id, make_ca, make_verification_certificate
from support.deployments import ACCOUNTS, REGIONS, Deployments
from support.terminal import in_pipe

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO, _ = ACCOUNTS
REGION = REGIONS[0]
_APP = """
import json, os
from aws_cdk import App
from iot_multiaccount_ca import CaCertificate, CaStage, JitpTemplateBody, SharedCa, SharedCaPlan, Verification

asked = json.loads(os.environ["ASKED"])
app = App(outdir=os.environ["CDK_OUTDIR"])
shared = SharedCa(app, "NativeFleet", plan=SharedCaPlan(
    ca_certificate=CaCertificate.from_pem(asked["ca"]),
    provisioning=JitpTemplateBody.from_file(asked["jitp"]),
    engine=asked["engine"],
    owner_account="222222222222",
    verification=Verification.from_pre_issued({"two": asked["proof"]}),
    active=asked["active"],
    stages=[CaStage("one", account="111111111111", region="eu-west-1"),
            CaStage("two", account="222222222222", region="eu-west-1")],
))
for registration in shared.registrations.values():
    if asked["edited"]:
        registration.node.default_child.add_property_override(
            "CertificateMode", "SNI_ONLY" if registration.certificate_mode == "DEFAULT" else "DEFAULT")
app.synth()
"""


class _Fleet:
    """Two stages, the second one the DEFAULT owner by a proof that was signed ahead of time."""

    def __init__(self, deployments: Deployments, root: Path, ca: Authority) -> None:
        self.deployments, self.ca, self._jitp = deployments, ca, str(root / "examples/jitp.json")
        self._own = ""

    def proof(self, account: str = TWO, **validity: dt.datetime) -> str:
        """For an account's registration code."""
        iot = self.deployments.aws.client("iot", account=account, region=REGION)
        code = iot.get_registration_code()["registrationCode"]
        return make_verification_certificate(self.ca, code, **validity)

    def how(self, **changes: Any) -> dict[str, Any]:
        """The app with these settings."""
        asked: dict[str, Any] = {
            "ca": self.ca.pem,
            "jitp": self._jitp,
            "engine": "NATIVE",
            "active": True,
            "edited": False,
        }
        self._own = self._own or self.proof()  # another one would be another resource
        asked["proof"] = self._own
        return {"name": "native", "variables": {"ASKED": json.dumps({**asked, **changes})}}

    def live(self, account: str) -> dict[str, Any] | None:
        """The registration in an account."""
        return self.deployments.describe_ca(certificate_id(self.ca.certificate), account, REGION)


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["another account's", "expired"])
def test_a_proof_that_does_not_hold_registers_nothing(
    deployments: Deployments, pytestconfig: pytest.Config, wrong: str
) -> None:
    """Synth cannot know an account's code, and an expired proof is a warning there: CloudFormation fails."""
    fleet = _Fleet(deployments, pytestconfig.rootpath, make_ca("ec-p256", common_name=f"Native CA, {wrong}"))
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    proof = fleet.proof(ONE) if wrong != "expired" else fleet.proof(not_after=yesterday)
    deployments.fail_to_deploy(_APP, **fleet.how(proof=proof))
    assert fleet.live(TWO) is None


def test_a_native_fleet_from_its_first_deployment_on(
    deployments: Deployments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    """Registered without a Lambda, changed in place; what cannot be done fails and leaves it as it was."""
    fleet = _Fleet(deployments, pytestconfig.rootpath, make_ca("ec-p256", common_name="Native Fleet CA"))
    how, live = fleet.how, fleet.live
    for name, value in deployments.aws.settings(ONE, REGION).items():
        monkeypatch.setenv(name, value)

    deployments.deploy(_APP, **how())
    first = {account: live(account) for account in (ONE, TWO)}
    for account, found in first.items():
        assert found is not None
        mode = "DEFAULT" if account == TWO else "SNI_ONLY"
        assert (found["certificateMode"], found["status"]) == (mode, "ACTIVE")
        assert found["templateName"]
        functions = deployments.aws.client("lambda", account=account, region=REGION).list_functions()
        assert not [each for each in functions["Functions"] if "NativeFleet" in each["FunctionName"]]
    ran = in_pipe("verify", "--app", str(tmp_path / "native" / "cdk.out"), "--json")
    assert ran.code == 0, ran.stdout + ran.stderr

    deployments.fail_to_deploy(_APP, **how(edited=True))
    assert {account: live(account) for account in (ONE, TWO)} == first
    deployments.fail_to_deploy(_APP, **how(engine="LAMBDA"))
    assert {account: live(account) for account in (ONE, TWO)} == first

    deployments.deploy(_APP, **how(active=False))
    assert [found and found["status"] for found in map(live, (ONE, TWO))] == ["INACTIVE", "INACTIVE"]
    deployments.destroy("native")
    assert [live(account) for account in (ONE, TWO)] == [None, None]
