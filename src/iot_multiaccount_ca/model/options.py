"""The words that a plan and a registration share: what to do with what exists, and on removal; which engine, and what
that can do. Decides no case."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from ..errors import InvalidEngineError, InvalidOnExistingError, InvalidRemovalPolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The CDK context by which `cdk deploy -c` has registrations mended whose template is what it was.
REPAIR_CONTEXT = "iot-multiaccount-ca:repair"
_REMOVAL_POLICIES = {"DESTROY": "DESTROY", "RETAIN": "RETAIN", "RETAIN_ON_UPDATE_OR_DELETE": "RETAIN"}


class OnExisting(StrEnum):
    """What happens when the CA is registered in the account already.

    ``FAIL``: the deployment stops and says by whom. ``ADOPT``: the registration is taken over as it stands, in the same
    mode only; on removal it stays registered, and our template and tags are taken off it.
    """

    FAIL = "FAIL"
    ADOPT = "ADOPT"


class RegistrationEngine(StrEnum):
    """What carries a registration out.

    ``LAMBDA``: a Lambda of the stack (``Custom::IotCaCertificate``); it can do everything. ``NATIVE``: CloudFormation's
    own ``AWS::IoT::CACertificate``, without a Lambda: SNI_ONLY, or DEFAULT with a pre-issued proof; it never adopts,
    and never changes a mode. ``NONE``: nothing, for the one deployment between two engines: the stack keeps all else,
    and the CA stays registered as the deployment before left it, which has to have been one with RETAIN.
    """

    LAMBDA = "LAMBDA"
    NATIVE = "NATIVE"
    NONE = "NONE"


class Capability(StrEnum):
    """What a registration may ask of the engine that carries it out, beyond registering in SNI_ONLY mode."""

    PROOF = "a proof of possession that is made during the deployment"
    MODE_CHANGE = "a change of the certificate mode (allow_mode_change=True)"
    ADOPTION = "taking over a registration that exists already (on_existing=OnExisting.ADOPT)"
    GIVING_BACK = "giving back a template that was found (adopt_template_role_arn)"
    ADMISSION = "a Lambda that admits devices (JitrEnrollment)"
    NO_PROOF = "a retiring CA in DEFAULT mode without the verification that it was registered with"


#: What each engine can do beyond registering in SNI_ONLY mode, or in DEFAULT mode with a pre-issued proof.
CAPABILITIES: Mapping[RegistrationEngine, frozenset[Capability]] = {
    RegistrationEngine.LAMBDA: frozenset(Capability),
    RegistrationEngine.NATIVE: frozenset(),
    # It does nothing, whatever the engine after it is asked for.
    RegistrationEngine.NONE: frozenset(Capability),
}


def can(engine: str, capability: Capability) -> bool:
    """Whether the engine of that word can do it."""
    return capability in CAPABILITIES[RegistrationEngine(engine)]


#: In which property the resource of each engine holds the CA's certificate; None where there is no resource.
PEM_PROPERTIES: Mapping[RegistrationEngine, str | None] = {
    RegistrationEngine.LAMBDA: "CaCertificatePem",
    RegistrationEngine.NATIVE: "CACertificatePem",
    RegistrationEngine.NONE: None,
}


def resolve_engine(value: object) -> RegistrationEngine:
    """A `RegistrationEngine`, given as enum or word."""
    if isinstance(value, RegistrationEngine):
        return value
    try:
        return RegistrationEngine(str(value))
    except ValueError:
        raise InvalidEngineError(
            "the engine is unknown",
            value=value,
            allowed=", ".join(f"RegistrationEngine.{each.name}" for each in RegistrationEngine),
        ) from None


def resolve_on_existing(value: object) -> OnExisting:
    """An `OnExisting`, given as enum or word."""
    if isinstance(value, OnExisting):
        return value
    try:
        return OnExisting(str(value))
    except ValueError:
        raise InvalidOnExistingError(
            "on_existing is unknown", value=value, allowed="OnExisting.FAIL, OnExisting.ADOPT"
        ) from None


def resolve_removal_policy(value: object) -> str:
    """``"DESTROY"`` or ``"RETAIN"``, from an ``aws_cdk.RemovalPolicy`` or its name (the model knows no aws_cdk)."""
    name = getattr(value, "name", value)
    if not isinstance(name, str) or name not in _REMOVAL_POLICIES:
        raise InvalidRemovalPolicyError(
            "a CA registration cannot have this removal policy",
            value=name,
            allowed="RemovalPolicy.DESTROY, RemovalPolicy.RETAIN",
        )
    return _REMOVAL_POLICIES[name]
