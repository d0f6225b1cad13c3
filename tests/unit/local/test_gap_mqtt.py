"""The limits of AWS IoT's message broker, HTTPS publish, and why a device is let in nowhere."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from typing import TYPE_CHECKING, Any

import pytest

from iot_multiaccount_ca.local.device_events import DeviceEvent, read_events
from iot_multiaccount_ca.local.emulator import LOOPBACK, LocalAws
from iot_multiaccount_ca.local.gaps import mqtt
from iot_multiaccount_ca.local.gaps.tls_stream import TlsStream
from support.certificates import DeviceKeyPair, make_ca, make_device
from support.local_accounts import LocalAccount, policy_document
from support.tls_client import connect_packet, context_of, events_of, knock, load, remaining_length, written

if TYPE_CHECKING:
    from pathlib import Path

CONNACK = b"\x20\x02\x00\x00"


@pytest.fixture
def device(aws: LocalAws, places: list[LocalAccount]) -> DeviceKeyPair:
    """A device that the first place has provisioned."""
    ca = make_ca("ec-p256", common_name=f"MQTT {places[0].account}")
    places[0].register(ca, registrationConfig={"templateName": places[0].template()})
    made = make_device(ca, "device-1")
    assert knock(aws, context_of(aws, made), places[0].endpoint).events[0].event == "provisioned"
    return made


def publish(topic: str, payload: bytes = b"", *, qos: int = 0) -> bytes:
    """A PUBLISH packet."""
    number = b"\0\1" if qos else b""
    body = struct.pack("!H", len(topic)) + topic.encode() + number + payload
    return bytes([0x30 | qos << 1]) + remaining_length(len(body)) + body


def talk(
    aws: LocalAws, device: DeviceKeyPair, place: LocalAccount, *packets: bytes
) -> tuple[bytes, list[DeviceEvent]]:
    """Connect as ``device-1``, send the packets and hang up: all that the broker answered, and wrote."""
    context, after = context_of(aws, device), written(aws)
    with socket.create_connection((LOOPBACK, aws.broker_port), timeout=20) as plain:
        port = plain.getsockname()[1]
        with context.wrap_socket(plain, server_hostname=place.endpoint) as secure:
            secure.sendall(connect_packet("device-1"))
            answer = secure.recv(4096)
            assert answer == CONNACK
            for packet in packets:
                secure.sendall(packet)
            secure.sendall(b"\xe0\x00")
            while data := secure.recv(4096):
                answer += data
    return answer[len(CONNACK) :], events_of(aws, port, after)


@pytest.mark.parametrize(
    ("asked", "seconds"), [(0, 1800), (1, 45), (29, 45), (30, 45), (60, 90), (1200, 1800), (65535, 1800)]
)
def test_silence_is_measured_by_the_keep_alive(asked: int, seconds: float) -> None:
    """1.5 times what the device asked for, within AWS IoT's 30 to 1,200 seconds; zero is 1,200."""
    assert mqtt.seconds_of_silence(asked) == seconds


def test_a_silent_device_is_cut_off() -> None:
    """A connection on which nothing comes ends after its idle time, and says that this was why."""

    async def run() -> tuple[bytes, bool]:
        ca = make_ca("ec-p256", common_name="silent")
        server, client = (ssl.SSLContext(kind) for kind in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT))
        own = make_device(ca, "silent broker")
        load(server, own.pem, own.key_pem)
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        over: asyncio.Future[tuple[bytes, bool]] = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            stream = TlsStream(reader, writer, server)
            await stream.handshake(await reader.read(65536))
            stream.idle = 0.05
            over.set_result((await stream.read(), stream.timed_out))
            stream.close()

        listening = await asyncio.start_server(serve, LOOPBACK, 0)
        port = listening.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection(LOOPBACK, port, ssl=client, server_hostname="")
        result = await asyncio.wait_for(over, 20)
        writer.close()
        listening.close()
        return result

    assert asyncio.run(run()) == (b"", True)


@pytest.mark.parametrize(
    ("topic", "allowed"),
    [
        ("a/b/c/d/e/f/g/h", True),
        ("a/b/c/d/e/f/g/h/i", False),
        ("$aws/rules/mine/a/b/c/d/e/f/g/h", True),
        ("$aws/rules/mine/a/b/c/d/e/f/g/h/i", False),
        ("$aws/things/t/shadow/name/n/update/delta/x/y", True),
        ("t" * 256, True),
        ("t" * 257, False),
        ("$aws/rules/mine/" + "t" * 256, True),
    ],
)
def test_topics_have_a_depth_and_a_length(topic: str, allowed: bool) -> None:
    """Seven slashes and 256 bytes, without the head of Basic Ingest."""
    assert (mqtt.topic_problem(topic) is None) is allowed


