"""HTTPS where devices connect: a message published by ``POST /topics/<topic>``, and an answer to all else.

AWS IoT takes it on ports 8443 and 443, of devices whose certificate is ACTIVE (developer guide, "HTTPS"). The
credential provider is not here: it is refused with a line.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from ministack.services import iot

from .journal import tell
from .mqtt import LARGEST_MESSAGE, topic_problem
from .refusals import why_refused
from .routing import reaches

if TYPE_CHECKING:
    from .tls_stream import TlsStream

_METHODS = (b"GET ", b"POST ", b"PUT ", b"HEAD ", b"OPTIONS ", b"DELETE ", b"PATCH ")
_SECONDS = 10.0
_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 413: "Payload Too Large"}
_ROOM_FOR_HEADERS = 16384
_WEBSOCKET = "MQTT over WebSocket takes AWS credentials (SigV4) and no device certificate: use MQTT over TLS"


class _RefusedError(Exception):
    """What the request has that is not taken."""


def is_request(first: bytes) -> bool:
    """Whether these bytes begin an HTTP request."""
    return first.startswith(_METHODS)


async def answer(stream: TlsStream) -> None:
    """Answer one request, and tell of it."""
    try:
        async with asyncio.timeout(_SECONDS):
            head, body = await _request(stream)
            status, message = await _publish(stream, head, body)
    except _RefusedError as error:
        status, message = 400, str(error)
    except (TimeoutError, ValueError):
        status, message = 400, "the request is not complete"
    if status != 200:
        tell("https", f"its HTTPS request was answered with {status}: {message}")
    content = json.dumps({"message": message}).encode()
    lines = [
        f"HTTP/1.1 {status} {_REASONS[status]}",
        "content-type: application/json",
        f"content-length: {len(content)}",
        "connection: close",
    ]
    stream.write("\r\n".join([*lines, "", ""]).encode() + content)
    await stream.drain()


async def _request(stream: TlsStream) -> tuple[str, bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        data = await stream.read()
        received += data
        if not data or len(received) > _ROOM_FOR_HEADERS + LARGEST_MESSAGE:
            raise ValueError
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
    }
    if headers.get("expect", "").lower() == "100-continue":
        stream.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await stream.drain()
    if headers.get("upgrade", "").lower() == "websocket":
        raise _RefusedError(_WEBSOCKET)
    if "transfer-encoding" in headers:
        # Read to its end: who still sends when the connection is closed sees a reset, and no answer.
        while not body.endswith(b"0\r\n\r\n") and len(body) <= LARGEST_MESSAGE:
            data = await stream.read()
            if not data:
                break
            body += data
        raise _RefusedError("the local AWS takes no body in chunks: send its content-length")
    length = int(headers.get("content-length") or 0)
    while len(body) < min(length, LARGEST_MESSAGE + 1):
        data = await stream.read()
        if not data:
            raise ValueError
        body += data
    return lines[0], body


async def _publish(stream: TlsStream, request_line: str, body: bytes) -> tuple[int, str]:
    method, target, *_ = f"{request_line}  ".split(" ")
    path = urlsplit(target)
    if path.path.startswith("/role-aliases/"):
        return 404, "the local AWS has no credential provider"
    if path.path == "/mqtt":
        return 404, _WEBSOCKET
    if method != "POST" or not path.path.startswith("/topics/"):
        return 404, "over HTTPS a device publishes, by POST /topics/<topic>, and nothing else"
    if len(body) > LARGEST_MESSAGE:
        return 413, f"the message is larger than {LARGEST_MESSAGE} bytes"
    der = stream.ssl_object.getpeercert(binary_form=True) or b""
    certificate_id = hashlib.sha256(der).hexdigest()
    name = iot._mtls_server_names.get(stream.ssl_object)
    held = [each for each in iot._mtls_active_registrations(certificate_id) if reaches(name, *each)]
    if len(held) != 1:
        _, says = await asyncio.to_thread(why_refused, der, name)
        return 403, says
    account, region, record = held[0]
    topic = unquote(path.path.removeprefix("/topics/"))
    wildcard = f"the topic {topic!r} has a wildcard" if {"#", "+"} & set(topic) else None
    problem = wildcard or topic_problem(topic) or (None if topic else "the topic is empty")
    if problem is not None:
        return 400, problem
    pem = ssl.DER_cert_to_PEM_cert(der)
    context = {"iot:certificate.subject.commonname": iot.certificate_common_name(pem) or ""}
    if not iot._mqtt_policy_allows(
        account, region, record["certificateId"], context, "iot:Publish", f"topic/{topic}"
    ):
        return 403, f"its policies do not allow iot:Publish on topic/{topic}"
    qos = 1 if parse_qs(path.query).get("qos") == ["1"] else 0
    await iot.broker_publish(account, region, topic, body, qos=qos, principal=certificate_id)
    tell("published", f"it published on {topic} in {account}/{region}, by HTTPS", warn=False)
    return 200, "OK"
