"""Clients that device makers use, as they are: paho, Node's mqtt and a storm of first connects; Debian's are slow."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iot_multiaccount_ca.local.device import Broker, Device, DeviceCertificate, Outcome
from iot_multiaccount_ca.local.device_events import DeviceEvent, read_events
from iot_multiaccount_ca.local.emulator import LOOPBACK, LocalAws
from support.certificates import Authority, make_ca, make_device
from support.local_accounts import LocalAccount
from support.tls_client import connect_packet, context_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
_STORM = 200
# Connects until it is let in, publishes with QoS 1, and says so.
_NODE = """
const mqtt = require("mqtt");
const fs = require("fs");
const [endpoint, port, folder] = process.argv.slice(2);
const client = mqtt.connect({
  protocol: "mqtts", host: "127.0.0.1", port: Number(port), servername: endpoint, clientId: "device-1",
  ca: fs.readFileSync(`${folder}/anchor.pem`), cert: fs.readFileSync(`${folder}/device.pem`),
  key: fs.readFileSync(`${folder}/device.key`), reconnectPeriod: 200, connectTimeout: 10000,
});
client.on("connect", () => client.publish("devices/device-1/x", "hello", { qos: 1 }, (error) => {
  console.log(error ? `refused: ${error}` : "published");
  client.end(true, () => process.exit(error ? 1 : 0));
}));
"""
_PROGRAMS = ("openssl", "curl", "mosquitto_pub", "gnutls-cli")


class Fleet:
    """A CA in one account with just-in-time provisioning, and the files of one device of it."""

    def __init__(self, aws: LocalAws, folder: Path) -> None:
        self.aws, self.folder = aws, folder
        self.place = LocalAccount(aws, "700000000001")
        self.owner = LocalAccount(aws, "700000000002")
        self.ca: Authority = make_ca("ec-p256", common_name="CA of many clients")
        self.place.register(self.ca, registrationConfig={"templateName": self.place.template()})
        self.owner.register(self.ca, "DEFAULT", registrationConfig={"templateName": self.owner.template()})
        device = make_device(self.ca, "device-1")
        self.device = DeviceCertificate.of(device.pem, device.key_pem)
        for name, content in (
            ("anchor.pem", aws.broker_trust_anchor()),
            ("device.pem", device.pem),
            ("device.key", device.key_pem),
        ):
            (folder / name).write_text(content)

    def run(self, *command: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a client in the folder of the device's files."""
        return subprocess.run(command, cwd=self.folder, input=given, capture_output=True, timeout=60)

    def let_in(self) -> None:
        """The first connect, which is cut off."""
        broker = Broker(LOOPBACK, self.aws.broker_port, self.aws.broker_trust_anchor())
        with Device(self.device, broker, self.place.endpoint, client_id="device-1") as connection:
            assert connection.connect() is Outcome.CUT_OFF

    def events(self) -> list[DeviceEvent]:
        """All that the broker wrote."""
        return read_events(self.aws.connections)[0]


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """A local AWS of the test's own, without the CDK."""
    with LocalAws() as aws:
        yield Fleet(aws, tmp_path)


def node() -> str:
    """Node: the environment's own, or the machine's."""
    own = Path(sys.executable).parent / "node"
    found = str(own) if own.exists() else shutil.which("node")
    assert found is not None
    return found


def test_nodes_mqtt(fleet: Fleet) -> None:
    """Node's mqtt, from the npm registry, is cut off once, comes back by itself, and publishes."""
    (fleet.folder / "client.js").write_text(_NODE)
    (fleet.folder / "node_modules").symlink_to(ROOT / "node_modules")
    ran = fleet.run(node(), "client.js", fleet.place.endpoint, str(fleet.aws.broker_port), str(fleet.folder))
    assert (ran.returncode, ran.stdout) == (0, b"published\n"), ran.stderr
    assert [(each.event, each.account) for each in fleet.events()][:2] == [
        ("provisioned", fleet.place.account),
        ("connected", fleet.place.account),
    ]


def test_paho(fleet: Fleet) -> None:
    """Python's paho-mqtt, from the Python registry, does the same by hand."""
    fleet.let_in()
    broker = Broker(LOOPBACK, fleet.aws.broker_port, fleet.aws.broker_trust_anchor())
    with Device(fleet.device, broker, fleet.place.endpoint, client_id="device-1") as connection:
        assert connection.connect() is Outcome.CONNECTED
        assert connection.publish("devices/device-1/x", b"hello")


