"""How device certificates may come: what is read, what is not a certificate, and what cannot be read, by its name."""

from __future__ import annotations

import base64
import datetime as dt
import itertools
import json
import time
import urllib.parse
import zipfile
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from iot_multiaccount_ca import errors
from iot_multiaccount_ca.model.jitp.simulation import load_device_certificate, read_devices, read_file
from support.certificates import NOW, make_ca, make_device

if TYPE_CHECKING:
    from pathlib import Path

CA = make_ca("ec-p256", common_name="Wrapped CA")
DEVICE = make_device(CA, "wrapped")
PEM = DEVICE.pem
DER = DEVICE.certificate.public_bytes(serialization.Encoding.DER)
BASE64 = base64.b64encode(DER)
CHAIN = [CA.certificate, DEVICE.certificate]


_KEY_DER = DEVICE.key.private_bytes(
    serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)


def _version_6(content: bytes) -> bytes:
    return content.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020105"), 1)


def _source(content: bytes) -> str:
    """As firmware has it: twelve bytes a line."""
    lines = [content[at : at + 12] for at in range(0, len(content), 12)]
    return (
        "const uint8_t c[] = {\n"
        + "".join(f"  {', '.join(map('0x{:02X}'.format, line))},\n" for line in lines)
        + "};\n"
    )


def _labelled(label: str, content: bytes = DER) -> str:
    return PEM.replace("CERTIFICATE", label).replace(
        "".join(PEM.splitlines(keepends=True)[1:-1]), base64.encodebytes(content).decode()
    )


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (PEM.encode(), "PEM"),
        (PEM.replace("\n", "\r\n").encode(), "PEM"),
        (PEM.replace("\n", "\n   ").encode(), "PEM"),
        (b"Bag Attributes\n    friendlyName: d\n" + PEM.encode() + b"after", "PEM"),
        (("\ufeff" + PEM).encode("utf-8"), "PEM, UTF-8 with a byte order mark"),
        (PEM.encode("utf-16"), "PEM, UTF-16"),
        (PEM.encode("utf-16-le"), "PEM, UTF-16"),
        (PEM.encode("utf-16-be"), "PEM, UTF-16"),
        (PEM.encode("utf-32"), "PEM, UTF-32"),
        (_labelled("X509 CERTIFICATE").encode(), "PEM (X509 CERTIFICATE)"),
        (_labelled("TRUSTED CERTIFICATE", DER + b"\x30\x00").encode(), "PEM (TRUSTED CERTIFICATE)"),
        (PEM.replace("\n", "\\n").encode(), "PEM"),
        (json.dumps({"certificatePem": PEM}).encode(), "PEM"),
        (b"".join(b'"%s\\n"\n' % line for line in PEM.encode().splitlines()), "PEM"),
        (DER, "DER"),
        (DER + b"\n", "DER"),
        (DER + b"trailing", "DER, 8 bytes after it"),
        (BASE64, "bare base64"),
        (base64.encodebytes(DER), "bare base64"),
        (pkcs7.serialize_certificates(CHAIN, serialization.Encoding.DER), "PKCS#7"),
        (pkcs7.serialize_certificates(CHAIN, serialization.Encoding.PEM), "PKCS#7"),
        (
            base64.b64encode(pkcs7.serialize_certificates(CHAIN, serialization.Encoding.DER)),
            "PKCS#7, bare base64",
        ),
        ((DEVICE.key_pem + PEM).encode(), "PEM"),
        ((CA.pem + PEM).encode(), "PEM"),
        ((PEM + CA.pem).encode(), "PEM"),
        (b"".join(each.public_bytes(serialization.Encoding.DER) for each in CHAIN), "DER"),
        (b"\xef\xbb\xbf\r\n" + DER, "DER, UTF-8 with a byte order mark"),
        (DER + _KEY_DER, f"DER, {len(_KEY_DER)} bytes after it"),
        (BASE64.rstrip(b"="), "bare base64"),
        (base64.urlsafe_b64encode(DER), "bare base64"),
        (BASE64.decode().encode("utf-16"), "bare base64, UTF-16"),
        (b"id,certificate\n1," + BASE64 + b",north\n", "base64 in other text"),
        (json.dumps({"x5c": [BASE64.decode()]}).encode(), "base64 in other text"),
        (b"Content-Type: x\n\n" + base64.encodebytes(DER) + b"\n--end", "base64 in other text"),
        (DER.hex().encode(), "hexadecimal"),
        (DER.hex(":").upper().encode(), "hexadecimal"),
        (DER.hex(" ", 2).encode(), "hexadecimal"),
        (_source(DER).encode(), "hexadecimal"),
        (urllib.parse.quote(PEM).encode(), "PEM, URL-encoded"),
        (urllib.parse.quote_plus(PEM).encode(), "PEM, URL-encoded"),
        (_labelled("NEW CERTIFICATE").encode(), "PEM (NEW CERTIFICATE)"),
        (
            _labelled(
                "CERTIFICATE", pkcs7.serialize_certificates(CHAIN, serialization.Encoding.DER)
            ).encode(),
            "PKCS#7",
        ),
    ],
    ids=itertools.count(),
)
def test_a_device_is_read_from(content: bytes, form: str) -> None:
    """The one device, whatever it is wrapped in and wherever its CA stands."""
    found = read_devices(content)
    assert (found.devices, found.form) == ((DEVICE.certificate,), form)


