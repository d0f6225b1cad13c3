"""Just-in-time registration on the local AWS: the real CDK CLI, the real Lambda under IAM, devices over MQTT."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca.local.activation import decisions_on
from iot_multiaccount_ca.local.device import Broker, Device, DeviceCertificate, Outcome
from iot_multiaccount_ca.local.emulator import LOOPBACK
from support.certificates import make_ca
from support.deployments import ACCOUNTS, REGIONS, Deployments
from support.local_accounts import LocalAccount, connect, device_of
from support.terminal import in_pipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from iot_multiaccount_ca.local.emulator import LocalAws

ONE, TWO, _ = ACCOUNTS
REGION = REGIONS[0]
CA = make_ca("ec-p256", common_name="JITR CA")
_APP = """
import os
from aws_cdk import App
from iot_multiaccount_ca import Admission, CaCertificate, CaStage, JitrEnrollment, SharedCa, SharedCaPlan

things = "arn:{{partition}}:iot:{{region}}:{{account}}"
policy = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect", "Resource": things + ":client/${iot:Connection.Thing.ThingName}"},
    {"Effect": "Allow", "Action": "iot:Publish", "Resource": things + ":topic/${iot:Connection.Thing.ThingName}/*"},
]}

def enrollment(**admission):
    return JitrEnrollment(policy=policy, thing_name="{CommonName}", admission=Admission(**admission))

by_parameter = enrollment(parameter_name="/fleet/admitted")
by_table = enrollment(table_name="fleet", listed_by="SERIAL_NUMBER", subject={"CommonName": "sensor-[0-9]+"})
app = App(outdir=os.environ["CDK_OUTDIR"])
plan = SharedCaPlan(
    ca_certificate=CaCertificate.from_pem(os.environ["CA"]),
    stages=[
        CaStage("parameter", account="111111111111", region="eu-west-1", provisioning=by_parameter),
        CaStage("table", account="222222222222", region="eu-west-1", provisioning=by_table),
    ],
)
SharedCa(app, "Jitr", plan=plan)
app.synth()
"""


@dataclass
class Account(LocalAccount):
    """One stage's account, and what devices do there."""

    stage: str = ""

    @property
    def stack(self) -> str:
        return f"Jitr-{self.stage}"

    def client(self, service: str) -> Any:
        return self.aws.client(service, account=self.account, region=self.region)

    def connect(self, certificate: DeviceCertificate) -> Outcome:
        return connect(self.aws, certificate, self.endpoint)

    def publishes(self, certificate: DeviceCertificate) -> bool:
        broker = Broker(LOOPBACK, self.aws.broker_port, self.aws.broker_trust_anchor())
        name = certificate.common_name
        with Device(certificate, broker, self.endpoint, client_id=name) as connection:
            assert connection.connect() is Outcome.CONNECTED
            return connection.publish(f"{name}/state", b"{}")

    def decision(self, certificate: DeviceCertificate) -> dict[str, Any]:
        """The last line that the Lambda logged of a certificate, waited for."""
        found: list[dict[str, Any]] = _until(
            lambda: decisions_on(self.aws, self.account, self.region, certificate.certificate_id)
        )
        return found[-1]

    def dead_letters(self) -> list[str]:
        resources = self.client("cloudformation").describe_stack_resources(StackName=self.stack)[
            "StackResources"
        ]
        [url] = [
            each["PhysicalResourceId"] for each in resources if each["ResourceType"] == "AWS::SQS::Queue"
        ]
        found = self.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", [])
        return [message["Body"] for message in found]


