"""Which certificates of CAs and devices AWS IoT refuses. Pure: certificates in, sentences out.

Written from AWS's documents, apart from the model's rules: the two must not prove each other.
"""

from __future__ import annotations

import datetime as dt

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

_SMALLEST_RSA_KEY = 2048
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


def ca_problem(pem: str, now: dt.datetime) -> str | None:
    """Why AWS IoT would refuse this CA certificate at ``now`` (aware), or None."""
    ca = x509.load_pem_x509_certificate(pem.encode())
    try:
        constraints = ca.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return "The CA certificate has no basicConstraints extension."
    if not constraints.ca:
        return "The certificate is not a CA certificate: basicConstraints says CA:FALSE."
    return _key_problem(ca) or _signature_problem(ca) or _validity_problem(ca, now, "CA certificate")


def verification_problem(pem: str, now: dt.datetime) -> str | None:
    """Why AWS IoT would refuse this verification certificate at ``now`` (aware), whoever signed it, or None."""
    return _validity_problem(x509.load_pem_x509_certificate(pem.encode()), now, "verification certificate")


def device_problem(der: bytes) -> tuple[str, str] | None:
    """A word and a sentence: why AWS IoT would refuse a device's certificate that OpenSSL takes, or None."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        # These are read only when they are asked for, and everyone does who looks for its CA.
        _ = certificate.subject, certificate.issuer
    except (ValueError, x509.InvalidVersion) as error:
        return "certificate", f"the device's certificate is not encoded as X.509 has it ({error})"
    word, says = "weak-key", _key_problem(certificate, "device's certificate")
    if says is None:
        word, says = "weak-signature", _signature_problem(certificate, "device's certificate")
    return None if says is None else (word, says[0].lower() + says[1:].rstrip("."))


def _key_problem(certificate: x509.Certificate, what: str = "CA certificate") -> str | None:
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return f"The key algorithm of the {what} is not supported."
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _SMALLEST_RSA_KEY:
            return f"The RSA key of the {what} has {key.key_size} bits; at least 2048 are needed."
        return None
    if isinstance(key, ec.EllipticCurvePublicKey):
        if not isinstance(key.curve, _CURVES):
            return f"The curve {key.curve.name} of the key of the {what} is not supported."
        return None
    return f"The key algorithm of the {what} is not supported."


def _signature_problem(certificate: x509.Certificate, what: str = "CA certificate") -> str | None:
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        algorithm = None
    if isinstance(algorithm, _HASHES):
        return None
    return f"The signature algorithm of the {what} is not supported."


def _validity_problem(certificate: x509.Certificate, now: dt.datetime, what: str) -> str | None:
    if now > certificate.not_valid_after_utc:
        return f"The {what} expired at {certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}."
    return None
