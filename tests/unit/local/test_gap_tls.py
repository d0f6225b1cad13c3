"""TLS as AWS IoT has it; a refusal reaches the device as an alert, and the log as a line."""

from __future__ import annotations

import datetime as dt
import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from iot_multiaccount_ca.local.gaps import sent_certificates
from iot_multiaccount_ca.local.gaps.client_hello import ClientHello, NotTlsError, read_client_hello
from iot_multiaccount_ca.local.gaps.sent_certificates import read_certificates, watch
from support import in_memory_handshake
from support.certificates import Authority, make_ca, make_device
from support.in_memory_handshake import seen_chains
from support.local_accounts import LocalAccount
from support.pythons import python, tried
from support.tls_client import context_of, knock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iot_multiaccount_ca.local.emulator import LocalAws

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture
def registered(places: list[LocalAccount]) -> Authority:
    """A CA that the first place registered, with just-in-time provisioning."""
    ca = make_ca("ec-p256", common_name=f"TLS {places[0].account}")
    places[0].register(ca, registrationConfig={"templateName": places[0].template()})
    return ca


def one_version(version: ssl.TLSVersion) -> dict[str, Any]:
    """The settings of a device that knows one TLS version."""
    return {"minimum_version": version, "maximum_version": version}


@pytest.mark.parametrize("version", VERSIONS)
def test_nobody_without_a_certificate_gets_past_tls(aws: LocalAws, version: ssl.TLSVersion) -> None:
    """A client without a certificate ends with an alert, whatever the version, and gets no answer of MQTT."""
    made = knock(aws, context_of(aws, **one_version(version)))
    assert made.answer == b""
    assert made.failure in ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_HANDSHAKE_FAILURE"), made
    assert [event.event for event in made.events] == ["no-certificate"]
    assert "no-certificate: the device sent no certificate" in aws.log.read_text(encoding="utf-8")


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "expired": ({"not_after": dt.datetime(2021, 1, 1, tzinfo=dt.UTC)}, "expired", "CERTIFICATE_EXPIRED"),
    "not yet valid": (
        {
            "not_before": dt.datetime(2090, 1, 1, tzinfo=dt.UTC),
            "not_after": dt.datetime(2091, 1, 1, tzinfo=dt.UTC),
        },
        "not-yet-valid",
        "BAD_CERTIFICATE",
    ),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", REFUSED)
def test_a_refused_certificate_is_an_alert_and_a_line(
    aws: LocalAws, registered: Authority, case: str, version: ssl.TLSVersion
) -> None:
    """What TLS refuses reaches the device as an alert, and the journal with the cause and the certificate itself."""
    how, event, alert = REFUSED[case]
    device = make_device(
        registered, f"refused {case}", **{"not_before": dt.datetime(2020, 1, 1, tzinfo=dt.UTC), **how}
    )
    made = knock(aws, context_of(aws, device, **one_version(version)))
    assert alert in made.failure, made
    assert [each.event for each in made.events] == [event]
    assert [x509.load_der_x509_certificate(each) for each in made.events[0].certificates] == [
        device.certificate
    ]


def test_a_stranger_is_told(aws: LocalAws) -> None:
    """A certificate of a CA that nobody registered ends with the alert of an unknown CA."""
    device = make_device(make_ca("ec-p256", common_name="nobody registered it"), "stranger")
    made = knock(aws, context_of(aws, device))
    assert (made.failure, [each.event for each in made.events]) == (
        "TLSV1_ALERT_UNKNOWN_CA",
        ["unknown-issuer"],
    )


def test_a_device_that_distrusts_the_broker_is_told_of(aws: LocalAws, registered: Authority) -> None:
    """The alert that a device sends is a line, too."""
    anchor = make_ca("ec-p256", common_name="another root").pem
    made = knock(aws, context_of(aws, make_device(registered, "distrusts"), anchor=anchor))
    assert made.failure == "CERTIFICATE_VERIFY_FAILED"
    assert [each.event for each in made.events] == ["distrust"]


