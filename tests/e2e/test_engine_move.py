"""From the Lambda to CloudFormation's own resource and back, by the real CDK CLI, while somebody watches."""

from __future__ import annotations

import contextlib
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from support.certificates import certificate_id, make_ca
from support.deployments import ACCOUNTS, REGIONS, Deployments
from support.terminal import in_pipe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCOUNT, REGION = ACCOUNTS[0], REGIONS[0]
_APP = """
import json, os
from aws_cdk import App
from iot_multiaccount_ca import CaCertificate, CaStage, JitpTemplateBody, SharedCa, SharedCaPlan

asked = json.loads(os.environ["ASKED"])
app = App(outdir=os.environ["CDK_OUTDIR"])
SharedCa(app, "Moving", plan=SharedCaPlan(
    ca_certificate=CaCertificate.from_pem(asked["ca"]),
    provisioning=JitpTemplateBody.from_file(asked["jitp"]),
    engine=asked["engine"],
    removal_policy=asked["removal_policy"],
    stages=[CaStage("one", account="111111111111", region="eu-west-1")],
))
app.synth()
"""


class Watcher:
    """Looks at one registration again and again, and remembers each moment at which it was not there."""

    def __init__(self, deployments: Deployments, ca_id: str) -> None:
        self.looks, self.missed = 0, 0
        self._iot = deployments.aws.client("iot", account=ACCOUNT, region=REGION)
        self._ca_id, self._ended = ca_id, threading.Event()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        thread = threading.Thread(target=self._look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join(timeout=10)

    def _look(self) -> None:
        while not self._ended.wait(0.05):
            self.looks += 1
            try:
                self._iot.describe_ca_certificate(certificateId=self._ca_id)
            except self._iot.exceptions.ResourceNotFoundException:
                self.missed += 1


@pytest.mark.slow
def test_to_native_and_back_without_a_moment_unregistered(
    deployments: Deployments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    """RETAIN; no engine; import; deploy. Back: no engine; the Lambda finds its own tags. Verify agrees at each step."""
    ca = make_ca("ec-p256", common_name="Moving Fleet CA")
    own_id = certificate_id(ca.certificate)
    jitp = str(pytestconfig.rootpath / "examples/jitp.json")
    for name, value in deployments.aws.settings(ACCOUNT, REGION).items():
        monkeypatch.setenv(name, value)
    assembly = str(tmp_path / "moving" / "cdk.out")

    def how(engine: str, removal_policy: str = "RETAIN") -> dict[str, Any]:
        asked = {"ca": ca.pem, "jitp": jitp, "engine": engine, "removal_policy": removal_policy}
        return {"name": "moving", "variables": {"ASKED": json.dumps(asked)}}

    def deploy(engine: str, removal_policy: str = "RETAIN") -> None:
        deployments.deploy(_APP, **how(engine, removal_policy))
        ran = in_pipe("verify", "--app", assembly)
        assert ran.code == 0, ran.stdout + ran.stderr

    deploy("LAMBDA", "DESTROY")
    watcher = Watcher(deployments, own_id)
    with watcher.watching():
        deploy("LAMBDA")
        deploy("NONE")
        deployments.synthesize(_APP, **how("NATIVE"))
        mapped = in_pipe("plan", "--app", assembly, "--import-map")
        assert mapped.code == 0, mapped.stderr
        deployments.import_resources("moving", "Moving/one", mapping=mapped.stdout)
        deploy("NATIVE")
        [found] = deployments.resources("Moving-one", ACCOUNT, REGION, kind="AWS::IoT::CACertificate")
        assert found["PhysicalResourceId"] == own_id
        deploy("NONE")
        deploy("LAMBDA")
        deploy("LAMBDA", "DESTROY")
    assert watcher.missed == 0
    assert watcher.looks > 20
    deployments.destroy("moving")
    assert deployments.describe_ca(own_id, ACCOUNT, REGION) is None