@pytest.mark.parametrize(
    ("packet", "event"),
    [
        (publish("devices/device-1/" + "/".join("abcdefghi")), "topic"),
        (publish("devices/device-1/x", bytes(129 * 1024)), "too-large"),
        (publish("devices/other/x"), "packet-denied"),
    ],
)
def test_a_packet_too_far_ends_the_connection(
    aws: LocalAws, device: DeviceKeyPair, places: list[LocalAccount], packet: bytes, event: str
) -> None:
    """Depth, size and policy: the device is cut off, and the cause is a line."""
    try:
        answer, events = talk(aws, device, places[0], packet, publish("devices/device-1/x", qos=1))
    except (ConnectionError, ssl.SSLError):
        events = [each for each in read_events(aws.connections)[0] if each.client_id == "device-1"]
    else:
        assert answer == b""
    assert event in [each.event for each in events]


def test_qos_2_is_not_answered(aws: LocalAws, device: DeviceKeyPair, places: list[LocalAccount]) -> None:
    """No PUBREC and no SUBACK comes; the connection goes on."""
    wanted = b"\0\2" + b"\0\x12devices/device-1/x" + b"\2"
    subscribe = b"\x82" + remaining_length(len(wanted)) + wanted
    answer, events = talk(
        aws,
        device,
        places[0],
        publish("devices/device-1/x", qos=2),
        subscribe,
        publish("devices/device-1/x", qos=1),
    )
    assert answer == b"\x40\x02\x00\x01"
    assert [each.event for each in events] == ["connected", "qos-2", "qos-2"]


def test_mqtt_3_1_is_told(aws: LocalAws, device: DeviceKeyPair, places: list[LocalAccount]) -> None:
    """The old version gets a return code that says so, and a line."""
    made = knock(
        aws, context_of(aws, device), places[0].endpoint, send=connect_packet(level=3, name=b"MQIsdp")
    )
    assert made.answer == b"\x20\x02\x00\x01"
    assert [(each.event, each.mqtt) for each in made.events] == [("mqtt-version", "3.1")]


def test_a_client_id_that_the_policy_forbids(
    aws: LocalAws, device: DeviceKeyPair, places: list[LocalAccount]
) -> None:
    """It is cut off without a CONNACK, as at AWS, and the line names what is not allowed."""
    made = knock(
        aws, context_of(aws, device), places[0].endpoint, send=connect_packet("somebody", keep_alive=7)
    )
    assert made.answer == b""
    (event,) = made.events
    assert (event.event, event.client_id, event.keep_alive) == ("connect-denied", "somebody", 7)
    assert "iot:Connect on client/somebody" in event.says


# --- HTTPS ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_line", "status", "event"),
    [
        ("POST /topics/over/https?qos=1 HTTP/1.1", 200, "published"),
        ("POST /topics/over%2Fhttps HTTP/1.1", 200, "published"),
        ("POST /topics/elsewhere HTTP/1.1", 403, "https"),
        ("GET /topics/devices/device-1/x HTTP/1.1", 404, "https"),
        ("GET /role-aliases/mine/credentials HTTP/1.1", 404, "https"),
    ],
)
def test_https_is_answered(
    aws: LocalAws,
    device: DeviceKeyPair,
    places: list[LocalAccount],
    request_line: str,
    status: int,
    event: str,
) -> None:
    """A message is published over HTTPS where the policies let it; everything else is refused, and told."""
    arn = f"arn:aws:iot:{places[0].region}:{places[0].account}:"
    policy = policy_document("iot:Publish", Resource=f"{arn}topic/over/https")
    places[0].iot.create_policy(policyName="over-https", policyDocument=policy)
    places[0].iot.attach_policy(policyName="over-https", target=f"{arn}cert/{device.certificate_id}")
    head = f"{request_line}\r\nhost: {places[0].endpoint}\r\ncontent-length: 5\r\n\r\n"
    made = knock(aws, context_of(aws, device), places[0].endpoint, send=head.encode() + b"hello")
    assert made.answer.split(b" ")[1] == str(status).encode(), made
    assert [each.event for each in made.events] == [event]


def test_https_needs_an_active_certificate(
    aws: LocalAws, device: DeviceKeyPair, places: list[LocalAccount]
) -> None:
    """In an account that does not know the device, HTTPS opens nothing."""
    head = b"POST /topics/devices/device-1/x HTTP/1.1\r\ncontent-length: 0\r\n\r\n"
    made = knock(aws, context_of(aws, device), places[1].endpoint, send=head)
    assert made.answer.split(b" ")[1] == b"403"


# --- why a device is let in nowhere -----------------------------------------------------------------------------