def test_a_file_of_several_devices_has_them_all() -> None:
    """None is lost; one alone cannot be chosen."""
    others = [make_device(CA, f"batch-{number}") for number in range(3)]
    content = CA.pem + "".join(each.pem for each in others)
    assert read_devices(content.encode()).devices == tuple(each.certificate for each in others)
    with pytest.raises(errors.UnreadableDeviceCertificateError, match="3 device certificates"):
        load_device_certificate(content)


@pytest.mark.parametrize("separator", [b"\n", b"\r\n", b"=\n1,", b'","'], ids=itertools.count())
def test_a_table_of_base64_has_them_all(separator: bytes) -> None:
    """A row each, with padding and without."""
    others = [make_device(CA, f"row-{number}").certificate for number in range(3)]
    # Of any length: without padding a row's end is its line's.
    rows = [base64.b64encode(each.public_bytes(serialization.Encoding.DER)).rstrip(b"=") for each in others]
    for before in (b"", b"1,"):
        assert read_devices(before + separator.join(rows)).devices == tuple(others)


def test_a_ca_before_and_after_its_renewal_is_two() -> None:
    """Each of them issued the other, by name and key: none is the device's, and none is lost."""
    renewed = make_ca("ec-p256", common_name="Wrapped CA", not_after=NOW + dt.timedelta(days=7))
    assert len(read_devices((CA.pem + renewed.pem).encode()).devices) == 2
    assert read_devices((CA.pem + renewed.pem + PEM).encode()).devices == (DEVICE.certificate,)


def test_a_ca_alone_is_read() -> None:
    """It is a finding, not a lost file."""
    assert read_devices(CA.pem.encode()).devices == (CA.certificate,)


def test_an_unrelated_ca_beside_a_device_is_no_device() -> None:
    """Though it issued nothing here."""
    other = make_ca("ec-p256", common_name="Unrelated CA")
    assert read_devices((other.pem + PEM).encode()).devices == (DEVICE.certificate,)


def _request() -> x509.CertificateSigningRequest:
    return x509.CertificateSigningRequestBuilder(DEVICE.certificate.subject).sign(DEVICE.key, hashes.SHA256())


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (DEVICE.key_pem.encode(), "a private key"),
        (_KEY_DER, "a private key"),
        (_request().public_bytes(serialization.Encoding.PEM), "a certificate signing request"),
        (_request().public_bytes(serialization.Encoding.DER), "a certificate signing request"),
        (
            b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n",
            "parameters of keys",
        ),
        (PEM.replace("CERTIFICATE", "ATTRIBUTE CERTIFICATE").encode(), "an attribute certificate"),
        (b"notes of the factory", "no certificate in it"),
        (b"0.1.0\n", "no certificate in it"),
        (b"0123456789abcdef" * 40, "no certificate in it"),
        (b"base64 " * 3 + b"MII" + b"x" * 300, "no certificate in it"),
        (_KEY_DER.hex().encode(), "no certificate in it"),
    ],
    ids=itertools.count(),
)
def test_what_is_something_else_is_called_by_its_name(content: bytes, what: str) -> None:
    """And no concern."""
    with pytest.raises(errors.NotADeviceCertificateError) as caught:
        read_devices(content)
    assert caught.value.problem == what


def _pkcs12() -> bytes:
    return pkcs12.serialize_key_and_certificates(
        b"d", None, DEVICE.certificate, None, serialization.NoEncryption()
    )


