"""Sets of stacks over accounts of an organization that cannot be."""

from __future__ import annotations

from .base import SharedCaError


class StackSetError(SharedCaError):
    """A set of stacks that AWS CloudFormation would refuse, or that could not work."""


class StackSetAccountsError(StackSetError):
    """Neither or both of organizational units and accounts, an account that stands twice, or nothing left."""


class InvalidOrganizationalUnitError(StackSetError):
    """What is not an id of an organizational unit or root, or is only known at deployment (a Token)."""


class InvalidReaderError(StackSetError):
    """A reader that is neither an account nor a role, of another partition, or only known at deployment (a Token)."""


class StackSetRegionsError(StackSetError):
    """No region, one that stands twice, or regions of two partitions."""


class TooManyTargetsError(StackSetError):
    """More organizational units, or more stacks, than one set takes."""


class StackSetBodyTooLongError(StackSetError):
    """A template body of more than 51,200 bytes."""


class UnsupportedInSetError(StackSetError):
    """JITR, the proof of a retiring CA, or a delegated administrator of listed accounts: no set can have them."""


class StackSetOperationError(StackSetError):
    """Preferences of an operation that CloudFormation does not have."""
