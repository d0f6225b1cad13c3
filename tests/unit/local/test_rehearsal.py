"""Which apps can be rehearsed, told before anything is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App

from iot_multiaccount_ca import SharedCa, Verification
from iot_multiaccount_ca.errors import AssemblyError, RehearsalError, UnknownProofError
from iot_multiaccount_ca.local.emulator import LocalAws
from iot_multiaccount_ca.local.rehearsal import Rehearsal
from iot_multiaccount_ca.model.possession.verification import WAYS
from support import plans
from support.certificates import make_ca

if TYPE_CHECKING:
    from pathlib import Path

ARN = "arn:aws:{}:eu-west-1:333333333333:{}"


def rehearsal(folder: Path, plan: Any, **how: Any) -> Rehearsal:
    """A rehearsal of a plan; the local AWS is not started, for nothing is asked of it."""
    app = App(outdir=str(folder / "app.out"))
    if plan is not None:
        SharedCa(app, "FleetCa", plan=plan)
    app.synth()
    aws = LocalAws()
    aws.folder = folder
    return Rehearsal(aws, plans.ROOT, app=str(folder / "app.out"), **how)


def keys() -> list[Any]:
    """The key of the plan's CA."""
    return [make_ca("ec-p256", common_name="Fleet CA").key]


def test_the_plan_is_read_from_an_assembly(tmp_path: Path) -> None:
    """A folder that `cdk synth` wrote is rehearsed as it is."""
    made = rehearsal(tmp_path, plans.plan(), ca_keys=keys())
    made.synthesize()
    assert [record.stage for record in made.records] == ["dev", "staging", "prod"]
    assert [account for account, _ in made.environments] == [plans.DEV, plans.STAGING, plans.PROD]


@pytest.mark.parametrize(
    ("proof", "reason"),
    [
        (Verification.from_kms_key(ARN.format("kms", "key/0123")), "ids of KMS keys"),
        (
            Verification.from_private_ca(ARN.format("acm-pca", "certificate-authority/0123")),
            "no AWS Private CA",
        ),
        (Verification.from_secret(ARN.format("secretsmanager", "secret:name-AbCdEf")), "a secret by its ARN"),
    ],
)
def test_proofs_that_the_local_aws_cannot_give(tmp_path: Path, proof: Verification, reason: str) -> None:
    """A way of proof that has no equal here is refused with the reason."""
    made = rehearsal(tmp_path, plans.plan(verification=proof), ca_keys=keys())
    with pytest.raises(RehearsalError, match=reason):
        made.synthesize()


def test_every_other_proof_than_a_secret_is_refused() -> None:
    """With the way's own reason; a new way has to say one, or be rehearsed."""
    assert {kind for kind, way in WAYS.items() if way.not_rehearsable is None} == {"SECRET"}


def test_an_unknown_proof_is_refused(tmp_path: Path) -> None:
    """An assembly of a newer version: not taken for a secret."""
    made = rehearsal(tmp_path, plans.plan(), ca_keys=keys())
    assembly = tmp_path / "app.out"
    for file in assembly.glob("**/*.json"):
        file.write_text(file.read_text().replace('"type": "SECRET"', '"type": "TELEPATHY"'))
    with pytest.raises(UnknownProofError, match="TELEPATHY"):
        made.synthesize()


def test_default_needs_the_key_also_without_a_device(tmp_path: Path) -> None:
    """The owner's secret holds the CA's key: without it there is no DEFAULT registration."""
    made = rehearsal(tmp_path, plans.plan(), with_device=False)
    with pytest.raises(RehearsalError, match="belongs in the secret fleet-ca/private-key; got 'no --ca-key'"):
        made.synthesize()


def test_a_device_needs_the_key(tmp_path: Path) -> None:
    """The device's certificate is signed by the CA: without its key only the device is left out."""
    made = rehearsal(tmp_path, plans.sni_only_plan())
    with pytest.raises(RehearsalError, match="signs the device's certificate.*--no-device"):
        made.synthesize()


def test_without_a_device_no_key_is_needed(tmp_path: Path) -> None:
    """SNI_ONLY alone is deployed and described without any key."""
    made = rehearsal(tmp_path, plans.sni_only_plan(), with_device=False)
    made.synthesize()
    assert made.put_keys() == 0


def test_the_key_of_another_ca(tmp_path: Path) -> None:
    """A key that is not the CA's is no key of it."""
    other = make_ca("ec-p256", common_name="another").key
    made = rehearsal(tmp_path, plans.plan(), ca_keys=[other])
    with pytest.raises(RehearsalError, match="got 'no key of that CA'"):
        made.synthesize()


def test_an_app_without_a_ca(tmp_path: Path) -> None:
    """An app that registers nothing is no rehearsal."""
    with pytest.raises(AssemblyError, match="registers no CA"):
        rehearsal(tmp_path, None).synthesize()


def test_a_folder_without_an_app(tmp_path: Path) -> None:
    """Without --app it is the app of the folder's cdk.json, and there must be one."""
    aws = LocalAws()
    aws.folder = tmp_path
    with pytest.raises(RehearsalError, match=r"no cdk\.json"):
        Rehearsal(aws, tmp_path).synthesize()
