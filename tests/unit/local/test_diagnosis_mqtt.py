"""Mistakes in MQTT, each made by paho or another real client: the sentence that `iot-ca listen` has for it."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as mqtt
import pytest

from iot_multiaccount_ca.local.connections import Connections
from iot_multiaccount_ca.local.device_events import read_events
from iot_multiaccount_ca.local.diagnosis import diagnose
from iot_multiaccount_ca.local.emulator import LOOPBACK
from support.boards import BoardFleet, check
from support.certificates import DeviceKeyPair, make_device
from support.local_accounts import policy_document
from support.tls_client import connect_packet, context_of, knock, load, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from iot_multiaccount_ca.model.assembly import RegistrationRecord

CONNECT = connect_packet("device-1")
POST = b"POST /topics/x HTTP/1.1\r\ncontent-length: 0\r\n\r\n"


def with_flags(flags: int) -> bytes:
    """The CONNECT with other flags, and nothing of what they announce."""
    return CONNECT[:9] + bytes([flags]) + CONNECT[10:]


def naming_context(fleet: BoardFleet, device: DeviceKeyPair) -> ssl.SSLContext:
    """A context for clients that send as SNI what they dial: it sends the endpoint."""

    class Naming(ssl.SSLContext):
        def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
            return super().wrap_socket(*arguments, **{**options, "server_hostname": fleet.place.endpoint})

    context = Naming(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=fleet.aws.broker_trust_anchor())
    load(context, device.pem, device.key_pem)
    return context


def paho(
    fleet: BoardFleet,
    work: Callable[[mqtt.Client], object] = lambda _: None,
    *,
    client_id: str = "device-1",
    keep_alive: int = 60,
    stops: bool = False,
    before: Callable[[mqtt.Client], object] = lambda _: None,
    **how: Any,
) -> list[str]:
    """Connect by paho as a provisioned device, and work until the connection ends: each event, fix and warnings.

    ``before``: its settings. ``stops``: it does nothing more once it is connected, as firmware that hangs.
    """
    device = make_device(fleet.ca, "device-1")
    assert fleet.python(device).event == "provisioned"
    seen = written(fleet.aws)
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2,  # type: ignore[attr-defined]
        client_id=client_id,
        reconnect_on_failure=False,
        **how,
    )
    client.tls_set_context(naming_context(fleet, device))
    client.on_connect = lambda *_: work(client)  # type: ignore[assignment]
    before(client)
    client.connect(LOOPBACK, fleet.aws.broker_port, keepalive=keep_alive)
    deadline = time.monotonic() + (60 if stops else 20)
    while time.monotonic() < deadline and len(read_events(fleet.aws.connections, seen)[0]) < 2:
        if stops and client.is_connected():
            time.sleep(0.2)  # no loop, no PINGREQ
        elif client.loop(0.2) != mqtt.MQTT_ERR_SUCCESS:
            break
    client.disconnect()
    events, _ = read_events(fleet.aws.connections, seen)
    return [
        f"{each.event}: {diagnose(each, fleet.plan).fix} {diagnose(each, fleet.plan).warnings}"
        for each in events
    ]


def test_a_client_id_that_the_policy_forbids(fleet: BoardFleet) -> None:
    """The policy allows the thing's name."""
    (told,) = paho(fleet, client_id="another")
    assert told.startswith("connect-denied: take the client id that the policy allows")


def test_a_will_that_the_policy_forbids(fleet: BoardFleet) -> None:
    """It is told once, and the client id is not blamed."""
    (told,) = paho(fleet, before=lambda client: client.will_set("elsewhere", b"gone", qos=1))
    assert told.startswith(
        "connect-denied: take the client id that the policy allows, often the thing's name, and a"
    )


def test_a_client_id_that_was_made_up(fleet: BoardFleet) -> None:
    """A client that sends none is not told of one that it never saw without a word."""
    (told,) = paho(fleet, client_id="")
    assert told.startswith("connect-denied")
    event = read_events(fleet.aws.connections)[0][-1]
    assert event.says.endswith("a client id that was made up, as it sent none")


def test_a_client_id_that_is_too_long(fleet: BoardFleet) -> None:
    """Whatever the policy allows."""
    (told,) = paho(fleet, client_id="d" * 129)
    assert told.startswith("client-id: shorten the client id")


