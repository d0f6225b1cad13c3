"""How devices come in. No connection ends without an alert where TLS has one, and a line that says why.

Nobody without a certificate gets past TLS; the name that counts is this connection's own, also where TLS 1.2 resumes a
session; what is not TLS, or no MQTT, is told so. Listens on 127.0.0.1, and on the address of `BIND_VARIABLE`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import ssl
from typing import TYPE_CHECKING, Any

from ministack import app
from ministack.services import iot

from . import https, tls
from .certificates import device_problem
from .client_hello import LONGEST, ClientHello, NotTlsError, read_client_hello
from .journal import Connection, current, tell
from .mqtt import LARGEST_MESSAGE
from .refusals import why_refused
from .tls_failures import suite_names, why_ended_after_handshake, why_handshake_failed
from .tls_stream import TlsStream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LOOPBACK = "127.0.0.1"
#: One more address to listen on, for boards on the network of this machine.
BIND_VARIABLE = "IOT_BIND_ADDRESS"
_HANDSHAKE_SECONDS, _CONNECT_SECONDS = 20.0, 30.0
_BACKLOG = 1024
_ALERT, _LENGTH_OF_ALERT = b"\x15\x03", 7
_PLAIN_MQTT, _PLAIN_HTTP = b"\x10", (b"GET ", b"POST ", b"PUT ", b"HEAD ", b"OPTIONS ", b"PRI * HTTP")


def close() -> None:
    """Replace how the broker listens and serves, and tell what becomes of a device."""
    iot._mtls_start_locked = _start
    # It would take port 443 as well wherever it may.
    app._port_is_bindable = lambda _host, _port: False
    iot._mtls_refuse = _refuse
    # A new device's CONNECT may be as large, and take as long, as that of one that is known.
    iot._MTLS_REFUSE_MAX_BYTES, iot._MTLS_REFUSE_READ_TIMEOUT = 2 * LARGEST_MESSAGE, 2 * _CONNECT_SECONDS
    iot._mtls_auto_register = _telling(iot._mtls_auto_register)
    logging.getLogger("iot_jitp").addHandler(_Problems(logging.WARNING))


async def _start() -> None:
    port = iot._mtls_port()
    if iot._mtls_server is not None or port is None:
        return
    addresses = [LOOPBACK, *filter(None, [os.environ.get(BIND_VARIABLE)])]
    try:
        server = await asyncio.start_server(_serve, addresses, port, backlog=_BACKLOG)
    except OSError as error:
        iot._mtls_logger.warning("IoT mTLS: failed to bind %s:%d (%s)", ", ".join(addresses), port, error)
        return
    # asyncio passes over an address that this machine has not.
    missing = set(addresses) - {each.getsockname()[0] for each in server.sockets}
    if missing:
        server.close()
        iot._mtls_logger.warning("IoT mTLS: this machine has no address %s", ", ".join(sorted(missing)))
        return
    iot._mtls_server = server
    iot._mtls_loop = asyncio.get_running_loop()
    iot._mtls_logger.info("IoT mTLS: MQTT listening on %s:%d", ", ".join(addresses), port)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    host, port = writer.get_extra_info("peername")[:2]
    connection = Connection(peer=f"{host}:{port}")
    current.set(connection)
    try:
        stream = await _secure(connection, reader, writer)
        if stream is not None and await _speaks_mqtt(stream):
            stream.idle = _CONNECT_SECONDS
            await iot._mtls_handle_conn(stream, stream)
            _tell_end(connection, stream)
    except (OSError, TimeoutError) as error:
        tell("lost", f"the connection was lost ({error or type(error).__name__})")
    except Exception:
        tell("broken", "the local AWS failed at this connection; the log says why")
        iot._mtls_logger.exception("IoT mTLS: connection from %s failed", connection.peer)
    finally:
        writer.close()


def _tell_end(connection: Connection, stream: TlsStream) -> None:
    """What nobody else told of a connection that is over."""
    if stream.timed_out and connection.mqtt is None:
        tell("silent", f"its CONNECT was not complete after {stream.idle:.0f} s")
    elif stream.timed_out:
        tell("keep-alive", f"nothing came for 1.5 times its keep-alive, {stream.idle:.0f} s: cut off")
    elif not connection.told:
        tell("malformed", "its CONNECT was not complete when the connection ended")


async def _secure(
    connection: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> TlsStream | None:
    """The connection once TLS stands; None where it does not, which is told."""
    try:
        async with asyncio.timeout(_HANDSHAKE_SECONDS):
            received, hello = await _hello(reader)
            if hello is None:
                _tell_no_tls(received)
                return None
            _note(connection, hello)
            context = await iot._mtls_context()
            if context is None:
                tell("broken", "the broker's TLS cannot be set up; the log says why")
                return None
            iot._mtls_refresh_trust_anchors(context)
            stream = TlsStream(reader, writer, context)
            return stream if await _shake_hands(connection, hello, stream, received, context) else None
    except TimeoutError:
        tell("silent", f"the TLS handshake was not over after {_HANDSHAKE_SECONDS:.0f} s")
    return None


async def _shake_hands(
    connection: Connection, hello: ClientHello, stream: TlsStream, received: bytes, context: ssl.SSLContext
) -> bool:
    """Whether TLS stands; where it does not, the cause is told."""
    if hello.server_name is not None:
        iot._mtls_server_names[stream.ssl_object] = hello.server_name
    try:
        await stream.handshake(received)
    except OSError as error:  # OpenSSL's, or of a connection that was reset
        connection.certificates = tls.sent.get(stream.ssl_object, [])
        tell(*why_handshake_failed(error, hello, [each["name"] for each in context.get_ciphers()]))
        return False
    der = stream.ssl_object.getpeercert(binary_form=True)
    connection.certificates = tls.sent.get(stream.ssl_object) or ([der] if der else [])
    suite = stream.ssl_object.cipher()
    connection.tls, connection.suite = stream.ssl_object.version(), suite[0] if suite else None
    connection.alpn = stream.ssl_object.selected_alpn_protocol()
    problem = device_problem(der) if der else None
    if problem is None:
        return True
    # TLS at AWS offers no signature algorithm for such a key; Python's ssl has no setting for those.
    tell(*problem)
    stream.close()
    return False


async def _hello(reader: asyncio.StreamReader) -> tuple[bytes, ClientHello | None]:
    """What came, and the ClientHello in it; None where it is not TLS."""
    received = b""
    while len(received) < LONGEST:
        data = await reader.read(LONGEST)
        received += data
        try:
            hello = read_client_hello(received)
        except NotTlsError:
            return received, None
        if hello is not None:
            return received, hello
        if not data:
            break
    return received, None


def _tell_no_tls(received: bytes) -> None:
    if not received:
        tell("nothing", "it connected and sent nothing", warn=False)
    elif received[:1] == _PLAIN_MQTT:
        tell("no-tls", "it speaks MQTT without TLS: AWS IoT takes MQTT over TLS only, on port 8883 or 443")
    elif received.startswith(_PLAIN_HTTP):
        tell("no-tls", "it speaks HTTP without TLS: wrong port, or http:// for https://")
    elif received.startswith(_ALERT) and len(received) >= _LENGTH_OF_ALERT:
        tell("alert", f"its own stack ended TLS before the first hello, with the alert {_alert(received)}")
    elif _is_part_of_hello(received):
        tell("hung-up", f"it hung up in the middle of its ClientHello, after {len(received)} bytes")
    elif received[0] & 0x80 and received[2:3] == b"\x01":
        tell("old-tls", "its ClientHello has the form of SSL 2, which only stacks of long ago send")
    else:
        tell("no-tls", f"what it sent is not TLS; it begins with {received[:8].hex(' ')}")


def _is_part_of_hello(received: bytes) -> bool:
    try:
        return read_client_hello(received) is None and len(received) < LONGEST
    except NotTlsError:
        return False


def _alert(record: bytes) -> str:
    number = record[_LENGTH_OF_ALERT - 1]
    try:
        return ssl.AlertDescription(number).name.removeprefix("ALERT_DESCRIPTION_").replace("_", " ").lower()
    except ValueError:
        return str(number)


def _note(connection: Connection, hello: ClientHello) -> None:
    connection.server_name, connection.fragment = hello.server_name, hello.fragment or hello.record_limit
    connection.alpn_offered, connection.tls_offered = list(hello.alpn), list(hello.versions)
    connection.suites_offered = suite_names(hello.suites)


async def _speaks_mqtt(stream: TlsStream) -> bool:
    """Whether an MQTT packet comes first; HTTPS is answered here."""
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            first = await stream.peek()
    except TimeoutError:
        tell("silent", f"it sent no CONNECT in {_CONNECT_SECONDS:.0f} s")
        return False
    except ssl.SSLError as error:
        tell(*why_ended_after_handshake(str(error.reason or error)))
        return False
    except OSError:
        first = b""  # reset, which a device does that hangs up on what it has not read
    if not first:
        tell("hung-up-after-tls", "it hung up after the TLS handshake, before it sent a CONNECT")
    elif https.is_request(first):
        await https.answer(stream)
    elif first[:1] == _PLAIN_MQTT:
        return True
    else:
        tell("no-mqtt", f"what it sent is not an MQTT CONNECT; it begins with {first[:8].hex(' ')}")
    with contextlib.suppress(OSError):
        stream.close()
    return False


async def _refuse(writer: TlsStream, _certificate_id: str, level: int | None) -> None:
    """AWS closes without a CONNACK; the cause is told here. ``level``: of the CONNECT, None where none came whole."""
    if level is None and writer.timed_out:
        return  # which is told as such
    if level is None:
        tell("malformed", "its CONNECT did not come whole, or cannot be read")
        return
    ssl_object = writer.get_extra_info("ssl_object")
    der = ssl_object.getpeercert(binary_form=True)
    tell(*await asyncio.to_thread(why_refused, der, iot._mtls_server_names.get(ssl_object)))


class _Problems(logging.Handler):
    """Keeps, with the connection that is served, why its device is not provisioned: the line of its own log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what follows the status."""
        connection = current.get()
        if connection is not None:
            message = record.getMessage()
            connection.problem = message.partition("PENDING_ACTIVATION: ")[2] or message


def _telling(register: Callable[..., Awaitable[bool]]) -> Callable[..., Awaitable[bool]]:
    """Tell what became of a device that was registered, or knocked again, and is cut off now."""

    async def auto_register(der: bytes, peer: object, server_name: str | None = None) -> bool:
        if not await register(der, peer, server_name):
            return False
        held: list[tuple[str, str, dict[str, Any]]] = iot._mtls_active_registrations(
            hashlib.sha256(der).hexdigest(), None
        )
        connection = current.get()
        for account, region, record in held:
            if connection is not None:
                connection.account, connection.region = account, region
            where = f"its certificate is {record['status']} in {account}/{region}"
            if record["status"] == "ACTIVE":
                tell("provisioned", f"{where}; cut off, and expected to connect again", warn=False)
            elif connection is not None and connection.problem is not None:
                says = f"its certificate stays PENDING_ACTIVATION in {account}/{region}: {connection.problem}"
                tell("not-provisioned", says)
            else:
                tell("registered", f"{where}; cut off", warn=False)
        return True

    return auto_register
