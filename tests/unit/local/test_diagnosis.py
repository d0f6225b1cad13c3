"""Each mistake that device makers make, made by a real client: the sentence that `iot-ca listen` has for it."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as mqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from iot_multiaccount_ca.local import gaps
from iot_multiaccount_ca.local.device_events import read_events
from iot_multiaccount_ca.local.diagnosis import Diagnosis, PlannedStage, diagnose
from iot_multiaccount_ca.local.diagnosis_texts import MEANINGS
from iot_multiaccount_ca.local.emulator import LOOPBACK, LocalAws
from iot_multiaccount_ca.local.gaps.client_hello import ClientHello
from iot_multiaccount_ca.local.gaps.tls import APPLICATION_PROTOCOLS
from iot_multiaccount_ca.local.gaps.tls_failures import why_handshake_failed
from iot_multiaccount_ca.model.assembly import RegistrationRecord
from support.certificates import Authority, Device, make_ca, make_device
from support.local_accounts import LocalAccount
from support.tls_client import connect_packet, context_of, events_of, knock, written

if TYPE_CHECKING:
    from collections.abc import Callable

LONG_AGO, LATER = dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2090, 1, 1, tzinfo=dt.UTC)


class Fleet:
    """One CA in one stage, SNI_ONLY unless told, with just-in-time provisioning."""

    def __init__(self, aws: LocalAws, place: LocalAccount, ca: Authority, mode: str = "SNI_ONLY") -> None:
        self.aws, self.place, self.ca = aws, place, ca
        place.register(ca, mode, registrationConfig={"templateName": place.template()})
        record = RegistrationRecord(
            stage="dev",
            account=place.account,
            region=place.region,
            partition="aws",
            stack_name="Fleet-dev",
            logical_id="Ca",
            certificate_mode=mode,
            certificate_id=ca.certificate_id,
            subject=ca.certificate.subject.rfc4514_string(),
            not_valid_before="2020-01-01T00:00:00+00:00",
            not_valid_after="2030-01-01T00:00:00+00:00",
            active=True,
            auto_registration=True,
            template_name="t",
            jitr=False,
            retiring=False,
            verification=None,
        )
        self.plan = [PlannedStage(record, place.endpoint, ca.certificate)]
        self._after = written(aws)

    def diagnose(self, port: int) -> Diagnosis:
        """What is said of the connection from that port, last."""
        found, self._after = events_of(self.aws, port, self._after), written(self.aws)
        return diagnose(found[-1], self.plan)

    def python(self, device: Device | None, name: str | None = "", **how: Any) -> Diagnosis:
        """Python's ssl as the device; ``name``: SNI, None none, empty the stage's endpoint."""
        context = context_of(self.aws, device, **how)
        return self.diagnose(knock(self.aws, context, self.place.endpoint if name == "" else name).port)

    def openssl(self, folder: Path, device: Device, *arguments: str, name: str = "") -> Diagnosis:
        """OpenSSL's s_client as the device."""
        (folder / "device.pem").write_text(device.pem + device.key_pem)
        (folder / "anchor.pem").write_text(self.aws.broker_trust_anchor())
        program = shutil.which("openssl")
        assert program is not None
        _, seen = read_events(self.aws.connections)
        subprocess.run(
            [
                *(program, "s_client", "-connect", f"{LOOPBACK}:{self.aws.broker_port}", "-nocommands"),
                *("-servername", name or self.place.endpoint, "-cert", str(folder / "device.pem")),
                *("-CAfile", str(folder / "anchor.pem"), *arguments),
            ],
            input=connect_packet(),
            capture_output=True,
            timeout=60,
        )
        return diagnose(self._next(seen), self.plan)

    def _next(self, seen: int) -> Any:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            events, _ = read_events(self.aws.connections, seen)
            if events:
                return events[0]
            time.sleep(0.02)
        raise AssertionError("the broker wrote nothing")


@pytest.fixture
def fleet(aws: LocalAws, places: list[LocalAccount], request: pytest.FixtureRequest) -> Fleet:
    """A fleet of this test's own."""
    return Fleet(aws, places[0], make_ca("ec-p256", common_name=f"diagnosis {places[0].account}"))


def check(found: Diagnosis, event: str, says: str, fix: str) -> None:
    """The event, and what its sentences hold."""
    assert (found.event, says in found.says, fix in (found.fix or "")) == (event, True, True), found


# --- the name ---------------------------------------------------------------------------------------------------


