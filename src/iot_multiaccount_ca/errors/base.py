"""The base of every error, and the errors of single arguments that stand anywhere. Builds messages, decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

_LONGEST_VALUE = 120


class SharedCaError(ValueError):
    """Base of every error raised for bad input.

    ``problem`` is the sentence; ``value`` what was given, ``allowed`` what may be given, ``fix`` what to change.
    Never pass key material as ``value``.
    """

    def __init__(
        self, problem: str, *, value: object = None, allowed: str | None = None, fix: str | None = None
    ) -> None:
        parts = [problem]
        if value is not None:
            shown = repr(value)
            parts.append(f"got {shown if len(shown) <= _LONGEST_VALUE else shown[:_LONGEST_VALUE] + '…'}")
        if allowed is not None:
            parts.append(f"allowed: {allowed}")
        if fix is not None:
            parts.append(f"fix: {fix}")
        super().__init__("; ".join(parts))
        self.problem = problem
        self.value = value
        self.allowed = allowed
        self.fix = fix

    @classmethod
    def of(cls, error: SharedCaError) -> Self:
        """The same message as an error of this class, for a cause that the caller knows better."""
        return cls(error.problem, value=error.value, allowed=error.allowed, fix=error.fix)


class InvalidTypeError(SharedCaError):
    """An argument of another kind than the one that belongs there."""


class InvalidFlagError(InvalidTypeError):
    """A flag that is neither True nor False, such as the text "false", which counts as true."""


class InvalidNumberError(SharedCaError):
    """A number that is none, or out of range."""


class InvalidNameError(SharedCaError):
    """A name that AWS would refuse, such as a stack name prefix."""


class InvalidCertificateModeError(SharedCaError):
    """A certificate mode that is neither DEFAULT nor SNI_ONLY."""


class InvalidEngineError(SharedCaError):
    """A word for what carries a registration out that is none of `RegistrationEngine`'s."""


class InvalidOnExistingError(SharedCaError):
    """A word for what to do with an existing registration that is neither FAIL nor ADOPT."""


class InvalidRemovalPolicyError(SharedCaError):
    """A removal policy that a CA registration cannot have."""
