"""Which apps can be rehearsed, told before anything is deployed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App
from cryptography import x509

from iot_multiaccount_ca import (
    Admission,
    CaCertificate,
    JitpTemplateBody,
    JitrEnrollment,
    RetiringCa,
    SharedCa,
    Verification,
)
from iot_multiaccount_ca.errors import AssemblyError, RehearsalError, UnknownProofError
from iot_multiaccount_ca.local.device import DeviceCertificate
from iot_multiaccount_ca.local.device_command import DeviceCommand
from iot_multiaccount_ca.local.device_subject import needed_fields
from iot_multiaccount_ca.local.emulator import LocalAws
from iot_multiaccount_ca.local.project import make_project
from iot_multiaccount_ca.local.rehearsal import Rehearsal
from iot_multiaccount_ca.local.stage_check import template_cell
from iot_multiaccount_ca.model.possession.verification import WAYS
from support import plans
from support.certificates import make_ca, make_device
from support.fleets import record

if TYPE_CHECKING:
    from pathlib import Path

ARN = "arn:aws:{}:eu-west-1:333333333333:{}"


class Synthesized(Rehearsal):
    """A rehearsal whose app stands in a folder."""

    app_folder = ""

    def synthesize(self, app: str | None = None, *, is_last: bool = True) -> None:
        """Take the folder unless told."""
        super().synthesize(app or self.app_folder, is_last=is_last)


def rehearsal(folder: Path, plan: Any, **how: Any) -> Synthesized:
    """A rehearsal of a plan; the local AWS is not started, for nothing is asked of it."""
    app = App(outdir=str(folder / "app.out"))
    if plan is not None:
        SharedCa(app, "FleetCa", plan=plan)
    app.synth()
    aws = LocalAws()
    aws.folder = folder
    made = Synthesized(aws, plans.ROOT, **how)
    made.app_folder = str(folder / "app.out")
    return made


def keys() -> list[Any]:
    """The key of the plan's CA."""
    return [make_ca("ec-p256", common_name="Fleet CA").key]


def test_the_plan_is_read_from_an_assembly(tmp_path: Path) -> None:
    """A folder that `cdk synth` wrote is rehearsed as it is."""
    made = rehearsal(tmp_path, plans.plan(), ca_keys=keys())
    made.synthesize()
    assert [record.stage for record in made.records] == ["dev", "staging", "prod"]
    assert [account for account, _ in made.app.environments] == [plans.DEV, plans.STAGING, plans.PROD]


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
    """A key that is not the CA's is not a key of it."""
    other = make_ca("ec-p256", common_name="another").key
    made = rehearsal(tmp_path, plans.plan(), ca_keys=[other])
    with pytest.raises(RehearsalError, match="got 'no key of that CA'"):
        made.synthesize()


def test_an_app_without_a_ca(tmp_path: Path) -> None:
    """An app that registers nothing is not a rehearsal."""
    with pytest.raises(AssemblyError, match="registers no CA"):
        rehearsal(tmp_path, None).synthesize()


def test_a_folder_without_an_app(tmp_path: Path) -> None:
    """Without --app it is the app of the folder's cdk.json, and there must be one."""
    aws = LocalAws()
    aws.folder = tmp_path
    with pytest.raises(RehearsalError, match=r"no cdk\.json"):
        Rehearsal(aws, tmp_path).synthesize()


# --- a device of one's own, or one that is made up --------------------------------------------------------------


def own(ca_name: str = "Fleet CA") -> DeviceCertificate:
    """A device of the user's."""
    made = make_device(make_ca("ec-p256", common_name=ca_name), "mine-1")
    return DeviceCertificate.of(made.pem, made.key_pem)