def test_no_sni(fleet: Fleet) -> None:
    """The commonest mistake: the endpoint that was wanted, and how stacks are told to send it."""
    found = fleet.python(make_device(fleet.ca, "d"), None)
    check(found, "no-sni", f"wanted: {fleet.place.endpoint}", "mbedtls_ssl_set_hostname")
    assert "gets nowhere" in found.aws
    assert found.sent["SNI"] == "none"


def test_no_sni_with_an_owner(aws: LocalAws, places: list[LocalAccount]) -> None:
    """Where an account holds the CA in DEFAULT mode the device lands there, which is told."""
    fleet = Fleet(aws, places[0], make_ca("ec-p256", common_name="diagnosis owner"), "DEFAULT")
    found = fleet.python(make_device(fleet.ca, "d"), None)
    assert (found.event, found.stage) == ("provisioned", "dev")
    assert "lands with the DEFAULT owner" in found.aws
    assert any("sends no SNI" in each for each in found.warnings)


def test_an_address_as_name(fleet: Fleet, tmp_path: Path) -> None:
    """Stacks that send what they dial."""
    found = fleet.openssl(tmp_path, make_device(fleet.ca, "d"), name="127.0.0.1")
    check(found, "unknown-name", "'127.0.0.1', which is not an endpoint of AWS IoT", "not an address")


@pytest.mark.parametrize(
    ("change", "event"),
    [
        (lambda endpoint: "mqtt.example.com", "unknown-name"),
        (lambda endpoint: endpoint.replace("eu-west-1", "eu-west-2"), "other-region"),
        (lambda endpoint: "a0000000000000" + endpoint[endpoint.index("-ats") :], "unknown-endpoint"),
    ],
)
def test_a_wrong_name(fleet: Fleet, change: Callable[[str], str], event: str) -> None:
    """An unknown name, another region, another account: the one that came, and the one that was wanted."""
    name = change(fleet.place.endpoint)
    found = fleet.python(make_device(fleet.ca, "d"), name)
    check(found, event, name, "endpoint")
    assert fleet.place.endpoint in found.says


def test_the_account_of_another(fleet: Fleet, places: list[LocalAccount]) -> None:
    """An account that is there and does not know the CA."""
    places[1].register(make_ca("ec-p256", common_name="of another account"))
    found = fleet.python(make_device(fleet.ca, "d"), places[1].endpoint)
    check(found, "other-account", "does not hold its CA", "endpoint of a stage")


def test_a_legacy_name(fleet: Fleet) -> None:
    """It works, and is warned of."""
    found = fleet.python(make_device(fleet.ca, "d"), fleet.place.endpoint.replace("-ats", ""))
    assert (found.event, found.stage) == ("provisioned", "dev")
    assert any("legacy endpoint" in each for each in found.warnings)


# --- the certificate --------------------------------------------------------------------------------------------


def test_no_certificate(fleet: Fleet) -> None:
    """Also where a key cannot be used."""
    check(fleet.python(None), "no-certificate", "sent no certificate", "the device's certificate and its key")


@pytest.mark.parametrize("sends_chain", [True, False])
def test_the_root_registered_instead_of_the_signer(
    aws: LocalAws, places: list[LocalAccount], sends_chain: bool
) -> None:
    """The plan registers the root, and an intermediate signed the device."""
    root = make_ca("ec-p256", common_name="the root")
    signer = make_ca("ec-p256", common_name="the signer", issuer=root)
    fleet = Fleet(aws, places[0], root)
    found = fleet.python(make_device(signer, "d"), chain=signer.pem if sends_chain else "")
    further_up = ", which is further up its chain" if sends_chain else ""
    check(
        found,
        "not-registered" if sends_chain else "unknown-issuer",
        f"signed by CN=the signer, and the plan registers CN=the root{further_up}",
        "register CN=the signer",
    )


@pytest.mark.parametrize("identifiers", [True, False])
def test_the_same_name_and_another_key(aws: LocalAws, places: list[LocalAccount], identifiers: bool) -> None:
    """Two CAs of one name: with key identifiers and without them."""
    how: dict[str, Any] = {"common_name": f"one name {identifiers}", "subject_key_identifier": identifiers}
    fleet = Fleet(aws, places[0], make_ca("ec-p256", **how))
    impostor = make_ca("ec-p256", key_name="another key", **how)
    found = fleet.python(make_device(impostor, "d"))
    assert found.event in ("other-key", "unknown-issuer"), found
    assert "another key signed it" in found.says
    assert "sign with the key of the registered CA" in (found.fix or "")


