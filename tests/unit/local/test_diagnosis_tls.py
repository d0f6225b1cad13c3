"""Mistakes in TLS itself, and a device's own view of the broker, each by a real client: the sentence for it."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import struct
from typing import TYPE_CHECKING

import paho.mqtt.client as mqtt
import pytest

from iot_multiaccount_ca.local.diagnosis import Diagnosis, diagnose
from iot_multiaccount_ca.local.emulator import LOOPBACK
from support.boards import BoardFleet, by_openssl, check
from support.certificates import DeviceKeyPair, make_ca, make_device
from support.mbedtls import mbedtls_device
from support.tls_client import connect_packet, context_of, written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# --- the device's own view --------------------------------------------------------------------------------------


def test_the_device_does_not_trust_the_server(fleet: BoardFleet) -> None:
    """Another root on the device."""
    found = fleet.python(make_device(fleet.ca, "d"), anchor=make_ca("ec-p256", common_name="elsewhere").pem)
    check(found, "distrust", "does not trust the broker", "file of roots")
    assert "Amazon Root CA 1" in found.aws


@pytest.mark.parametrize("name", ["mqtt.example.com", "the endpoint.example.com"])
def test_the_device_verifies_another_name(fleet: BoardFleet, name: str) -> None:
    """A client that dials a name of its own, and verifies it, ends TLS before the broker can: the name is the cause."""
    name = name.replace("the endpoint", fleet.place.endpoint)
    found = fleet.python(make_device(fleet.ca, "d"), name, check_hostname=True)
    check(found, "distrust", f"it asked for {name!r}", "send the stage's endpoint as SNI, not an address")
    assert f"the certificate is for endpoints: {fleet.place.endpoint}" in found.says


# As Node does.
_HANGS_UP = """
const [port, servername] = process.argv.slice(1), fs = require("fs");
const [ca, cert, key] = ["anchor.pem", "device.pem", "device.key"].map((each) => fs.readFileSync(each));
require("tls").connect({ host: "127.0.0.1", port, servername, ca, cert, key }).on("error", () => process.exit());
"""


def test_the_device_verifies_another_name_and_hangs_up(fleet: BoardFleet, tmp_path: Path) -> None:
    """As Node does, without an alert."""
    command = ("node", "-e", _HANGS_UP, str(fleet.aws.broker_port), "mqtt.example.com")
    found = fleet.program(tmp_path, make_device(fleet.ca, "d"), *command)
    check(found, "hung-up", "it asked for 'mqtt.example.com'", "servername in Node")


def test_the_device_verifies_another_name_after_the_handshake(fleet: BoardFleet) -> None:
    """As curl does, which then hangs up without an alert."""
    context = context_of(fleet.aws, make_device(fleet.ca, "d"))
    plain = socket.create_connection((LOOPBACK, fleet.aws.broker_port), timeout=20)
    port = plain.getsockname()[1]
    context.wrap_socket(plain, server_hostname="mqtt.example.com").close()
    found = fleet.diagnose(port)
    check(
        found,
        "hung-up-after-tls",
        "it asked for 'mqtt.example.com'",
        "send the stage's endpoint as SNI, not an",
    )


def test_distrust_without_a_name(fleet: BoardFleet) -> None:
    """An address, which no certificate of AWS's holds, may be what it verifies."""
    elsewhere = make_ca("ec-p256", common_name="elsewhere").pem
    found = fleet.python(make_device(fleet.ca, "d"), None, anchor=elsewhere)
    check(found, "distrust", "it sent no server name (SNI)", "mbedtls_ssl_set_hostname")


@pytest.mark.parametrize(
    ("moment", "event", "says"),
    [("0", "distrust", "its clock stands in the past"), ("4000000000", "clock", "its clock is wrong")],
)
def test_the_devices_clock(fleet: BoardFleet, tmp_path: Path, moment: str, event: str, says: str) -> None:
    """1970 and 2096: OpenSSL tells the two by different alerts."""
    device = make_device(fleet.ca, "d")
    found = fleet.openssl(tmp_path, device, "-attime", moment, "-verify_return_error")
    assert (found.event, says in found.says) == (event, True), found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "event", "says"),
    [("0", "distrust", "its clock stands in the past"), ("4000000000", "clock", "its clock is wrong")],
)
def test_the_clock_of_a_board_on_mbedtls(
    fleet: BoardFleet, tmp_path: Path, moment: str, event: str, says: str
) -> None:
    """1970 and 2096: mbedTLS tells the first by another alert than OpenSSL, and the sentence is the same."""
    found = by_mbedtls(fleet, tmp_path, moment)
    check(found, event, says, "clock")