def test_a_device_of_ones_own_needs_no_ca_key(tmp_path: Path) -> None:
    """What the factory made is taken as it is, and the CA's key stays where it is."""
    made = rehearsal(tmp_path, plans.sni_only_plan(), own_devices=[own()])
    made.synthesize()
    device = made.keys.device_of(made.app, made.records[0])
    assert device is not None
    assert (device.common_name, made.keys.made_up) == ("mine-1", {})


def test_two_devices_of_one_ca(tmp_path: Path) -> None:
    """One device moves through the stages: that the other would be left aside is told."""
    other = make_device(make_ca("ec-p256", common_name="Fleet CA"), "mine-2")
    devices = [own(), DeviceCertificate.of(other.pem, other.key_pem)]
    made = rehearsal(tmp_path, plans.sni_only_plan(), own_devices=devices)
    with pytest.raises(
        RehearsalError, match="two devices were issued by one CA.* got \"'mine-1' and 'mine-2'\""
    ):
        made.synthesize()


def test_a_device_whose_ca_comes_with_a_later_app(tmp_path: Path) -> None:
    """In a rotation each CA has its device, and the new CA is in no plan before the overlap."""
    made = rehearsal(tmp_path, plans.sni_only_plan(), own_devices=[own(), own("another CA")])
    made.synthesize(is_last=False)
    app = App(outdir=str(tmp_path / "then.out"))
    SharedCa(app, "FleetCa", plan=plans.sni_only_plan(ca_certificate=plans.ca("another CA")))
    app.synth()
    made.synthesize(str(tmp_path / "then.out"))
    assert len(made.keys.devices) == 2


def test_a_device_of_another_ca(tmp_path: Path) -> None:
    """A device that no CA of the plan issued is told at once, with the issuer."""
    made = rehearsal(tmp_path, plans.sni_only_plan(), own_devices=[own("another CA")])
    with pytest.raises(RehearsalError, match="issued by no CA of the plan; got 'CN=another CA'"):
        made.synthesize()


@pytest.mark.parametrize(
    ("declared", "fields"),
    [
        ({"CommonName": {}, "Id": {}}, []),
        ({"Country": {}, "Organization": {}}, ["Country", "Organization"]),
        ({"StateName": {"Default": "none"}, "OrganizationalUnit": {}}, ["OrganizationalUnit"]),
        ({"DistinguishedNameQualifier": {}, "SerialNumber": {}}, ["DistinguishedNameQualifier"]),
    ],
)
@pytest.mark.parametrize("removal_policy", ["DESTROY", "RETAIN"])
def test_the_subject_has_what_the_template_declares(
    tmp_path: Path, declared: dict[str, dict[str, str]], fields: list[str], removal_policy: str
) -> None:
    """A made-up device has the fields without which it would be refused, and no others; retained templates too."""
    body = json.loads((plans.ROOT / "examples/jitp.json").read_text())
    body["Parameters"] |= {
        f"AWS::IoT::Certificate::{name}": {"Type": "String", **how} for name, how in declared.items()
    }
    plan = plans.sni_only_plan(provisioning=JitpTemplateBody.from_dict(body), removal_policy=removal_policy)
    made = rehearsal(tmp_path, plan, ca_keys=keys())
    made.synthesize()
    device = made.keys.device_of(made.app, made.records[0])
    assert device is not None
    subject = x509.load_pem_x509_certificate(device.pem.encode()).subject
    assert len(subject) == 1 + len(fields)
    assert list(made.keys.made_up.values()) == [fields]


@pytest.mark.parametrize(
    ("planned", "held", "as_planned"),
    [
        ("Fleet-dev-01234567-????????", "Fleet-dev-01234567-89abcdef", True),
        ("Fleet-dev-01234567-????????", "Fleet-dev-76543210-89abcdef", False),
        ("Fleet-dev-01234567-????????", None, False),
        ("Fleet-dev-01234567", "Fleet-dev-01234567", True),
        ("Fleet-dev-01234567", None, False),
        (None, "Fleet-dev-01234567", False),
        (None, None, True),
    ],
)
def test_a_retained_template_is_known_by_all_but_its_last_digits(
    planned: str | None, held: str | None, as_planned: bool
) -> None:
    """Only CloudFormation knows those; any other name is not the planned one."""
    assert template_cell(record(template_name=planned), held).as_planned is as_planned


