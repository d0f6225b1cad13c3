"""A device's TLS by Python's own ssl, so that each mistake of a device can be made; and what the broker wrote of it."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iot_multiaccount_ca.local.device_events import DeviceEvent, read_events
from iot_multiaccount_ca.local.emulator import LOOPBACK

if TYPE_CHECKING:
    from iot_multiaccount_ca.local.emulator import LocalAws
    from support.certificates import KeyPair

_SECONDS = 20.0


@dataclass
class Knock:
    """How a device connected, and what came of it.

    ``answer``: the first bytes that the broker sent; ``failure``: OpenSSL's reason, on the device's side.
    """

    port: int
    answer: bytes = b""
    failure: str = ""
    session: ssl.SSLSession | None = None
    certificate: bytes = b""
    alpn: str | None = None
    version: str | None = None
    events: list[DeviceEvent] = field(default_factory=list)


def context_of(aws: LocalAws, device: KeyPair | None = None, **settings: Any) -> ssl.SSLContext:
    """A device's context: ``settings`` are its attributes; ``ciphers``, ``alpn`` and ``anchor`` (PEM) are set, too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=settings.pop("anchor", None) or aws.broker_trust_anchor())
    if device is not None:
        load(context, device.pem + settings.pop("chain", ""), device.key_pem)
    if "ciphers" in settings:
        context.set_ciphers(settings.pop("ciphers"))
    if "alpn" in settings:
        context.set_alpn_protocols(settings.pop("alpn"))
    for name, value in settings.items():
        setattr(context, name, value)
    return context


def load(context: ssl.SSLContext, pem: str, key_pem: str) -> None:
    """Load a certificate chain and its key."""
    handle, name = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(pem + key_pem)
        context.load_cert_chain(name)
    finally:
        Path(name).unlink()


def connect_packet(
    client_id: str = "device", *, keep_alive: int = 60, level: int = 4, name: bytes = b"MQTT"
) -> bytes:
    """A CONNECT of MQTT 3.1.1, unless told."""
    head = struct.pack("!H", len(name)) + name + bytes([level, 2]) + struct.pack("!H", keep_alive)
    body = head + struct.pack("!H", len(client_id.encode())) + client_id.encode()
    return bytes([0x10]) + remaining_length(len(body)) + body


def remaining_length(length: int) -> bytes:
    """As MQTT has it: seven bits a byte."""
    made = bytearray()
    while True:
        length, digit = divmod(length, 128)
        made.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(made)


def knock(
    aws: LocalAws,
    context: ssl.SSLContext,
    server_name: str | None = None,
    *,
    session: ssl.SSLSession | None = None,
    send: bytes | None = None,
) -> Knock:
    """Connect, send ``send`` (None: a CONNECT), read what comes first, and hang up; then what the broker wrote."""
    after = written(aws)
    with socket.create_connection((LOOPBACK, aws.broker_port), timeout=_SECONDS) as plain:
        made = Knock(plain.getsockname()[1])
        try:
            with context.wrap_socket(plain, server_hostname=server_name, session=session) as secure:
                made.certificate = secure.getpeercert(binary_form=True) or b""
                made.alpn, made.version = secure.selected_alpn_protocol(), secure.version()
                secure.sendall(connect_packet() if send is None else send)
                made.answer = secure.recv(4096)
                made.session = secure.session
        except ssl.SSLError as error:
            made.failure = str(error.reason)
        except OSError as error:
            made.failure = type(error).__name__
    made.events = events_of(aws, made.port, after)
    return made


def written(aws: LocalAws) -> int:
    """How far the broker's journal is written: a local port comes again, and what was before is another's."""
    return read_events(aws.connections)[1]


def events_of(aws: LocalAws, port: int, after: int) -> list[DeviceEvent]:
    """What the broker wrote of the connection from this local port, made ``after``, once it wrote something."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        found = [event for event in read_events(aws.connections, after)[0] if event.peer.endswith(f":{port}")]
        if found:
            return found
        time.sleep(0.02)
    return []
