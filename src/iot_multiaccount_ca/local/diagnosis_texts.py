"""What each event of a device connection means: what AWS IoT would do, and which setting of a device's stack to change.

By the event's word (`gaps`). Where AWS's documents say nothing, the text says "the local AWS" and not AWS.
"""

from __future__ import annotations

from typing import NamedTuple

from ..model.ca.algorithms import KEYS_ALLOWED


class Meaning(NamedTuple):
    """``aws``: what AWS IoT would do. ``fix``: what to change; None where nothing is wrong."""

    aws: str
    fix: str | None


_SETTINGS = (
    "mbedtls_ssl_set_hostname, SSL_set_tlsext_host_name, wolfSSL_UseSNI, server_hostname in Python, servername in "
    "Node, ServerName in Go, the socket option TLS_HOSTNAME in Zephyr, "
    'AT+CSSLCFG="sni" on SIM7070, AT+QSSLCFG="sni" on BG95'
)
SNI = f"send the stage's endpoint as SNI: {_SETTINGS}"
NOT_ADDRESS = (
    "dial what you like, and send the stage's endpoint as SNI, not an address or a CNAME of yours, and no port: "
    f"{_SETTINGS}"
)
_REISSUE = "issue the device's certificate anew"
_CIPHERS = (
    "switch on an AES-GCM suite with ECDHE, such as ECDHE-RSA-AES128-GCM-SHA256, or TLS 1.3; with curve P-256"
)

