"""TLS over asyncio streams, by `ssl.MemoryBIO`: an alert is sent before the end, and a hello can be read first.

asyncio's own drops the alert of a handshake that fails. Reader and writer in one, as far as the emulator needs them.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any

_CHUNK = 65536
_LINGER_SECONDS = 1.0


class TlsStream:
    """The server's side of one connection.

    ``idle``: after that many seconds without a byte, `read` ends the connection as if the device had, and sets
    ``timed_out``; None waits for ever.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext
    ) -> None:
        self._reader, self._writer = reader, writer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.ssl_object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._unread = b""
        self.idle: float | None = None
        self.timed_out = False

    async def handshake(self, received: bytes) -> None:
        """Shake hands; ``received`` came already. Raises `ssl.SSLError`, once the device was sent the alert."""
        self._incoming.write(received)
        while True:
            try:
                self.ssl_object.do_handshake()
            except ssl.SSLWantReadError:
                await self.drain()
                if not await self._fill():
                    self._incoming.write_eof()
            except ssl.SSLError:
                await self._linger()
                raise
            else:
                # Who is gone by now has shaken hands all the same: the next read tells.
                with contextlib.suppress(ConnectionError):
                    await self.drain()
                return

    async def read(self, count: int = _CHUNK) -> bytes:
        """Some bytes; none when the connection is over."""
        if self._unread:
            taken, self._unread = self._unread[:count], self._unread[count:]
            return taken
        while True:
            try:
                return self.ssl_object.read(count)
            except ssl.SSLWantReadError:
                await self.drain()
                try:
                    filled = await asyncio.wait_for(self._fill(), self.idle)
                except TimeoutError:
                    self.timed_out = True
                    return b""
                if not filled:
                    return b""
            except ssl.SSLZeroReturnError:
                return b""

    async def peek(self) -> bytes:
        """Some bytes, which the next `read` gives again."""
        self._unread = await self.read()
        return self._unread

    def write(self, data: bytes) -> None:
        """Send; `drain` waits until the machine took it."""
        if data:
            self.ssl_object.write(data)

    async def drain(self) -> None:
        """Hand over to the machine what is to be sent."""
        if self._outgoing.pending:
            self._writer.write(self._outgoing.read())
        await self._writer.drain()

    def close(self) -> None:
        """End the connection, as TLS has it where that is still possible."""
        with contextlib.suppress(ssl.SSLError, ValueError):
            self.ssl_object.unwrap()
        if self._outgoing.pending and not self._writer.is_closing():
            self._writer.write(self._outgoing.read())
        self._writer.close()

    async def wait_closed(self) -> None:
        """Wait for the end."""
        await self._writer.wait_closed()

    def get_extra_info(self, name: str) -> Any:
        """As asyncio's writers."""
        return self.ssl_object if name == "ssl_object" else self._writer.get_extra_info(name)

    @property
    def transport(self) -> asyncio.WriteTransport:
        """For those who abort it."""
        return self._writer.transport

    async def _fill(self) -> bool:
        data = await self._reader.read(_CHUNK)
        self._incoming.write(data)
        return bool(data)

    async def _linger(self) -> None:
        """Send the alert and read on a moment: closing on unread bytes resets the connection, alert and all."""
        with contextlib.suppress(OSError, TimeoutError):
            await self.drain()
            self._writer.write_eof()
            async with asyncio.timeout(_LINGER_SECONDS):
                while await self._reader.read(_CHUNK):
                    pass
