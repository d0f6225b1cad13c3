"""The certificates that a device sent, also in a handshake that fails. The only use of a private interface.

No public interface of ``ssl`` tells them: in TLS 1.3 they are encrypted, and of a handshake that failed nothing is
kept. `SSLContext._msg_callback` sees each handshake message of CPython 3.8 and later. Where it is missing the journal
says less, and nothing false: a certificate that was verified is known by public means. Nobody is asked for compressed
certificates (RFC 8879), as an OpenSSL that was built with zlib would: those come in a message of another type.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_CERTIFICATE = 11
# SSL_OP_NO_RX_CERTIFICATE_COMPRESSION of OpenSSL 3.2 and later, which ssl has no name for; older ones know no such bit.
_UNCOMPRESSED = 1 << 33


def watch(context: ssl.SSLContext, tell: Callable[[ssl.SSLObject, list[bytes]], None]) -> bool:
    """Have ``tell`` called with a connection and the DER certificates that its peer sent; whether that is possible."""

    def see(*given: Any) -> None:
        # Whatever comes, the handshake goes on, which CPython ends where this raises: it is OpenSSL's to judge.
        with contextlib.suppress(Exception):
            connection, direction, version, content, kind, data = given
            if direction == "read" and int(content) == 22 and int(kind) == _CERTIFICATE:
                tell(connection, read_certificates(data, is_tls13=int(version) == ssl.TLSVersion.TLSv1_3))

    try:
        if ssl.OPENSSL_VERSION_INFO >= (3, 2):
            context.options |= _UNCOMPRESSED
        context._msg_callback = see  # type: ignore[attr-defined]
    except (AttributeError, TypeError):
        return False
    return True


def read_certificates(message: bytes, *, is_tls13: bool) -> list[bytes]:
    """The certificates in a Certificate message, its four bytes of header included. The leaf is the first."""
    position = 4 + (1 + message[4] if is_tls13 else 0)
    end = position + 3 + int.from_bytes(message[position : position + 3])
    position += 3
    found = []
    while position + 3 <= min(end, len(message)):
        length = int.from_bytes(message[position : position + 3])
        found.append(message[position + 3 : position + 3 + length])
        position += 3 + length
        if is_tls13:
            position += 2 + int.from_bytes(message[position : position + 2])
    return found
