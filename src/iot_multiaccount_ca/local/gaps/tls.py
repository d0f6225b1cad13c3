"""TLS as AWS IoT Core has it: a client certificate or nothing, its versions, suites and application protocols.

Developer guide, "Transport security" (policy IoTSecurityPolicy_TLS13_1_2_2022_10, the default) and "Protocols, port
mappings, and authentication".
"""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from ministack.services import iot

from . import sent_certificates
from .server_certificates import server_certificates

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The suites of the policy, by number, as OpenSSL calls them; the first that both have is taken.
SUITES = {
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1302: "TLS_AES_256_GCM_SHA384",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
    0xC02F: "ECDHE-RSA-AES128-GCM-SHA256",
    0xC02B: "ECDHE-ECDSA-AES128-GCM-SHA256",
    0xC027: "ECDHE-RSA-AES128-SHA256",
    0xC023: "ECDHE-ECDSA-AES128-SHA256",
    0xC013: "ECDHE-RSA-AES128-SHA",
    0xC009: "ECDHE-ECDSA-AES128-SHA",
    0xC030: "ECDHE-RSA-AES256-GCM-SHA384",
    0xC02C: "ECDHE-ECDSA-AES256-GCM-SHA384",
    0xC028: "ECDHE-RSA-AES256-SHA384",
    0xC024: "ECDHE-ECDSA-AES256-SHA384",
    0xC014: "ECDHE-RSA-AES256-SHA",
    0xC00A: "ECDHE-ECDSA-AES256-SHA",
    0x009C: "AES128-GCM-SHA256",
    0x003C: "AES128-SHA256",
    0x002F: "AES128-SHA",
    0x009D: "AES256-GCM-SHA384",
    0x003D: "AES256-SHA256",
    0x0035: "AES256-SHA",
}
#: MQTT and HTTPS with a client certificate on port 443, in the order of the developer guide.
APPLICATION_PROTOCOLS = ("x-amzn-mqtt-ca", "x-amzn-http-ca")

#: The certificates that a device sent, by connection, as far as they are known.
sent: weakref.WeakKeyDictionary[ssl.SSLObject, list[bytes]] = weakref.WeakKeyDictionary()


def close() -> None:
    """Replace how the broker's TLS context is made."""
    iot._mtls_build_ssl_context = build_context


def build_context() -> ssl.SSLContext:
    """A context for the names, roots and registered certificates of now."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    # A registered device certificate is an anchor of its own, whatever signed it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.set_ciphers(":".join([*SUITES.values(), "@SECLEVEL=2"]))
    context.set_alpn_protocols(APPLICATION_PROTOCOLS)
    for issued in server_certificates():
        with _file(issued.pem + issued.key_pem) as path:
            context.load_cert_chain(path)
    sent_certificates.watch(context, sent.__setitem__)
    iot._mtls_loaded_anchors.clear()
    iot._mtls_refresh_trust_anchors(context)
    return context


@contextlib.contextmanager
def _file(content: str) -> Iterator[Path]:
    """``ssl`` reads keys from files only: one that is its owner's, for a moment."""
    handle, name = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(content)
        yield Path(name)
    finally:
        Path(name).unlink()
