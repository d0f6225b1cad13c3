"""The documents about the command line are what the command line is."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import iot_multiaccount_ca
from iot_multiaccount_ca.model.assembly_policies import FOREIGN_POLICY_METADATA_TYPE
from support.fakes.fleet_aws import FakeAws, World
from support.fleets import Fleet, add_metadata, live
from support.stack_sets import ADMINISTRATOR, MEMBERS, NAME, REGIONS, deploy_set, set_record, write_with_set
from support.terminal import in_pipe

if TYPE_CHECKING:
    from iot_multiaccount_ca.model.assembly_sets import StackSetRecord

ROOT = Path(__file__).parents[3]
# Objects that stand in the tables themselves.
_OBJECTS = {
    "stages[].planned",
    "stages[].live",
    "stages[].template",
    "stages[].live.tags",
    "stackSets[].planned",
    "stackSets[].accounts.stages[]",
    "foreignPolicies[].policy",
}


def test_cli_md_is_written_from_the_commands() -> None:
    """`python tools/cli_docs.py` writes it anew."""
    spec = importlib.util.spec_from_file_location("cli_docs", ROOT / "tools" / "cli_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs/cli.md").read_text(encoding="utf-8") == module.document()


def test_the_version_is_the_packages() -> None:
    """`iot-ca --version`."""
    ran = in_pipe("--version")
    assert (ran.code, ran.stdout) == (0, f"iot-ca, version {iot_multiaccount_ca.__version__}\n")


def test_every_command_has_an_example_in_its_help() -> None:
    """So that nobody has to guess."""
    sections = re.split(r"(?m)^## ", (ROOT / "docs/cli.md").read_text(encoding="utf-8"))[1:]
    assert sections
    without = [section.splitlines()[0] for section in sections if "```sh\n" not in section]
    assert without == []


@pytest.mark.parametrize("shape", ["plan", "verify"])
def test_json_md_lists_every_key_that_is_printed(shape: str, fleet: Fleet, tmp_path: Path) -> None:
    """And no other: both ways."""
    live(fleet.world, fleet.records[0])["certificateDescription"].update(
        status="INACTIVE", validity={"notAfter": fleet.records[0].expires.timestamp()}
    )
    fleet.records[1:2] = []
    _deploy_otherwise(fleet.world)
    fleet.world.roles |= {f"arn:aws:iam::{each.account}:role/FleetReader" for each in fleet.records}
    printed: set[str] = set()
    with FakeAws(fleet.world) as url:
        fleet.ask(url)
        assembly = write_with_set(tmp_path / "cdk.out", _every_key(), fleet.records)
        add_metadata(
            assembly, FOREIGN_POLICY_METADATA_TYPE, {"kind": "k", "resourceArn": "a", "policy": {"b": 1}}
        )
        for more in _more(shape):
            ran = in_pipe(shape, "--app", str(assembly), "--json", *more)
            printed |= _keys(json.loads(ran.stdout)) - {"stages[].warnings"}
    documented = _documented(f"iot-ca/{shape}")
    within = tuple(
        f"{key}."
        for key in (
            "stages[].planned",
            "stages[].live.tags",
            "registrations[].verification",
            "stackSets[].planned",
            "stackSets[].accounts.stages[]",
            "foreignPolicies[].policy",
        )
    )
    assert {key for key in printed if not key.startswith(within)} == documented


def _every_key() -> StackSetRecord:
    """A set as none can be: its lists are all there."""
    return set_record(accounts=("999999999999",), excluded_accounts=("888888888888",))


def _deploy_otherwise(world: World) -> None:
    """A set that differs in whatever can differ: itself, its stacks, an account, and an unknown organization."""
    instances = deploy_set(world, set_record())
    instances[0]["Status"] = "OUTDATED"
    world.cas.pop(f"{MEMBERS[1]}/{REGIONS[1]}/{set_record().cas[0].certificate_id}")
    world.sets[f"{ADMINISTRATOR}/{REGIONS[0]}/{NAME}"]["automatic"] = False
    world.units.clear()


def _more(shape: str) -> list[list[str]]:
    # A warning, so that its key is there; accounts that are entered, and that are not.
    warned = ["--expires-within", "40000"]
    ways = [[*warned, "--role-name", "FleetReader"], [*warned, "--trust-stack-sets"]]
    return ways if shape == "verify" else [[]]


def _documented(shape: str) -> set[str]:
    section = (
        (ROOT / "docs/json.md").read_text(encoding="utf-8").partition(f"## {shape},")[2].partition("\n## ")[0]
    )
    return set(re.findall(r"(?m)^\| `([^`]+)` \|", section))


def _keys(value: Any, at: str = "") -> set[str]:
    if isinstance(value, dict):
        inside = {key for name, each in value.items() for key in _keys(each, f"{at}.{name}" if at else name)}
        return inside | ({at} if at in _OBJECTS else set())
    if isinstance(value, list):
        return {key for each in value for key in _keys(each, f"{at}[]")}
    return {at}