@pytest.mark.parametrize(
    ("newer", "says"), [("device-1", "it connected anew with"), ("device-2", "another device connected with")]
)
def test_a_client_id_that_is_in_use(fleet: BoardFleet, newer: str, says: str) -> None:
    """Told of the connection that is cut off: of devices that share a client id each cuts off the other, for ever."""
    place = fleet.place
    policy = policy_document("iot:Connect", Resource="*")
    place.iot.create_policy(policyName="any-client", policyDocument=policy)
    contexts = {}
    for name in {"device-1", newer}:
        device = make_device(fleet.ca, name)
        contexts[name] = context_of(fleet.aws, device)
        knock(fleet.aws, contexts[name], place.endpoint)
        target = f"arn:aws:iot:{place.region}:{place.account}:cert/{device.certificate_id}"
        place.iot.attach_policy(policyName="any-client", target=target)
    with contextlib.ExitStack() as stack:
        sockets = []
        for name in ("device-1", newer):
            seen = written(fleet.aws)
            plain = socket.create_connection((LOOPBACK, fleet.aws.broker_port), timeout=20)
            secure = stack.enter_context(contexts[name].wrap_socket(plain, server_hostname=place.endpoint))
            secure.sendall(CONNECT)
            assert secure.recv(4) == b"\x20\x02\x00\x00"
            sockets.append(secure)
        told = fleet.next_event(seen)
        assert told.peer.endswith(f":{sockets[0].getsockname()[1]}")
        check(diagnose(told, fleet.plan), "same-client-id", says, "a client id of its own")
        assert sockets[0].recv(4) == b""


@pytest.mark.parametrize(
    ("topic", "payload", "qos", "told_of"),
    [
        ("elsewhere", b"x", 0, "packet-denied: use the topics that the policy allows"),
        ("devices/device-1/x", b"x", 2, "qos-2: use QoS 0 or 1"),
        ("devices/device-1/a/b/c/d/e/f/g", b"x", 1, "topic: at most 7 slashes"),
        ("devices/device-1/x", bytes(129 * 1024), 1, "too-large: send at most 128 KB"),
    ],
    ids=["forbidden topic", "QoS 2", "deep topic", "large"],
)
def test_a_message_that_goes_too_far(
    fleet: BoardFleet, topic: str, payload: bytes, qos: int, told_of: str
) -> None:
    """Elsewhere than the policy allows, of the third kind of delivery, too deep, too large."""
    told = paho(fleet, lambda client: client.publish(topic, payload, qos=qos))
    assert [each.partition(":")[0] for each in told[:1]] == ["connected"]
    assert told[1].startswith(told_of)


def test_mqtt_3_1(fleet: BoardFleet) -> None:
    """The old protocol."""
    told = paho(fleet, protocol=mqtt.MQTTv31)
    assert told[0].startswith("mqtt-version: set the client library to MQTT 3.1.1")


@pytest.mark.parametrize(("asked", "taken"), [(5, 30), (0, 1200), (3600, 1200)])
def test_a_keep_alive_out_of_range(fleet: BoardFleet, asked: int, taken: int) -> None:
    """It works, as AWS IoT has it, and is told."""
    told = paho(fleet, lambda client: client.disconnect(), keep_alive=asked)
    assert f"its keep-alive of {asked} s is out of range: AWS IoT takes {taken} s" in told[0]


@pytest.mark.slow
def test_a_device_that_does_not_keep_alive(fleet: BoardFleet) -> None:
    """Firmware that hangs once it is connected is cut off after 1.5 times its keep-alive, of 30 seconds at least."""
    told = paho(fleet, keep_alive=10, stops=True)
    assert told[1].startswith("keep-alive: send PINGREQ in time")


def test_what_is_no_mqtt(fleet: BoardFleet) -> None:
    """TLS stands, and something else comes than a CONNECT."""
    found = fleet.python(make_device(fleet.ca, "d"), send=b"hello broker")
    check(
        found, "no-mqtt", "not an MQTT CONNECT; it begins with 68 65 6c 6c 6f", "send an MQTT CONNECT first"
    )


