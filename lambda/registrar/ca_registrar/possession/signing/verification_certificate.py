"""The verification certificate: what AWS IoT wants as the proof that the caller holds a CA's key.

One implementation for the Lambda and for the command line. The key of the verification certificate is made
here and thrown away. The CA's key is any ``cryptography`` private key, or an object that signs elsewhere
(see ``remote_key``); it is compared with the CA's certificate before it signs, and never stored
or shown. Talks to no service.

See RegisterCACertificate in the AWS IoT API reference, ``verificationCertificate``.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .algorithms import KEYS_ALLOWED, KeyAlgorithm, algorithm_of
from .signing_errors import (
    CaOutOfValidityError,
    IssuanceError,
    MalformedRegistrationCodeError,
    NotTheCasKeyError,
    UnreadableKeyError,
    WrongKeyTypeError,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

CaKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
CaPublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

#: For clocks that run behind ours.
CLOCK_SKEW = dt.timedelta(hours=1)
#: AWS IoT looks at the certificate within seconds. A signature made ahead of time asks for longer.
LIFETIME = dt.timedelta(days=1)

_REGISTRATION_CODE = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


@dataclass(frozen=True)
class SigningRequest:
    """A leaf key's certificate request. The key itself is gone already: nobody can use the certificate."""

    pem: str
    public_key: ec.EllipticCurvePublicKey


def load_ca(ca_certificate_pem: str) -> x509.Certificate:
    """The CA certificate of the request. It was checked when the app was synthesized."""
    try:
        return x509.load_pem_x509_certificate(ca_certificate_pem.encode())
    except ValueError:
        pass
    raise UnreadableKeyError("the CA certificate does not parse as PEM; synthesize and deploy the app again")


def build(
    ca: x509.Certificate,
    registration_code: str,
    ca_key: CaKey,
    *,
    holder: str,
    now: dt.datetime | None = None,
    lifetime: dt.timedelta | None = None,
) -> str:
    """PEM of a verification certificate for ``registration_code``, signed by ``ca_key``.

    ``holder`` names the secret, key or file for error messages. ``lifetime``: from now on, a day unless
    told; the certificate never outlives the CA. Raises a `PossessionError` when ``ca_key`` is not the key of
    ``ca``, the CA is out of validity, or the code is not 64 hex digits.
    """
    check_registration_code(registration_code)
    check_key(ca, ca_key.public_key(), holder=holder)
    not_before, not_after = validity(ca, now=now, lifetime=lifetime)
    algorithm = key_algorithm(ca)
    leaf = ec.generate_private_key(ec.SECP256R1()).public_key()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_subject(registration_code))
        .issuer_name(ca.subject)
        .public_key(leaf)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_digital_signature(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(leaf), critical=False)
        .add_extension(_authority_key_identifier(ca), critical=False)
        .sign(ca_key, algorithm.signature_hash)
    )
    if not _is_signed_by(certificate, ca):
        raise IssuanceError(
            f"{holder} made a signature that the certificate of the CA {ca.subject.rfc4514_string()!r} does not "
            f"verify; give the key that signed that CA's devices"
        )
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def signing_request(registration_code: str) -> SigningRequest:
    """A certificate request for ``registration_code``, for a CA that signs requests and nothing else."""
    check_registration_code(registration_code)
    leaf = ec.generate_private_key(ec.SECP256R1())
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(_subject(registration_code))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_digital_signature(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(leaf, hashes.SHA256())
    )
    return SigningRequest(request.public_bytes(serialization.Encoding.PEM).decode("ascii"), leaf.public_key())