def test_a_storm_of_first_connects(fleet: Fleet) -> None:
    """Two hundred new devices at once are all provisioned, and nobody hears an error."""
    devices = [make_device(fleet.ca, f"storm-{number}") for number in range(_STORM)]

    async def first_connect(context: ssl.SSLContext) -> bytes:
        reader, writer = await asyncio.open_connection(
            LOOPBACK, fleet.aws.broker_port, ssl=context, server_hostname=fleet.place.endpoint
        )
        writer.write(connect_packet("storm"))
        answer = await reader.read()
        writer.close()
        return answer

    async def all_at_once() -> list[bytes]:
        return await asyncio.gather(*(first_connect(context_of(fleet.aws, device)) for device in devices))

    assert set(asyncio.run(all_at_once())) == {b""}
    told = [each.event for each in fleet.events()]
    assert told == ["provisioned"] * _STORM
    assert [device for device in devices if fleet.place.status_of(device_of(device.pem)) != "ACTIVE"] == []


def device_of(pem: str) -> DeviceCertificate:
    """A certificate by which to ask for its status."""
    return DeviceCertificate.of(pem, "")


# --- what Debian has to bring -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_programs_of_the_matrix_are_there() -> None:
    """`make test-all` needs them: apt-get install openssl curl mosquitto-clients gnutls-bin."""
    assert [program for program in _PROGRAMS if shutil.which(program) is None] == []


@pytest.mark.slow
def test_gnutls(fleet: Fleet) -> None:
    """GnuTLS trusts the broker by the endpoint's name, and its CONNECT is accepted."""
    fleet.let_in()
    ran = fleet.run(
        *(
            "gnutls-cli",
            f"--sni-hostname={fleet.place.endpoint}",
            f"--verify-hostname={fleet.place.endpoint}",
        ),
        *("--x509cafile=anchor.pem", "--x509certfile=device.pem", "--x509keyfile=device.key"),
        *(f"--port={fleet.aws.broker_port}", LOOPBACK),
        given=connect_packet("device-1"),
    )
    assert b"The certificate is trusted" in ran.stdout, ran.stdout + ran.stderr
    assert fleet.events()[-1].event == "connected"


@pytest.mark.slow
def test_curl(fleet: Fleet) -> None:
    """curl publishes over HTTPS, by the endpoint's name, where a policy lets it."""
    fleet.let_in()
    arn = f"arn:aws:iot:{fleet.place.region}:{fleet.place.account}:"
    policy = (
        '{"Version": "2012-10-17", "Statement": '
        f'[{{"Effect": "Allow", "Action": "iot:Publish", "Resource": "{arn}topic/by/curl"}}]}}'
    )
    fleet.place.iot.create_policy(policyName="curl", policyDocument=policy)
    fleet.place.iot.attach_policy(policyName="curl", target=f"{arn}cert/{fleet.device.certificate_id}")
    port = fleet.aws.broker_port
    ran = fleet.run(
        *("curl", "--silent", "--show-error", "--noproxy", "*", "--cacert", "anchor.pem"),
        *("--cert", "device.pem", "--key", "device.key", "--data", "hello"),
        *("--connect-to", f"{fleet.place.endpoint}:{port}:{LOOPBACK}:{port}"),
        f"https://{fleet.place.endpoint}:{port}/topics/by/curl?qos=1",
    )
    assert ran.stdout == b'{"message": "OK"}', ran.stdout + ran.stderr
    assert fleet.events()[-1].event == "published"


@pytest.mark.slow
def test_mosquitto(fleet: Fleet) -> None:
    """mosquitto dials an address, so it sends no SNI, and lands with the DEFAULT owner of its CA."""
    command = [
        *("mosquitto_pub", "-h", LOOPBACK, "-p", str(fleet.aws.broker_port), "-i", "device-1"),
        *("--cafile", "anchor.pem", "--cert", "device.pem", "--key", "device.key"),
        *("-t", "devices/device-1/x", "-m", "hello", "-q", "1"),
    ]
    assert fleet.run(*command).returncode != 0, "the first connect is cut off"
    assert fleet.run(*command).returncode == 0
    assert [(each.event, each.account) for each in fleet.events()] == [
        ("provisioned", fleet.owner.account),
        ("connected", fleet.owner.account),
    ]