@pytest.mark.parametrize("tickets", [True, False], ids=["ticket", "session id"])
def test_a_resumed_session_is_routed_by_its_own_name(
    aws: LocalAws, places: list[LocalAccount], tickets: bool
) -> None:
    """TLS 1.2 keeps a name in its sessions; the account is that of the name that this connection sends."""
    ca = make_ca("ec-p256", common_name=f"resumed {tickets}")
    for place in places[:2]:
        place.register(ca)
    context = context_of(aws, make_device(ca, f"resumes {tickets}"), **one_version(ssl.TLSVersion.TLSv1_2))
    if not tickets:
        context.options |= ssl.OP_NO_TICKET
    first = knock(aws, context, places[0].endpoint)
    again = knock(aws, context, places[1].endpoint, session=first.session)
    assert [(each.event, each.account) for each in first.events] == [("registered", places[0].account)]
    assert [(each.event, each.account) for each in again.events] == [("registered", places[1].account)]


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["x-amzn-mqtt-ca"], "x-amzn-mqtt-ca"),
        (["h2", "x-amzn-mqtt-ca"], "x-amzn-mqtt-ca"),
        (["x-amzn-http-ca"], "x-amzn-http-ca"),
        (["mqtt"], None),
    ],
)
def test_the_application_protocol(
    aws: LocalAws, registered: Authority, offered: list[str], chosen: str | None
) -> None:
    """AWS IoT's own protocols are chosen where they are offered; a foreign one is passed over."""
    made = knock(aws, context_of(aws, make_device(registered, "alpn"), alpn=offered))
    assert (made.alpn, made.events[0].alpn_offered, made.events[0].alpn) == (chosen, tuple(offered), chosen)


@pytest.mark.parametrize(
    ("suite", "kind"),
    [("ECDHE-RSA-AES128-SHA", rsa.RSAPublicKey), ("ECDHE-ECDSA-AES128-SHA256", ec.EllipticCurvePublicKey)],
)
def test_an_rsa_and_an_ec_certificate(aws: LocalAws, registered: Authority, suite: str, kind: type) -> None:
    """The broker has both, by the suites of the device; and both have been valid for half a year."""
    made = knock(
        aws,
        context_of(
            aws, make_device(registered, "kinds"), ciphers=suite, **one_version(ssl.TLSVersion.TLSv1_2)
        ),
    )
    certificate = x509.load_der_x509_certificate(made.certificate)
    assert isinstance(certificate.public_key(), kind)
    assert dt.datetime.now(dt.UTC) - certificate.not_valid_before_utc > dt.timedelta(days=180)
    assert made.events[0].suite == suite


@pytest.mark.parametrize("suite", ["DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305", "AES128-CCM"])
def test_a_suite_that_aws_has_not(aws: LocalAws, registered: Authority, suite: str) -> None:
    """Python's other suites are none of AWS IoT's."""
    made = knock(
        aws,
        context_of(
            aws, make_device(registered, "suites"), ciphers=suite, **one_version(ssl.TLSVersion.TLSv1_2)
        ),
    )
    assert [each.event for each in made.events] == ["no-suite"]
    assert made.failure == "SSLV3_ALERT_HANDSHAKE_FAILURE"


