"""Rules of the CA certificate: what AWS IoT would refuse is refused here, with its own error."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from iot_multiaccount_ca import errors
from iot_multiaccount_ca.model.ca.certificate import CaCertificate, CertificateMode
from support.certificates import (
    make_ca,
    make_key,
    pem_of_key,
    usage,
)


def test_a_ca_is_read_with_its_facts() -> None:
    """The value carries id, subject, validity (aware, UTC) and key algorithm of the certificate."""
    authority = make_ca("rsa-2048", common_name="Facts CA")
    ca = CaCertificate.from_pem(authority.pem)
    assert ca.certificate_id == hashlib.sha256(authority.certificate.public_bytes(Encoding.DER)).hexdigest()
    assert ca.subject == "CN=Facts CA"
    assert ca.not_valid_before == authority.certificate.not_valid_before_utc
    assert ca.not_valid_after.tzinfo is dt.UTC
    assert ca.key_algorithm == "RSA_2048"


@pytest.mark.parametrize(
    ("algorithm", "name"), [("ec-p256", "EC_P256"), ("ec-p384", "EC_P384"), ("ec-p521", "EC_P521")]
)
def test_the_curves_of_aws_iot_are_taken(algorithm: str, name: str) -> None:
    """P-256, P-384 and P-521 are accepted."""
    assert CaCertificate.from_pem(make_ca(algorithm).pem).key_algorithm == name


def test_text_around_the_certificate_does_not_matter() -> None:
    """Two files of one certificate are equal values, with the same PEM."""
    pem = make_ca().pem
    decorated = "subject=CN = Fleet CA\r\n" + pem.replace("\n", "\r\n") + "trailing words\r\n"
    assert CaCertificate.from_pem(decorated) == CaCertificate.from_pem(pem.encode())
    assert CaCertificate.from_pem(decorated).pem == pem


def test_a_file_is_read(tmp_path: Path) -> None:
    """`from_file` takes a path as text or Path."""
    file = tmp_path / "ca.pem"
    file.write_text(make_ca().pem)
    assert CaCertificate.from_file(str(file)) == CaCertificate.from_file(file)


def test_an_intermediate_is_as_good_as_a_root() -> None:
    """AWS wants the CA that signs the devices, wherever in the chain it stands."""
    root = make_ca("ec-p384", common_name="Root")
    intermediate = make_ca("ec-p256", common_name="Issuing CA", issuer=root)
    assert CaCertificate.from_pem(intermediate.pem).subject == "CN=Issuing CA"


def test_an_expired_ca_still_parses() -> None:
    """Validity in time is not a parse rule: `cdk destroy` must work on the day after."""
    long_ago = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    ca = make_ca(common_name="Old CA", not_before=long_ago, not_after=long_ago + dt.timedelta(days=1))
    assert CaCertificate.from_pem(ca.pem).not_valid_after.year == 2020


def test_a_ca_without_key_usage_is_taken() -> None:
    """keyCertSign is wanted only where keyUsage is present."""
    CaCertificate.from_pem(make_ca(common_name="Plain CA", key_usage=False).pem)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def test_a_ca_by_the_openssl_recipe_is_taken(tmp_path: Path) -> None:
    """genrsa 2048; req -new; x509 -req -extfile with basicConstraints = CA:TRUE, as AWS's guide has it."""
    key, request, ca = (tmp_path / name for name in ("ca.key", "ca.csr", "ca.pem"))
    extensions = tmp_path / "extensions.cnf"
    extensions.write_text("basicConstraints = CA:TRUE\n")
    _openssl("genrsa", "-out", key, "2048")
    _openssl("req", "-new", "-key", key, "-subj", "/CN=Recipe CA", "-out", request)
    _openssl(
        "x509", "-req", "-in", request, "-signkey", key, "-extfile", extensions, "-days", "365", "-out", ca
    )
    assert CaCertificate.from_file(ca).subject == "CN=Recipe CA"


def _refused(kind: type[errors.SharedCaError], pem: str) -> str:
    with pytest.raises(kind) as caught:
        CaCertificate.from_pem(pem)
    assert type(caught.value) is kind
    return str(caught.value)


def test_what_is_no_pem_is_refused() -> None:
    """Text without a certificate block is refused, and a DER file is explained."""
    assert "openssl x509 -inform der" in _refused(errors.UnreadableCertificateError, "hello")


