"""The tables of key and signature algorithms: one in the model, one in the Lambda, and no default in either."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from typing import Any

import pytest
from botocore.loaders import Loader
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa

from ca_registrar.possession.signing import algorithms as in_lambda
from iot_multiaccount_ca import CaCertificate, SharedCaError, Verification, errors
from iot_multiaccount_ca.model.ca import algorithms
from support.certificates import NOW, make_ca, make_key, make_name, usage

KEY = "arn:aws:kms:eu-west-1:333333333333:key/11111111-2222-3333-4444-555555555555"
NAMES = [name for each in algorithms.KEY_ALGORITHMS for name in each.names]


def lines(table: Any) -> list[tuple[Any, ...]]:
    """What both tables say of each algorithm."""
    return [
        (
            each.name,
            each.title,
            each.curve and each.curve.name,
            each.signature_hash.name,
            each.kms_key_specs,
            each.kms_signing_algorithm,
        )
        for each in table
    ]


def test_model_and_lambda_know_the_same_algorithms() -> None:
    """Each line, and the smallest RSA key, is the same on both sides."""
    assert lines(algorithms.KEY_ALGORITHMS) == lines(in_lambda.KEY_ALGORITHMS)
    assert algorithms.SMALLEST_RSA == in_lambda.SMALLEST_RSA
    assert algorithms.KEYS_ALLOWED == in_lambda.KEYS_ALLOWED


@pytest.mark.parametrize("line", algorithms.KEY_ALGORITHMS, ids=lambda line: line.name)
def test_a_curve_is_known_by_its_prime_too(line: algorithms.KeyAlgorithm) -> None:
    """A line without it would have the dry run refuse such a key where the curve is written out."""
    if line.curve is None:
        assert line.prime is None
    else:
        assert line.prime is not None
        assert line.prime.bit_length() == line.curve().key_size


@functools.cache
def words(service: str, shape: str) -> set[str]:
    """The values that botocore's model allows."""
    shapes = Loader().load_service_model(service, "service-2")["shapes"]
    return set(shapes[shape]["enum"])


@pytest.mark.parametrize("line", in_lambda.KEY_ALGORITHMS, ids=lambda line: line.name)
def test_the_spellings_are_awss(line: in_lambda.KeyAlgorithm) -> None:
    """KMS's key specs and signing algorithms, and Private CA's, are in botocore's models."""
    assert set(line.kms_key_specs) <= words("kms", "KeySpec")
    assert line.kms_signing_algorithm in words("kms", "SigningAlgorithmSpec")
    assert line.private_ca_signing_algorithm in words("acm-pca", "SigningAlgorithm")


@pytest.mark.parametrize("line", in_lambda.KEY_ALGORITHMS, ids=lambda line: line.name)
def test_the_services_sign_with_the_hash_of_the_certificate(line: in_lambda.KeyAlgorithm) -> None:
    """A certificate that names one hash, signed with another, verifies nowhere."""
    bits = line.signature_hash.digest_size * 8
    assert line.kms_signing_algorithm.endswith(f"SHA_{bits}")
    assert line.private_ca_signing_algorithm.startswith(f"SHA{bits}WITH")


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_the_table_is_taken(name: str) -> None:
    """A CA of each kind has that name, and a way to sign in KMS that both sides name alike."""
    ca = CaCertificate.from_pem(make_ca(name.lower().replace("_", "-")).pem)
    assert ca.key_algorithm == name
    line = in_lambda.algorithm_of(ca.load().public_key())
    assert line is not None
    assert line.kms_signing_algorithm == algorithms.kms_signing_algorithm(name)


@pytest.mark.parametrize("name", ["RSA_8192", "RSA", "EC_P192", "", "RSASSA_PKCS1_V1_5_SHA_256"])
def test_an_unknown_algorithm_has_no_default(name: str) -> None:
    """What no line of the table has is refused, and never signed for as RSA."""
    with pytest.raises(errors.UnsupportedKeyError, match="no KMS key can be the key of this CA"):
        algorithms.kms_signing_algorithm(name)