MEANINGS: dict[str, Meaning] = {
    # --- TLS
    "no-tls": Meaning("AWS IoT speaks TLS only", "MQTT over TLS: port 8883, or 443 with ALPN x-amzn-mqtt-ca"),
    "no-certificate": Meaning(
        "AWS IoT lets nobody in without a certificate",
        "give the stack the device's certificate and its key; where the key cannot be used (another type, another "
        "curve, a passphrase), stacks leave the certificate out without a word",
    ),
    "unknown-issuer": Meaning(
        "AWS IoT knows no CA that signed it",
        "register the CA that signed the device's certificate: --ca-key and the plan",
    ),
    "other-key": Meaning(
        "AWS IoT does not take it for the registered CA's",
        "sign with the key of the registered CA, or register that CA",
    ),
    "expired": Meaning("the local AWS refuses it; an expired certificate has no place in AWS IoT", _REISSUE),
    "not-yet-valid": Meaning("the local AWS refuses it", f"{_REISSUE}, with a start that lies in the past"),
    "usage": Meaning(
        "the local AWS refuses it",
        f"{_REISSUE}: extendedKeyUsage clientAuth, keyUsage digitalSignature, or neither",
    ),
    "critical-extension": Meaning(
        "the local AWS refuses it", f"{_REISSUE} without that extension, or not critical"
    ),
    "weak-key": Meaning(f"AWS IoT takes {KEYS_ALLOWED}", f"{_REISSUE} for another key"),
    "weak-signature": Meaning("AWS IoT takes SHA-256, SHA-384 and SHA-512", f"{_REISSUE} with SHA-256"),
    "explicit-curve": Meaning(
        "the local AWS refuses it",
        "make the key with a named curve: openssl ecparam -name prime256v1 -param_enc named_curve",
    ),
    "certificate": Meaning("the local AWS refuses it", f"{_REISSUE}; `openssl verify` shows what is wrong"),
    "wrong-key": Meaning(
        "AWS IoT refuses it", "the device signs with a key that is not its certificate's: flash the pair"
    ),
    "distrust": Meaning(
        "it would have to trust Amazon Root CA 1 (RSA) or 3 (EC), and the name that it dialled",
        "here, give the device the file of roots that is printed above; check that it verifies the endpoint's name, "
        "and that its clock is set before TLS",
    ),
    "clock": Meaning(
        "AWS's certificates are valid for about a year: a board that starts in 1970 would refuse them, too",
        "set the clock before TLS: by NTP, the modem's time, or the firmware's build date at least",
    ),
    "old-tls": Meaning("AWS IoT has TLS 1.2 and 1.3", "switch on TLS 1.2"),
    "no-suite": Meaning("AWS IoT has none of its suites, signature algorithms or groups either", _CIPHERS),
    "local-suite": Meaning(
        "AWS IoT would shake hands: only the local AWS cannot", "nothing; or offer one more suite here"
    ),
    "fragment": Meaning(
        "TLS lets AWS IoT send records of up to 16 KB; whether it obeys a wish for smaller ones is not documented",
        "enlarge the stack's input buffer to 16 KB (MBEDTLS_SSL_IN_CONTENT_LEN, CONFIG_MBEDTLS_SSL_IN_CONTENT_LEN), "
        "and ask for no smaller records (mbedtls_ssl_conf_max_frag_len)",
    ),
    "alert": Meaning("unknown", "see the device's own log: it ended the connection"),
    "handshake": Meaning("unknown", "see the device's own log, and try `openssl s_client` with its files"),
    "hung-up": Meaning(
        "unknown",
        "give the device the file of roots that is printed above; stacks that distrust the server, or run out of "
        "memory, often hang up without an alert: see their log",
    ),
    "silent": Meaning(
        "AWS IoT ends it, too", "the board stopped in the middle: too little memory, or too slow a key"
    ),
    "nothing": Meaning("nothing", None),
    "hung-up-after-tls": Meaning(
        "nothing: AWS IoT registers on CONNECT, not on the handshake",
        "send the CONNECT; some stacks only test the port, and some look at the broker's name and chain only now",
    ),
    "lost": Meaning("nothing", None),
    "broken": Meaning("unknown", "the local AWS is at fault: see its log"),
    # --- where it is let in
    "no-sni": Meaning("with no DEFAULT owner of its CA, AWS has no account for it: it gets nowhere", SNI),
    "unknown-name": Meaning(
        "AWS IoT has such a name only where an account made it a custom domain", NOT_ADDRESS
    ),
    "unknown-endpoint": Meaning(
        "it would be asked for in another account, which does not know it", NOT_ADDRESS
    ),
    "other-region": Meaning(
        "that region does not know its CA: it gets nowhere", "take the endpoint of a stage's own region"
    ),
    "other-account": Meaning(
        "that account does not know its CA: it gets nowhere", "take the endpoint of a stage"
    ),
    "not-registered": Meaning(
        "no account of this plan knows it: it gets nowhere",
        "register the CA that signed it, not another in its chain",
    ),
    "ca-inactive": Meaning(
        "a CA that is INACTIVE registers no new device", "activate the CA, or issue from the new one"
    ),
    "no-auto-registration": Meaning(
        "without auto-registration nobody new comes in",
        "give the stage a provisioning template or an enrollment",
    ),
    "certificate-status": Meaning(
        "a certificate that is not ACTIVE is refused", "activate it with update-certificate"
    ),
    "registered": Meaning(
        "the same: the first connect registers it and is cut off",
        "nothing, if the device tries again until it is let in",
    ),
    "provisioned": Meaning("the same: the first connect provisions it and is cut off", None),
    "not-provisioned": Meaning(
        "the same: it stays outside, and the cause stands in CloudWatch Logs and CloudTrail only",
        "mend the template, its role, or the device's subject; `iot-ca simulate` tries template and subject offline",
    ),
    "enrolled": Meaning("the same: the activation Lambda lets it in; it has to connect again", None),
    "kept-out": Meaning(
        "the same: it stays PENDING_ACTIVATION, and the reason stands in the activation Lambda's log only",
        "put the device on the stage's allow-list, or change the admission; each connect of the device asks anew",
    ),
    "not-enrolled": Meaning(
        "the same: Lambda tries twice more, then the event is in the dead-letter queue",
        "mend in the stage what the reason names; each connect of the device asks anew",
    ),
    "never-back": Meaning(
        "the same: the first connect is always cut off",
        "have the firmware connect again after a first failure, some seconds later, with the same certificate",
    ),
    # --- MQTT and HTTPS
    "no-mqtt": Meaning(
        "AWS IoT ends it", "send an MQTT CONNECT first; for HTTPS publish, POST /topics/<topic>"
    ),
    "malformed": Meaning(
        "AWS IoT cuts it off",
        "look at the packet's bytes: its lengths, its strings (UTF-8), the protocol's name, one CONNECT a connection",
    ),
    "mqtt-version": Meaning(
        "AWS IoT has MQTT 3.1.1 and 5", "set the client library to MQTT 3.1.1 (protocol level 4)"
    ),
    "client-id": Meaning("AWS IoT takes 128 bytes", "shorten the client id"),
    "same-client-id": Meaning(
        "AWS IoT keeps one connection a client id, and cuts off the one before",
        "give each device a client id of its own, often its thing's name; a device that lost its network, and connects "
        "anew, has to change nothing",
    ),
    "connected": Meaning("the same", None),
    "connect-denied": Meaning(
        "AWS IoT cuts it off without a CONNACK (MQTT 5: reason 135)",
        "take the client id that the policy allows, often the thing's name, and a topic that it allows for the last "
        "will; or widen the policy",
    ),
    "packet-denied": Meaning(
        "AWS IoT cuts it off; with MQTT 5 it says so by reason 135, and may refuse the one packet only",
        "use the topics that the policy allows; a retained message needs iot:RetainPublish, too",
    ),
    "topic": Meaning(
        "AWS IoT cuts it off, or refuses the one packet where MQTT 5 has a reason for it",
        "at most 7 slashes and 256 bytes a topic, and 8 filters a SUBSCRIBE; of the topics that begin with $, those "
        "that the developer guide lists",
    ),
    "too-large": Meaning("AWS IoT cuts it off", "send at most 128 KB in one message"),
    "qos-2": Meaning("AWS IoT does not answer QoS 2: the device waits for ever", "use QoS 0 or 1"),
    "keep-alive": Meaning(
        "AWS IoT cuts it off after 1.5 times its keep-alive", "send PINGREQ in time: let the client loop"
    ),
    "https": Meaning(
        "see the status",
        "over HTTPS, publish by POST /topics/<topic> with an ACTIVE certificate, on a topic that its policies allow",
    ),
    "published": Meaning("the same", None),
}
