"""Rules of the reader of device certificates: it reads what cryptography reads, and refuses what is not plain DER."""

from __future__ import annotations

import base64
import datetime as dt
import textwrap
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from jitr_activation.certificate import UnreadableCertificateError, read_certificate
from support.certificates import make_ca, make_key

FIELDS = {
    "Country": NameOID.COUNTRY_NAME,
    "Organization": NameOID.ORGANIZATION_NAME,
    "OrganizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "DistinguishedNameQualifier": NameOID.DN_QUALIFIER,
    "StateName": NameOID.STATE_OR_PROVINCE_NAME,
    "CommonName": NameOID.COMMON_NAME,
    "SerialNumber": NameOID.SERIAL_NUMBER,
}
OTHERS = (NameOID.LOCALITY_NAME, NameOID.EMAIL_ADDRESS, NameOID.DOMAIN_COMPONENT, NameOID.TITLE)
_EXAMPLES = 150 if settings.get_current_profile_name() != "nightly" else 3_000
PLAIN = st.text("abcXYZ019 -./", min_size=1, max_size=20)
ANYTHING = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)


def _value(oid: x509.ObjectIdentifier) -> st.SearchStrategy[str]:
    if oid == NameOID.COUNTRY_NAME:
        return st.sampled_from(["DE", "XX"])
    return PLAIN if oid in (NameOID.DN_QUALIFIER, NameOID.SERIAL_NUMBER, NameOID.EMAIL_ADDRESS) else ANYTHING


ATTRIBUTES = st.sampled_from([*FIELDS.values(), *OTHERS]).flatmap(
    lambda oid: _value(oid).map(lambda value: x509.NameAttribute(oid, value, _validate=False))
)
NAMES = st.lists(
    st.lists(ATTRIBUTES, min_size=1, max_size=2, unique_by=lambda each: each.oid).map(
        x509.RelativeDistinguishedName
    ),
    max_size=8,
)


def _signed(subject: x509.Name, serial: int = 7) -> x509.Certificate:
    ca = make_ca("ec-p256", common_name="Reader's CA")
    key = make_key("ec-p256", "Reader's device")
    begin = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(ca.certificate.subject)
    builder = builder.public_key(key.public_key()).serial_number(serial)
    builder = builder.not_valid_before(begin).not_valid_after(begin + dt.timedelta(days=9000))
    return builder.sign(ca.key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _armoured(der: bytes) -> str:
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"


@pytest.mark.filterwarnings("ignore:Attribute's length must be")  # a CA may have written longer ones
@settings(max_examples=_EXAMPLES)
@given(names=NAMES, serial=st.integers(min_value=1, max_value=2**159 - 1))
def test_it_reads_what_cryptography_reads(names: list[x509.RelativeDistinguishedName], serial: int) -> None:
    """Serial number, fingerprint and every value of every field: repeated, multi-valued, in any script."""
    certificate = _signed(x509.Name(names), serial)
    read = read_certificate(_pem(certificate))
    assert int(read.serial_number, 16) == certificate.serial_number
    assert read.fingerprint == certificate.fingerprint(hashes.SHA256()).hex()
    theirs = x509.load_pem_x509_certificate(_pem(certificate).encode()).subject
    expected = {
        field: sorted(str(each.value) for each in theirs.get_attributes_for_oid(oid))
        for field, oid in FIELDS.items()
        if theirs.get_attributes_for_oid(oid)
    }
    # Within one multi-valued name DER sorts, and cryptography does not say how it reads.
    assert {field: sorted(map(str, values)) for field, values in read.subject.items()} == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (_ASN1Type.UTF8String, "größer"),
        (_ASN1Type.PrintableString, "plain"),
        (_ASN1Type.IA5String, "a@b"),
        (_ASN1Type.BMPString, "größer"),
        (_ASN1Type.UniversalString, "größer"),
    ],
)
def test_text_is_read_in_the_encodings_that_certificates_use(kind: _ASN1Type, value: str) -> None:
    """Old CAs write UTF-16."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, value, _type=kind)])
    assert read_certificate(_pem(_signed(subject))).subject == {"CommonName": [value]}


def test_text_that_nobody_agrees_on_is_no_text() -> None:
    """A TeletexString, or bytes that are not what they say: no rule holds on such a value."""
    plain = _signed(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "device-1")]))
    der = plain.public_bytes(serialization.Encoding.DER)
    teletex = der.replace(b"\x0c\x08device-1", b"\x14\x08device-1")
    broken = der.replace(b"\x0c\x08device-1", b"\x0c\x08device-\xff")
    for each in (teletex, broken):
        assert each != der
        assert read_certificate(_armoured(each)).subject == {"CommonName": [None]}


def test_the_real_subject_is_read_not_one_that_is_inside_a_value() -> None:
    """A value that looks like another name stays a value."""
    value = "x,CN=other+O=Example\n/CN=other"
    read = read_certificate(_pem(_signed(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, value)]))))
    assert read.subject == {"Organization": [value]}


@pytest.mark.parametrize("cut", [0, 1, 3, 10, 30, 60])
def test_what_is_cut_off_is_refused(cut: int) -> None:
    """Anything but a whole certificate."""
    der = _signed(x509.Name([])).public_bytes(serialization.Encoding.DER)
    with pytest.raises(UnreadableCertificateError):
        read_certificate(_armoured(der[:cut]))


def test_what_is_not_der_is_refused() -> None:
    """Trailing bytes, an indefinite or a needlessly long length, a padded or negative serial number, no PEM."""
    der = _signed(x509.Name([])).public_bytes(serialization.Encoding.DER)
    serial = b"\xa0\x03\x02\x01\x02\x02\x01\x07"
    assert der.count(serial) == 1
    for wrong in (
        der + b"\0",
        b"\x30\x80" + der[4:] + b"\0\0",
        b"\x30\x83\x00" + der[2:],
        der.replace(serial, serial[:-3] + b"\x02\x01\x87"),
        der.replace(serial, serial[:-3] + b"\x02\x00\x07"),
    ):
        with pytest.raises(UnreadableCertificateError):
            read_certificate(_armoured(wrong))
    with pytest.raises(UnreadableCertificateError):
        read_certificate("no certificate")


def test_the_readers_code_is_small() -> None:
    """It is here instead of a library: when it grows, the decision is to be made anew."""
    source = Path(read_certificate.__code__.co_filename).read_text()
    assert len(source.splitlines()) <= 140