@pytest.mark.parametrize(
    ("before", "after", "event"),
    [(LONG_AGO, dt.datetime(2021, 1, 1, tzinfo=dt.UTC), "expired"), (LATER, None, "not-yet-valid")],
)
def test_validity(fleet: Fleet, before: dt.datetime, after: dt.datetime | None, event: str) -> None:
    """Expired, and not yet valid; the dates are among what it sent."""
    found = fleet.python(make_device(fleet.ca, "d", not_before=before, not_after=after))
    check(found, event, "certificate", "issue the device's certificate anew")
    assert found.sent["valid"].startswith(str(before.date()))


def custom(ca: Authority, *extensions: tuple[x509.ExtensionType, bool], bits: int = 0) -> Device:
    """A device certificate with these extensions only, and perhaps a short RSA key."""
    made = make_device(ca, "custom")
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits) if bits else made.key
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "custom")]))
        .issuer_name(ca.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(LONG_AGO)
        .not_valid_after(LATER)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    certificate = builder.sign(ca.key, hashes.SHA256())
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return Device(pem, key, key_pem, certificate)


def test_usage(fleet: Fleet) -> None:
    """A certificate for servers."""
    for_servers = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    check(
        fleet.python(custom(fleet.ca, (for_servers, False))), "usage", "does not allow client", "clientAuth"
    )


def test_a_critical_extension(fleet: Fleet) -> None:
    """One that nobody knows."""
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
    check(
        fleet.python(custom(fleet.ca, (unknown, True))),
        "critical-extension",
        "critical extension",
        "not critical",
    )


def test_a_weak_key(fleet: Fleet) -> None:
    """RSA of 1024 bits, from a stack that has no objections."""
    context = context_of(fleet.aws, ciphers="DEFAULT@SECLEVEL=0")
    from support.tls_client import load

    device = custom(fleet.ca, bits=1024)
    load(context, device.pem, device.key_pem)
    found = fleet.diagnose(knock(fleet.aws, context, fleet.place.endpoint).port)
    check(found, "weak-key", "too weak", "another key")
    assert found.sent["key"] == "RSA 1024"


def test_an_explicit_curve(fleet: Fleet, tmp_path: Path) -> None:
    """A key that spells its curve out, as some old tools make it."""
    (tmp_path / "ca.pem").write_text(fleet.ca.pem)
    (tmp_path / "ca.key").write_text(fleet.ca.key_pem)
    for command in (
        "ecparam -name prime256v1 -genkey -noout -param_enc explicit -out d.key",
        "req -new -key d.key -subj /CN=explicit -out d.csr",
        "x509 -req -in d.csr -CA ca.pem -CAkey ca.key -set_serial 7 -days 3 -out d.pem",
    ):
        subprocess.run(
            ["openssl", *command.split()], cwd=tmp_path, check=True, capture_output=True, timeout=60
        )
    pem, key_pem = (tmp_path / "d.pem").read_text(), (tmp_path / "d.key").read_text()
    made = make_device(fleet.ca, "explicit")
    found = fleet.openssl(tmp_path, Device(pem, made.key, key_pem, made.certificate))
    check(found, "explicit-curve", "spells its curve out", "named curve")


def test_a_subject_that_makes_no_thing(fleet: Fleet) -> None:
    """A device that the template cannot be applied to: the cause, which AWS tells in its logs only."""
    found = fleet.python(make_device(fleet.ca, "a name with spaces"))
    check(found, "not-provisioned", "stays PENDING_ACTIVATION in", "iot-ca simulate")
    assert "a name with spaces" in found.says or "thing" in found.says.lower()


# --- the device's own view --------------------------------------------------------------------------------------


def test_the_device_does_not_trust_the_server(fleet: Fleet) -> None:
    """Another root on the device."""
    found = fleet.python(make_device(fleet.ca, "d"), anchor=make_ca("ec-p256", common_name="elsewhere").pem)
    check(found, "distrust", "does not trust the broker", "file of roots")
    assert "Amazon Root CA 1" in found.aws


@pytest.mark.parametrize(
    ("moment", "event", "says"),
    [("0", "distrust", "its clock stands in the past"), ("4000000000", "clock", "its clock is wrong")],
)
def test_the_devices_clock(fleet: Fleet, tmp_path: Path, moment: str, event: str, says: str) -> None:
    """1970 and 2096: OpenSSL tells the two by different alerts."""
    device = make_device(fleet.ca, "d")
    found = fleet.openssl(tmp_path, device, "-attime", moment, "-verify_return_error")
    assert (found.event, says in found.says) == (event, True), found


def test_tls_below_1_2(fleet: Fleet, tmp_path: Path) -> None:
    """A stack of long ago."""
    found = fleet.openssl(tmp_path, make_device(fleet.ca, "d"), "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
    check(found, "old-tls", "no TLS version of at least 1.2", "TLS 1.2")
    assert found.sent["TLS"] == "TLS 1.1"


def test_no_common_suite(fleet: Fleet) -> None:
    """A suite that AWS has not, such as CCM of small stacks."""
    found = fleet.python(
        make_device(fleet.ca, "d"), ciphers="ECDHE-ECDSA-AES128-CCM8", maximum_version=ssl.TLSVersion.TLSv1_2
    )
    check(found, "no-suite", "no cipher suite that AWS IoT has", "AES-GCM")
    assert found.sent["suite"].startswith("0xC0AE")


def test_a_suite_that_only_the_local_broker_lacks() -> None:
    """An OpenSSL that was built without one of AWS's suites is no fault of the device's."""
    error = ssl.SSLError(1, "no shared cipher")
    error.reason = "NO_SHARED_CIPHER"
    hello = ClientHello(suites=(0xC027,))
    assert why_handshake_failed(error, hello, ["ECDHE-RSA-AES128-GCM-SHA256"])[0] == "local-suite"
    assert why_handshake_failed(error, hello, ["ECDHE-RSA-AES128-SHA256"])[0] == "no-suite"


def test_a_buffer_that_is_too_small(fleet: Fleet) -> None:
    """A device that ends with record_overflow; its hello is Python's, its alert is sent by hand."""
    context = context_of(fleet.aws, make_device(fleet.ca, "d"), maximum_version=ssl.TLSVersion.TLSv1_2)
    out = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=fleet.place.endpoint)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with socket.create_connection((LOOPBACK, fleet.aws.broker_port), timeout=20) as plain:
        port = plain.getsockname()[1]
        plain.sendall(out.read())
        assert plain.recv(5)
        plain.sendall(b"\x15\x03\x03\x00\x02\x02\x16")
        while plain.recv(65536):
            pass
    check(fleet.diagnose(port), "fragment", "larger than the device's buffer", "16 KB")


def test_small_records_are_warned_of(fleet: Fleet, tmp_path: Path) -> None:
    """A device that asks for small records, as RFC 6066 has it."""
    found = fleet.openssl(tmp_path, make_device(fleet.ca, "d"), "-maxfraglen", "1024")
    assert found.sent["largest record"] == "1024"


def test_a_device_that_hangs_up(fleet: Fleet) -> None:
    """Without an alert there is a guess, and it is called one."""
    context = context_of(fleet.aws)
    out = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="x").do_handshake()
    with socket.create_connection((LOOPBACK, fleet.aws.broker_port), timeout=20) as plain:
        port = plain.getsockname()[1]
        plain.sendall(out.read())
        plain.recv(5)
        plain.shutdown(socket.SHUT_WR)
        while plain.recv(65536):
            pass
    found = fleet.diagnose(port)
    check(found, "hung-up", "hung up in the middle", "often hang up without an alert")
    assert found.aws == "unknown"