def test_a_broken_pem_is_refused() -> None:
    """A certificate block that does not parse is refused."""
    broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    _refused(errors.UnreadableCertificateError, broken)
    der = make_ca().certificate.public_bytes(Encoding.DER)
    version_6 = base64.b64encode(
        der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020105"), 1)
    ).decode()
    _refused(
        errors.UnreadableCertificateError,
        f"-----BEGIN CERTIFICATE-----\n{version_6}\n-----END CERTIFICATE-----\n",
    )


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A path that cannot be read is an error of ours that names it."""
    with pytest.raises(errors.UnreadableCertificateError, match=r"nowhere\.pem"):
        CaCertificate.from_file(tmp_path / "nowhere.pem")


@pytest.mark.parametrize("form", ["pkcs8", "traditional"])
def test_a_private_key_is_refused_and_not_repeated(form: str) -> None:
    """A key where a certificate belongs is named as such, and nothing of it stands in the message."""
    key = pem_of_key(make_key("ec-p256"), form=form)
    message = _refused(errors.PrivateKeyGivenError, make_ca().pem + key)
    assert key.splitlines()[1][:16] not in message


def test_a_chain_is_refused() -> None:
    """Of two certificates, which one signs the devices cannot be guessed."""
    message = _refused(errors.CertificateChainError, make_ca().pem + make_ca("ec-p256").pem)
    assert "2 certificates" in message


def test_ca_false_is_refused() -> None:
    """A certificate whose basicConstraints say CA:FALSE is not a CA."""
    assert "CA:FALSE" in _refused(errors.NotACaCertificateError, make_ca(common_name="No CA", ca=False).pem)


def test_a_ca_without_basic_constraints_is_refused() -> None:
    """Without basicConstraints AWS refuses the CA."""
    message = _refused(errors.NotACaCertificateError, make_ca(common_name="Bare CA", ca=None).pem)
    assert "no basicConstraints" in message


def test_key_usage_without_key_cert_sign_is_refused() -> None:
    """A keyUsage that leaves out keyCertSign cannot be a CA's."""
    ca = make_ca(common_name="Weak usage", key_usage=usage(digital_signature=True))
    assert "keyCertSign" in _refused(errors.MissingKeyCertSignError, ca.pem)


@pytest.mark.parametrize(
    ("algorithm", "named"), [("rsa-1024", "RSA 1024"), ("ec-secp256k1", "secp256k1"), ("ed25519", "Ed25519")]
)
def test_keys_that_aws_iot_does_not_take_are_refused(algorithm: str, named: str) -> None:
    """RSA below 2048 bits, other curves and Ed25519 are refused, with what was found."""
    message = _refused(errors.UnsupportedKeyError, make_ca(algorithm, common_name=f"{algorithm} CA").pem)
    assert named in message
    assert "P-256" in message


def test_a_sha1_signature_is_refused() -> None:
    """AWS IoT takes SHA-256, SHA-384 and SHA-512."""
    ca = make_ca(common_name="SHA-1 CA", signature_hash="sha1")
    assert "'SHA-1'" in _refused(errors.UnsupportedSignatureError, ca.pem)


def test_what_is_no_text_is_refused() -> None:
    """A value of another kind is named by its type, without showing it."""
    with pytest.raises(errors.UnreadableCertificateError, match="Certificate"):
        CaCertificate.from_pem(make_ca().certificate)  # type: ignore[arg-type]


def test_the_value_is_frozen_and_shows_no_pem() -> None:
    """Values cannot be changed, and their repr is short."""
    ca = CaCertificate.from_pem(make_ca().pem)
    with pytest.raises(AttributeError):
        ca.pem = "x"  # type: ignore[misc]
    assert "BEGIN" not in repr(ca)


def test_load_gives_the_same_certificate() -> None:
    """`load` is the parsed certificate."""
    authority = make_ca()
    loaded: x509.Certificate = CaCertificate.from_pem(authority.pem).load()
    assert loaded == authority.certificate


def test_modes_are_awss_words() -> None:
    """The enum's text is what AWS's API takes."""
    assert [str(mode) for mode in CertificateMode] == ["DEFAULT", "SNI_ONLY"]
