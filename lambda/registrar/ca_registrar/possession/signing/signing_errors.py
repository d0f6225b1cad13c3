"""What can be wrong with a secret, key or authority: one class per cause. Holds no rule, and no key.

Every message names the secret, key or authority, says what is wrong and what to do, and carries nothing of
what is secret. Raise these outside of ``except`` blocks wherever the caught error has seen a secret: ``from
None`` only hides a context, the object stays reachable.
"""

from __future__ import annotations

from ...errors import AccessDeniedError, PossessionError

__all__ = [
    "AccessDeniedError",
    "AuthorityNotActiveError",
    "CaOutOfValidityError",
    "EncryptedKeyError",
    "IssuanceError",
    "KeyNotUsableError",
    "KeyServiceError",
    "MalformedRegistrationCodeError",
    "NoPrivateKeyError",
    "NotFoundError",
    "NotTheCasKeyError",
    "NotThePlansCaError",
    "PossessionError",
    "SecretFieldMissingError",
    "SecretHasNoValueError",
    "SecretNotDecryptableError",
    "SecretNotJsonError",
    "SecretPendingDeletionError",
    "UnreadableKeyError",
    "WrongKeyTypeError",
]


class MalformedRegistrationCodeError(PossessionError):
    """A registration code that is not 64 hex digits."""


class CaOutOfValidityError(PossessionError):
    """The CA has expired or is not valid yet: AWS IoT would refuse it."""


class NotTheCasKeyError(PossessionError):
    """The key is not the one of the CA certificate."""


class NotFoundError(PossessionError):
    """There is no such secret, key or authority."""


class KeyServiceError(PossessionError):
    """The service that holds the key answered with an error that has no sentence of its own here."""


class SecretPendingDeletionError(PossessionError):
    """The secret is scheduled for deletion."""


class SecretNotDecryptableError(PossessionError):
    """Secrets Manager cannot decrypt the secret: its KMS key is disabled, gone or not granted."""


class SecretHasNoValueError(PossessionError):
    """The secret is empty, or no text."""


class SecretNotJsonError(PossessionError):
    """A field was named, but the secret is not a JSON object."""


class SecretFieldMissingError(PossessionError):
    """The JSON in the secret lacks the field, or the field holds no text, or no field was named."""


class NoPrivateKeyError(PossessionError):
    """What was given holds no PEM private key, or more than one."""


class EncryptedKeyError(PossessionError):
    """The PEM private key is encrypted."""


class UnreadableKeyError(PossessionError):
    """The PEM private key does not parse."""


class WrongKeyTypeError(PossessionError):
    """A key that is neither RSA nor ECC on a curve that AWS IoT takes, or that is not for signing."""


class KeyNotUsableError(PossessionError):
    """The KMS key is disabled, pending deletion, or otherwise not in a state to sign."""


class AuthorityNotActiveError(PossessionError):
    """The private CA is not ACTIVE."""


class NotThePlansCaError(PossessionError):
    """The private CA's certificate is not the CA certificate of the plan."""


class IssuanceError(PossessionError):
    """The private CA did not issue the certificate in time, or issued another one."""
