"""Why a TLS handshake failed, in a word for programs and a sentence for people. Pure.

OpenSSL names the cause of what the server refused; what the device refused it tells by an alert, if by anything.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from .tls import SUITES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .client_hello import ClientHello

# X509_V_ERR_… of OpenSSL's x509_vfy.h
_OF_CERTIFICATE = {
    7: ("other-key", "the certificate names a registered CA as its issuer, and another key signed it"),
    9: ("not-yet-valid", "the device's certificate, or a CA above it, is not valid yet"),
    10: ("expired", "the device's certificate, or a CA above it, has expired"),
    18: ("unknown-issuer", "the device's certificate is self-signed, and is not registered"),
    19: ("unknown-issuer", "the device's chain ends in a root that is not registered"),
    20: ("unknown-issuer", "no CA that is registered here issued the device's certificate"),
    21: ("unknown-issuer", "no CA that is registered here issued the device's certificate"),
    26: (
        "usage",
        "the extendedKeyUsage or keyUsage of the device's certificate, or of a CA above it, does not allow client "
        "authentication",
    ),
    29: ("other-key", "the issuer's name fits a registered CA, and its key identifier does not"),
    30: ("other-key", "the issuer's name fits a registered CA, and its key identifier does not"),
    34: (
        "critical-extension",
        "the device's certificate, or a CA above it, has a critical extension that nobody here understands",
    ),
    66: ("weak-key", "the key of the device's certificate is too weak"),
    67: ("weak-key", "the key of a CA in the device's chain is too weak"),
    68: (
        "weak-signature",
        "the device's certificate, or a CA above it, is signed with a digest that is too weak",
    ),
    79: ("certificate", "a certificate of the device's chain that should be a CA is none"),
    94: (
        "explicit-curve",
        "the key of the device's certificate, or of a CA above it, spells its curve out instead of naming it",
    ),
}
_DISTRUST = "the device does not trust the broker's certificate"
# OpenSSL tells a clock that is behind by the first of these alerts, mbedTLS by the second.
_DISTRUST_OR_CLOCK = f"{_DISTRUST}, or its name, or finds it not valid yet, for its clock stands in the past"
_OTHER_KEY = "the device's key does not belong to its certificate"
# The reason of the error that OpenSSL raises.
_OF_HANDSHAKE = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": ("no-certificate", "the device sent no certificate"),
    "UNSUPPORTED_PROTOCOL": ("old-tls", "the device offers no TLS version of at least 1.2"),
    "TLSV1_ALERT_PROTOCOL_VERSION": ("old-tls", "the device refused TLS 1.2 and 1.3"),
    "NO_SUITABLE_SIGNATURE_ALGORITHM": (
        "no-suite",
        "the device verifies no signature algorithm of the broker's",
    ),
    "NO_SHARED_SIGNATURE_ALGORITHMS": (
        "no-suite",
        "the device verifies no signature algorithm of the broker's",
    ),
    "NO_SUITABLE_KEY_SHARE": ("no-suite", "the device offers no key exchange group of the broker's"),
    "NO_SHARED_GROUPS": ("no-suite", "the device offers no key exchange group of the broker's"),
    "TLSV1_ALERT_UNKNOWN_CA": ("distrust", _DISTRUST),
    "SSLV3_ALERT_BAD_CERTIFICATE": ("distrust", _DISTRUST_OR_CLOCK),
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": ("distrust", _DISTRUST_OR_CLOCK),
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": ("distrust", _DISTRUST),
    "TLSV1_ALERT_ACCESS_DENIED": ("distrust", _DISTRUST),
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": (
        "clock",
        "the device takes the broker's certificate for expired or not yet valid, so its clock is wrong",
    ),
    "TLSV1_ALERT_RECORD_OVERFLOW": (
        "fragment",
        "a record of the broker's is larger than the device's buffer",
    ),
    "CCS_RECEIVED_EARLY": ("alert", "the device broke the order of the handshake"),
    "BAD_SIGNATURE": ("wrong-key", _OTHER_KEY),
    "BAD_ECPOINT": ("wrong-key", _OTHER_KEY),
    "WRONG_SIGNATURE_TYPE": (
        "wrong-key",
        "the device signs with another kind of key than its certificate has, or by a digest that is too weak",
    ),
    "WRONG_CURVE": (
        "weak-key",
        "the curve of the device's key is none that AWS IoT takes, or not that of its certificate",
    ),
    "EE_KEY_TOO_SMALL": ("weak-key", "the key of the device's certificate is too weak"),
}


def why_handshake_failed(error: OSError, hello: ClientHello, available: Iterable[str]) -> tuple[str, str]:
    """A word and a sentence; ``error``: OpenSSL's, or the connection's; ``available``: the local OpenSSL's suites."""
    if isinstance(error, ssl.SSLCertVerificationError):
        word, sentence = _OF_CERTIFICATE.get(
            error.verify_code, ("certificate", "the device's certificate is refused")
        )
        return word, f"{sentence} (OpenSSL: {error.verify_message})"
    reason = str(error.reason or "") if isinstance(error, ssl.SSLError) else ""
    if (
        not isinstance(error, ssl.SSLError)
        # The second is what older ones of OpenSSL make of a close_notify in the middle.
        or isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError))
        or reason == "UNEXPECTED_EOF_WHILE_READING"
    ):
        return _hung_up(hello)
    if reason == "NO_SHARED_CIPHER":
        return _no_shared_suite(hello, set(available))
    found = _OF_HANDSHAKE.get(reason)
    if found is not None:
        return found
    told = reason.replace("_", " ").lower() or str(error)
    if "ALERT" in reason:
        return "alert", f"the device ended the handshake with an alert ({told})"
    return "handshake", f"the handshake failed ({told})"


