"""A cloud assembly that is not as it should be is a sentence, whatever is wrong with it and wherever."""

from __future__ import annotations

import ast
import dataclasses
import datetime as dt
import inspect
import json
import os
import re
import shutil
import textwrap
from typing import TYPE_CHECKING

import pytest
from aws_cdk import App

from iot_multiaccount_ca import SharedCa, SharedCaPipelineStage
from iot_multiaccount_ca.cli import documents
from iot_multiaccount_ca.errors import AssemblyError, SharedCaError
from iot_multiaccount_ca.fleet.overview import Overview
from iot_multiaccount_ca.fleet.planned import read_planned
from iot_multiaccount_ca.model.assembly import _FIELDS, RegistrationRecord, ca_certificate_pem
from iot_multiaccount_ca.model.assembly_files import SCHEMA, newer_schema
from iot_multiaccount_ca.model.registration import RegistrationRequest
from iot_multiaccount_ca.report.page import render
from support import plans
from support.fleets import many_stages, record, write_assembly
from support.odd_json import STRANGE, changed, places, read_files
from support.terminal import in_pipe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `cdk synth` writes: a stack beside a Stage's assembly."""
    folder = tmp_path_factory.mktemp("real") / "cdk.out"
    app = App(outdir=str(folder))
    SharedCa(app, "FleetCa", plan=plans.sni_only_plan(stages=plans.stages()[:1]))
    SharedCaPipelineStage(app, "Prod", plan=plans.plan(), stages=["prod"])
    app.synth()
    return folder


def look(folder: Path, *, whole: bool = True) -> int:
    """What the commands do with an assembly, but for printing; how many registrations it has."""
    planned = read_planned(folder)
    records = [each.record for each in planned]
    assert all(each.deploy for each in planned)
    if whole:
        overview = Overview.of(records, NOW)
        json.dumps(documents.plan_document(overview))
        render(overview, None, title="x", now=NOW)
        assert [overview.summary, *overview.ownership]
        ca_certificate_pem(folder, records[0])
    return len(records)


def test_the_real_assembly_is_read(assembly: Path) -> None:
    """Two registrations; the CDK CLI's names for their stacks."""
    assert look(assembly) == 2
    assert [each.selector for each in read_planned(assembly)] == [
        "Prod/prod",
        "FleetCa/dev",
    ]


def test_every_field_of_a_real_assembly_may_be_anything(assembly: Path, tmp_path: Path) -> None:
    """Each place of each file that is read, in turn, takes each strange value, and is gone: the tools read on, or say
    what is wrong."""
    folder = tmp_path / "cdk.out"
    shutil.copytree(assembly, folder)
    refused = tried = 0
    for path in read_files(assembly):
        original = (folder / path).read_text()
        document = json.loads(original)
        for at in places(document):
            for strange in STRANGE:
                (folder / path).write_text(json.dumps(changed(document, at, strange)))
                tried += 1
                try:
                    look(folder, whole=path.name != "manifest.json")
                except SharedCaError:
                    refused += 1
        (folder / path).write_text(original)
    print(f"{tried:,} assemblies, {refused:,} refused")  # noqa: T201
    assert refused > 300
    assert look(folder) == 2


def gone(path: Path) -> None:
    """There is no such file."""
    path.unlink()


def a_folder(path: Path) -> None:
    """A folder where the file belongs."""
    path.unlink()
    path.mkdir()


def a_pipe(path: Path) -> None:
    """A pipe, which nobody writes to."""
    path.unlink()
    os.mkfifo(path)


def outwards(path: Path) -> None:
    """A link out of the folder, to a file of the same content."""
    outside = path.parents[3] / f"outside-{path.name}"
    shutil.move(path, outside)
    path.symlink_to(outside)


def in_a_circle(path: Path) -> None:
    """A link to itself."""
    path.unlink()
    path.symlink_to(path.name)


