"""The broker's certificates: one RSA, one EC, each under a root of its kind, valid since long before now.

As at AWS, where Amazon Root CA 1 is RSA and Amazon Root CA 3 EC (developer guide, "Server authentication"). A board
whose clock is some months behind still finds them valid; one whose clock stands at 1970 finds none valid anywhere.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from ministack.services import iot

_Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_ROOT_SINCE, _ROOT_FOR = dt.timedelta(days=3650), dt.timedelta(days=7300)
_SERVER_SINCE, _SERVER_FOR = dt.timedelta(days=200), dt.timedelta(days=395)


class Issued(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: _Key

    @property
    def pem(self) -> str:
        """The certificate, PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        """The key, PEM."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ).decode()


_roots: dict[str, Issued] = {}


def close() -> None:
    """Replace the emulator's one root, which also signs the certificates that it makes for devices."""
    iot.generate_ca = _generate_ca
    iot.get_ca_cert_pem = trust_anchors


def trust_anchors() -> str:
    """Both roots, PEM: by either a device trusts the broker."""
    rsa_root, _ = iot._ensure_ca()
    return f"{rsa_root}{_root('EC').pem}"


def server_certificates() -> list[Issued]:
    """The broker's certificates, for the names that it has now."""
    dns_names, addresses = iot._mtls_server_cert_sans()
    names: list[x509.GeneralName] = [
        *(x509.DNSName(name) for name in dns_names),
        *(x509.IPAddress(ipaddress.ip_address(each)) for each in addresses),
    ]
    iot._ensure_ca()
    return [_server(_root(kind), _key(kind), names) for kind in ("RSA", "EC")]


def _generate_ca(*_: object, **__: object) -> tuple[str, str]:
    root = _root("RSA")
    return root.pem, root.key_pem


def _root(kind: str) -> Issued:
    if kind not in _roots:
        key = _key(kind)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Local AWS {kind} root")])
        builder = _builder(name, name, key, _ROOT_SINCE, _ROOT_FOR)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(root=True), critical=True)
        _roots[kind] = Issued(builder.sign(key, hashes.SHA256()), key)
    return _roots[kind]


def _server(root: Issued, key: _Key, names: list[x509.GeneralName]) -> Issued:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the broker of a local AWS")])
    builder = _builder(subject, root.certificate.subject, key, _SERVER_SINCE, _SERVER_FOR)
    certificate = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(root=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key()), critical=False
        )
        .sign(root.key, hashes.SHA256())
    )
    return Issued(certificate, key)


def _key(kind: str) -> _Key:
    if kind == "EC":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: _Key, since: dt.timedelta, lasting: dt.timedelta
) -> x509.CertificateBuilder:
    start = dt.datetime.now(dt.UTC) - since
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + lasting)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, root: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not root,
        content_commitment=False,
        key_encipherment=not root,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=root,
        crl_sign=root,
        encipher_only=False,
        decipher_only=False,
    )