def test_tls_below_1_2(fleet: BoardFleet, tmp_path: Path) -> None:
    """A stack of long ago."""
    found = fleet.openssl(tmp_path, make_device(fleet.ca, "d"), "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
    check(found, "old-tls", "no TLS version of at least 1.2", "TLS 1.2")
    assert found.sent["TLS"] == "TLS 1.1"


def test_no_common_suite(fleet: BoardFleet) -> None:
    """A suite that AWS has not, such as CCM of small stacks."""
    found = fleet.python(
        make_device(fleet.ca, "d"),
        ciphers="ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0",  # newer ones of OpenSSL offer it on no other level
        maximum_version=ssl.TLSVersion.TLSv1_2,
    )
    check(found, "no-suite", "no cipher suite that AWS IoT has", "AES-GCM")
    assert found.sent["suite"].startswith("0xC0AE")


def test_no_common_curve(fleet: BoardFleet, tmp_path: Path) -> None:
    """A suite of AWS's, and a curve that nobody else has: the sentence blames the curve and not the suite."""
    found = fleet.openssl(
        tmp_path,
        make_device(fleet.ca, "d"),
        *("-tls1_2", "-curves", "brainpoolP256r1", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    )
    check(found, "no-suite", "ECDHE-ECDSA-AES128-GCM-SHA256, which AWS IoT has, and no curve", "curve P-256")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_no_common_signature_algorithm(fleet: BoardFleet, tmp_path: Path, version: str) -> None:
    """A stack that verifies Edwards curves alone."""
    found = fleet.openssl(tmp_path, make_device(fleet.ca, "d"), version, "-sigalgs", "ed25519")
    check(found, "no-suite", "no", "AES-GCM")
    assert "signature algorithm" in found.says


def test_a_stack_that_has_nothing_to_offer(fleet: BoardFleet, tmp_path: Path) -> None:
    """TLS 1.3 and none of its curves: OpenSSL sends an alert in place of a hello, which is no sign of plain MQTT."""
    found = fleet.openssl(tmp_path, make_device(fleet.ca, "d"), "-tls1_3", "-curves", "brainpoolP256r1")
    check(found, "alert", "before the first hello, with the alert internal error", "device's own log")


def test_a_handshake_that_fails_for_a_rare_cause(fleet: BoardFleet, tmp_path: Path) -> None:
    """A stack that says it fell back to TLS 1.2, to a server that has 1.3: told in OpenSSL's words."""
    found = fleet.openssl(tmp_path, make_device(fleet.ca, "d"), "-fallback_scsv", "-no_tls1_3")
    check(found, "handshake", "inappropriate fallback", "openssl s_client")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("certificate", "key", "says"),
    [
        ("ec:prime256v1", "ec:prime256v1", "does not belong to its certificate"),
        ("ec:prime256v1", "ec:secp384r1", "does not belong to its certificate"),
        ("rsa:2048", "rsa:2048", "does not belong to its certificate"),
        ("ec:prime256v1", "rsa:2048", "another kind of key than its certificate has"),
        ("rsa:2048", "ec:prime256v1", "another kind of key than its certificate has"),
    ],
)
def test_a_key_of_another_device(
    fleet: BoardFleet, tmp_path: Path, certificate: str, key: str, says: str
) -> None:
    """mbedTLS does not look whether the two fit, as OpenSSL would; nor does a secure element that holds the key."""

    def of(kind: str) -> str:
        name, _, what = kind.partition(":")
        return f"-newkey ec -pkeyopt ec_paramgen_curve:{what}" if name == "ec" else f"-newkey {kind}"

    device = by_openssl(
        fleet.ca,
        tmp_path,
        f"req -new {of(certificate)} -nodes -keyout d.key -subj /CN=pair -out d.csr",
        "x509 -req -in d.csr -CA ca.pem -CAkey ca.key -set_serial 7 -days 3 -out d.pem",
        f"req -new {of(key)} -nodes -keyout d.key -subj /CN=other -out d.csr",
    )
    check(by_mbedtls(fleet, tmp_path, device=device), "wrong-key", says, "flash the pair")


def test_a_buffer_that_is_too_small(fleet: BoardFleet) -> None:
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


@pytest.mark.slow
def test_records_that_mbedtls_does_not_put_together(fleet: BoardFleet, tmp_path: Path) -> None:
    """A board on mbedTLS that asks for small records gets them, can do nothing with them, and hangs up unheard."""
    found = by_mbedtls(fleet, tmp_path, "", "2")
    check(found, "fragment", "asked for records of at most 1024 bytes", "mbedtls_ssl_conf_max_frag_len")


def test_small_records_are_warned_of(fleet: BoardFleet, tmp_path: Path) -> None:
    """A device that asks for small records, as RFC 6066 has it."""
    found = fleet.openssl(tmp_path, make_device(fleet.ca, "d"), "-maxfraglen", "1024")
    assert found.sent["largest record"] == "1024"


def begin(fleet: BoardFleet) -> tuple[socket.socket, bytes]:
    """A connection, and the hello with which Python's ssl begins."""
    context = context_of(fleet.aws)
    out = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=fleet.place.endpoint).do_handshake()
    return socket.create_connection((LOOPBACK, fleet.aws.broker_port), timeout=60), out.read()


