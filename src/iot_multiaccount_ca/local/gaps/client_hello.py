"""What a device says first: the ClientHello, read from the bytes as they came, before any TLS library sees them.

RFC 5246 and RFC 8446. OpenSSL tells a server less: of a resumed TLS 1.2 session it gives the name of the first
connection, and of a handshake that fails nothing.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_HANDSHAKE, _CLIENT_HELLO = 22, 1
_SERVER_NAME, _FRAGMENT, _ALPN, _RECORD_SIZE_LIMIT, _VERSIONS = 0, 1, 16, 28, 43
_LARGEST_RECORD = 16384
_NAMES = {0x0300: "SSL 3", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}
_FRAGMENT_SIZES = {1: 512, 2: 1024, 3: 2048, 4: 4096}
# A hello of post-quantum key shares has two kilobytes; nobody needs more than this.
LONGEST = 65536


class NotTlsError(ValueError):
    """The bytes are not a beginning of a TLS connection."""


@dataclass(frozen=True)
class ClientHello:
    """What was offered. ``fragment``: the largest record that the device asks for (RFC 6066), None if it does not.

    ``record_limit``: the same by RFC 8449, which OpenSSL does not know.
    """

    server_name: str | None = None
    alpn: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    suites: tuple[int, ...] = ()
    fragment: int | None = None
    record_limit: int | None = None


def read_client_hello(data: bytes) -> ClientHello | None:
    """The ClientHello at the start of ``data``; None while it is not complete. Raises `NotTlsError`."""
    message = bytearray()
    rest = data
    while len(rest) >= 5:
        kind, major, _, length = struct.unpack("!BBBH", rest[:5])
        if kind != _HANDSHAKE or major != 3:
            raise NotTlsError("no TLS record")
        message += rest[5 : 5 + length]
        if message and message[0] != _CLIENT_HELLO:
            raise NotTlsError("no ClientHello")
        if len(message) >= 4 and len(message) >= 4 + int.from_bytes(message[1:4]):
            return _parse(bytes(message[4 : 4 + int.from_bytes(message[1:4])]))
        rest = rest[5 + length :]
    if data and data[0] != _HANDSHAKE:
        raise NotTlsError("no TLS record")
    return None


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def take(self, count: int) -> bytes:
        if count > len(self._data):
            raise NotTlsError("the ClientHello ends early")
        taken, self._data = self._data[:count], self._data[count:]
        return taken

    def sized(self, width: int) -> bytes:
        """A field that is preceded by its length of ``width`` bytes."""
        return self.take(int.from_bytes(self.take(width)))

    def __bool__(self) -> bool:
        return bool(self._data)


def _parse(body: bytes) -> ClientHello:
    reader = _Reader(body)
    legacy_version = int.from_bytes(reader.take(2))
    reader.take(32)
    reader.sized(1)
    suites = reader.sized(2)
    reader.sized(1)
    extensions: dict[int, bytes] = {}
    if reader:
        held = _Reader(reader.sized(2))
        while held:
            number = int.from_bytes(held.take(2))
            extensions[number] = held.sized(2)
    return ClientHello(
        server_name=_server_name(extensions.get(_SERVER_NAME)),
        alpn=_alpn(extensions.get(_ALPN)),
        versions=_versions(extensions.get(_VERSIONS), legacy_version),
        suites=tuple(number for (number,) in struct.iter_unpack("!H", suites[: len(suites) // 2 * 2])),
        fragment=_FRAGMENT_SIZES.get(int.from_bytes(extensions.get(_FRAGMENT, b""))),
        record_limit=_record_limit(extensions.get(_RECORD_SIZE_LIMIT)),
    )


def _server_name(extension: bytes | None) -> str | None:
    names = _Reader(_Reader(extension).sized(2)) if extension else _Reader(b"")
    while names:
        kind = names.take(1)
        name = names.sized(2)
        if kind == b"\0":
            return name.decode("ascii", "backslashreplace") or None
    return None


def _alpn(extension: bytes | None) -> tuple[str, ...]:
    protocols = _Reader(_Reader(extension).sized(2)) if extension else _Reader(b"")
    found = []
    while protocols:
        found.append(protocols.sized(1).decode("ascii", "backslashreplace"))
    return tuple(found)


def _versions(extension: bytes | None, legacy: int) -> tuple[str, ...]:
    if not extension:
        return (_NAMES.get(legacy, f"0x{legacy:04x}"),)
    offered = _Reader(extension).sized(1)
    numbers = [number for (number,) in struct.iter_unpack("!H", offered[: len(offered) // 2 * 2])]
    return tuple(_NAMES[number] for number in numbers if number in _NAMES)  # others are GREASE


def _record_limit(extension: bytes | None) -> int | None:
    """None where it is as large as records are anyway, as GnuTLS has it."""
    limit = int.from_bytes(extension or b"")
    return limit if 0 < limit < _LARGEST_RECORD else None
