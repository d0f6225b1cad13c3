"""Registrations without a Lambda, under the real CDK CLI and IAM enforcement: one fleet from its first deploy on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from support.certificates import certificate_id, make_ca
from support.deployments import ACCOUNTS, REGIONS, Deployments
from support.terminal import in_pipe

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ONE, TWO, _ = ACCOUNTS
REGION = REGIONS[0]
_APP = """
import json, os
from aws_cdk import App
from iot_multiaccount_ca import CaCertificate, CaStage, JitpTemplateBody, SharedCa, SharedCaPlan

asked = json.loads(os.environ["ASKED"])
app = App()
shared = SharedCa(app, "NativeFleet", plan=SharedCaPlan(
    ca_certificate=CaCertificate.from_pem(asked["ca"]),
    provisioning=JitpTemplateBody.from_file(asked["jitp"]),
    engine=asked["engine"],
    active=asked["active"],
    stages=[CaStage("one", account="111111111111", region="eu-west-1"),
            CaStage("two", account="222222222222", region="eu-west-1")],
))
for registration in shared.registrations.values():
    if asked["edited"]:
        registration.node.default_child.add_property_override("CertificateMode", asked["edited"])
app.synth()
"""


def test_a_native_fleet_from_its_first_deployment_on(
    deployments: Deployments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    """Registered without a Lambda, changed in place; what cannot be done fails and leaves it as it was."""
    ca = make_ca("ec-p256", common_name="Native Fleet CA")
    own_id = certificate_id(ca.certificate)
    jitp = str(pytestconfig.rootpath / "examples/jitp.json")

    def how(**changes: Any) -> dict[str, Any]:
        asked = {"ca": ca.pem, "jitp": jitp, "engine": "NATIVE", "active": True, "edited": None, **changes}
        return {"name": "native", "variables": {"ASKED": json.dumps(asked)}}

    def live(account: str) -> dict[str, Any] | None:
        return deployments.describe_ca(own_id, account, REGION)

    for name, value in deployments.aws.settings(ONE, REGION).items():
        monkeypatch.setenv(name, value)

    deployments.deploy(_APP, **how())
    first = {account: live(account) for account in (ONE, TWO)}
    for account, found in first.items():
        assert found is not None
        assert (found["certificateMode"], found["status"]) == ("SNI_ONLY", "ACTIVE")
        assert found["templateName"]
        functions = deployments.aws.client("lambda", account=account, region=REGION).list_functions()
        assert not [each for each in functions["Functions"] if "NativeFleet" in each["FunctionName"]]
    ran = in_pipe("verify", "--app", str(tmp_path / "native" / "cdk.out"), "--json")
    assert ran.code == 0, ran.stdout + ran.stderr

    deployments.fail_to_deploy(_APP, **how(edited="DEFAULT"))
    assert {account: live(account) for account in (ONE, TWO)} == first
    deployments.fail_to_deploy(_APP, **how(engine="LAMBDA"))
    assert {account: live(account) for account in (ONE, TWO)} == first

    deployments.deploy(_APP, **how(active=False))
    assert [found and found["status"] for found in map(live, (ONE, TWO))] == ["INACTIVE", "INACTIVE"]
    deployments.destroy("native")
    assert [live(account) for account in (ONE, TWO)] == [None, None]
