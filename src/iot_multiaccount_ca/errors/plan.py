"""Stages, and plans that they cannot make up together."""

from __future__ import annotations

from .base import SharedCaError


class StageError(SharedCaError):
    """A stage that cannot be."""


class InvalidStageNameError(StageError):
    """A stage name outside ``[A-Za-z][A-Za-z0-9-]{0,30}``."""


class InvalidAccountError(StageError):
    """An account that is not a literal string of 12 digits."""


class InvalidRegionError(StageError):
    """A region that does not look like one."""


class UnresolvedTargetError(StageError):
    """An account or region that CDK only knows at deployment (a Token)."""


class EmptyGridError(StageError):
    """A grid of stages without accounts, or without regions."""


class PlanError(SharedCaError):
    """Stages that cannot stand beside each other."""


class EmptyPlanError(PlanError):
    """A plan without stages."""


class DuplicateStageNameError(PlanError):
    """Two stages of one name (upper and lower case are the same)."""


class DuplicateTargetError(PlanError):
    """Two stages for one account and region."""


class MultipleDefaultOwnersError(PlanError):
    """Two accounts that would hold one CA in DEFAULT mode in one region."""


class UnknownOwnerAccountError(PlanError):
    """``owner_account`` is the account of no stage."""


class UnknownStageError(PlanError):
    """A stage name that the plan does not have."""


class DuplicateCaError(PlanError):
    """One CA twice in a plan: current and retiring, or retiring twice."""


class TooManyCasError(PlanError):
    """More CAs of one subject than AWS IoT registers in an account."""


class AdoptionNotAllowedError(SharedCaError):
    """A stack to adopt from, where ``on_existing`` is not ADOPT."""


class ForeignAdoptionError(SharedCaError):
    """A stack to adopt from, or a role of a template that is found, of another account or region."""


class UnsupportedByEngineError(SharedCaError):
    """A registration that asks for more than its engine can do."""