@pytest.mark.parametrize("sent", [connect_packet(), b"GET / HTTP/1.1\r\n\r\n"])
def test_no_tls_at_all(fleet: Fleet, sent: bytes) -> None:
    """Port 1883's protocol, or a browser's, on this port."""
    with socket.create_connection((LOOPBACK, fleet.aws.broker_port), timeout=20) as plain:
        port = plain.getsockname()[1]
        plain.sendall(sent)
        assert plain.recv(1) == b""
    check(fleet.diagnose(port), "no-tls", "without TLS", "port 8883")


def test_a_foreign_application_protocol(fleet: Fleet) -> None:
    """ALPN of another broker works on 8883 alone."""
    found = fleet.python(make_device(fleet.ca, "d"), alpn=["mqtt"])
    assert found.sent["ALPN"] == "mqtt"
    assert any("not on 443" in each for each in found.warnings)


# --- MQTT, by paho ----------------------------------------------------------------------------------------------


def paho(
    fleet: Fleet, device: Device, client_id: str, work: Callable[[mqtt.Client], object], **how: Any
) -> list[str]:
    """Connect by paho as a provisioned device, and work until the connection ends: the events."""
    fleet.python(device)
    _, seen = read_events(fleet.aws.connections)
    endpoint = fleet.place.endpoint

    class Naming(ssl.SSLContext):
        def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
            return super().wrap_socket(*arguments, **{**options, "server_hostname": endpoint})

    context = Naming(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=fleet.aws.broker_trust_anchor())
    from support.tls_client import load

    load(context, device.pem, device.key_pem)
    keep_alive = how.pop("keepalive", 60)
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2,  # type: ignore[attr-defined]
        client_id=client_id,
        reconnect_on_failure=False,
        **how,
    )
    client.tls_set_context(context)
    client.on_connect = lambda *_: work(client)  # type: ignore[assignment]
    client.connect(LOOPBACK, fleet.aws.broker_port, keepalive=keep_alive)
    deadline = time.monotonic() + 20
    while client.loop(0.2) == mqtt.MQTT_ERR_SUCCESS and time.monotonic() < deadline:
        if len(read_events(fleet.aws.connections, seen)[0]) > 1:
            client.disconnect()
    events, _ = read_events(fleet.aws.connections, seen)
    return [
        f"{each.event}: {diagnose(each, fleet.plan).fix} {diagnose(each, fleet.plan).warnings}"
        for each in events
    ]


