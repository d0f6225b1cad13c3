"""Clients that device makers use, as they are: paho, Node's mqtt, OpenSSL's own, and a storm of first connects."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from iot_multiaccount_ca.local.device import Broker, Device, DeviceCertificate, Outcome
from iot_multiaccount_ca.local.emulator import LOOPBACK
from support.certificates import make_device
from support.tls_client import connect_packet, context_of

if TYPE_CHECKING:
    import ssl

    from support.client_fleet import ClientFleet

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


def test_nodes_mqtt(client_fleet: ClientFleet) -> None:
    """Node's mqtt, from the npm registry, is cut off once, comes back by itself, and publishes."""
    (client_fleet.folder / "client.js").write_text(_NODE)
    (client_fleet.folder / "node_modules").symlink_to(ROOT / "node_modules")
    ran = client_fleet.run(
        "node", "client.js", client_fleet.place.endpoint, client_fleet.port, str(client_fleet.folder)
    )
    assert (ran.returncode, ran.stdout) == (0, b"published\n"), ran.stderr
    client_fleet.assert_cut_off_and_let_in()


def test_paho(client_fleet: ClientFleet) -> None:
    """Python's paho-mqtt, from the Python registry, does the same by hand."""
    client_fleet.let_in()
    broker = Broker(LOOPBACK, client_fleet.aws.broker_port, client_fleet.aws.broker_trust_anchor())
    with Device(client_fleet.device, broker, client_fleet.place.endpoint, client_id="device-1") as connection:
        assert connection.connect() is Outcome.CONNECTED
        assert connection.publish("devices/device-1/x", b"hello")
    client_fleet.assert_cut_off_and_let_in()


def test_openssl(client_fleet: ClientFleet) -> None:
    """OpenSSL's s_client trusts the broker by the endpoint's name, and what it sends is taken for a CONNECT."""
    client_fleet.let_in()
    ran = client_fleet.run(
        *("openssl", "s_client", "-connect", f"{LOOPBACK}:{client_fleet.port}", "-quiet", "-nocommands"),
        *("-servername", client_fleet.place.endpoint, "-verify_hostname", client_fleet.place.endpoint),
        *("-verify_return_error", "-CAfile", "anchor.pem", "-cert", "device.pem", "-key", "device.key"),
        given=connect_packet("device-1") + b"\xe0\x00",
    )
    assert ran.stdout == b"\x20\x02\x00\x00", ran.stderr
    client_fleet.assert_cut_off_and_let_in()


def test_a_storm_of_first_connects(client_fleet: ClientFleet) -> None:
    """Two hundred new devices at once are all provisioned, and nobody hears an error."""
    aws, place = client_fleet.aws, client_fleet.place
    devices = [make_device(client_fleet.ca, f"storm-{number}") for number in range(_STORM)]

    async def first_connect(context: ssl.SSLContext) -> bytes:
        reader, writer = await asyncio.open_connection(
            LOOPBACK, aws.broker_port, ssl=context, server_hostname=place.endpoint
        )
        writer.write(connect_packet("storm"))
        answer = await reader.read()
        writer.close()
        return answer

    async def all_at_once() -> list[bytes]:
        return await asyncio.gather(*(first_connect(context_of(aws, device)) for device in devices))

    assert set(asyncio.run(all_at_once())) == {b""}
    assert [each.event for each in client_fleet.events()] == ["provisioned"] * _STORM
    known = [DeviceCertificate.of(device.pem, "") for device in devices]
    assert [device for device in known if place.status_of(device) != "ACTIVE"] == []