def why_ended_after_handshake(reason: str) -> tuple[str, str]:
    """Of a connection that stood: some stacks look at the broker's certificate only then. ``reason``: OpenSSL's."""
    told = reason.replace("_", " ").lower()
    if "ALERT" not in reason:
        return (
            "no-tls",
            f"what it sent after the handshake is not TLS ({told}): it has to go through the TLS stack",
        )
    return _OF_HANDSHAKE.get(
        reason, ("alert", f"it ended the connection right after the handshake with an alert ({told})")
    )


def _hung_up(hello: ClientHello) -> tuple[str, str]:
    """Without an alert there is a guess at most: the small records that the device asked for, which OpenSSL sends."""
    says = "the device hung up in the middle of the handshake, without an alert"
    if hello.record_limit is not None:
        return (
            "fragment",
            f"{says}: it asked for records of at most {hello.record_limit} bytes, and the broker does not know that "
            "wish (record_size_limit)",
        )
    if hello.fragment is None:
        return "hung-up", says
    return (
        "fragment",
        f"{says}: it asked for records of at most {hello.fragment} bytes, and certificates that are longer come in "
        "several, which mbedTLS, for one, does not put together",
    )


def _no_shared_suite(hello: ClientHello, available: set[str]) -> tuple[str, str]:
    """OpenSSL says the same where a suite is shared, and nothing to go with it."""
    wanted = [SUITES[number] for number in hello.suites if number in SUITES]
    if "TLS 1.3" not in hello.versions:
        wanted = [suite for suite in wanted if not suite.startswith("TLS_")]
    shared = [suite for suite in wanted if suite in available]
    if shared:
        return (
            "no-suite",
            f"the device offers {shared[0]}, which AWS IoT has, and no curve or signature algorithm to go with it",
        )
    if wanted:
        return (
            "local-suite",
            f"AWS IoT has {', '.join(wanted)}, and the OpenSSL of this machine has not",
        )
    return "no-suite", "the device offers no cipher suite that AWS IoT has"


def suite_names(numbers: Iterable[int]) -> list[str]:
    """The suites by name where AWS IoT has them, else by number."""
    return [SUITES.get(number, f"0x{number:04X}") for number in numbers]
