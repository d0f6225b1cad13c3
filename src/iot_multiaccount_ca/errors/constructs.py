"""Constructs in a place, or with properties, that cannot work."""

from __future__ import annotations

from .base import SharedCaError


class ConstructError(SharedCaError):
    """A construct in a place, or with properties, that cannot work."""


class EnvironmentAgnosticError(ConstructError):
    """A stack whose account or region CDK only knows at deployment."""


class DuplicateRegistrationError(ConstructError):
    """One CA registered twice in one account and region, anywhere in the app."""


class DuplicateStackNameError(ConstructError):
    """Two stacks, or two stack sets, of one name in one account and region."""


class EnvironmentMismatchError(ConstructError):
    """A stack of another account or region than the stage's."""


class RemovalPolicyConflictError(ConstructError):
    """Something that stays when the stack goes, and needs something that does not."""


class UnsupportedTargetError(ConstructError):
    """A target of the JITR event that no topic rule can have."""


class ExclusiveArgumentsError(ConstructError):
    """Neither or both of two arguments of which one is needed."""


class UnusedArgumentError(ConstructError):
    """An argument for something that is not made."""


class SharedFunctionError(ConstructError):
    """Two registrations of one stack that give the Lambda they share different settings."""


class UnknownLookupRoleError(ConstructError):
    """A synthesizer that does not tell the role by which to look into an account."""


class UnsupportedCdkError(ConstructError):
    """An aws-cdk-lib that lacks what is asked for."""
