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
from .mqtt_connect import read_connect
from .tls_stream import TlsStream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LARGEST_MESSAGE = 128 * 1024
# What stands before a payload: a topic, and the properties of MQTT 5.
_ROOM_FOR_HEAD = 16 * 1024
_SHORTEST_KEEP_ALIVE, _LONGEST_KEEP_ALIVE = 30, 1200
_LONGEST_TOPIC, _LONGEST_CLIENT_ID = 256, 128
_MOST_SLASHES, _MOST_FILTERS = 7, 8
_VERSIONS = {3: "3.1", 4: "3.1.1", 5: "5"}
_NAMES = {3: "MQIsdp", 4: "MQTT", 5: "MQTT"}
_KINDS = {1: "CONNECT", 3: "PUBLISH", 4: "PUBACK", 8: "SUBSCRIBE", 10: "UNSUBSCRIBE", 14: "DISCONNECT"}
# A server's, or nobody's; 15 is MQTT 5's AUTH.
_NOT_OF_CLIENTS = {0, 2, 9, 11, 13}
_LONGEST_HEAD = 5
_OF_PACKETS = ("iot:Publish", "iot:RetainPublish", "iot:Subscribe")
# These may be longer by their head: $aws/rules/<rule>/… and $share/<name>/…
_BASIC_INGEST, _SHARED = ("$aws", "rules"), "$share"


def close() -> None:
    """Look at each packet before the emulator does, and tell what it refuses."""
    session = iot._WSSession
    session._take_packet = _bounded(session._take_packet)
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
# Why a session ends whose packet is not even read.
_unread: weakref.WeakKeyDictionary[Any, tuple[str, str]] = weakref.WeakKeyDictionary()


def seconds_of_silence(keep_alive: int) -> float:
    """After how many seconds without a packet a device is cut off, by the keep-alive that it asked for."""
    if keep_alive == 0:
        keep_alive = _LONGEST_KEEP_ALIVE
    return 1.5 * min(max(keep_alive, _SHORTEST_KEEP_ALIVE), _LONGEST_KEEP_ALIVE)


def topic_problem(topic: str) -> str | None:
    """Why AWS IoT takes no such topic or topic filter, or None."""
    levels = topic.split("/")
    if levels[0] == _SHARED:
        topic = "/".join(levels[2:])
    elif tuple(levels[:2]) == _BASIC_INGEST:
        topic = "/".join(levels[3:])
    elif levels[0] == "$aws":
        return None
    if len(topic.encode()) > _LONGEST_TOPIC:
        return f"the topic {topic[:40]!r}… has {len(topic.encode())} bytes, and {_LONGEST_TOPIC} are allowed"
    if topic.count("/") > _MOST_SLASHES:
        return f"the topic {topic!r} has {topic.count('/')} slashes, and {_MOST_SLASHES} are allowed"
    return None


def _bounded(take: Callable[[Any], tuple[int, int, bytes] | None]) -> Callable[[Any], Any]:
    """Look at a packet's head as soon as it is there: what cannot be is not waited for, nor held in memory."""

    def take_packet(session: Any) -> tuple[int, int, bytes] | None:
        problem = _head_problem(bytes(session._buffer[:_LONGEST_HEAD]))
        if problem is None:
            return take(session)
        _unread[session] = problem
        return 0, 0, b""

    return take_packet


def _head_problem(head: bytes) -> tuple[str, str] | None:
    try:
        length, _ = iot._decode_remaining_length(head, 1)
    except ValueError:
        if len(head) < _LONGEST_HEAD:
            return None  # there is more to come
        return "malformed", "the length of its packet has more than four bytes; cut off"
    if length <= LARGEST_MESSAGE + _ROOM_FOR_HEAD:
        return None
    name = _name(head[0] >> 4)
    return "too-large", f"its {name} is to have {length} bytes: {LARGEST_MESSAGE} are allowed; cut off"


def _limited(handle: Callable[..., Awaitable[bool]]) -> Callable[..., Awaitable[bool]]:
    async def handle_packet(session: Any, kind: int, flags: int, body: bytes) -> bool:
        connection = current.get()
        told = 0 if connection is None else connection.told
        unread = _unread.pop(session, None)
        if unread is not None:
            tell(*unread)
            return False
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
    if kind in _NOT_OF_CLIENTS:
        return "malformed", f"it sent a packet of type {kind}, which no client sends; cut off", False
    if kind == iot.PKT_PUBLISH:
        return _publish_problem(session, flags, body)
    if len(body) > LARGEST_MESSAGE:
        return "too-large", f"a packet of {len(body)} bytes: {LARGEST_MESSAGE} are allowed; cut off", False
    if kind == iot.PKT_SUBSCRIBE:
        return _subscribe_problem(session, body)
    return None


def _publish_problem(session: Any, flags: int, body: bytes) -> tuple[str, str, bool] | None:
    topic, position = iot._read_string(body, 0)
    qos = flags >> 1 & 0x03
    position += 2 if qos else 0
    if session.protocol_version == iot.MQTT_5:
        _, position = iot._decode_properties(body, position)
    size = len(body) - position
    if size > LARGEST_MESSAGE:
        return "too-large", f"a message of {size} bytes: {LARGEST_MESSAGE} are allowed; cut off", False
    if {"#", "+"} & set(topic):
        return "topic", f"it published on {topic!r}: wildcards are for subscriptions; cut off", False
    problem = topic_problem(topic)
    if problem:
        return "topic", f"{problem}; cut off", False
    if qos == 2:
        return "qos-2", f"it published on {topic!r} with QoS 2, which AWS IoT does not answer", True
    if qos > 2:
        return "malformed", f"it published on {topic!r} with QoS 3, which there is not; cut off", False
    if not iot._reserved_topic_publish_allowed(topic):  # the emulator's answer depends on the version
        tell("topic", f"it published on {topic!r}, and what begins with $ is AWS IoT's own")
    return None


def _connect_problem(body: bytes) -> tuple[str, str, bool] | None:
    connection = current.get()
    try:
        connect = read_connect(body)
    except ValueError as error:
        return "malformed", f"its CONNECT cannot be read: {error}; cut off", False
    if connection is not None and connection.mqtt is not None:
        return "malformed", "it sent a second CONNECT in one connection; cut off", False
    level, name, client_id = connect.level, connect.name, connect.client_id
    if connection is not None:
        connection.mqtt = _VERSIONS.get(level, str(level))
        connection.keep_alive, connection.client_id = connect.keep_alive, client_id
        stream = _streams.get(id(connection))
        if stream is not None:
            stream.idle = seconds_of_silence(connect.keep_alive)
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
        if not iot._reserved_filter_subscribe_allowed(wanted):
            tell("topic", f"it subscribed to {wanted!r}, and what begins with $ is AWS IoT's own")
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
    connection = current.get()
    made_up = connection is not None and connection.client_id == ""
    which = ", a client id that was made up, as it sent none" if made_up else ""
    tell("connect-denied", f"the policies of its certificate in {where} do not allow {denied}{which}")


def _telling_denied(allows: Callable[..., bool]) -> Callable[..., bool]:
    """Tell of what a device may not publish or subscribe to; what it may not receive just never comes."""

    def policy_allows(session: Any, action: str, resource: str) -> bool:
        allowed = allows(session, action, resource)
        # Before it is connected it is its will that is looked at, and told as such.
        if not allowed and session in _connected and action in _OF_PACKETS:
            where = f"{session.account_id}/{session.region}"
            tell(
                "packet-denied",
                f"the policies of its certificate in {where} do not allow {action} on {resource}",
            )
        return allowed

    return policy_allows
