"""``create-ca``: a CA for development, the shape that AWS IoT takes. Writes two files, and never over another.

A CA of a real fleet belongs in an HSM, KMS or AWS Private CA: a key that was once a file can have been copied.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from ...errors import CreateCaError
from ...model.ca.algorithms import KEY_ALGORITHMS
from .. import files
from ..options import LONGEST_DAYS
from ..output import say

_ALGORITHMS = {name.lower().replace("_", "-"): (name, each) for each in KEY_ALGORITHMS for name in each.names}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_LONGEST_COMMON_NAME = 64
_CLOCK_SKEW = dt.timedelta(hours=1)


@click.command("create-ca")
@click.argument("name", default="fleet-ca")
@click.option("--algorithm", type=click.Choice(list(_ALGORITHMS)), default="rsa-2048", show_default=True)
@click.option(
    "--common-name", default="Development device CA", show_default=True, help="Of the CA's subject."
)
@click.option("--organization", help="Of the CA's subject.")
@click.option(
    "--days", type=click.IntRange(1, LONGEST_DAYS), default=3650, show_default=True, help="Validity."
)
@click.option(
    "--out", default=".", show_default=True, type=click.Path(path_type=Path, file_okay=False), help="Folder."
)
def create_ca(
    name: str, algorithm: str, common_name: str, organization: str | None, days: int, out: Path
) -> None:
    """Make a development CA: NAME.pem, its certificate, and NAME.key, its key.

    The key file can be read by its owner only. Existing files are never overwritten.

    \b
    Example: iot-ca create-ca fleet-ca --algorithm ec-p256
    """
    if not _NAME.fullmatch(name):
        raise CreateCaError(
            "the name can be no file's name",
            value=name,
            allowed="letters, digits, dots, hyphens and underscores",
        )
    if not 1 <= len(common_name) <= _LONGEST_COMMON_NAME:
        raise CreateCaError("X.509 has no such common name", value=common_name, allowed="1 to 64 characters")
    certificate_path, key_path = out / f"{name}.pem", out / f"{name}.key"
    for path in (certificate_path, key_path):
        if path.exists():
            raise _exists(path)
    key = _new_key(algorithm)
    signature_hash = _ALGORITHMS[algorithm][1].signature_hash()
    certificate = _self_signed(key, signature_hash, common_name, organization, dt.timedelta(days=days))
    out.mkdir(parents=True, exist_ok=True)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write_new(key_path, private, mode=0o600)
    _write_new(certificate_path, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex()
    say(f"wrote {certificate_path} (certificate id {fingerprint})")
    say(f"wrote {key_path} (for its owner only: keep it out of the repository)")
    say(
        f"valid until {certificate.not_valid_after_utc:%Y-%m-%d}; for development, not for a fleet in the field"
    )


def _new_key(algorithm: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    name, kind = _ALGORITHMS[algorithm]
    if kind.curve is not None:
        return ec.generate_private_key(kind.curve())
    return rsa.generate_private_key(public_exponent=65537, key_size=int(name.rpartition("_")[2]))


def _self_signed(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    signature_hash: hashes.SHA256 | hashes.SHA384 | hashes.SHA512,
    common_name: str,
    organization: str | None,
    lifetime: dt.timedelta,
) -> x509.Certificate:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    subject = x509.Name(attributes)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        .sign(key, signature_hash)
    )


def _write_new(path: Path, content: bytes, *, mode: int) -> None:
    try:
        files.create(path, content, mode=mode)
    except FileExistsError:
        raise _exists(path) from None


def _exists(path: Path) -> CreateCaError:
    return CreateCaError(
        "the file exists, and a CA's files are never overwritten",
        value=str(path),
        allowed="a name that is free",
        fix="choose another name or folder, or move the old file away yourself",
    )