def send_and_end(fleet: BoardFleet, context: ssl.SSLContext, sent: bytes) -> None:
    """Send these bytes and nothing more, and wait until the broker ends the connection."""
    plain = socket.create_connection((LOOPBACK, fleet.aws.broker_port), timeout=20)
    with context.wrap_socket(plain, server_hostname=fleet.place.endpoint) as secure:
        secure.sendall(sent)
        with contextlib.suppress(ConnectionError):
            secure.shutdown(socket.SHUT_WR)
            while secure.recv(4096):
                pass


@pytest.mark.parametrize(
    ("sent", "event", "says"),
    [
        (CONNECT + CONNECT, "malformed", "a second CONNECT in one connection"),
        (
            connect_packet("device-1", name=b"MQIsdp"),
            "malformed",
            "names the protocol 'MQIsdp', which is MQTT in",
        ),
        (b"\x10\x03\x00\x04M", "malformed", "its CONNECT cannot be read"),
        (CONNECT[:-2], "malformed", "was not complete when the connection ended"),
        (CONNECT + b"\x30\x01\x00", "malformed", "its PUBLISH cannot be read"),
        (CONNECT + b"\x30\x02\x00\x00", "malformed", "its PUBLISH is not one that AWS IoT takes"),
        (CONNECT + b"\x30\x05\x00\x03a/#", "topic", "wildcards are for subscriptions"),
        (b"\x10\x06\x00\x04MQTT", "malformed", "its CONNECT cannot be read: it ends early"),
        (b"\x10\x0a\x00\x04MQTT\x04\x02\x00\x3c", "malformed", "its CONNECT cannot be read"),
        (with_flags(0x06), "malformed", "its CONNECT cannot be read"),
        (with_flags(0x82), "malformed", "its CONNECT cannot be read"),
        (with_flags(0x03), "malformed", "the lowest bit of its flags is set"),
        (CONNECT + b"\x30\xff\xff\xff\xff\x01", "malformed", "has more than four bytes"),
        (CONNECT + b"\x30\xff\xff\xff\x7f\x00", "too-large", "is to have 268435455 bytes"),
        (CONNECT + b"\xd0\x00", "malformed", "a packet of type 13, which no client sends"),
        (CONNECT + b"\x36\x06\x00\x01a\x00\x01x", "malformed", "with QoS 3, which there is not"),
        (
            CONNECT + b"\x30\x0a\x00\x08$SYS/foo",
            "topic",
            "'$SYS/foo', and what begins with $ is AWS IoT's own",
        ),
        (CONNECT + b"\x82\x0b\x00\x01\x00\x06$SYS/#\x00", "topic", "it subscribed to '$SYS/#'"),
    ],
    ids=[
        *("twice", "name", "short", "in part", "broken PUBLISH", "no topic", "wildcard", "name alone"),
        *("no client id", "no will", "no user name", "flags", "length", "announced", "a server's", "QoS 3"),
        *("reserved topic", "reserved filter"),
    ],
)
def test_packets_that_are_wrong(fleet: BoardFleet, sent: bytes, event: str, says: str) -> None:
    """By home-made MQTT over Python's ssl: no connection ends without a sentence that names the packet."""
    context = context_of(fleet.aws, make_device(fleet.ca, "device-1"))
    assert fleet.diagnose(knock(fleet.aws, context, fleet.place.endpoint).port).event == "provisioned"
    seen = written(fleet.aws)
    send_and_end(fleet, context, sent)
    told = fleet.next_event(seen)
    if told.event == "connected":
        told = fleet.next_event(seen, 1)
    check(diagnose(told, fleet.plan), event, says, "")


