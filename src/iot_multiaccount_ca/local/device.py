"""A device: a certificate of its own, mutual TLS, SNI, MQTT by paho, a client library that device makers use.

Knows no AWS API: where it connects, whom it trusts and what it may do are told to it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
import os
import ssl
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as mqtt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from types import TracebackType
    from typing import Self

#: How a device's key is made, by its type.
KEY_TYPES: Mapping[str, Callable[[], rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey]] = {
    "ec-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "rsa-2048": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
}
_WAIT_SECONDS = 20.0
_LIFETIME = dt.timedelta(days=1)
# A field of a device certificate's subject, as JITP calls it -> what X.509 calls it, and what a rehearsal puts in.
_MADE_UP = {
    "Country": (NameOID.COUNTRY_NAME, "XX"),
    "StateName": (NameOID.STATE_OR_PROVINCE_NAME, "Rehearsal"),
    "Organization": (NameOID.ORGANIZATION_NAME, "Rehearsal"),
    "OrganizationalUnit": (NameOID.ORGANIZATIONAL_UNIT_NAME, "Rehearsal"),
    "DistinguishedNameQualifier": (NameOID.DN_QUALIFIER, "rehearsal"),
    "SerialNumber": (NameOID.SERIAL_NUMBER, "rehearsal"),
}
#: The fields that can be made up, beside the common name, which a rehearsal's device always has.
SUBJECT_FIELDS = tuple(_MADE_UP)


class DeviceError(RuntimeError):
    """A device that cannot do what it should be able to."""


class Outcome(enum.Enum):
    """What the broker does with a device that connects."""

    CONNECTED = "connected"
    CUT_OFF = "cut off"  # what AWS does while it registers or provisions, and with whoever it does not know
    REFUSED = "refused"


@dataclass(frozen=True)
class DeviceCertificate:
    """A device's certificate and key, PEM."""

    pem: str
    key_pem: str = field(repr=False)
    common_name: str

    @classmethod
    def of(cls, pem: str, key_pem: str) -> DeviceCertificate:
        """A device's own certificate, PEM, or its chain, the device's first."""
        names = x509.load_pem_x509_certificate(pem.encode()).subject.get_attributes_for_oid(
            NameOID.COMMON_NAME
        )
        return cls(pem, key_pem, str(names[0].value) if names else "")

    @property
    def certificate_id(self) -> str:
        """AWS IoT's id of it: SHA-256 of the DER, 64 hex digits."""
        return x509.load_pem_x509_certificate(self.pem.encode()).fingerprint(hashes.SHA256()).hex()


@dataclass(frozen=True)
class Broker:
    """Where devices connect: the address to dial, and the PEM by which they trust it."""

    host: str
    port: int
    trust_anchor: str