def names(place: LocalAccount) -> dict[str, str]:
    """What a device might take for the endpoint of a place."""
    prefix, _, rest = place.endpoint.partition("-ats.")
    return {
        "legacy": f"{prefix}.{rest}",
        "address": "127.0.0.1",
        "unknown": "broker.example.com",
        "region": place.endpoint.replace(place.region, "us-west-2"),
        "nobody": place.endpoint.replace(prefix, "a0000000000000"),
    }


@pytest.mark.parametrize(
    ("name", "event", "says"),
    [
        ("none", "no-sni", "it sent no server name"),
        ("unknown", "unknown-name", "broker.example.com"),
        ("region", "other-region", "in another region than us-west-2"),
        ("nobody", "unknown-endpoint", "the endpoint of no account here"),
    ],
)
def test_a_name_that_leads_nowhere(
    aws: LocalAws, places: list[LocalAccount], name: str, event: str, says: str
) -> None:
    """The refusal tells what came, and the name that was wanted."""
    ca = make_ca("ec-p256", common_name=f"nowhere {name}")
    places[0].register(ca)
    made = knock(aws, context_of(aws, make_device(ca, "lost")), names(places[0]).get(name))
    assert [each.event for each in made.events] == [event]
    assert says in made.events[0].says
    assert f"wanted: {places[0].endpoint}" in made.events[0].says


def test_the_account_of_another(aws: LocalAws, places: list[LocalAccount]) -> None:
    """An account that is there and does not hold the CA is named."""
    ca, other = (make_ca("ec-p256", common_name=f"account of another {number}") for number in range(2))
    places[0].register(ca)
    places[1].register(other)
    made = knock(aws, context_of(aws, make_device(ca, "astray")), places[1].endpoint)
    assert [each.event for each in made.events] == ["other-account"]
    assert f"{places[1].account} does not hold its CA" in made.events[0].says


def test_a_legacy_name_is_a_name(aws: LocalAws, places: list[LocalAccount]) -> None:
    """The endpoint without -ats routes as the one with it."""
    ca = make_ca("ec-p256", common_name="legacy")
    places[0].register(ca)
    made = knock(aws, context_of(aws, make_device(ca, "legacy device")), names(places[0])["legacy"])
    assert [(each.event, each.account) for each in made.events] == [("registered", places[0].account)]


@pytest.mark.parametrize(
    ("settings", "event", "says"),
    [
        ({"setAsActive": False}, "ca-inactive", "is INACTIVE in"),
        ({"allowAutoRegistration": False}, "no-auto-registration", "has auto-registration off in"),
    ],
)
def test_a_ca_that_lets_nobody_in_is_the_cause(
    aws: LocalAws, places: list[LocalAccount], settings: dict[str, Any], event: str, says: str
) -> None:
    """An INACTIVE CA and one without auto-registration are told apart."""
    ca = make_ca("ec-p256", common_name=f"cause {event}")
    places[0].register(ca, **settings)
    made = knock(aws, context_of(aws, make_device(ca, "kept out")), places[0].endpoint)
    assert [each.event for each in made.events] == [event]
    assert says in made.events[0].says


def test_an_inactive_certificate_is_the_cause(
    aws: LocalAws, device: DeviceKeyPair, places: list[LocalAccount]
) -> None:
    """A certificate that somebody deactivated."""
    places[0].iot.update_certificate(certificateId=device.certificate_id, newStatus="INACTIVE")
    made = knock(aws, context_of(aws, device), places[0].endpoint)
    assert [each.event for each in made.events] == ["certificate-status"]
    assert "is INACTIVE in" in made.events[0].says


# --- what is not MQTT --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (connect_packet(), "it speaks MQTT without TLS"),
        (b"GET / HTTP/1.1\r\n\r\n", "it speaks HTTP without TLS"),
        (b"hello broker", "what it sent is not TLS; it begins with 68 65 6c 6c 6f"),
    ],
)
def test_what_is_no_tls_is_told(aws: LocalAws, sent: bytes, says: str) -> None:
    """Plain MQTT, plain HTTP and anything else end at once, with a line."""
    after = written(aws)
    with socket.create_connection((LOOPBACK, aws.broker_port), timeout=20) as plain:
        port = plain.getsockname()[1]
        plain.sendall(sent)
        assert plain.recv(1) == b""
    (event,) = events_of(aws, port, after)
    assert (event.event, says in event.says) == ("no-tls", True), event


def test_events_are_read_from_where_one_left_off(tmp_path: Path, aws: LocalAws) -> None:
    """A line that is not complete is left for the next time."""
    knock(aws, context_of(aws))  # whichever test comes first: the file is there
    written = aws.connections.read_bytes().splitlines(keepends=True)[0]
    file = tmp_path / "connections.jsonl"
    assert read_events(file) == ([], 0)
    file.write_bytes(written + written[:20])
    first, position = read_events(file)
    file.write_bytes(written + written)
    second, _ = read_events(file, position)
    assert (len(first), len(second), position) == (1, 1, len(written))