def test_a_connect_in_part_of_a_new_device(fleet: BoardFleet) -> None:
    """It is not registered, and the sentence blames the packet and not the CA."""
    seen = written(fleet.aws)
    context = context_of(fleet.aws, make_device(fleet.ca, "device-1"))
    send_and_end(fleet, context, b"\x10\xff\xff\xff\x7f")
    check(diagnose(fleet.next_event(seen), fleet.plan), "malformed", "did not come whole", "lengths")
    assert fleet.place.iot.list_certificates()["certificates"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "says"),
    [
        ("POST", "/topics/elsewhere", b"hello", "do not allow iot:Publish on topic/elsewhere"),
        ("POST", "/topics/elsewhere", iter([b"hello"]), "no body in chunks"),
        ("POST", "/topics/a%2Fb%2Fc%2Fd%2Fe%2Ff%2Fg%2Fh%2Fi", b"hello", "has 8 slashes, and 7 are allowed"),
        ("POST", "/topics/a/%2B/b", b"hello", "has a wildcard"),
        ("POST", "/topics/", b"hello", "the topic is empty"),
        ("PATCH", "/topics/elsewhere", b"hello", "by POST /topics/<topic>, and nothing else"),
        ("GET", "/role-aliases/mine/credentials", None, "no credential provider"),
        ("GET", "/mqtt", None, "MQTT over WebSocket takes AWS credentials"),
    ],
    ids=["policy", "chunks", "depth", "wildcard", "no topic", "method", "credentials", "websocket"],
)
def test_https_that_publishes_nothing(
    fleet: BoardFleet, method: str, path: str, body: bytes | Iterator[bytes] | None, says: str
) -> None:
    """By Python's http.client: the answer is the broker's, and the sentence says what HTTPS is for."""
    device = make_device(fleet.ca, "device-1")
    fleet.python(device)
    seen = written(fleet.aws)
    connection = http.client.HTTPSConnection(
        LOOPBACK, fleet.aws.broker_port, context=naming_context(fleet, device), timeout=20
    )
    with contextlib.closing(connection):
        connection.request(method, path, body=body)
        assert connection.getresponse().status in (400, 403, 404)
    check(diagnose(fleet.next_event(seen), fleet.plan), "https", says, "POST /topics/<topic>")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("the endpoint", "is not registered yet in"),
        (None, "it sent no server name (SNI)"),
        ("mqtt.example.com", "'mqtt.example.com', which is not an endpoint"),
    ],
)
def test_https_of_a_device_that_is_not_known(fleet: BoardFleet, name: str | None, says: str) -> None:
    """The answer names the cause as a refused CONNECT does."""
    context = context_of(fleet.aws, make_device(fleet.ca, "device-1"))
    name = fleet.place.endpoint if name == "the endpoint" else name
    found = fleet.diagnose(knock(fleet.aws, context, name, send=POST).port)
    check(found, "https", says, "with an ACTIVE certificate")


def test_mqtt_over_websocket(fleet: BoardFleet) -> None:
    """Whatever the path: the sentence says what to use instead."""
    context = context_of(fleet.aws, make_device(fleet.ca, "device-1"))
    head = b"GET / HTTP/1.1\r\nconnection: Upgrade\r\nupgrade: WebSocket\r\n\r\n"
    found = fleet.diagnose(knock(fleet.aws, context, fleet.place.endpoint, send=head).port)
    check(found, "https", "use MQTT over TLS", "POST /topics")


# --- cut off at first, and never back ----------------------------------------------------------------------------


class App:
    """Of a rehearsed app, what connections ask for."""

    def __init__(self, fleet: BoardFleet) -> None:
        self.records, self._fleet = [fleet.record], fleet

    def ca_pem(self, record: RegistrationRecord) -> str:
        """The CA of the record."""
        return self._fleet.ca.pem


@pytest.mark.parametrize("comes_back", [False, True])
@pytest.mark.parametrize("how", ["time passes", "it ends"])
def test_a_device_that_never_comes_back(
    fleet: BoardFleet, how: str, comes_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first connect is cut off; who is not back after a time, or at the end, is told how firmware has to act."""
    connections = Connections(fleet.aws, App(fleet))  # type: ignore[arg-type]
    list(connections.new(ended=True))  # what other tests did
    context = context_of(fleet.aws, make_device(fleet.ca, "device-1"))
    knocks = [
        knock(fleet.aws, context, fleet.place.endpoint, send=connect_packet("device-1"))
        for _ in range(1 + comes_back)
    ]
    assert [each["event"] for each in connections.new()] == ["provisioned", "connected"][: 1 + comes_back]
    assert list(connections.new()) == [], "it has some time"
    if how == "time passes":
        monkeypatch.setattr("iot_multiaccount_ca.local.connections.BACK_SECONDS", 0.0)
    told = list(connections.new(ended=how == "it ends"))
    assert [(each["event"], each["stage"]) for each in told] == (
        [] if comes_back else [("never-back", "dev")]
    )
    if told:
        assert re.search(r"has not come back in the \d+ s since", told[0]["says"])
        assert told[0]["device"].endswith(f":{knocks[0].port}")
        assert "connect again after a first failure" in told[0]["fix"]
