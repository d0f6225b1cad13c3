"""An HTTP proxy that takes every CONNECT to this machine: for clients that dial by a name which need not resolve."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from socket import SHUT_WR, create_connection, socket
from typing import TYPE_CHECKING

from iot_multiaccount_ca.local.emulator import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Tunnel(socketserver.StreamRequestHandler):
    rbufsize = 0  # what follows the head is the tunnel's

    def handle(self) -> None:
        """Take it there, and pass on what comes from either side."""
        _, target, _ = self.rfile.readline().decode().split()
        while self.rfile.readline().strip():
            pass
        with create_connection((LOOPBACK, int(target.rpartition(":")[2]))) as broker:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=self._pass, args=(broker, self.connection))
            back.start()
            self._pass(self.connection, broker)
            back.join()

    @staticmethod
    def _pass(one: socket, other: socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(SHUT_WR)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


@contextlib.contextmanager
def tunnel() -> Iterator[int]:
    """The port of such a proxy, for as long as it is needed."""
    with _Server((LOOPBACK, 0), _Tunnel) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