def truncated(path: Path) -> None:
    """Half of it."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    """Nothing in it."""
    path.write_bytes(b"")


def binary(path: Path) -> None:
    """No text."""
    path.write_bytes(bytes(range(256)))


def deep(path: Path) -> None:
    """Nested deeper than any stack is."""
    path.write_text("[" * 100_000)


def twice(path: Path) -> None:
    """One key twice."""
    path.write_text(
        '{"artifacts": {}, "artifacts": {}, "Resources": {}, "Resources": {}, "/a": [], "/a": []}'
    )


def unreadable(path: Path) -> None:
    """Bytes that are not UTF-8."""
    path.write_bytes(path.read_bytes().replace(b'"', b'"\xff', 1))


HARMS = [gone, a_folder, a_pipe, outwards, in_a_circle, truncated, empty, binary, deep, twice, unreadable]


@pytest.mark.parametrize("harm", HARMS, ids=lambda each: str(each.__name__))
def test_every_file_of_a_real_assembly_may_be_harmed(
    harm: Callable[[Path], None], assembly: Path, tmp_path: Path
) -> None:
    """Each is told as the error of the assembly, at once."""
    for number, path in enumerate(read_files(assembly)):
        folder = tmp_path / str(number) / "cdk.out"
        shutil.copytree(assembly, folder)
        harm(folder / path)
        with pytest.raises(AssemblyError):
            look(folder)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (("artifacts", "assembly-Prod", "properties", "directoryName"), "."),
        (("artifacts", "assembly-Prod", "properties", "directoryName"), "assembly-Prod/.."),
        (("artifacts", "assembly-Prod", "properties", "directoryName"), "../cdk.out"),
        (("artifacts", "FleetCadev", "properties", "templateFile"), "../outside.json"),
        (("artifacts", "FleetCadev", "additionalMetadataFile"), "/proc/self/environ"),
    ],
)
def test_no_path_leads_out_of_the_folder_or_round(
    at: tuple[str, ...], value: str, assembly: Path, tmp_path: Path
) -> None:
    """Whatever lies there."""
    folder = tmp_path / "cdk.out"
    shutil.copytree(assembly, folder)
    document = json.loads((folder / "manifest.json").read_text())
    name = next(key for key in document["artifacts"] if key.startswith("FleetCadev") and "." not in key)
    at = tuple(name if each == "FleetCadev" else each for each in at)
    (folder / "manifest.json").write_text(json.dumps(changed(document, at, value)))
    (tmp_path / "outside.json").write_text("{}")
    with pytest.raises(AssemblyError, match=r"outside of its folder|contains itself"):
        look(folder)


def test_a_record_of_a_newer_version_says_so(tmp_path: Path) -> None:
    """It is not read as if it were of ours."""
    folder = write_assembly(tmp_path, [record()])
    path = folder / "Stack0.metadata.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(AssemblyError, match="made by another version of this library; got 2"):
        read_planned(folder)


def test_a_field_that_an_older_version_did_not_write_has_its_default() -> None:
    """A new field breaks nobody's assembly."""
    asked = record()
    optional = {f.name: f.default for f in dataclasses.fields(asked) if f.default is not dataclasses.MISSING}
    older = {key: value for key, value in asked.to_metadata().items() if _snake(key) not in optional}
    assert optional
    assert RegistrationRecord.from_metadata(older) == dataclasses.replace(asked, **optional)


def _snake(key: str) -> str:
    return re.sub(r"([A-Z])", lambda match: f"_{match[1].lower()}", key)


def test_every_field_of_a_record_says_what_it_may_be() -> None:
    """A row of `_FIELDS` each: what no row judges would be taken as it comes."""
    assert list(_FIELDS) == [f.name for f in dataclasses.fields(RegistrationRecord)]


