"""The CA certificate that AWS IoT would not take."""

from __future__ import annotations

from .base import SharedCaError


class CaCertificateError(SharedCaError):
    """A CA certificate that AWS IoT would not take."""


class UnreadableCertificateError(CaCertificateError):
    """The text or file holds no PEM certificate that parses."""


class PrivateKeyGivenError(CaCertificateError):
    """A private key stands where a certificate belongs."""


class CertificateChainError(CaCertificateError):
    """More than one certificate: which of them signs the devices cannot be guessed."""


class NotACaCertificateError(CaCertificateError):
    """basicConstraints is missing, or says CA:FALSE."""


class MissingKeyCertSignError(CaCertificateError):
    """A keyUsage extension that does not allow signing certificates."""


class UnsupportedKeyError(CaCertificateError):
    """A key that AWS IoT does not take: RSA below 2048 bits, another curve, Ed25519."""


class UnsupportedSignatureError(CaCertificateError):
    """A signature algorithm that AWS IoT does not take, such as SHA-1."""