def test_a_session_by_another_program(
    aws: LocalAws, registered: Authority, places: list[LocalAccount], tmp_path: Path
) -> None:
    """OpenSSL's own client shakes hands, and trusts the broker by its name."""
    device = make_device(registered, "openssl")
    (tmp_path / "device.pem").write_text(device.pem + device.key_pem)
    (tmp_path / "anchor.pem").write_text(aws.broker_trust_anchor())
    program = shutil.which("openssl")
    assert program is not None
    ran = subprocess.run(
        [
            *(
                program,
                "s_client",
                "-connect",
                f"127.0.0.1:{aws.broker_port}",
                "-servername",
                places[0].endpoint,
            ),
            *("-cert", str(tmp_path / "device.pem"), "-CAfile", str(tmp_path / "anchor.pem")),
            *("-verify_hostname", places[0].endpoint, "-verify_return_error", "-brief"),
        ],
        input="",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Verification: OK" in ran.stderr, ran.stderr


# --- the ClientHello and the certificates, without a broker -----------------------------------------------------


def hello(**settings: Any) -> bytes:
    """The first bytes of a Python client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    name = settings.pop("server_name", None)
    if "alpn" in settings:
        context.set_alpn_protocols(settings.pop("alpn"))
    for key, value in settings.items():
        setattr(context, key, value)
    out = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


def test_a_hello_is_read_from_its_bytes() -> None:
    """Name, protocols and versions are those that were sent; a part of it is not enough."""
    sent = hello(server_name="a.example", alpn=["one", "two"], minimum_version=ssl.TLSVersion.TLSv1_2)
    found = read_client_hello(sent)
    assert found is not None
    assert (found.server_name, found.alpn, found.versions) == (
        "a.example",
        ("one", "two"),
        ("TLS 1.3", "TLS 1.2"),
    )
    assert 0x1301 in found.suites
    assert all(read_client_hello(sent[:length]) is None for length in range(1, len(sent)))


def test_a_hello_in_many_records() -> None:
    """A device with a small buffer may send its hello in pieces."""
    sent = hello(server_name="a.example")
    pieces = [sent[5:][at : at + 50] for at in range(0, len(sent) - 5, 50)]
    split = b"".join(sent[:3] + len(piece).to_bytes(2) + piece for piece in pieces)
    assert read_client_hello(split) == read_client_hello(sent)


def test_an_old_hello() -> None:
    """Without extensions there is a version, and no name."""
    body = b"\x03\x01" + bytes(32) + b"\0" + b"\0\x02\0\x2f" + b"\x01\0"
    record = b"\x16\x03\x01" + (len(body) + 4).to_bytes(2) + b"\x01" + len(body).to_bytes(3) + body
    assert read_client_hello(record) == ClientHello(versions=("TLS 1.0",), suites=(0x2F,))


@pytest.mark.parametrize(
    "sent", [b"\x10\x10", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"]
)
def test_what_is_no_hello(sent: bytes) -> None:
    """Plain MQTT, plain HTTP, and a hello that is cut off are not TLS."""
    with pytest.raises(NotTlsError):
        read_client_hello(sent)


@pytest.fixture
def chains(tmp_path: Path) -> tuple[Path, list[x509.Certificate]]:
    """A broker's and a device's files, and the chain that the device sends."""
    ca = make_ca("ec-p256", common_name="seen")
    device = make_device(ca, "seen device")
    for name, own in (("broker", make_device(ca, "seen broker")), ("device", device)):
        (tmp_path / f"{name}.pem").write_text(own.pem + ca.pem + own.key_pem)
    (tmp_path / "ca.pem").write_text(ca.pem)
    return tmp_path, [device.certificate, ca.certificate]


@pytest.mark.parametrize("version", VERSIONS)
def test_certificates_are_seen_by_the_private_interface(
    chains: tuple[Path, list[x509.Certificate]], version: ssl.TLSVersion
) -> None:
    """`SSLContext._msg_callback` is there on this Python, and tells the chain that a client sent, in either version."""
    folder, sent = chains
    [seen] = seen_chains(watch, folder, version)
    assert [x509.load_der_x509_certificate(each) for each in seen] == sent


@pytest.mark.slow
@pytest.mark.parametrize("version", tried())
def test_certificates_are_seen_on_every_python(
    chains: tuple[Path, list[x509.Certificate]], version: str
) -> None:
    """A private interface may go with any version of CPython: this says when."""
    folder, sent = chains
    program = [python(version), in_memory_handshake.__file__, sent_certificates.__file__, str(folder)]
    ran = subprocess.run(program, capture_output=True, text=True, timeout=60)
    hashes = " ".join(each.fingerprint(SHA256()).hex() for each in sent)
    assert ran.stdout == f"2 {hashes}\n" * 2, ran.stderr


def test_a_private_interface_that_changed_breaks_nothing(chains: tuple[Path, list[x509.Certificate]]) -> None:
    """Called with other arguments than today's, it sees nothing, and the handshake goes on."""

    def changed(context: ssl.SSLContext, tell: Callable[..., None]) -> bool:
        assert watch(context, tell)
        see = context._msg_callback  # type: ignore[attr-defined]
        context._msg_callback = lambda *given: see(*given, "and more")  # type: ignore[attr-defined]
        return True

    folder, _ = chains
    assert seen_chains(changed, folder, ssl.TLSVersion.TLSv1_3) == []


def test_without_the_private_interface_less_is_told() -> None:
    """A context that has none is not an error."""

    class Without:
        __slots__ = ()

    assert watch(Without(), lambda *_: None) is False  # type: ignore[arg-type]


def test_a_broken_message_is_no_certificate() -> None:
    """A message that ends early tells what is whole, and raises nothing."""
    assert read_certificates(b"\x0b\0\0\x03\0\0\0", is_tls13=False) == []
