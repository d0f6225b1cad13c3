"""What a rehearsal reads of a cloud assembly may be anything: it is read, or refused with a sentence."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, Environment, NestedStack, Stack

from iot_multiaccount_ca import (
    Admission,
    CaRegistration,
    CaStage,
    JitrEnrollment,
    RegistrationEngine,
    SharedCa,
    SharedCaStackSet,
)
from iot_multiaccount_ca.errors import SharedCaError
from iot_multiaccount_ca.fleet.planned import read_planned
from iot_multiaccount_ca.fleet.planned_sets import read_planned_sets
from iot_multiaccount_ca.local import activation, invented, inventory, stacks
from iot_multiaccount_ca.local.key_ring import KeyRing
from iot_multiaccount_ca.local.rehearsed_app import RehearsedApp
from support import plans
from support.certificates import make_ca
from support.odd_json import STRANGE, changed, inside, places, read_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OURS = {
    "Custom::IotCaCertificate",
    "AWS::IoT::CACertificate",
    "AWS::IoT::ProvisioningTemplate",
    "AWS::CloudFormation::StackSet",
}
CA = make_ca("ec-p256", common_name="Fleet CA")
HOME = Environment(account=plans.DEV, region=plans.REGION)


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stage of each way: a secret, an enrollment with a list, native, in a nested stack, and a stack set."""
    folder = tmp_path_factory.mktemp("real") / "cdk.out"
    app = App(outdir=str(folder))
    enrollment = JitrEnrollment(
        policy="devices",
        admission=Admission(parameter_name="/allowed", subject={"Organization": "Acme"}),
        thing_name="t-{CommonName}",
        thing_groups=["g"],
    )
    dev, staging, prod = plans.stages()
    jitr = CaStage("staging", account=staging.account, region=staging.region, provisioning=enrollment)
    SharedCa(app, "FleetCa", plan=plans.plan(stages=[jitr, prod]))
    native = plans.sni_only_plan(stages=[dev], engine=RegistrationEngine.NATIVE)
    SharedCa(app, "Native", plan=native)
    inside = NestedStack(Stack(app, "Outer", env=Environment(account=plans.DEV, region="us-east-1")), "Inner")
    CaRegistration(inside, "Ca", ca_certificate=plans.ca())
    SharedCaStackSet(
        Stack(app, "Organization", env=HOME),
        "Set",
        ca_certificate=plans.ca(),
        provisioning=plans.jitp(),
        regions=["eu-central-1"],
        organizational_units=["ou-ab12-11111111"],
    )
    app.synth()
    return folder


def look(folder: Path) -> int:
    """What a rehearsal reads before it deploys anything; how many registrations it would look at."""
    assert stacks.choose_stacks(folder, ["*"], [])
    stacks.environments(folder)
    stacks.qualifiers(folder)
    stacks.stack_selectors(folder)
    stacks.lacks_context(folder)
    inventory.retained(stacks.stack_templates(folder))
    sets = read_planned_sets(folder)
    records = [each.record for each in read_planned(folder)]
    records += [
        record
        for each in sets
        for account in invented.members(each)
        for record in invented.registrations(each, account)
    ]
    app = RehearsedApp(folder, None, records, None, tuple(sets))  # type: ignore[arg-type] # nothing is run
    assert app.first
    keys = KeyRing([CA.key])  # type: ignore[list-item]
    keys.check(app)
    for record in records:
        keys.device_of(app, record)
        activation._list_of(record)
    return len(records)


def test_the_real_assembly_is_read(assembly: Path) -> None:
    """Four stages, and two made-up accounts of the set."""
    assert look(assembly) == 6


def tried(assembly: Path, folder: Path, every: int) -> Iterator[None]:
    """Let the folder be a copy with one strange value in one place, at each yield another; every so many of them."""
    shutil.copytree(assembly, folder, ignore=shutil.ignore_patterns("asset.*"))
    number = 0
    for path in read_files(assembly):
        original = (folder / path).read_text()
        document = json.loads(original)
        for at in [*places(document), *_of_ours(document)]:
            for strange in STRANGE:
                number += 1
                if number % every == 0:
                    (folder / path).write_text(json.dumps(changed(document, at, strange)))
                    yield
        for at in _bodies(document):
            body = json.loads(inside(document, at))
            for within in places(body, all_of_it=True):
                for strange in STRANGE:
                    number += 1
                    if number % every == 0:
                        odd = json.dumps(changed(body, within, strange))
                        (folder / path).write_text(json.dumps(changed(document, at, odd)))
                        yield
        (folder / path).write_text(original)


def _of_ours(document: Any) -> Iterator[tuple[Any, ...]]:
    for name, resource in document.get("Resources", {}).items():
        if resource["Type"] in OURS:
            yield from places(resource, ("Resources", name), all_of_it=True)


def _bodies(document: Any) -> Iterator[tuple[Any, ...]]:
    """Where a template stands in a template, as text."""
    for at in _of_ours(document):
        if at[-1] == "TemplateBody" and isinstance(inside(document, at), str):
            yield at


@pytest.mark.parametrize("every", [211, pytest.param(7, marks=pytest.mark.slow)], ids=["some", "most"])
def test_every_field_of_a_real_assembly_may_be_anything(every: int, assembly: Path, tmp_path: Path) -> None:
    """Each place of each file, in turn, takes a strange value: the rehearsal reads on, or says what is wrong."""
    folder = tmp_path / "cdk.out"
    refused = read = 0
    for _ in tried(assembly, folder, every):
        try:
            look(folder)
        except SharedCaError:
            refused += 1
        else:
            read += 1
    assert min(refused, read) > 2_000 / every
    assert look(folder) == 6
