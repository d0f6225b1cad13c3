"""The apps of the documents, deployed and destroyed as they are printed: by the real CDK CLI, under IAM enforcement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.certificates import certificate_id, make_ca
from support.deployments import ACCOUNTS, REGIONS, Deployments
from support.documents import ROOT, python_blocks, readers_folder
from support.local_accounts import policy_document

if TYPE_CHECKING:
    from pathlib import Path

    from iot_multiaccount_ca.local.emulator import LocalAws

ONE, TWO, THREE = ACCOUNTS
REGION = REGIONS[0]


def _app(folder: Path, blocks: list[str]) -> Path:
    """A reader's folder with the app in it; the app's file."""
    folder.mkdir()
    readers_folder(folder)
    here = f"import os\nos.chdir({str(folder)!r})\n"
    end = "" if "app.synth()" in blocks[-1].splitlines() else "app.synth()\n"
    file = folder / "app.py"
    file.write_text(here + "\n".join(blocks) + end, encoding="utf-8")
    return file


def test_an_app_of_ones_own(deployments: Deployments, local_aws: LocalAws, tmp_path: Path) -> None:
    """A stack that leaves its CA, template and role; a second CA as DEFAULT; a role that is there. All goes again."""
    page = ROOT / "docs/in-your-app.md"
    fleet, partner = (make_ca("ec-p256", common_name=name) for name in ("Fleet CA", "Partner CA"))
    deployments.put_secret("partner-ca/private-key", partner.key_pem, ONE, REGION)
    iam = local_aws.client("iam", account=TWO, region=REGION)
    trust = policy_document("sts:AssumeRole", Principal={"Service": "lambda.amazonaws.com"})
    iam.create_role(RoleName="ca-registrar", AssumeRolePolicyDocument=trust)
    deployments.deploy(_app(tmp_path / "reader", python_blocks(page)), name="own")
    modes = {
        (name, account): (deployments.describe_ca(certificate_id(ca.certificate), account, REGION) or {}).get(
            "certificateMode"
        )
        for name, ca in (("fleet", fleet), ("partner", partner))
        for account in (ONE, TWO)
    }
    assert modes == {
        ("fleet", ONE): "SNI_ONLY",
        ("fleet", TWO): "SNI_ONLY",
        ("partner", ONE): "DEFAULT",
        ("partner", TWO): None,
    }
    deployments.destroy("own")
    assert deployments.describe_ca(certificate_id(partner.certificate), ONE, REGION) is None
    assert deployments.describe_ca(certificate_id(fleet.certificate), TWO, REGION) is None
    iam.delete_role(RoleName="ca-registrar")
    iot = local_aws.client("iot", account=ONE, region=REGION)
    left = deployments.describe_ca(certificate_id(fleet.certificate), ONE, REGION)
    assert left is not None
    assert iot.describe_provisioning_template(templateName=left["templateName"])["enabled"] is True
    iot.update_ca_certificate(certificateId=left["certificateId"], newStatus="INACTIVE")
    iot.delete_ca_certificate(certificateId=left["certificateId"])


@pytest.mark.slow
def test_an_app_with_just_in_time_registration(deployments: Deployments, tmp_path: Path) -> None:
    """The first one of docs/jitr.md: dev under JITP, prod under JITR."""
    fleet = make_ca("ec-p256", common_name="Fleet CA")
    deployments.deploy(_app(tmp_path / "reader", python_blocks(ROOT / "docs/jitr.md")[:1]), name="jitr")
    for account in (ONE, THREE):
        live = deployments.describe_ca(certificate_id(fleet.certificate), account, REGION)
        assert live is not None
        assert live["autoRegistrationStatus"] == "ENABLE"
    deployments.destroy("jitr")
    for account in (ONE, THREE):
        assert deployments.describe_ca(certificate_id(fleet.certificate), account, REGION) is None
