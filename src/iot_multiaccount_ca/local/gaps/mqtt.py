"""The limits of AWS IoT's message broker, and a line for each packet that it does not take.

"AWS IoT Core message broker and protocol limits and quotas", and "AWS IoT differences from MQTT specifications":
keep-alive, size, levels and length of topics, QoS 2, clients' ids.
"""

from __future__ import annotations

import struct
import weakref
from typing import TYPE_CHECKING, Any

from ministack.services import iot

from .journal import Connection, current, tell
from .tls_stream import TlsStream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LARGEST_MESSAGE = 128 * 1024
_SHORTEST_KEEP_ALIVE, _LONGEST_KEEP_ALIVE = 30, 1200
_LONGEST_TOPIC, _LONGEST_CLIENT_ID = 256, 128
_MOST_SLASHES, _MOST_FILTERS = 7, 8
_VERSIONS = {3: "3.1", 4: "3.1.1", 5: "5"}
_NAMES = {3: "MQIsdp", 4: "MQTT", 5: "MQTT"}
_KINDS = {1: "CONNECT", 3: "PUBLISH", 4: "PUBACK", 8: "SUBSCRIBE", 10: "UNSUBSCRIBE", 14: "DISCONNECT"}
# These may be longer by their head: $aws/rules/<rule>/…
_BASIC_INGEST = ("$aws", "rules")


def close() -> None:
    """Look at each packet before the emulator does, and tell what it refuses."""
    session = iot._WSSession
    session.handle_packet = _limited(session.handle_packet)
    session._send_connack = _telling(session._send_connack, _tell_connected)
    session._refuse_connect = _telling(session._refuse_connect, _tell_connect_denied)
    session._reject_malformed_packet = _telling(session._reject_malformed_packet, _tell_malformed)
    session._policy_allows = _telling_denied(session._policy_allows)
    iot._force_disconnect_duplicate = _telling_duplicate(iot._force_disconnect_duplicate)
    serve = iot._mtls_serve_conn

    async def serve_conn(reader: TlsStream, writer: TlsStream) -> None:
        _streams[id(current.get())] = reader
        try:
            await serve(reader, writer)
        finally:
            del _streams[id(current.get())]

    iot._mtls_serve_conn = serve_conn


_streams: dict[int, TlsStream] = {}
# The connection of a session that was let in.
_connected: weakref.WeakKeyDictionary[Any, Connection] = weakref.WeakKeyDictionary()


def seconds_of_silence(keep_alive: int) -> float:
    """After how many seconds without a packet a device is cut off, by the keep-alive that it asked for."""
    if keep_alive == 0:
        keep_alive = _LONGEST_KEEP_ALIVE
    return 1.5 * min(max(keep_alive, _SHORTEST_KEEP_ALIVE), _LONGEST_KEEP_ALIVE)


def topic_problem(topic: str) -> str | None:
    """Why AWS IoT takes no such topic or topic filter, or None."""
    levels = topic.split("/")
    if tuple(levels[:2]) == _BASIC_INGEST:
        topic = "/".join(levels[3:])
    elif levels[0] == "$aws":
        return None
    if len(topic.encode()) > _LONGEST_TOPIC:
        return f"the topic {topic[:40]!r}… has {len(topic.encode())} bytes, and {_LONGEST_TOPIC} are allowed"
    if topic.count("/") > _MOST_SLASHES:
        return f"the topic {topic!r} has {topic.count('/')} slashes, and {_MOST_SLASHES} are allowed"
    return None


def _limited(handle: Callable[..., Awaitable[bool]]) -> Callable[..., Awaitable[bool]]:
    async def handle_packet(session: Any, kind: int, flags: int, body: bytes) -> bool:
        connection = current.get()
        told = 0 if connection is None else connection.told
        try:
            problem = _problem(session, kind, flags, body)
        except (ValueError, IndexError, struct.error):
            problem = None  # the emulator has an answer to what cannot be read
        if problem is not None:
            event, says, goes_on = problem
            tell(event, says)
            return goes_on
        goes_on = await handle(session, kind, flags, body)
        if not goes_on and kind != iot.PKT_DISCONNECT and connection is not None and connection.told == told:
            tell("malformed", f"its {_name(kind)} is not one that AWS IoT takes; cut off")
        return goes_on

    return handle_packet


def _problem(session: Any, kind: int, flags: int, body: bytes) -> tuple[str, str, bool] | None:
    """Event, sentence, and whether the connection goes on."""
    if kind == iot.PKT_CONNECT:
        return _connect_problem(body)
    if len(body) > LARGEST_MESSAGE:
        return "too-large", f"a packet of {len(body)} bytes: {LARGEST_MESSAGE} are allowed; cut off", False
    if kind == iot.PKT_PUBLISH:
        topic, _ = iot._read_string(body, 0)
        problem = topic_problem(topic)
        if {"#", "+"} & set(topic):
            problem = f"it published on {topic!r}: wildcards are for subscriptions"
        if problem:
            return "topic", f"{problem}; cut off", False
        if flags & 0x06 == 0x04:
            return "qos-2", f"it published on {topic!r} with QoS 2, which AWS IoT does not answer", True
    elif kind == iot.PKT_SUBSCRIBE:
        return _subscribe_problem(session, body)
    return None


