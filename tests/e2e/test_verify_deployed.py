"""``iot-ca verify`` and ``plan`` of a fleet that the CDK CLI deployed: what a deployment leaves is as planned.

And the fix that verify gives for a CA that was deleted behind the stack's back really brings it back.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from support.certificates import make_ca
from support.deployments import ACCOUNTS, REGIONS, Deployments
from support.terminal import Ran, in_pipe

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_APP = """
import os
from aws_cdk import App, Tags
from iot_multiaccount_ca import CaCertificate, CaStage, JitpTemplateBody, SharedCa, SharedCaPlan

app = App(outdir=os.environ["CDK_OUTDIR"])
SharedCa(app, "VerifiedFleet", plan=SharedCaPlan(
    ca_certificate=CaCertificate.from_file(os.environ["FLEET_CA"]),
    provisioning=JitpTemplateBody.from_file(os.environ["JITP"]),
    stages=[CaStage("dev", account="111111111111", region="eu-west-1"),
            CaStage("staging", account="222222222222", region="eu-west-1")],
))
app.synth()
"""


def test_what_a_deployment_leaves_is_as_planned(
    deployments: Deployments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    """By the look-up roles of a real bootstrap; then with the CA gone; then after the fix that verify names."""
    ca = tmp_path / "ca.pem"
    ca.write_text(make_ca("ec-p256", common_name="Verified Fleet CA").pem)
    variables = {"FLEET_CA": str(ca), "JITP": str(pytestconfig.rootpath / "examples/jitp.json")}
    for name, value in deployments.aws.settings(ACCOUNTS[0], REGIONS[0]).items():
        monkeypatch.setenv(name, value)
    records = deployments.deploy(_APP, name="verified", variables=variables)
    assembly = tmp_path / "verified" / "cdk.out"

    ran = _verify(assembly)
    assert ran.code == 0, ran.stdout + ran.stderr
    assert [each["state"] for each in _stages(ran)] == ["as-planned", "as-planned"]
    assert all("lookup-role" in each["checkedAs"] for each in _stages(ran))

    iot = deployments.aws.client("iot", account=ACCOUNTS[1], region=REGIONS[0])
    iot.update_ca_certificate(certificateId=records[1].certificate_id, newStatus="INACTIVE")
    iot.delete_ca_certificate(certificateId=records[1].certificate_id)
    ran = _verify(assembly)
    assert ran.code == 1
    (difference,) = _stages(ran)[1]["differences"]
    assert difference["live"] == "deleted outside the stack"
    assert "deleted outside the stack, which does not notice" in difference["fix"]

    deployments.deploy(_APP, name="verified", variables=variables)
    assert _verify(assembly).code == 1  # the template is what it was: CloudFormation does nothing
    [command] = re.findall(r"`cdk (.*?)`", difference["fix"])
    deployments.run_printed(command, name="verified", variables=variables)
    ran = _verify(assembly)
    assert ran.code == 0, ran.stdout + ran.stderr

    # The same command puts right whatever else of the registration differs, in one go.
    iot.update_ca_certificate(
        certificateId=records[1].certificate_id,
        newStatus="INACTIVE",
        newAutoRegistrationStatus="DISABLE",
        removeAutoRegistration=True,
    )
    differences = {each["field"] for each in _stages(_verify(assembly))[1]["differences"]}
    assert differences >= {"status", "autoRegistration", "templateName"}
    again = re.sub(r"repair=\S+", "repair=again", command)
    deployments.run_printed(again, name="verified", variables=variables)
    ran = _verify(assembly)
    assert ran.code == 0, ran.stdout + ran.stderr


def _verify(assembly: Path) -> Ran:
    return in_pipe("verify", "--app", str(assembly), "--json")


def _stages(ran: Ran) -> list[dict[str, Any]]:
    stages: list[dict[str, Any]] = json.loads(ran.stdout)["stages"]
    return stages
