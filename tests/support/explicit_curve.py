"""A certificate whose key writes its curve out in parameters (RFC 3279, 2.3.5): ``cryptography`` makes none."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from support.certificates import PrivateKey

_EC_KEY = bytes.fromhex("06072a8648ce3d0201")
_PRIME_FIELD = bytes.fromhex("06072a8648ce3d0101")
# By curve: its prime, b, the generator's coordinates and the order (FIPS 186-5); a is the prime less three.
_CURVES = {
    "secp256r1": (
        2**256 - 2**224 + 2**192 + 2**96 - 1,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    ),
    # Of these the prime alone is looked at: the rest need not be on the curve.
    "secp384r1": (2**384 - 2**128 - 2**96 + 2**32 - 1, 1, 1, 1, 1),
    "secp521r1": (2**521 - 1, 1, 1, 1, 1),
}


def with_explicit_curve(
    certificate: x509.Certificate, signer: PrivateKey, *, prime: int | None = None
) -> x509.Certificate:
    """The certificate with its key's curve in parameters, signed anew; ``prime``: another than the curve's."""
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    named = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    point = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    explicit = tlv(0x30, tlv(0x30, _EC_KEY + _parameters(key.curve.name, prime)) + tlv(0x03, b"\x00" + point))
    tbs = certificate.tbs_certificate_bytes
    assert named in tbs
    return with_body(tbs, named, explicit, signer)


def with_body(tbs: bytes, old: bytes, new: bytes, signer: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """A certificate of this body with one thing in it replaced, signed anew with ECDSA and SHA-256."""
    head = 4 if tbs[1] == 0x82 else 3
    tbs = tlv(0x30, tbs[head:].replace(old, new, 1))
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    signature = signer.sign(tbs, ec.ECDSA(hashes.SHA256()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numbers that RFC 5280 forbids
        return x509.load_der_x509_certificate(tlv(0x30, tbs + algorithm + tlv(0x03, b"\x00" + signature)))


def _parameters(curve: str, prime: int | None) -> bytes:
    p, b, x, y, order = _CURVES[curve]
    size = (p.bit_length() + 7) // 8
    field = tlv(0x30, _PRIME_FIELD + _integer(prime or p))
    coefficients = tlv(0x30, tlv(0x04, (p - 3).to_bytes(size)) + tlv(0x04, b.to_bytes(size)))
    generator = tlv(0x04, b"\x04" + x.to_bytes(size) + y.to_bytes(size))
    return tlv(0x30, _integer(1) + field + coefficients + generator + _integer(order) + _integer(1))


def _integer(value: int) -> bytes:
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1))


def tlv(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    long = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([tag, 0x80 + len(long)]) + long + content
