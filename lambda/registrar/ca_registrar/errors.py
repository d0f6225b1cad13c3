"""Errors that are answered as FAILED with a sentence, and how AWS's own read. What only a signer meets stands in
``possession/signing_errors``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

_LONGEST = 400
#: Codes that say that the role may not do it, or not yet.
DENIED = frozenset({"AccessDeniedException", "UnauthorizedException", "AccessDenied", "ForbiddenException"})


class RegistrarError(Exception):
    """What is wrong and what to do, in a sentence for the stack's events: never with a key or a secret's value."""

    @property
    def sentence(self) -> str:
        """What the stack's event shows."""
        return str(self)


class PossessionError(RegistrarError):
    """Possession of the CA's key could not be proved; nothing was changed."""


class UnknownVerificationTypeError(PossessionError):
    """A verification of a type that this version of the Lambda does not know."""


class RegistrationCodeMismatchError(PossessionError):
    """The pre-issued verification certificate is for another account's registration code."""


class PreIssuedExpiredError(PossessionError):
    """The pre-issued verification certificate is out of its time: found before anything is changed."""


class AccessDeniedError(PossessionError):
    """The role may not use the secret, key or authority, or not yet."""


def code_of(error: ClientError | BotoCoreError) -> str:
    """AWS's code of an error, or the kind of error that botocore raised before AWS answered."""
    response = getattr(error, "response", None)
    return (
        str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else type(error).__name__
    )


def sentence_of(error: ClientError | BotoCoreError) -> str:
    """AWS's own words about an error, short enough to stand inside a reason. They name no secret value."""
    response = getattr(error, "response", None)
    said = response.get("Error", {}).get("Message", "") if isinstance(response, dict) else str(error)
    text = f"{code_of(error)}: {' '.join(str(said).split())}".rstrip(": ")
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