def _zip(folder: Path) -> bytes:
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("d.pem", PEM)
    return (folder / "a.zip").read_bytes()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "it is empty"),
        (DER[:-10], "cut off"),
        (PEM[:200].encode(), "no end"),
        ((PEM + PEM[:200]).encode(), "no end"),
        (PEM.replace("M", "*").encode(), "not base64"),
        (_labelled("CERTIFICATE", b"\x30\x03abc").encode(), "does not parse"),
        (_pkcs12(), "PKCS#12"),
        (b"\xfe\xed\xfe\xed" + b"\x00" * 20, "a Java keystore"),
        (PEM.replace("-----", "----").encode(), "does not begin with"),
        (PEM.replace("-----", "----").lower().encode(), "does not begin with"),
        (PEM.partition("\n")[2].encode(), "does not begin with"),
        (DER + DER[:-10], "cut off"),
        (DER + DER.replace(b"\x30\x82", b"\x30\x84\x00\x00", 1), "does not parse"),
        (CHAIN[0].public_bytes(serialization.Encoding.DER) + DER[:99], "cut off"),
        (b"1," + BASE64[:-40] + b"!", "cut off"),
        (_version_6(DER), "not a valid X509 version"),
        (_labelled("CERTIFICATE", _version_6(DER)).encode(), "not a valid X509 version"),
        (CHAIN[0].public_bytes(serialization.Encoding.DER) + _version_6(DER), "not a valid X509 version"),
        (DER.replace(b"\x0c\x07wrapped", b"\x14\x07wr\xe4pped"), "TeletexString in Latin-1"),
        (_labelled("CERTIFICATES").encode(), "labelled 'CERTIFICATES'"),
        (b"d.pem".ljust(257, b"\x00") + b"ustar\x00" + PEM.encode(), "a tar archive"),
        (None, "a ZIP archive"),
    ],
    ids=itertools.count(),
)
def test_what_may_hold_a_certificate_is_not_readable(
    content: bytes | None, what: str, tmp_path: Path
) -> None:
    """With the reason; it is never taken for something else."""
    with pytest.raises(errors.UnreadableDeviceCertificateError, match=what) as caught:
        read_devices(_zip(tmp_path) if content is None else content)
    assert type(caught.value) is errors.UnreadableDeviceCertificateError


def test_a_batch_of_ten_thousand_is_read_in_its_time() -> None:
    """One file, one CA: nobody compares each with each."""
    devices = [make_device(CA, f"many-{number}", key_name="many").pem for number in range(300)]
    found = read_devices((CA.pem + "".join(devices)).encode())
    assert len(found.devices) == 300
    assert found.others == (CA.certificate,)


@pytest.mark.parametrize(
    "content",
    [
        b"-----BEGIN CERTIFICATE-----\n" * 30_000,
        b"-----BEGIN A" * 50_000 + b"-----",
        b"-----BEGIN CERTIFICATE-----\n" * 15_000 + b"-----END X-----" * 15_000,
        b"".join(b"-----BEGIN A%d-----" % number for number in range(40_000)),
    ],
    ids=["beginnings", "in a row", "other ends", "labels"],
)
def test_a_file_of_beginnings_costs_no_time(content: bytes) -> None:
    """It is not readable, and that is known at once: none is searched for its end again and again."""
    begin = time.monotonic()
    with pytest.raises(errors.UnreadableDeviceCertificateError, match="no end"):
        read_devices(content)
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize(
    "content",
    [
        b"MII" + b"A\n" * 200_000,
        (b"MII" + b"A" * 59 + b"\n-") * 8_000,
        b"30 82 " * 100_000,
        (b"30 82" + b" 00" * 99 + b"zz") * 3_000,
    ],
    ids=itertools.count(),
)
def test_text_that_nearly_holds_a_certificate_costs_no_time(content: bytes) -> None:
    """Each expression is linear in the file's length, or nearly so."""
    begin = time.monotonic()
    with pytest.raises((errors.NotADeviceCertificateError, errors.UnreadableDeviceCertificateError)):
        read_devices(content)
    assert time.monotonic() - begin < 5


def test_a_file_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    """What lies behind the part that is read is never lost without a word."""
    path = tmp_path / "batch.pem"
    path.write_bytes(
        PEM.encode("utf-16") + ("#\n" * 600_000 + make_device(CA, "last").pem).encode("utf-16-le")
    )
    assert len(read_devices(read_file(path)).devices) == 2
    path.write_bytes(b"x" * 1_000_000 + PEM.encode())
    with pytest.raises(errors.NotADeviceCertificateError, match="in its first 1,000,000 bytes"):
        read_file(path)
    with path.open("wb") as file:
        file.write(PEM.encode())
        file.truncate(64_000_001)
    with pytest.raises(errors.UnreadableDeviceCertificateError, match="larger than 64,000,000 bytes"):
        read_file(path)
