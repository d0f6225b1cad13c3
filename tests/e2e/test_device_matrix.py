"""Clients from Debian and AWS's own SDKs, as they are, on the local AWS; `make test-all` installs or lists them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from iot_multiaccount_ca.local.emulator import LOOPBACK
from support.client_fleet import ClientFleet
from support.mbedtls import HEADER, has_header, mbedtls_device
from support.tls_client import connect_packet
from support.tunnel import tunnel

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "tests/clients"
#: `make test-all` installs AWS's SDK for Node there.
NODE_MODULES = ROOT / "build/clients/node_modules"
#: Debian's packages, by a program of each.
PACKAGES = {
    "openssl": "openssl",
    "curl": "curl",
    "mosquitto_pub": "mosquitto-clients",
    "gnutls-cli": "gnutls-bin",
    "gcc": "gcc",
}


def test_the_programs_of_the_matrix_are_there() -> None:
    """What Debian has to bring: what is missing is named as apt-get wants it."""
    missing = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
    if not ("gcc" not in missing and has_header(HEADER)):
        missing.append("libmbedtls-dev")
    assert missing == [], f"apt-get install {' '.join(missing)}"


@pytest.mark.parametrize("protocol", ["mqtt5", "mqtt311"])
def test_the_aws_sdk_for_python(client_fleet: ClientFleet, protocol: str) -> None:
    """Is cut off once, comes back, and publishes: by itself with MQTT 5, by its program with MQTT 3.1.1."""
    with tunnel() as proxy:
        ran = client_fleet.run(
            *(sys.executable, str(CLIENTS / "aws_sdk.py"), protocol),
            *(client_fleet.place.endpoint, client_fleet.port, str(proxy), str(client_fleet.folder)),
        )
    assert (ran.returncode, ran.stdout) == (0, b"published\n"), ran.stderr
    client_fleet.assert_cut_off_and_let_in()


@pytest.mark.parametrize("protocol", ["mqtt5", "mqtt311"])
def test_the_aws_sdk_for_node(client_fleet: ClientFleet, protocol: str) -> None:
    """As the SDK for Python, which shares its TLS and MQTT."""
    assert NODE_MODULES.is_dir(), "make test-all installs the SDK"
    (client_fleet.folder / "node_modules").symlink_to(NODE_MODULES)
    shutil.copy(CLIENTS / "node/aws_sdk.js", client_fleet.folder)
    with tunnel() as proxy:
        ran = client_fleet.run(
            *("node", "aws_sdk.js", protocol),
            *(client_fleet.place.endpoint, client_fleet.port, str(proxy), str(client_fleet.folder)),
        )
    assert (ran.returncode, ran.stdout) == (0, b"published\n"), ran.stderr
    client_fleet.assert_cut_off_and_let_in()


def test_mbedtls(client_fleet: ClientFleet) -> None:
    """A client in C on mbedTLS, the TLS of most small boards, trusts the broker by the endpoint's name."""
    command = (mbedtls_device(client_fleet.folder), client_fleet.port, client_fleet.place.endpoint)
    files = ("anchor.pem", "device.pem", "device.key")
    ran = client_fleet.run(*command, *files, given=connect_packet("device-1"))
    assert (ran.returncode, ran.stdout) == (1, b""), "the first connect is cut off"
    ran = client_fleet.run(*command, *files, given=connect_packet("device-1"))
    assert (ran.returncode, ran.stdout) == (0, b"20020000"), ran.stderr
    client_fleet.assert_cut_off_and_let_in()


def test_gnutls(client_fleet: ClientFleet) -> None:
    """GnuTLS trusts the broker by the endpoint's name, and its CONNECT is accepted."""
    client_fleet.let_in()
    ran = client_fleet.run(
        "gnutls-cli",
        f"--sni-hostname={client_fleet.place.endpoint}",
        f"--verify-hostname={client_fleet.place.endpoint}",
        *("--x509cafile=anchor.pem", "--x509certfile=device.pem", "--x509keyfile=device.key"),
        *(f"--port={client_fleet.port}", LOOPBACK),
        given=connect_packet("device-1"),
    )
    assert b"The certificate is trusted" in ran.stdout, ran.stdout + ran.stderr
    client_fleet.assert_cut_off_and_let_in()


def test_curl(client_fleet: ClientFleet) -> None:
    """curl publishes over HTTPS, by the endpoint's name, where a policy lets it."""
    client_fleet.let_in()
    place, port = client_fleet.place, client_fleet.port
    arn = f"arn:aws:iot:{place.region}:{place.account}:"
    policy = (
        '{"Version": "2012-10-17", "Statement": '
        f'[{{"Effect": "Allow", "Action": "iot:Publish", "Resource": "{arn}topic/by/curl"}}]}}'
    )
    place.iot.create_policy(policyName="curl", policyDocument=policy)
    place.iot.attach_policy(policyName="curl", target=f"{arn}cert/{client_fleet.device.certificate_id}")
    ran = client_fleet.run(
        *("curl", "--silent", "--show-error", "--noproxy", "*", "--cacert", "anchor.pem"),
        *("--cert", "device.pem", "--key", "device.key", "--data", "hello"),
        *("--connect-to", f"{place.endpoint}:{port}:{LOOPBACK}:{port}"),
        f"https://{place.endpoint}:{port}/topics/by/curl?qos=1",
    )
    assert ran.stdout == b'{"message": "OK"}', ran.stdout + ran.stderr
    assert client_fleet.events()[-1].event == "published"


def test_mosquitto(client_fleet: ClientFleet) -> None:
    """mosquitto sends the address that it dials as SNI, which counts as none, and lands with its CA's DEFAULT owner."""
    command = [
        *("mosquitto_pub", "-h", LOOPBACK, "-p", client_fleet.port, "-i", "device-1"),
        *("--cafile", "anchor.pem", "--cert", "device.pem", "--key", "device.key"),
        *("-t", "devices/device-1/x", "-m", "hello", "-q", "1"),
    ]
    assert client_fleet.run(*command).returncode != 0, "the first connect is cut off"
    assert client_fleet.run(*command).returncode == 0
    client_fleet.assert_cut_off_and_let_in(client_fleet.owner)
