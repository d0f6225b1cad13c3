"""What `iot-ca verify` advises for stack sets, run as it is printed by AWS's own command line on the local AWS."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from support.certificates import certificate_id, make_ca
from support.deployments import REGIONS, Deployments
from support.local_accounts import LocalAccount
from support.set_fleets import ADMINISTRATOR, SetFleet
from support.terminal import in_pipe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from iot_multiaccount_ca.local.emulator import LocalAws

SET = "FleetToMend"
HERE = REGIONS[0]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def aws_cli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """AWS's command line, in an environment of its own: it pins a botocore."""
    folder = tmp_path_factory.mktemp("aws-cli")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    install = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "awscli"]
    subprocess.run(install, check=True, timeout=600)
    return folder / "bin/aws"


class _Mending:
    """A set as planned; a test harms it, and lets the advice mend it."""

    def __init__(self, fleet: SetFleet, aws_cli: Path) -> None:
        self.fleet, self.organization, self._aws_cli = fleet, fleet.organization, aws_cli
        self.cloudformation = self.organization.cloudformation
        self.ca_id = certificate_id(fleet.ca.certificate)

    def found(self) -> dict[str, Any]:
        """What verify says of the set."""
        self.organization.quiet(SET)
        ran = in_pipe("verify", "--app", str(self.fleet.folder), "--json")
        [found] = json.loads(ran.stdout)["stackSets"]
        return dict(found)

    def advice(self) -> Iterator[tuple[str, str]]:
        """Each thing that is not as planned, with the account that it is in and what to do about it."""
        found = self.found()
        yield from ((ADMINISTRATOR, each["fix"]) for each in found["differences"])
        yield from ((each["places"][0]["account"], each["fix"]) for each in found["notCurrent"])
        for stage in (found["accounts"] or {"stages": []})["stages"]:
            yield from ((stage["planned"]["account"], each["fix"]) for each in stage["differences"])

    def mend(self) -> list[str]:
        """Run every command as it is printed, where it belongs; the commands."""
        ran = []
        for account, fix in self.advice():
            assert "…" not in fix
            for command in re.findall("`([^`]*)`", fix):
                program, service, verb, *_ = words = shlex.split(command)
                if program == "cdk":
                    assert "if it has news; else" in fix  # the app has none
                    continue
                own = service == "iot" or verb == "delete-stack"
                self._run(words[1:], account if own else ADMINISTRATOR)
                self.organization.quiet(SET)
                ran.append(verb)
        assert self.found()["state"] == "as-planned"
        return ran

    def _run(self, words: list[str], account: str) -> None:
        environment = self.fleet.aws.environment(account)
        command = [str(self._aws_cli), "--output", "json", *words]
        run = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert run.returncode == 0, f"{shlex.join(words)}: {run.stderr}"