def _connect_problem(body: bytes) -> tuple[str, str, bool] | None:
    name, position = iot._read_string(body, 0)
    level = body[position]
    (keep_alive,) = struct.unpack_from("!H", body, position + 2)
    connection = current.get()
    if connection is not None and connection.mqtt is not None:
        return "malformed", "it sent a second CONNECT in one connection; cut off", False
    position += 4
    if level == iot.MQTT_5:
        _, position = iot._decode_properties(body, position)
    client_id, _ = iot._read_string(body, position)
    if connection is not None:
        connection.mqtt = _VERSIONS.get(level, str(level))
        connection.keep_alive, connection.client_id = keep_alive, client_id
        stream = _streams.get(id(connection))
        if stream is not None:
            stream.idle = seconds_of_silence(keep_alive)
    if name != _NAMES.get(level, name):
        says = (
            f"its CONNECT names the protocol {name!r}, which is {_NAMES[level]} in version {_VERSIONS[level]}"
        )
        return "malformed", f"{says}; cut off", False
    if level not in (iot.MQTT_311, iot.MQTT_5):
        tell("mqtt-version", f"it speaks MQTT {_VERSIONS.get(level, level)}: AWS IoT has 3.1.1 and 5")
    if len(client_id.encode()) > _LONGEST_CLIENT_ID:
        says = f"its client id has {len(client_id.encode())} bytes, and {_LONGEST_CLIENT_ID} are allowed; cut off"
        return "client-id", says, False
    return None


def _subscribe_problem(session: Any, body: bytes) -> tuple[str, str, bool] | None:
    position = 2
    if session.protocol_version == iot.MQTT_5:
        _, position = iot._decode_properties(body, position)
    filters = []
    while position < len(body):
        wanted, position = iot._read_string(body, position)
        problem = topic_problem(wanted)
        if problem:
            return "topic", f"{problem}; cut off", False
        if body[position] & 0x03 == 2:
            return "qos-2", f"it subscribed to {wanted!r} with QoS 2, which AWS IoT does not answer", True
        filters.append(wanted)
        position += 1
    if len(filters) > _MOST_FILTERS:
        return (
            "topic",
            f"{len(filters)} filters in one SUBSCRIBE: {_MOST_FILTERS} are allowed; cut off",
            False,
        )
    return None


def _telling(
    method: Callable[..., Awaitable[Any]], tell_of: Callable[..., None]
) -> Callable[..., Awaitable[Any]]:
    async def wrapped(session: Any, *arguments: Any, **named: Any) -> Any:
        if session.certificate_id is not None:
            tell_of(session, *arguments)
        return await method(session, *arguments, **named)

    return wrapped


def _tell_connected(session: Any, *_: Any) -> None:
    connection = current.get()
    if connection is not None:
        _connected[session] = connection
        connection.account, connection.region = session.account_id, session.region
    where = f"{session.account_id}/{session.region}"
    tell("connected", f"it is connected to {where} as client {session._client_id!r}", warn=False)


def _telling_duplicate(evict: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Tell of the connection that has to go: its own device knows nothing of the one that comes."""

    async def force_disconnect_duplicate(account: str, region: str, client_id: str) -> Any:
        session, newer = iot._connected_clients.get((account, region, client_id)), current.get()
        former = None if session is None else _connected.get(session)
        if former is not None and newer is not None:
            same = former.certificates[:1] == newer.certificates[:1]
            who = "it connected anew" if same else "another device connected"
            says = f"{who} with the client id {client_id!r} while this connection stood; cut off"
            former.tell("same-client-id", says)
        return await evict(account, region, client_id)

    return force_disconnect_duplicate


def _tell_malformed(_: Any, kind: int, error: Exception) -> None:
    tell("malformed", f"its {_name(kind)} cannot be read ({error}); cut off")


def _name(kind: int) -> str:
    return _KINDS.get(kind, f"packet of type {kind}")


def _tell_connect_denied(session: Any, denied: str) -> None:
    where = f"{session.account_id}/{session.region}"
    tell("connect-denied", f"the policies of its certificate in {where} do not allow {denied}")


def _telling_denied(allows: Callable[..., bool]) -> Callable[..., bool]:
    """Tell of what a device may not publish or subscribe to; what it may not receive just never comes."""

    def policy_allows(session: Any, action: str, resource: str) -> bool:
        allowed = allows(session, action, resource)
        if not allowed and action in ("iot:Publish", "iot:RetainPublish", "iot:Subscribe"):
            where = f"{session.account_id}/{session.region}"
            tell(
                "packet-denied",
                f"the policies of its certificate in {where} do not allow {action} on {resource}",
            )
        return allowed

    return policy_allows
