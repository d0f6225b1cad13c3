"""Ways of proving possession that cannot work."""

from __future__ import annotations

from .base import SharedCaError


class VerificationError(SharedCaError):
    """A way of proving possession that cannot work."""


class MissingVerificationError(VerificationError):
    """A DEFAULT stage without a way to prove possession of the CA key."""


class UnusedVerificationError(VerificationError):
    """A way of proof where nothing is registered in DEFAULT mode: AWS IoT would take none."""


class UnknownProofError(VerificationError):
    """A cloud assembly whose way of proof this version does not know."""


class UnresolvedVerificationError(VerificationError):
    """A name or ARN that CDK only knows at deployment (a Token)."""


class WrongArnError(VerificationError):
    """An ARN of another kind than the one that belongs there, or no ARN at all."""


class PartialSecretArnError(WrongArnError):
    """The ARN of a secret without the six characters that Secrets Manager adds to it."""


class InvalidSecretNameError(VerificationError):
    """A secret's name that Secrets Manager would refuse."""


class InvalidSecretFieldError(VerificationError):
    """A field name that cannot be a key of the secret's JSON."""


class KeyMaterialGivenError(VerificationError):
    """A private key stands where its name, its ARN or a certificate belongs. Nothing of it is repeated."""


class ForeignSecretError(VerificationError):
    """A secret of another account that this stage could never read."""


class ForeignPartitionError(VerificationError):
    """A secret, key or private CA in another partition, which no role of the stage can reach."""


class PreIssuedError(VerificationError):
    """A pre-issued verification certificate that does not fit the plan."""


class UnreadablePreIssuedError(PreIssuedError):
    """A pre-issued verification certificate that cannot be read, or is not one certificate in PEM."""


class PreIssuedSignatureError(PreIssuedError):
    """A pre-issued verification certificate that another CA signed."""


class PreIssuedCommonNameError(PreIssuedError):
    """A pre-issued verification certificate whose common name is not a registration code."""


class PreIssuedStagesError(PreIssuedError):
    """A DEFAULT stage without a pre-issued verification certificate, or one for a stage that needs none."""


class PreIssuedValidityError(PreIssuedError):
    """A pre-issued verification certificate that has expired, or is not valid yet."""