def test_every_field_of_a_record_is_filled() -> None:
    """By `RegistrationRequest.record`, but for what a JitrActivation says later: a default says nothing of the app."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(RegistrationRequest.record)))
    [made] = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "RegistrationRecord"
    ]
    fields = {f.name for f in dataclasses.fields(RegistrationRecord)}
    assert {each.arg for each in made.keywords} == fields - {"enrollment"}


def test_what_a_newer_cdk_adds_is_left_alone(assembly: Path, tmp_path: Path) -> None:
    """Unknown kinds of artifacts and unknown members are nobody's fault."""
    folder = tmp_path / "cdk.out"
    shutil.copytree(assembly, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["version"] = "60.0.0"
    manifest["artifacts"]["later"] = {"type": "cdk:something-new", "properties": 7}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert look(folder) == 2


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("999.0.0", "newer than this tool can read; got 'schema version 999.0.0'; .*fix: install a newer"),
        ("100.0.0", "newer than this tool can read"),
        ("x", "version is malformed; got 'x'"),
        ("-1.0.0", "version is malformed"),
        ("", "version is malformed"),
        ("55", "version is malformed"),
        (55, "version is of another kind"),
        (None, "version is of another kind"),
        ("999", "newer than this tool can read; got 'schema version 999'; .*fix: install a newer"),
        (999, "newer than this tool can read"),
        ("9999999.0.0", "newer than this tool can read"),
        ("9" * 5_000, "newer than this tool can read"),
    ],
)
def test_an_assembly_from_far_ahead_is_told(version: object, said: str, tmp_path: Path) -> None:
    """Of a version that nobody knows, nothing is read and taken for all there is."""
    folder = write_assembly(tmp_path, [record()])
    (folder / "manifest.json").write_text(json.dumps({"version": version, "artifacts": {}}))
    with pytest.raises(AssemblyError, match=said):
        read_planned(folder)


def test_a_newer_schema_is_read_with_a_word(assembly: Path, tmp_path: Path) -> None:
    """The CDK's own number rises several times a year; the pinned CDK's is known."""
    assert newer_schema(assembly) is None
    folder = write_assembly(tmp_path, [record()])
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"55.0.0"', f'"{SCHEMA + 1}.0.0"'))
    ran = in_pipe("plan", "--app", str(folder))
    assert ran.code == 0
    assert ran.stderr.startswith(f"warning: the cloud assembly has schema version {SCHEMA + 1}, ")


def test_what_to_do_about_a_file_is_not_to_write_it(assembly: Path, tmp_path: Path) -> None:
    """Nobody writes an assembly by hand: the fix is to synthesize, whatever is wrong with its JSON."""
    for number, path in enumerate(read_files(assembly)):
        for content in (
            None,
            b"",
            b"{",
            b"\xef\xbb\xbf{}",
            b"{}".decode().encode("utf-16"),
            b'{"a": 1, "a": 2}',
        ):
            folder = tmp_path / str(number)
            shutil.copytree(assembly, folder, dirs_exist_ok=True)
            (folder / path).unlink() if content is None else (folder / path).write_bytes(content)
            with pytest.raises(AssemblyError) as caught:
                look(folder)
            assert str(caught.value.fix).startswith(("synthesize the app anew", "run `cdk synth`"))


def test_stacks_that_wait_for_each_other_are_told(tmp_path: Path) -> None:
    """No deploy order."""
    folder = write_assembly(tmp_path, [record("a"), record("b", region="us-east-1")])
    manifest = json.loads((folder / "manifest.json").read_text())
    for one, other in (("Stack0", "Stack1"), ("Stack1", "Stack0")):
        manifest["artifacts"][one]["dependencies"] = [other]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(AssemblyError, match="wait for each other in a circle"):
        read_planned(folder)


def test_a_chain_of_dependencies_may_be_as_long_as_the_fleet(tmp_path: Path) -> None:
    """Each of 1,500 stacks waits for the next; the order is the chain's."""
    folder = write_assembly(tmp_path, many_stages(1_500))
    manifest = json.loads((folder / "manifest.json").read_text())
    for number in range(1_499):
        manifest["artifacts"][f"Stack{number}"]["dependencies"] = [f"Stack{number + 1}"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    names = [each.record.stage for each in read_planned(folder)]
    assert names == [f"s{number}" for number in reversed(range(1_500))]
