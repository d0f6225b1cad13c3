"""Device certificates as vendors make them: secure elements, IDevID, factories. Each keeps its right answer."""

from __future__ import annotations

import datetime as dt
import warnings
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from iot_multiaccount_ca.model.jitp.simulation import simulate
from support.certificates import make_ca, make_key, usage
from support.simulation_table import ref, template

BODY = template("CommonName", thing={"ThingName": ref("CommonName")})
EC, RSA = make_ca("ec-p256", common_name="Vendor CA"), make_ca("rsa-2048", common_name="Vendor RSA CA")
END_OF_TIME = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
CN, O, OU, SN = (  # noqa: E741 - as subjects write them
    NameOID.COMMON_NAME,
    NameOID.ORGANIZATION_NAME,
    NameOID.ORGANIZATIONAL_UNIT_NAME,
    NameOID.SERIAL_NUMBER,
)
HARDWARE_MODULE = x509.OtherName(ObjectIdentifier("1.3.6.1.5.5.7.8.4"), bytes.fromhex("300806022a030402beef"))


def _attribute(oid: ObjectIdentifier, value: Any, kind: _ASN1Type = _ASN1Type.UTF8String) -> Any:
    return x509.NameAttribute(oid, value, kind, _validate=False)


def _shape(
    *names: Any,
    algorithm: str = "ec-p256",
    until: dt.datetime | None = None,
    begin: dt.datetime | None = None,
    serial: int = 0x0123456789,
    extensions: tuple[tuple[Any, bool], ...] = (),
    authority: Any = EC,
    signed: Any = hashes.SHA256(),  # noqa: B008 - a value without state
    pss: bool = False,
) -> x509.Certificate:
    rdns = [x509.RelativeDistinguishedName(each if isinstance(each, list) else [each]) for each in names]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        builder = x509.CertificateBuilder(
            authority.certificate.subject, x509.Name(rdns), make_key(algorithm, "vendor").public_key(), serial
        )
        builder = builder.not_valid_before(begin or dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        builder = builder.not_valid_after(until or dt.datetime(2048, 1, 1, tzinfo=dt.UTC))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        scheme = padding.PSS(padding.MGF1(signed), padding.PSS.DIGEST_LENGTH) if pss else None
        return builder.sign(authority.key, signed, rsa_padding=scheme)


CN1 = _attribute(CN, "d1")
BASIC = (x509.BasicConstraints(ca=False, path_length=None), True)
SHAPES: tuple[tuple[str, x509.Certificate, tuple[str, ...]], ...] = (
    (
        "a secure element's hex name",
        _shape(_attribute(O, "Vendor"), _attribute(CN, "0123A1B2C3D4E5F6EE")),
        (),
    ),
    ("a secure element with sn in front", _shape(_attribute(CN, "sn0123A1B2C3D4E5F6EE")), ()),
    ("IDevID: no common name", _shape(_attribute(SN, "PID:X SN:1")), ("subject-field-missing",)),
    ("IDevID: serialNumber beside the name", _shape(CN1, _attribute(SN, "PID:X SN:1")), ()),
    (
        "IDevID: hardware module name",
        _shape(CN1, extensions=((x509.SubjectAlternativeName([HARDWARE_MODULE]), False),)),
        (),
    ),
    ("IDevID: no end", _shape(CN1, until=END_OF_TIME), ()),
    ("valid since 1970", _shape(CN1, begin=dt.datetime(1970, 1, 1, tzinfo=dt.UTC)), ()),
    ("valid until 2049", _shape(CN1, until=dt.datetime(2049, 12, 31, tzinfo=dt.UTC)), ()),
    ("valid until 2050", _shape(CN1, until=dt.datetime(2050, 1, 1, tzinfo=dt.UTC)), ()),
    (
        "expired at once",
        _shape(CN1, until=dt.datetime(2020, 1, 2, tzinfo=dt.UTC)),
        ("device-certificate-expired",),
    ),
    ("serial number one", _shape(CN1, serial=1), ()),
    ("serial number of twenty bytes", _shape(CN1, serial=2**159 - 1), ()),
    ("no extensions", _shape(CN1), ()),
    ("basic constraints alone", _shape(CN1, extensions=(BASIC,)), ()),
    (
        "a CA's constraints",
        _shape(CN1, extensions=((x509.BasicConstraints(ca=True, path_length=0), True),)),
        ("certificate-is-ca",),
    ),
    ("RSA of 2048 bits", _shape(CN1, algorithm="rsa-2048"), ()),
    ("RSA of 1024 bits", _shape(CN1, algorithm="rsa-1024"), ("key-unsupported",)),
    ("P-384", _shape(CN1, algorithm="ec-p384"), ()),
    ("P-521", _shape(CN1, algorithm="ec-p521"), ()),
    ("secp256k1", _shape(CN1, algorithm="ec-secp256k1"), ("key-unsupported",)),
    ("Ed25519", _shape(CN1, algorithm="ed25519"), ("key-unsupported",)),
    ("an EC key under an RSA CA", _shape(CN1, authority=RSA), ()),
    ("SHA-384", _shape(CN1, signed=hashes.SHA384()), ()),
    ("SHA-512 by RSA", _shape(CN1, authority=RSA, signed=hashes.SHA512()), ()),
    ("PrintableString", _shape(_attribute(CN, "d1", _ASN1Type.PrintableString)), ()),
    ("TeletexString", _shape(_attribute(CN, "d1", _ASN1Type.T61String)), ()),
    ("BMPString", _shape(_attribute(CN, "d1", _ASN1Type.BMPString)), ()),
    ("IA5String", _shape(_attribute(CN, "d1", _ASN1Type.IA5String)), ()),
    ("a multi-valued name", _shape([CN1, _attribute(SN, "1")]), ("subject-field-multi-valued",)),
    ("another multi-valued name", _shape([_attribute(O, "a"), _attribute(OU, "b")], CN1), ()),
    ("two common names", _shape(CN1, _attribute(CN, "d2")), ("subject-field-repeated",)),
    (
        "domain components",
        _shape(_attribute(NameOID.DOMAIN_COMPONENT, "example", _ASN1Type.IA5String), CN1),
        (),
    ),
    ("a user id", _shape(_attribute(NameOID.USER_ID, "u"), CN1), ()),
    ("an unknown attribute", _shape(_attribute(ObjectIdentifier("1.3.6.1.4.1.55555.2"), "x"), CN1), ()),
    ("a MAC address", _shape(_attribute(CN, "00:1A:2B:3C:4D:5E")), ()),
    ("an EUI-64 with dots", _shape(_attribute(CN, "00.1A.2B")), ("thing-name-illegal",)),
    ("a host name", _shape(_attribute(CN, "d1.example.com")), ("thing-name-illegal",)),
    ("an e-mail address", _shape(_attribute(CN, "d1@example.com")), ("thing-name-illegal",)),
    (
        "a name with equals",
        _shape(_attribute(CN, "IMEI=123")),
        ("thing-name-illegal", "subject-field-escaped"),
    ),
    ("a name with a blank", _shape(_attribute(CN, "Device 1")), ("thing-name-illegal",)),
    (
        "an empty subject",
        _shape(extensions=((x509.SubjectAlternativeName([HARDWARE_MODULE]), True),)),
        ("subject-field-missing",),
    ),
    (
        "key usages of a TPM",
        _shape(CN1, extensions=((usage(digital_signature=True, key_agreement=True), True),)),
        (),
    ),
    (
        "client and server",
        _shape(
            CN1,
            extensions=(
                (
                    x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                    True,
                ),
            ),
        ),
        (),
    ),
    (
        "a vendor's extension",
        _shape(
            CN1,
            extensions=(
                (x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.55555.3"), b"\x04\x01a"), False),
            ),
        ),
        (),
    ),
    (
        "a CRL's address",
        _shape(
            CN1,
            extensions=(
                (
                    x509.CRLDistributionPoints(
                        [
                            x509.DistributionPoint(
                                [x509.UniformResourceIdentifier("https://example.com/crl")], None, None, None
                            )
                        ]
                    ),
                    False,
                ),
            ),
        ),
        (),
    ),
    (
        "a policy of the vendor's, critical",
        _shape(
            CN1,
            extensions=(
                (x509.CertificatePolicies([x509.PolicyInformation(ObjectIdentifier("1.2.3.4"), None)]), True),
            ),
        ),
        (),
    ),
)


@pytest.mark.parametrize(("name", "certificate", "codes"), SHAPES, ids=[each[0] for each in SHAPES])
def test_a_vendors_certificate_keeps_its_answer(
    name: str, certificate: x509.Certificate, codes: tuple[str, ...]
) -> None:
    """Findings, and that its CA signed it."""
    authority = RSA if certificate.issuer == RSA.certificate.subject else EC
    run = simulate(BODY, certificate, ca_certificate=authority.certificate)
    assert sorted(each.code for each in run.findings) == sorted(codes), name
    assert run.chains is True
    assert run.provisioned == (not run.errors)


def test_there_are_forty_of_them_and_each_is_read_from_its_bytes() -> None:
    """As a device sends it."""
    assert len(SHAPES) >= 40
    for _, certificate, _ in SHAPES:
        again = x509.load_der_x509_certificate(certificate.public_bytes(serialization.Encoding.DER))
        assert simulate(BODY, again).certificate_id == simulate(BODY, certificate).certificate_id


def test_a_signature_by_rsassa_pss_is_checked() -> None:
    """Its parameters are read; what AWS IoT makes of it is told by its own finding, if any."""
    run = simulate(BODY, _shape(CN1, authority=RSA, pss=True), ca_certificate=RSA.certificate)
    assert run.chains is True