def check_issued(pem: str, ca: x509.Certificate, registration_code: str, request: SigningRequest) -> str:
    """The certificate that a CA issued for ``request``, alone in PEM, once it is what was asked for."""
    certificate = None
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        certificate.verify_directly_issued_by(ca)
        problem = None
    except ValueError as error:
        problem = f"does not parse or names another issuer ({error})"
    except Exception:  # InvalidSignature, and what a backend may add to it
        problem = "is not signed by the CA"
    if certificate is not None and problem is None:
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if [name.value for name in names] != [registration_code]:
            problem = "has another common name than the registration code"
        elif certificate.public_key() != request.public_key:
            problem = "is for another key than the request's"
    if certificate is None or problem is not None:
        raise IssuanceError(f"the issued certificate {problem}: it proves nothing to AWS IoT")
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _is_signed_by(certificate: x509.Certificate, ca: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(ca)
    except Exception:  # InvalidSignature, and ValueError for a signature that does not even parse
        return False
    return True


def check_registration_code(code: str) -> None:
    """Raise `MalformedRegistrationCodeError` unless the code is 64 hex digits."""
    if not _REGISTRATION_CODE.fullmatch(code):
        raise MalformedRegistrationCodeError(
            f"a registration code is 64 hex digits, this one is {code[:80]!r}; take it from "
            f"GetRegistrationCode in the account and region of the registration"
        )


def check_key(ca: x509.Certificate, key: PublicKeyTypes, *, holder: str) -> None:
    """Raise `NotTheCasKeyError` unless ``key`` is the public key in the CA's certificate."""
    expected = ca.public_key()
    if key != expected:
        raise NotTheCasKeyError(
            f"{holder} is {_describe(key)}, not the key of the CA {ca.subject.rfc4514_string()!r}, which is "
            f"{_describe(expected)}; give the key that signed that CA's devices, or the CA of this key"
        )


def validity(
    ca: x509.Certificate, *, now: dt.datetime | None = None, lifetime: dt.timedelta | None = None
) -> tuple[dt.datetime, dt.datetime]:
    """From when until when: an hour ago until ``lifetime`` from now, within the CA's own validity."""
    now = (now or dt.datetime.now(dt.UTC)).replace(microsecond=0)
    if not ca.not_valid_before_utc <= now < ca.not_valid_after_utc:
        when = "has expired" if now >= ca.not_valid_after_utc else "is not valid yet"
        raise CaOutOfValidityError(
            f"the CA {ca.subject.rfc4514_string()!r} {when} (it is valid from "
            f"{ca.not_valid_before_utc:%Y-%m-%d} to {ca.not_valid_after_utc:%Y-%m-%d}), and AWS IoT registers "
            f"no such CA; register a CA that is valid"
        )
    remaining = ca.not_valid_after_utc - now
    return max(now - CLOCK_SKEW, ca.not_valid_before_utc), now + min(lifetime or LIFETIME, remaining)


def key_algorithm(ca: x509.Certificate) -> KeyAlgorithm:
    """The line of the CA's key in the table of algorithms; raises `WrongKeyTypeError` where there is none."""
    key = ca.public_key()
    found = algorithm_of(key)
    if found is None:
        raise WrongKeyTypeError(f"the CA's key is {_describe(key)}; AWS IoT takes {KEYS_ALLOWED}")
    return found


def _describe(key: PublicKeyTypes) -> str:
    if isinstance(key, rsa.RSAPublicKey):
        kind = f"an RSA key of {key.key_size} bits"
    elif isinstance(key, ec.EllipticCurvePublicKey):
        kind = f"an ECC key on {key.curve.name}"
    else:
        kind = f"a key of another kind ({type(key).__name__})"
    identifier = x509.SubjectKeyIdentifier.from_public_key(cast("CaPublicKey", key))
    return f"{kind} with identifier {identifier.digest.hex()}"


def _subject(registration_code: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, registration_code)])


def _digital_signature() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _authority_key_identifier(ca: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    # The CA's own subjectKeyIdentifier may have been made another way than by hashing its key: verifiers
    # compare it.
    try:
        own = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        made = x509.SubjectKeyIdentifier.from_public_key(cast("CaPublicKey", ca.public_key()))
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(made)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own.value)