def _until(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 30
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come about in 30 s"
        time.sleep(0.05)
    return found


def _device(name: str) -> DeviceCertificate:
    return device_of(CA, name)


def _serial(certificate: DeviceCertificate) -> str:
    from cryptography import x509

    return f"{x509.load_pem_x509_certificate(certificate.pem.encode()).serial_number:x}"


@pytest.fixture
def lists(local_aws: LocalAws) -> Iterator[tuple[DeviceCertificate, DeviceCertificate]]:
    """Two allow-lists with a device each: a parameter of fingerprints, and a table of serial numbers."""
    first, second = _device("sensor-1"), _device("sensor-2")
    ssm = local_aws.client("ssm", account=ONE, region=REGION)
    ssm.put_parameter(Name="/fleet/admitted", Type="StringList", Value=f"{'ab' * 32},{first.certificate_id}")
    dynamodb = local_aws.client("dynamodb", account=TWO, region=REGION)
    dynamodb.create_table(
        TableName="fleet",
        KeySchema=[{"AttributeName": "certificateId", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "certificateId", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName="fleet", Item={"certificateId": {"S": _serial(second)}})
    yield first, second
    ssm.delete_parameter(Name="/fleet/admitted")


def test_devices_are_admitted_or_kept_out(
    deployments: Deployments,
    local_aws: LocalAws,
    lists: tuple[DeviceCertificate, DeviceCertificate],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Connect, event, Lambda, ACTIVE, connect and publish; who is not on the list stays PENDING_ACTIVATION, and the log
    says why; what the Lambda fails on ends in the dead-letter queue. `iot-ca verify` sees a rule that is disabled."""
    records = deployments.deploy(_APP, name="jitr", variables={"CA": CA.pem})
    assert [record.jitr for record in records] == [True, True]
    one, two = Account(local_aws, ONE, stage="parameter"), Account(local_aws, TWO, stage="table")
    first, second = lists

    for here, admitted, other, said in (
        (one, first, second, "is not in parameter /fleet/admitted"),
        (two, second, first, "is not in table fleet"),
    ):
        assert here.connect(admitted) is Outcome.CUT_OFF
        _until(lambda here=here, admitted=admitted: here.status_of(admitted) == "ACTIVE")  # type: ignore[misc]
        assert here.publishes(admitted)
        decision = here.decision(admitted)
        assert (decision["decision"], decision["thingName"]) == ("activated", admitted.common_name)
        assert (decision["account"], decision["region"]) == (here.account, REGION)

        assert here.connect(other) is Outcome.CUT_OFF
        refused = here.decision(other)
        assert refused["decision"] == "refused"
        assert said in refused["reason"]
        assert here.status_of(other) == "PENDING_ACTIVATION"
        assert here.connect(other) is Outcome.CUT_OFF

    # The other condition of this account: a name that the rule on the subject does not know.
    misnamed = _device("camera-1")
    two.connect(misnamed)
    assert "does not match" in two.decision(misnamed)["reason"]

    for variable, value in local_aws.settings(ONE, REGION).items():
        monkeypatch.setenv(variable, value)
    assembly = str(tmp_path / "jitr" / "cdk.out")
    assert in_pipe("verify", "--app", assembly).code == 0
    [rule] = one.iot.list_topic_rules()["rules"]
    one.iot.disable_topic_rule(ruleName=rule["ruleName"])
    ran = in_pipe("verify", "--app", assembly)
    assert (ran.code, f"{rule['ruleName']} is disabled" in ran.stdout) == (1, True), ran.stdout + ran.stderr

    # A list that is gone admits nobody, and the event is kept.
    two.client("dynamodb").delete_table(TableName="fleet")
    late = _device("sensor-3")
    two.connect(late)
    [letter] = _until(two.dead_letters)
    assert late.certificate_id in letter
    assert two.decision(late)["decision"] == "failed"
    assert two.status_of(late) == "PENDING_ACTIVATION"

    deployments.destroy("jitr")
    assert one.status_of(first) == "ACTIVE"
    assert one.iot.list_attached_policies(target=_arn(one, first))["policies"]


def _arn(here: Account, certificate: DeviceCertificate) -> str:
    return f"arn:aws:iot:{REGION}:{here.account}:cert/{certificate.certificate_id}"
