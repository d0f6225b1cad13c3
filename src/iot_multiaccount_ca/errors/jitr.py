"""Just-in-time registration that could admit no device as meant."""

from __future__ import annotations

from .base import SharedCaError


class EnrollmentError(SharedCaError):
    """A just-in-time registration that could admit no device as meant."""


class AllowListError(EnrollmentError):
    """A list of admitted certificates that cannot be looked up."""


class SubjectRuleError(EnrollmentError):
    """A rule on the subject that no certificate can be held against."""


class EnrollmentWindowError(EnrollmentError):
    """An enrollment window that is none, or that stands alone: it says when, and not who."""


class EnrollmentPolicyError(EnrollmentError):
    """What an admitted device may do is neither a policy's name nor a policy document."""


class EnrollmentThingError(EnrollmentError):
    """A thing's name, type or group that AWS IoT would refuse, or one thing for every device."""


class EnrollmentTooLongError(EnrollmentError):
    """Rules of admission that do not fit into the Lambda's environment."""


class UnresolvedEnrollmentError(EnrollmentError):
    """A Token where the rules of admission have to be known at synth."""
