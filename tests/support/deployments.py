"""Apps deployed by the real CDK CLI onto the local AWS, and what CloudFormation says of them. For end-to-end tests.

Apps of the tests are synthesized in the test's own process, where aws_cdk is loaded once: starting Python, Node and the
CDK for each costs more than the deployment. Apps that users see run as the CLI runs them.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest import mock

from iot_multiaccount_ca.local.cdk import Cdk, CdkError
from iot_multiaccount_ca.model.assembly import read_registrations
from iot_multiaccount_ca.model.assembly_files import read_stacks
from support import plans

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from iot_multiaccount_ca.local.emulator import LocalAws
    from iot_multiaccount_ca.model.assembly import RegistrationRecord

ACCOUNTS = plans.ACCOUNTS
REGIONS = (plans.REGION, "us-east-1")


@dataclass(frozen=True)
class StackEvent:
    """One event of a stack."""

    logical_id: str
    status: str
    reason: str
    physical_id: str


class Deployments:
    """Apps on the local AWS. An app is Python source, or the path of a file, that makes an `aws_cdk.App`.

    Source writes into the folder ``os.environ["CDK_OUTDIR"]``, as the CLI would tell it. Each app has a name; deploying
    one of the same name again updates it.
    """

    def __init__(self, aws: LocalAws, root: Path, folder: Path) -> None:
        self.aws = aws
        self._folder = folder
        self._cdk = Cdk(aws, root)
        self._deployed: dict[str, Path] = {}

    def synthesize(
        self, app: str | Path, *, name: str = "app", variables: Mapping[str, str] | None = None
    ) -> Path:
        """The cloud assembly of an app, which runs with ``variables`` in its environment.

        Source runs in this process; a file in one of its own, started by the CDK CLI.
        """
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        output = folder / "cdk.out"
        if isinstance(app, str):
            # What an earlier deployment staged stays there: within a process, the CDK stages an asset in a folder once.
            file = folder / "app.py"
            file.write_text(app, encoding="utf-8")
            with mock.patch.dict(os.environ, {"CDK_OUTDIR": str(output), **(variables or {})}):
                exec(compile(app, file, "exec"), {"__name__": "__main__"})
            return output
        shutil.rmtree(output, ignore_errors=True)
        more = {"CDK_VALIDATION": "false", **(variables or {})}
        arguments = ("--quiet", "--app", f"{sys.executable} {app}", "--output", str(output))
        self._cdk.run("synth", *arguments, account=ACCOUNTS[0], more=more)
        return output

    def deploy(
        self,
        app: str | Path,
        *arguments: str,
        name: str = "app",
        variables: Mapping[str, str] | None = None,
        concurrency: int = 3,
    ) -> list[RegistrationRecord]:
        """Deploy all stacks of an app; its planned registrations. Raises `CdkError`, with what the CLI printed.

        ``arguments``: more for `cdk deploy`. Stacks that failed are left as CloudFormation left them.
        """
        assembly = self.synthesize(app, name=name, variables=variables)
        # Also when it fails: what is left of it is destroyed with the test.
        self._deployed[name] = assembly
        self._cdk.run(
            "deploy",
            "--all",
            *("--app", str(assembly)),
            *("--require-approval", "never"),
            *("--concurrency", str(concurrency)),
            *arguments,
            account=ACCOUNTS[0],
            region=REGIONS[0],
        )
        return read_registrations(assembly)

    def assembly(self, name: str) -> Path:
        """The cloud assembly of an app that was deployed."""
        return self._deployed[name]

    def deploy_assembly(self, assembly: Path, *, name: str) -> str:
        """Deploy all stacks of a cloud assembly, such as a pipeline stage's; what the CLI said."""
        self._deployed.setdefault(name, assembly)
        return self._cdk.deploy(assembly, account=ACCOUNTS[0], region=REGIONS[0])

    def diff(self, assembly: Path) -> str:
        """What `cdk diff` says; raises `CdkError` where something differs from what is deployed."""
        arguments = ("--app", str(assembly), "--fail")
        return self._cdk.run("diff", *arguments, account=ACCOUNTS[0], region=REGIONS[0])

    def fail_to_deploy(self, app: str | Path, *arguments: str, **how: Any) -> str:
        """Deploy an app that must not deploy; what the CLI said."""
        try:
            self.deploy(app, *arguments, **how)
        except CdkError as error:
            return str(error)
        message = "the app deployed, and it should not have"
        raise AssertionError(message)

    def destroy(self, name: str = "app") -> str:
        """Destroy all stacks of an app; what the CLI said. Raises `CdkError`."""
        return self._cdk.destroy(self._deployed.pop(name), account=ACCOUNTS[0], region=REGIONS[0])

    def destroy_one(self, name: str, stack: str) -> str:
        """Destroy one stack of an app, by its id in the app, and what the CLI takes along; what the CLI said."""
        arguments = (stack, "--app", str(self._deployed[name]), "--force")
        return self._cdk.run("destroy", *arguments, account=ACCOUNTS[0], region=REGIONS[0])

    def run_printed(self, command: str, *, name: str, variables: Mapping[str, str]) -> str:
        """Run `cdk` with a command's words as they were printed, on an app's source; what the CLI said."""
        app = f"{sys.executable} {self._folder / name / 'app.py'}"
        output = str(self._folder / name / "repaired.out")
        arguments = (*shlex.split(command), "--app", app, "--output", output, "--require-approval", "never")
        more = {"CDK_VALIDATION": "false", **variables}
        return self._cdk.run(*arguments, account=ACCOUNTS[0], region=REGIONS[0], more=more)

    def import_resources(self, name: str, stack: str, *, mapping: str) -> str:
        """`cdk import` of one stack of an app, by its id in the app; what the CLI said. ``mapping``: JSON."""
        file = self._folder / name / "import-map.json"
        file.write_text(mapping, encoding="utf-8")
        arguments = (stack, "--app", str(self._deployed[name]), "--resource-mapping", str(file))
        return self._cdk.run("import", *arguments, account=ACCOUNTS[0], region=REGIONS[0])

    def resources(self, stack: str, account: str, region: str, *, kind: str) -> list[dict[str, Any]]:
        """A stack's resources of one type, as CloudFormation lists them."""
        cloudformation = self.aws.client("cloudformation", account=account, region=region)
        listed = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
        return [each for each in listed if each["ResourceType"] == kind]

    def close(self) -> None:
        """Delete what is still deployed, without the CLI: that a stack can be destroyed is for tests to say."""
        for name in reversed(list(self._deployed)):
            for stack in reversed(read_stacks(self._deployed[name])):
                if self.stack_status(stack.name, stack.account, stack.region) is None:
                    continue
                cloudformation = self.aws.client("cloudformation", account=stack.account, region=stack.region)
                cloudformation.delete_stack(StackName=stack.name)
                waiter = cloudformation.get_waiter("stack_delete_complete")
                waiter.wait(StackName=stack.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    def stack_status(self, stack: str, account: str, region: str) -> str | None:
        """A stack's status, None where there is none."""
        cloudformation = self.aws.client("cloudformation", account=account, region=region)
        try:
            status: str = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        except cloudformation.exceptions.ClientError:
            return None
        return None if status == "DELETE_COMPLETE" else status

    def stack_id(self, stack: str, account: str, region: str) -> str:
        """A stack's id: another one is another stack."""
        cloudformation = self.aws.client("cloudformation", account=account, region=region)
        return str(cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackId"])

    def stack_events(self, stack: str, account: str, region: str) -> list[StackEvent]:
        """A stack's events, oldest first; by its id also of a stack that is gone."""
        cloudformation = self.aws.client("cloudformation", account=account, region=region)
        found = []
        for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack):
            found += page["StackEvents"]
        return [
            StackEvent(
                event["LogicalResourceId"],
                event["ResourceStatus"],
                event.get("ResourceStatusReason", ""),
                event.get("PhysicalResourceId", ""),
            )
            for event in reversed(found)
        ]

    def failures(self, stack: str, account: str, region: str) -> list[str]:
        """The reasons of a stack's failed events, oldest first."""
        return [
            event.reason
            for event in self.stack_events(stack, account, region)
            if event.status.endswith("_FAILED") and event.reason
        ]

    def describe_ca(self, certificate_id: str, account: str, region: str) -> dict[str, Any] | None:
        """What DescribeCACertificate answers, flattened; None where the CA is not registered."""
        iot = self.aws.client("iot", account=account, region=region)
        try:
            answer = iot.describe_ca_certificate(certificateId=certificate_id)
        except iot.exceptions.ResourceNotFoundException:
            return None
        config = answer.get("registrationConfig") or {}
        return {**answer["certificateDescription"], "templateName": config.get("templateName")}

    def put_secret(self, name: str, value: str, account: str, region: str) -> str:
        """Create or overwrite a secret; its ARN."""
        secrets = self.aws.client("secretsmanager", account=account, region=region)
        try:
            arn: str = secrets.create_secret(Name=name, SecretString=value)["ARN"]
        except secrets.exceptions.ResourceExistsException:
            arn = secrets.put_secret_value(SecretId=name, SecretString=value)["ARN"]
        return arn

    def bootstrap(self, account: str, region: str) -> None:
        """Bootstrap one more environment."""
        self._cdk.bootstrap([(account, region)], trusted=ACCOUNTS[0])


__all__ = ["ACCOUNTS", "REGIONS", "Deployments", "StackEvent"]
