"""Fixes run as they are printed: commands that their programs take, and stacks as the CDK CLI names them."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from support.aws_commands import check_aws_command
from support.fleets import OWN_ACCOUNT, REGION, Fleet, certificate_id, live, record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HERE = f"{OWN_ACCOUNT}/{REGION}"
SELECTOR = "Pipeline/The Prod/dev"
JITR: dict[str, Any] = {"template_name": None, "jitr": True, "enrollment": {"admission": None}}


def _template(fleet: Fleet) -> dict[str, Any]:
    held: dict[str, Any] = fleet.world.templates[f"{HERE}/FleetCa-dev-0123abcd"]
    return held


def _tags(fleet: Fleet) -> dict[str, str]:
    tags: dict[str, str] = fleet.world.cas[f"{HERE}/{certificate_id()}"]["tags"]
    return tags


def _description(fleet: Fleet) -> dict[str, Any]:
    description: dict[str, Any] = live(fleet.world, fleet.records[0])["certificateDescription"]
    return description


def _undeployed(fleet: Fleet) -> None:
    fleet.world.cas.clear()
    fleet.world.stack_resources.clear()


def _failed(fleet: Fleet) -> None:
    fleet.world.cas.clear()
    fleet.world.stack_resources[f"{HERE}/FleetCa-dev"]["ResourceStatus"] = "CREATE_FAILED"


FAULTS: dict[str, Callable[[Fleet], object]] = {
    "deleted": lambda fleet: fleet.world.cas.clear(),
    "never deployed": _undeployed,
    "failed": _failed,
    "another certificate": lambda fleet: _description(fleet).update(
        certificatePem="-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----"
    ),
    "mode": lambda fleet: _description(fleet).update(certificateMode="DEFAULT"),
    "inactive": lambda fleet: _description(fleet).update(status="INACTIVE"),
    "no auto-registration": lambda fleet: _description(fleet).update(autoRegistrationStatus="DISABLE"),
    "another template": lambda fleet: live(fleet.world, fleet.records[0]).update(registrationConfig={}),
    "nobody's": lambda fleet: _tags(fleet).clear(),
    "an orphan": lambda fleet: fleet.world.stack_resources.clear(),
    "renamed": lambda fleet: _tags(fleet).update({"iot-multiaccount-ca:logical-id": "CaOld"}),
    "tags": lambda fleet: _tags(fleet).update(team="it's another"),
    "no template": lambda fleet: fleet.world.templates.clear(),
    "disabled": lambda fleet: _template(fleet).update(enabled=False),
    "type": lambda fleet: _template(fleet).update(type="FLEET_PROVISIONING"),
    "role gone": lambda fleet: _template(fleet).update(provisioningRoleArn="arn:aws:iam::1:role/gone"),
    "body": lambda fleet: _template(fleet).update(templateBody="{}"),
    "another role": lambda fleet: fleet.world.stack_resources[f"{HERE}/FleetCa-dev/ProvisioningRole"].update(
        PhysicalResourceId="other"
    ),
}
JITR_FAULTS: dict[str, Callable[[Fleet], object]] = {
    "no rule": lambda fleet: fleet.world.rules.clear(),
    "rule disabled": lambda fleet: fleet.world.rules[HERE][2].update(ruleDisabled=True),
    "no function": lambda fleet: fleet.world.functions.clear(),
    "admission": lambda fleet: fleet.world.functions[f"{HERE}/activation"].update(ENROLLMENT="`{}`'"),
}


def _commands(fleet: Fleet) -> list[list[str]]:
    """The commands in all fixes, as a shell would split them."""
    assembly = fleet.assembly()
    manifest = json.loads((assembly / "manifest.json").read_text())
    manifest["artifacts"]["Stack0"]["displayName"] = SELECTOR
    fleet.assembly = lambda **_: assembly  # type: ignore[method-assign]
    (assembly / "manifest.json").write_text(json.dumps(manifest))
    fixes = [each.fix for each in fleet.result().differences]
    assert fixes
    assert not any("stack FleetCa-dev" in fix for fix in fixes)
    return [shlex.split(command) for fix in fixes for command in re.findall("`([^`]*)`", fix)]


def _check(command: list[str]) -> None:
    program, *words = command
    if program == "cdk":
        deploy, repair = words[:3], words[3:]
        assert deploy == ["deploy", SELECTOR, "--exclusively"]
        assert not repair or (repair[0] == "-c" and repair[1].startswith("iot-multiaccount-ca:repair=2"))
        return
    check_aws_command(command)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fix_runs_as_it_is_printed(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole commands: nothing that is required is left to be filled in."""
    fleet = Fleet(tmp_path, monkeypatch, [record()])
    FAULTS[fault](fleet)
    for command in _commands(fleet):
        _check(command)


@pytest.mark.parametrize("fault", JITR_FAULTS)
def test_each_fix_of_an_activation_runs_as_it_is_printed(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under just-in-time registration too, and with hostile text in the environment."""
    fleet = Fleet(tmp_path, monkeypatch, [record(**JITR)])
    JITR_FAULTS[fault](fleet)
    commands = _commands(fleet)
    assert commands
    for command in commands:
        _check(command)