def issue_device_certificate(
    ca_pem: str,
    ca_key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    common_name: str,
    *,
    key_type: str = "ec-p256",
    fields: Collection[str] = (),
) -> DeviceCertificate:
    """A device certificate, signed by the CA, valid for a day; its subject has the common name and ``fields``."""
    ca = x509.load_pem_x509_certificate(ca_pem.encode())
    key = KEY_TYPES[key_type]()
    now = dt.datetime.now(dt.UTC)
    attributes = [
        *(x509.NameAttribute(*made_up) for name, made_up in _MADE_UP.items() if name in fields),
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(attributes))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(min(now + _LIFETIME, ca.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(_authority_key_identifier(ca), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key_pem = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return DeviceCertificate(certificate.public_bytes(pem).decode(), key_pem.decode(), common_name)


def _authority_key_identifier(ca: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    # As the CA calls itself: TLS stacks match the two where CAs share a subject.
    try:
        held = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key())  # type: ignore[arg-type]
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(held)


class Device:
    """One connection of a device, as a context manager that ends it.

    ``server_name``: the endpoint that it names (SNI), which is also the name that the broker must prove;
    None sends none, as poor TLS stacks do. ``address`` is dialled whatever the name: names of a local AWS need not
    resolve. ``folder``: where its key is written for a moment; by default that for temporary files.
    """

    def __init__(
        self,
        certificate: DeviceCertificate,
        broker: Broker,
        server_name: str | None,
        *,
        client_id: str,
        folder: Path | None = None,
    ) -> None:
        self._broker = broker
        self._over = threading.Event()
        self._connected = threading.Event()
        self._settled: dict[int, threading.Event] = {}
        self._granted: dict[int, bool] = {}
        self._received: dict[str, bytes] = {}
        self._arrived = threading.Condition()
        self._refusal: str | None = None
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,  # type: ignore[attr-defined]
            client_id=client_id,
            reconnect_on_failure=False,
        )
        self._context = _tls_context(certificate, broker, server_name, folder)
        self._client.tls_set_context(self._context)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def connect(self) -> Outcome:
        """Connect, and say what the broker did. Raises `DeviceError` when TLS fails or nothing happens."""
        try:
            self._client.connect(self._broker.host, self._broker.port, keepalive=60)
        except ConnectionError:
            self._context.close()
            return Outcome.CUT_OFF
        except OSError as error:
            self._context.close()
            raise DeviceError(f"TLS to the broker failed: {error}") from None
        self._client.loop_start()
        deadline = time.monotonic() + _WAIT_SECONDS
        while not self._over.wait(0.02):
            if self._connected.is_set():
                return Outcome.CONNECTED
            if time.monotonic() > deadline:
                raise DeviceError(
                    f"the broker neither accepted nor cut off the device in {_WAIT_SECONDS:.0f} s"
                )
        return Outcome.REFUSED if self._refusal is not None else Outcome.CUT_OFF

    def subscribe(self, topic_filter: str) -> bool:
        """Subscribe, and say whether the broker granted it."""
        _, number = self._client.subscribe(topic_filter, qos=1)
        if number is None:
            return False
        return self._wait_for(number) and self._granted.get(number, False)

    def publish(self, topic: str, payload: bytes) -> bool:
        """Publish with QoS 1, and say whether the broker acknowledged it."""
        return self._wait_for(self._client.publish(topic, payload, qos=1).mid)

    def receive(self, topic: str) -> bytes | None:
        """The last message on a topic, waiting for it; None when none comes or the connection ends."""
        with self._arrived:
            self._arrived.wait_for(lambda: topic in self._received or self._over.is_set(), _WAIT_SECONDS)
            return self._received.get(topic)

    def _wait_for(self, number: int) -> bool:
        # Asked for before or after it came: the event is made by whoever is first.
        event = self._settled.setdefault(number, threading.Event())
        deadline = time.monotonic() + _WAIT_SECONDS
        while not event.wait(0.02):
            # A broker that does not allow it closes the connection.
            if self._over.is_set() or time.monotonic() > deadline:
                return event.is_set()
        return True

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._refusal = str(reason)
        else:
            self._connected.set()

    def _on_disconnect(self, *_: Any) -> None:
        with self._arrived:
            self._over.set()
            self._arrived.notify_all()

    def _on_subscribe(self, _client: Any, _data: Any, number: int, reasons: Any, _properties: Any) -> None:
        self._granted[number] = not any(reason.is_failure for reason in reasons)
        self._settled.setdefault(number, threading.Event()).set()

    def _on_publish(self, _client: Any, _data: Any, number: int, _reason: Any, _properties: Any) -> None:
        self._settled.setdefault(number, threading.Event()).set()

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        with self._arrived:
            self._received[message.topic] = message.payload
            self._arrived.notify_all()


class _NamingContext(ssl.SSLContext):
    """A client context that sends and verifies one server name, whatever address is dialled."""

    server_name: str | None = None
    _made: ssl.SSLSocket | None = None

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        self._made = super().wrap_socket(*arguments, **{**options, "server_hostname": self.server_name})
        return self._made

    def close(self) -> None:
        """Close the socket of a handshake that failed: paho forgets it."""
        if self._made is not None:
            self._made.close()


def _tls_context(
    certificate: DeviceCertificate, broker: Broker, server_name: str | None, folder: Path | None
) -> _NamingContext:
    context = _NamingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.server_name = server_name
    context.check_hostname = server_name is not None
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=broker.trust_anchor)
    # ssl reads keys from files only: one that is its owner's, for a moment.
    handle, name = tempfile.mkstemp(suffix=".pem", dir=folder)
    path = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(certificate.pem + certificate.key_pem)
        context.load_cert_chain(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
    return context