def test_a_client_id_that_the_policy_forbids(fleet: Fleet) -> None:
    """The policy allows the thing's name."""
    (told,) = paho(fleet, make_device(fleet.ca, "device-1"), "another", lambda client: None)
    assert told.startswith("connect-denied: take the client id that the policy allows")


def test_a_topic_that_the_policy_forbids(fleet: Fleet) -> None:
    """A message elsewhere than under the device's own topics."""
    told = paho(
        fleet, make_device(fleet.ca, "device-1"), "device-1", lambda client: client.publish("elsewhere", b"x")
    )
    assert told[1].startswith("packet-denied: use the topics that the policy allows")


def publish_with_qos_2(client: mqtt.Client) -> None:
    """A message of the third kind."""
    client.publish("devices/device-1/x", b"x", qos=2)


def test_qos_2(fleet: Fleet) -> None:
    """A message that AWS IoT never answers."""
    told = paho(
        fleet,
        make_device(fleet.ca, "device-1"),
        "device-1",
        publish_with_qos_2,
    )
    assert told[1].startswith("qos-2: use QoS 0 or 1")


def test_mqtt_3_1(fleet: Fleet) -> None:
    """The old protocol."""
    told = paho(
        fleet, make_device(fleet.ca, "device-1"), "device-1", lambda client: None, protocol=mqtt.MQTTv31
    )
    assert told[0].startswith("mqtt-version: set the client library to MQTT 3.1.1")


@pytest.mark.parametrize(("asked", "taken"), [(5, 30), (0, 1200), (3600, 1200)])
def test_a_keep_alive_out_of_range(fleet: Fleet, asked: int, taken: int) -> None:
    """It works, as AWS IoT has it, and is told."""
    told = paho(
        fleet,
        make_device(fleet.ca, "device-1"),
        "device-1",
        lambda client: client.disconnect(),
        keepalive=asked,
    )
    assert f"its keep-alive of {asked} s is out of range: AWS IoT takes {taken} s" in told[0]


# --- the words --------------------------------------------------------------------------------------------------


def test_every_event_has_a_meaning() -> None:
    """No word of the broker's is without a text, and no text without a word."""
    sources = "\n".join(path.read_text() for path in Path(gaps.__file__).parent.glob("*.py"))
    told = set(re.findall(r'\btell\(\s*"([a-z0-9-]+)"', sources))
    told |= set(re.findall(r'(?:return|:|=)\s*\(?\s*"([a-z0-9-]+)",\s*\n?\s*f?"[a-z]', sources))
    assert told - set(MEANINGS) - set(APPLICATION_PROTOCOLS) == set()
    assert {word for word in MEANINGS if f'"{word}"' not in sources} == {"never-back"}


def test_every_meaning_is_in_the_documentation() -> None:
    """docs/devices.md has a row for each event that something can be done about."""
    document = (Path(__file__).parents[3] / "docs/devices.md").read_text()
    assert [word for word, meaning in MEANINGS.items() if meaning.fix and f"`{word}`" not in document] == []
