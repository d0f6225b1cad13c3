"""An MQTT CONNECT, read to its end: the emulator takes one that stops early, and a broker that does proves nothing.

"3.1 CONNECT" of MQTT 3.1.1 and of MQTT 5. Knows the packet alone, and no policy.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ministack.services import iot

_RESERVED, _WILL, _PASSWORD, _USER_NAME = 0x01, 0x04, 0x40, 0x80
_HIGHEST_QOS = 2
_LEVELS = (3, iot.MQTT_311, iot.MQTT_5)


@dataclass(frozen=True)
class ConnectPacket:
    """``level`` is the protocol's, 4 for MQTT 3.1.1; ``keep_alive`` in seconds."""

    name: str
    level: int
    keep_alive: int
    client_id: str


def read_connect(body: bytes) -> ConnectPacket:
    """Read what follows the fixed header. Raises `ValueError` where it ends early or is not well-formed."""
    try:
        return _read(body)
    except (IndexError, struct.error):
        raise ValueError("it ends early") from None


def _read(body: bytes) -> ConnectPacket:
    name, position = iot._read_string(body, 0)
    level = body[position]
    if level not in _LEVELS:  # what follows is anybody's guess
        return ConnectPacket(name, level, 0, "")
    flags = body[position + 1]
    (keep_alive,) = struct.unpack_from("!H", body, position + 2)
    position += 4
    if level == iot.MQTT_5:
        _, position = iot._decode_properties(body, position)
    client_id, position = iot._read_string(body, position)
    if flags & _WILL:
        if level == iot.MQTT_5:
            _, position = iot._decode_properties(body, position)
        _, position = iot._read_string(body, position)
        _, position = iot._read_binary(body, position)
    for flag in (_USER_NAME, _PASSWORD):
        if flags & flag:
            _, position = iot._read_binary(body, position)
    if flags & _RESERVED:
        raise ValueError("the lowest bit of its flags is set, which is reserved")
    if flags >> 3 & 0x03 > _HIGHEST_QOS:
        raise ValueError("its will has QoS 3, which there is not")
    return ConnectPacket(name, level, keep_alive, client_id)
