"""The pipeline example's stages, deployed in the pipeline's order by the real CDK CLI, without CodePipeline itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from iot_multiaccount_ca.local.device import issue_device_certificate
from iot_multiaccount_ca.local.stage_check import check_stage
from iot_multiaccount_ca.model.assembly import read_registrations
from support.certificates import make_ca
from support.deployments import ACCOUNTS, REGIONS, Deployments
from support.terminal import in_pipe

if TYPE_CHECKING:
    from pathlib import Path

    from iot_multiaccount_ca.local.emulator import LocalAws

REGION = REGIONS[0]
_STAGES = tuple(zip(("dev", "staging", "prod"), ACCOUNTS, strict=True))


def test_a_pipeline_promotes_what_all_at_once_deployed_and_a_device_moves_along(
    deployments: Deployments,
    local_aws: LocalAws,
    pytestconfig: pytest.Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From `--all` to the pipeline without a change; then Dev first and Prod after it, each provisioning the device."""
    ca = make_ca("ec-p256", common_name="Promoted CA")
    (tmp_path / "ca.pem").write_text(ca.pem, encoding="utf-8")
    deployments.put_secret("fleet-ca/private-key", ca.key_pem, ACCOUNTS[2], REGION)
    examples, variables = pytestconfig.rootpath / "examples", {"FLEET_CA": str(tmp_path / "ca.pem")}

    def live() -> list[dict[str, Any] | None]:
        return [deployments.describe_ca(ca.certificate_id, account, REGION) for account in ACCOUNTS]

    deployments.deploy(examples / "app.py", name="all", variables=variables)
    before = live()
    assert None not in before
    again = deployments.synthesize(examples / "app.py", name="again", variables=variables)
    assert "Number of stacks with differences: 0" in deployments.diff(again)
    stacks = [deployments.stack_id(f"FleetCa-{name}", account, REGION) for name, account in _STAGES]
    pipeline = deployments.synthesize(examples / "pipeline/app.py", name="pipeline", variables=variables)
    dev, prod = (pipeline / f"assembly-FleetCaPipeline-{stage}" for stage in ("Dev", "Prod"))
    for stage in (dev, prod):
        # Only CDK's path metadata is another: no resource is made or replaced.
        deployments.deploy_assembly(stage, name=stage.name)
    assert [deployments.stack_id(f"FleetCa-{name}", account, REGION) for name, account in _STAGES] == stacks
    assert live() == before
    deployments.destroy("all")
    assert live() == [None, None, None]

    assert isinstance(ca.key, ec.EllipticCurvePrivateKey)
    device = issue_device_certificate(ca.pem, ca.key, "promoted-device")
    for name, value in local_aws.settings(ACCOUNTS[0], REGION).items():
        monkeypatch.setenv(name, value)
    for stage, registered in ((dev, [True, True, False]), (prod, [True, True, True])):
        deployments.deploy_assembly(stage, name=stage.name)
        assert [each is not None for each in live()] == registered
        # What the pipeline's verify step runs, by the look-up roles of the stage's accounts.
        ran = in_pipe("verify", "--app", str(stage))
        assert ran.code == 0, ran.stdout + ran.stderr
        for record in read_registrations(stage):
            row = check_stage(local_aws, record, device)
            assert row.as_planned, (row.cells, row.notes)
            assert row.cells["thing created"].found == "promoted-device"