def test_a_kms_key_cannot_be_an_rsa_key_of_odd_length() -> None:
    """AWS IoT takes any RSA key of 2048 bits or more; KMS has three lengths, which synth knows already."""
    ca = CaCertificate.from_pem(make_ca("rsa-2056", common_name="Odd CA").pem)
    with pytest.raises(errors.UnsupportedKeyError, match="RSA_2056"):
        Verification.from_kms_key(KEY).foreign_policies("111111111111", ca_certificate=ca)


# --- signatures ----------------------------------------------------------------------------------------------


def signed_by(key: Any, hash_: Any, **how: Any) -> str:
    """A CA whose certificate another key signed, as an intermediate's."""
    start = NOW - dt.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(make_name("Intermediate", {}))
        .issuer_name(make_name("Root", {}))
        .public_key(make_key("ec-p256").public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage(key_cert_sign=True), critical=True)
        .sign(key, hash_, **how)
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@functools.cache
def dsa_key() -> dsa.DSAPrivateKey:
    return dsa.generate_private_key(2048)


def pss(hash_: hashes.HashAlgorithm) -> dict[str, padding.PSS]:
    return {"rsa_padding": padding.PSS(mgf=padding.MGF1(hash_), salt_length=hash_.digest_size)}


SHA2 = (hashes.SHA256(), hashes.SHA384(), hashes.SHA512())


@pytest.mark.parametrize("hash_", SHA2, ids=lambda each: each.name)
def test_the_signatures_of_awss_list_are_taken(hash_: Any) -> None:
    """RSA, RSASSA-PSS and ECDSA with SHA-256, SHA-384 and SHA-512; of DSA, SHA-256 alone."""
    rsa_key, ec_key = make_key("rsa-2048"), make_key("ec-p384")
    assert isinstance(rsa_key, rsa.RSAPrivateKey)
    assert isinstance(ec_key, ec.EllipticCurvePrivateKey)
    CaCertificate(signed_by(rsa_key, hash_))
    CaCertificate(signed_by(rsa_key, hash_, **pss(hash_)))
    CaCertificate(signed_by(ec_key, hash_))
    of_dsa = signed_by(dsa_key(), hash_)
    if hash_.name == "sha256":
        CaCertificate(of_dsa)
    else:
        with pytest.raises(errors.UnsupportedSignatureError, match=r"signature algorithm 2\.16\.840"):
            CaCertificate(of_dsa)


@pytest.mark.parametrize(
    ("algorithm", "hash_", "named"),
    [
        ("rsa-2048", hashes.SHA3_256(), "SHA3-256"),
        ("ec-p256", hashes.SHA3_384(), "SHA3-384"),
        ("ec-p256", hashes.SHA224(), "SHA-224"),
    ],
    ids=["sha3-256", "sha3-384", "sha224"],
)
def test_other_signatures_are_refused(algorithm: str, hash_: Any, named: str) -> None:
    """SHA-3 and SHA-224 are on no list of AWS IoT's."""
    with pytest.raises(errors.UnsupportedSignatureError, match=named):
        CaCertificate(signed_by(make_key(algorithm), hash_))


# --- the value -----------------------------------------------------------------------------------------------


def test_a_ca_certificate_cannot_be_made_around_its_rules() -> None:
    """The constructor takes the PEM alone, and checks it; so does `dataclasses.replace`."""
    good = make_ca("ec-p256")
    made = CaCertificate(good.pem)
    assert made == CaCertificate.from_pem(good.pem)
    with pytest.raises(TypeError):
        CaCertificate(pem=good.pem, certificate_id="0" * 64)  # type: ignore[call-arg]
    no_ca = make_ca(common_name="No CA", ca=False).pem
    with pytest.raises(SharedCaError, match="CA:FALSE"):
        CaCertificate(no_ca)
    with pytest.raises(SharedCaError, match="CA:FALSE"):
        dataclasses.replace(made, pem=no_ca)
    other = make_ca("ec-p384")
    assert dataclasses.replace(made, pem=other.pem).certificate_id == other.certificate_id


def test_a_file_that_is_refused_is_named(tmp_path: Any) -> None:
    """Whatever is wrong with the certificate, the message says in which file."""
    file = tmp_path / "device.pem"
    file.write_text(make_ca(common_name="No CA", ca=False).pem)
    with pytest.raises(errors.NotACaCertificateError, match=r"in .*device\.pem"):
        CaCertificate.from_file(file)