def reset(connection: socket.socket) -> None:
    """End it as a machine does whose program is gone with bytes unread."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("part", [1, 4, 5, 60])
def test_a_device_that_hangs_up_in_its_hello(fleet: BoardFleet, part: int) -> None:
    """What came was TLS as far as it came, and nobody says that it was not."""
    connection, hello = begin(fleet)
    port = connection.getsockname()[1]
    connection.sendall(hello[:part])
    connection.close()
    check(fleet.diagnose(port), "hung-up", f"of its ClientHello, after {part} bytes", "often hang up")


def test_a_hello_of_ssl_2(fleet: BoardFleet) -> None:
    """Stacks of long ago begin so, whatever they can do: it is not called something else than TLS."""
    connection, _ = begin(fleet)
    port = connection.getsockname()[1]
    with connection:
        connection.sendall(b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10" + bytes(37))
        assert connection.recv(5) == b""
    check(fleet.diagnose(port), "old-tls", "the form of SSL 2", "TLS 1.2")


@pytest.mark.parametrize("end", [socket.socket.close, reset], ids=["closed", "reset"])
def test_a_device_that_hangs_up(fleet: BoardFleet, end: Callable[[socket.socket], None]) -> None:
    """Without an alert there is a guess, and it is called one."""
    connection, hello = begin(fleet)
    port = connection.getsockname()[1]
    connection.sendall(hello)
    assert connection.recv(5)
    end(connection)
    found = fleet.diagnose(port)
    check(found, "hung-up", "hung up in the middle", "often hang up without an alert")
    assert found.aws == "unknown"


@pytest.mark.parametrize("end", [ssl.SSLSocket.close, reset], ids=["closed", "reset"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_device_that_hangs_up_after_the_handshake(
    fleet: BoardFleet, version: ssl.TLSVersion, end: Callable[[ssl.SSLSocket], None]
) -> None:
    """It shook hands, as stacks do that only test the port, and sent no CONNECT: nothing registers it."""
    context = context_of(fleet.aws, make_device(fleet.ca, "d"), maximum_version=version)
    plain = socket.create_connection((LOOPBACK, fleet.aws.broker_port), timeout=20)
    secure = context.wrap_socket(plain, server_hostname=fleet.place.endpoint)
    port = secure.getsockname()[1]
    end(secure)
    check(fleet.diagnose(port), "hung-up-after-tls", "after the TLS handshake", "send the CONNECT")


def test_what_passes_by_the_tls_stack(fleet: BoardFleet) -> None:
    """A CONNECT on the bare socket, below the TLS that stands: the sentence does not call it the device's alert."""
    context = context_of(fleet.aws, make_device(fleet.ca, "d"))
    plain = socket.create_connection((LOOPBACK, fleet.aws.broker_port), timeout=20)
    port = plain.getsockname()[1]
    secure = context.wrap_socket(plain, server_hostname=fleet.place.endpoint)
    with socket.socket(fileno=secure.detach()) as bare:
        bare.sendall(connect_packet())
        found = fleet.diagnose(port)
    check(found, "no-tls", "after the handshake is not TLS", "MQTT over TLS")


