"""A handshake in memory, by the standard library alone: which of a client's certificates a server gets to see.

As a program, for other Pythons than the tests': ``in_memory_handshake.py MODULE FOLDER`` prints, for TLS 1.2 and 1.3,
how many certificates the module's ``watch`` saw and the SHA-256 of each.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import ssl
import sys
from pathlib import Path
from typing import Any


def seen_chains(watch: Any, folder: Path, version: ssl.TLSVersion) -> list[list[bytes]]:
    """The chains that ``watch`` saw; in ``folder``: ca.pem; broker.pem and device.pem, a chain with its key each."""
    seen: list[list[bytes]] = []
    server, client = (ssl.SSLContext(kind) for kind in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT))
    client.check_hostname = False
    for context, own in ((server, "broker.pem"), (client, "device.pem")):
        context.load_verify_locations(folder / "ca.pem")
        context.minimum_version = context.maximum_version = version
        context.load_cert_chain(folder / own)
    server.verify_mode, client.verify_mode = ssl.CERT_REQUIRED, ssl.CERT_NONE
    if not watch(server, lambda _, found: seen.append(found)):
        return seen
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        server.wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server, server_side=False),
    ]
    for _ in range(5):
        for end in ends:
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
    return seen


def main(module: str, folder: str) -> None:
    """As a program."""
    spec = importlib.util.spec_from_file_location("watched", module)
    assert spec is not None
    assert spec.loader is not None
    watched = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(watched)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for chain in seen_chains(watched.watch, Path(folder), version):
            sys.stdout.write(f"{len(chain)} {' '.join(hashlib.sha256(each).hexdigest() for each in chain)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