def test_each_fix_mends_as_it_is_printed(
    deployments: Deployments,
    local_aws: LocalAws,
    aws_cli: Path,
    pytestconfig: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One harm after the other; after each, all is as planned again."""
    ca, spare = make_ca("ec-p256", common_name="CA of a set to mend"), "699999999999"
    fleet = SetFleet(deployments, str(pytestconfig.rootpath), ca, SET, excluded=[spare])
    organization = fleet.organization
    unit = organization.unit("to mend")
    accounts = [organization.join(unit) for _ in range(2)]
    fleet.deploy([unit])
    for name, value in fleet.aws.settings(ADMINISTRATOR, HERE).items():
        monkeypatch.setenv(name, value)
    mending = _Mending(fleet, aws_cli)
    assert mending.found()["state"] == "as-planned"
    _harm_the_set(mending, unit, accounts)
    _harm_who_comes(mending, local_aws, unit, spare)
    _harm_the_accounts(mending, local_aws, accounts)


def _delete(mending: _Mending, unit: str, accounts: list[str], regions: list[str]) -> None:
    mending.cloudformation.delete_stack_instances(
        StackSetName=SET,
        DeploymentTargets={
            "OrganizationalUnitIds": [unit],
            "Accounts": accounts,
            "AccountFilterType": "INTERSECTION",
        },
        Regions=regions,
        RetainStacks=False,
    )


def _harm_the_set(mending: _Mending, unit: str, accounts: list[str]) -> None:
    """Stacks missing, of some accounts or of all; settings and template; a stack that cannot be deleted."""
    _delete(mending, unit, accounts[:1], [HERE])
    assert mending.mend() == ["create-stack-instances"]
    _delete(mending, unit, accounts, [HERE])
    assert mending.mend() == ["create-stack-instances"]

    mending.cloudformation.update_stack_set(
        StackSetName=SET,
        UsePreviousTemplate=True,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        AutoDeployment={"Enabled": False},
    )
    assert mending.mend() == ["update-stack-set"]
    changed = json.loads(
        mending.cloudformation.describe_stack_set(StackSetName=SET)["StackSet"]["TemplateBody"]
    )
    mending.cloudformation.update_stack_set(
        StackSetName=SET,
        TemplateBody=json.dumps({**changed, "Outputs": {}}),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        AutoDeployment={"Enabled": True, "RetainStacksOnAccountRemoval": True},
    )
    assert mending.mend() == ["update-stack-set", "update-stack-set"]

    place = LocalAccount(mending.fleet.aws, accounts[1], HERE)
    other = make_ca("ec-p256", common_name="Another CA of the template")
    [template] = place.iot.list_provisioning_templates()["templates"]
    registered = place.iot.register_ca_certificate(
        caCertificate=other.pem,
        certificateMode="SNI_ONLY",
        registrationConfig={"templateName": template["templateName"]},
    )
    _delete(mending, unit, accounts[1:], [HERE])
    mending.organization.quiet(SET)
    place.iot.delete_ca_certificate(certificateId=registered["certificateId"])
    ran = mending.mend()
    assert ran == ["delete-stack-instances", "delete-stack", "create-stack-instances"]


def _harm_who_comes(mending: _Mending, local_aws: LocalAws, unit: str, spare: str) -> None:
    """An account that holds the CA already joins, and one that is excluded."""
    organization = mending.organization
    newcomer = organization.join()
    place = LocalAccount(local_aws, newcomer, HERE)
    place.register(mending.fleet.ca)
    organization.move(newcomer, unit)
    organization.quiet(SET)
    place.iot.update_ca_certificate(certificateId=mending.ca_id, newStatus="INACTIVE")
    place.iot.delete_ca_certificate(certificateId=mending.ca_id)
    assert mending.mend() == ["update-stack-set"]
    organization.join(unit, account=spare)
    assert mending.mend() == ["delete-stack-instances"]


def _harm_the_accounts(mending: _Mending, local_aws: LocalAws, accounts: list[str]) -> None:
    """A registration inactive, without its tags, and gone."""
    iot = LocalAccount(local_aws, accounts[0], HERE).iot
    iot.update_ca_certificate(
        certificateId=mending.ca_id, newStatus="INACTIVE", newAutoRegistrationStatus="DISABLE"
    )
    assert mending.mend() == ["update-ca-certificate", "update-ca-certificate"]
    arn = iot.describe_ca_certificate(certificateId=mending.ca_id)["certificateDescription"]["certificateArn"]
    ours = [each["Key"] for each in iot.list_tags_for_resource(resourceArn=arn)["tags"]]
    iot.untag_resource(resourceArn=arn, tagKeys=[each for each in ours if each.startswith("iot-multi")])
    assert mending.mend() == ["tag-resource"]
    iot.update_ca_certificate(certificateId=mending.ca_id, newStatus="INACTIVE")
    iot.delete_ca_certificate(certificateId=mending.ca_id)
    assert mending.mend() == ["delete-stack-instances", "create-stack-instances"]