def test_the_subject_has_what_an_admission_asks(tmp_path: Path) -> None:
    """So with the fields of a subject rule, and those of a thing's name."""
    enrollment = JitrEnrollment(
        policy="a-policy",
        thing_name="{Organization}-{CommonName}",
        admission=Admission(subject={"Country": "NZ"}),
    )
    made = rehearsal(tmp_path, plans.sni_only_plan(provisioning=enrollment), ca_keys=keys())
    made.synthesize()
    assert needed_fields(made.app.assembly, made.records) == ["Country", "Organization"]


# --- a rotation -------------------------------------------------------------------------------------------------


def test_an_overlap_needs_the_step_before(tmp_path: Path) -> None:
    """It keeps the old DEFAULT registration without a proof: the app that made it comes first, or it gets a proof."""
    old = make_ca("ec-p256", common_name="old CA")
    before = plans.plan(ca_certificate=CaCertificate(old.pem))
    overlap = plans.plan(retiring=[RetiringCa(CaCertificate(old.pem))])
    both = [*keys(), old.key]
    with pytest.raises(RehearsalError, match="names no proof to make it anew.*--app BEFORE --then THIS"):
        rehearsal(tmp_path, overlap, ca_keys=both).synthesize()
    second = rehearsal(tmp_path / "second", overlap, ca_keys=both)
    first = rehearsal(tmp_path / "first", before, ca_keys=both)
    first.synthesize()
    first.synthesize(second.app_folder)
    proof = Verification.from_secret("fleet-ca/old-key")
    proved = plans.plan(retiring=[RetiringCa(CaCertificate(old.pem), verification=proof)])
    rehearsal(tmp_path / "proved", proved, ca_keys=both).synthesize()


# --- the user's folder ------------------------------------------------------------------------------------------


def test_the_project_runs_the_users_app_in_the_users_folder(tmp_path: Path) -> None:
    """The CDK CLI gets a folder of its own, with the user's settings and context; the app runs where it is at home."""
    mine, project = tmp_path / "my app", tmp_path / "project"
    mine.mkdir()
    settings = {"app": "python app.py", "output": "elsewhere", "context": {"a": 1}}
    (mine / "cdk.json").write_text(json.dumps(settings))
    (mine / "cdk.context.json").write_text('{"looked": "up"}')
    make_project(mine, None, project)
    made = json.loads((project / "cdk.json").read_text())
    assert made == {"app": f"cd '{mine}' && python app.py", "context": {"a": 1}}
    assert json.loads((project / "cdk.context.json").read_text()) == {"looked": "up"}
    make_project(mine, "other", project)
    assert json.loads((project / "cdk.json").read_text())["app"] == f"cd '{mine}' && other"


# --- the user's own firmware ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "seconds", "code", "lines"),
    [
        ("echo $IOT_ENDPOINT; exit 3", 60.0, 3, ["an-endpoint"]),
        ("echo begun; sleep 600; echo done", 0.5, None, ["begun"]),
    ],
)
def test_a_devices_command(command: str, seconds: float, code: int | None, lines: list[str]) -> None:
    """It is told where to connect, its exit code is kept, and at the end of its time it is ended."""
    end = DeviceCommand(command, seconds).run({"IOT_ENDPOINT": "an-endpoint"})
    assert (end.code, end.lines) == (code, lines)


def test_a_devices_command_gets_nothing_of_the_users_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test of a board cannot reach an account by mistake."""
    monkeypatch.setenv("AWS_PROFILE", "mine")
    assert DeviceCommand("env | grep -c ^AWS_", 20).run({}).lines == ["0"]