@pytest.mark.parametrize(
    ("end", "event"), [(socket.socket.close, "nothing"), (reset, "lost")], ids=["closed", "reset"]
)
def test_a_device_that_says_nothing(
    fleet: BoardFleet, end: Callable[[socket.socket], None], event: str
) -> None:
    """A look at the port is told, and nothing is to be changed."""
    connection = socket.create_connection((LOOPBACK, fleet.aws.broker_port), timeout=20)
    port = connection.getsockname()[1]
    end(connection)
    found = fleet.diagnose(port)
    assert (found.event, found.fix) == (event, None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shakes_hands", "says"), [(False, "handshake was not over after 20 s"), (True, "no CONNECT in 30 s")]
)
def test_a_device_that_stops_in_the_middle(fleet: BoardFleet, shakes_hands: bool, says: str) -> None:
    """It waits, and is told after some time: in the handshake, or after it."""
    if shakes_hands:
        plain = socket.create_connection((LOOPBACK, fleet.aws.broker_port), timeout=60)
        context = context_of(fleet.aws, make_device(fleet.ca, "d"))
        connection: socket.socket = context.wrap_socket(plain, server_hostname=fleet.place.endpoint)
    else:
        connection, hello = begin(fleet)
        connection.sendall(hello)
    with connection, contextlib.suppress(OSError):
        port = connection.getsockname()[1]
        while connection.recv(65536):
            pass
    check(fleet.diagnose(port), "silent", says, "the board stopped in the middle")


def by_paho(fleet: BoardFleet) -> None:
    """paho without a word of TLS."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)  # type: ignore[attr-defined]
    client.connect(LOOPBACK, fleet.aws.broker_port)
    while client.loop(0.2) == mqtt.MQTT_ERR_SUCCESS:
        pass


def by_http(fleet: BoardFleet) -> None:
    """http:// for https://."""
    connection = http.client.HTTPConnection(LOOPBACK, fleet.aws.broker_port, timeout=20)
    with contextlib.closing(connection), pytest.raises(http.client.RemoteDisconnected):
        connection.request("GET", "/topics/x")
        connection.getresponse()


@pytest.mark.parametrize(("client", "says"), [(by_paho, "MQTT without TLS"), (by_http, "HTTP without TLS")])
def test_no_tls_at_all(fleet: BoardFleet, client: Callable[[BoardFleet], None], says: str) -> None:
    """Port 1883's protocol, or a browser's, on this port."""
    seen = written(fleet.aws)
    client(fleet)
    check(diagnose(fleet.next_event(seen), fleet.plan), "no-tls", says, "port 8883")


def test_a_foreign_application_protocol(fleet: BoardFleet) -> None:
    """ALPN of another broker works on 8883 alone."""
    found = fleet.python(make_device(fleet.ca, "d"), alpn=["mqtt"])
    assert found.sent["ALPN"] == "mqtt"
    assert any("not on 443" in each for each in found.warnings)


def by_mbedtls(
    fleet: BoardFleet, folder: Path, *settings: str, device: DeviceKeyPair | None = None
) -> Diagnosis:
    """A device on mbedTLS: ``settings`` are its clock, and the code of the records that it asks for."""
    return fleet.program(
        folder,
        device or make_device(fleet.ca, "d"),
        *(mbedtls_device(folder), str(fleet.aws.broker_port), fleet.place.endpoint),
        *("anchor.pem", "device.pem", "device.key", *settings),
    )
