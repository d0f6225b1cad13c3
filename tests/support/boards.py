"""A fleet of one CA on the local AWS, real clients that make a device maker's mistakes, and what is said of them."""

from __future__ import annotations

import datetime as dt
import ssl
import subprocess
import time
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from iot_multiaccount_ca.local.device_events import DeviceEvent, read_events
from iot_multiaccount_ca.local.diagnosis import Diagnosis, PlannedStage, diagnose
from iot_multiaccount_ca.local.emulator import LOOPBACK
from iot_multiaccount_ca.model.assembly import RegistrationRecord
from support.certificates import Authority, DeviceKeyPair, make_device
from support.tls_client import connect_packet, context_of, events_of, knock, written

if TYPE_CHECKING:
    from pathlib import Path

    from iot_multiaccount_ca.local.emulator import LocalAws
    from support.local_accounts import LocalAccount

LONG_AGO, LATER = dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2090, 1, 1, tzinfo=dt.UTC)


class BoardFleet:
    """One CA in one stage, SNI_ONLY unless told, with just-in-time provisioning."""

    def __init__(self, aws: LocalAws, place: LocalAccount, ca: Authority, mode: str = "SNI_ONLY") -> None:
        self.aws, self.place, self.ca = aws, place, ca
        place.register(ca, mode, registrationConfig={"templateName": place.template()})
        self.record = RegistrationRecord(
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
        self.plan = [PlannedStage(self.record, place.endpoint, ca.certificate)]
        self._after = written(aws)

    def diagnose(self, port: int) -> Diagnosis:
        """What is said of the connection from that port, last."""
        found, self._after = events_of(self.aws, port, self._after), written(self.aws)
        return diagnose(found[-1], self.plan)

    def python(
        self, device: DeviceKeyPair | None, name: str | None = "", *, send: bytes | None = None, **how: Any
    ) -> Diagnosis:
        """Python's ssl as the device; ``name``: SNI, None none, empty the stage's endpoint."""
        context = context_of(self.aws, device, **how)
        server_name = self.place.endpoint if name == "" else name
        return self.diagnose(knock(self.aws, context, server_name, send=send).port)

    def openssl(self, folder: Path, device: DeviceKeyPair, *arguments: str, name: str = "") -> Diagnosis:
        """OpenSSL's s_client as the device."""
        return self.program(
            folder,
            device,
            *("openssl", "s_client", "-connect", f"{LOOPBACK}:{self.aws.broker_port}", "-nocommands"),
            *("-servername", name or self.place.endpoint, "-cert", "device.pem", "-key", "device.key"),
            *("-CAfile", "anchor.pem", *arguments),
        )

    def program(
        self, folder: Path, device: DeviceKeyPair, *command: str, given: bytes | None = None
    ) -> Diagnosis:
        """Any program as the device, its files in the folder; ``given``: a CONNECT unless told."""
        for name, content in (
            ("anchor.pem", self.aws.broker_trust_anchor()),
            ("device.pem", device.pem),
            ("device.key", device.key_pem),
        ):
            (folder / name).write_text(content)
        _, seen = read_events(self.aws.connections)
        subprocess.run(
            command,
            cwd=folder,
            input=connect_packet() if given is None else given,
            capture_output=True,
            timeout=60,
        )
        return diagnose(self.next_event(seen), self.plan)

    def next_event(self, seen: int, number: int = 0) -> DeviceEvent:
        """The first that the broker wrote from that place on, or the one of that number, as soon as it did."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            events, _ = read_events(self.aws.connections, seen)
            if len(events) > number:
                return events[number]
            time.sleep(0.02)
        raise AssertionError("the broker wrote nothing")


def check(found: Diagnosis, event: str, says: str, fix: str) -> None:
    """The event, and what its sentences hold."""
    assert (found.event, says in found.says, fix in (found.fix or "")) == (event, True, True), found


def custom(ca: Authority, *extensions: tuple[x509.ExtensionType, bool], bits: int = 0) -> DeviceKeyPair:
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
    return DeviceKeyPair(pem, key, key_pem, certificate)


#: Subjects that OpenSSL takes and stricter readers do not: the tag of the text, and the text.
UNREADABLE = {
    "an underscore in a PrintableString": (b"\x13", b"board_01"),
    "Latin 1 in a TeletexString": (b"\x14", b"b\xf6ard-01"),
}


def unreadable(ca: Authority, kind: str) -> DeviceKeyPair:
    """A device whose subject is encoded as sloppy tools do it."""
    made = make_device(ca, "readable")
    tag, text = UNREADABLE[kind]
    written = b"\x0c\x08readable"
    assert written in made.certificate.tbs_certificate_bytes
    signed = made.certificate.tbs_certificate_bytes.replace(written, tag + b"\x08" + text)
    signature = ca.key.sign(signed, ec.ECDSA(hashes.SHA256()))  # type: ignore[call-arg, arg-type]
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    der = _der(0x30, signed + algorithm + _der(0x03, b"\0" + signature))
    return DeviceKeyPair(ssl.DER_cert_to_PEM_cert(der), made.key, made.key_pem, made.certificate)


def _der(kind: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 0x80 else b"\x82" + size.to_bytes(2)
    if 0x80 <= size < 0x100:
        length = bytes([0x81, size])
    return bytes([kind]) + length + content


def by_openssl(ca: Authority, folder: Path, *commands: str) -> DeviceKeyPair:
    """A device that these commands of OpenSSL made as d.pem and d.key, the CA's files beside them."""
    (folder / "ca.pem").write_text(ca.pem)
    (folder / "ca.key").write_text(ca.key_pem)
    for command in commands:
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True, timeout=60)
    pem, key_pem = (folder / "d.pem").read_text(), (folder / "d.key").read_text()
    made = make_device(ca, "d")
    return DeviceKeyPair(pem, made.key, key_pem, made.certificate)
