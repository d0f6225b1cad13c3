"""How possession of the CA's key is proved in DEFAULT mode: the one table of the ways, and the public type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, cast

from ...errors import InvalidTypeError, UnknownProofError
from .kms_key import KmsKeyProof
from .pre_issued import PreIssuedProof
from .private_ca import PrivateCaProof
from .proof import Proof
from .secret import SecretProof

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_P = ParamSpec("_P")


def _way(proof: Callable[_P, Proof]) -> staticmethod[_P, Verification]:
    """A factory that is the way's own class: each is registered below as a kind of `Verification`."""
    return staticmethod(cast("Callable[_P, Verification]", proof))


class Verification(Proof):
    """How possession of the CA's key is proved, for registrations in DEFAULT mode. Make one with ``from_…``.

    ``from_pre_issued({"prod": "prod.verification.pem"})``: the key stays with whoever holds it, and no role can ever
    sign with it; the best choice. ``from_kms_key(arn)``, ``from_private_ca(arn)``: the stack's role may have AWS sign
    with it. ``from_secret(name_or_arn, *, field=None, encryption_key_arn=None)``: the stack's role may read it.
    SNI_ONLY registrations need none of these.

    All of them are frozen values, and raise a `VerificationError`. Their arguments: `PreIssuedProof`, `KmsKeyProof`,
    `PrivateCaProof`, `SecretProof`. See RegisterCACertificate in the AWS IoT API reference,
    ``verificationCertificate``.
    """

    __slots__ = ()

    # The table of the ways, a line each.
    from_secret = _way(SecretProof)
    from_kms_key = _way(KmsKeyProof)
    from_private_ca = _way(PrivateCaProof)
    from_pre_issued = _way(PreIssuedProof)


_FACTORIES = {name: made for name, made in vars(Verification).items() if isinstance(made, staticmethod)}
#: The ways by their kind.
WAYS: Mapping[str, type[Proof]] = {
    proof.kind: proof for proof in (cast("type[Proof]", made.__func__) for made in _FACTORIES.values())
}
#: How to make one, for messages.
HOW_TO_PROVE = f"Verification.{', '.join(_FACTORIES)}"
#: Those of them that need no Lambda.
HOW_TO_PROVE_AHEAD = "Verification." + ", ".join(
    name for name, made in _FACTORIES.items() if not cast("type[Proof]", made.__func__).signs_in_lambda
)

for _proof in WAYS.values():
    Verification.register(_proof)


def check_verification(verification: object, *, where: str) -> None:
    """Raise `InvalidTypeError` unless it is a `Verification` or `None`."""
    if verification is not None and not isinstance(verification, Verification):
        raise InvalidTypeError(
            f"the verification of {where} is of another kind",
            value=type(verification).__name__,
            allowed="a Verification or None",
            fix=f"make it with one of {HOW_TO_PROVE}",
        )


def way_of(metadata: Mapping[str, Any]) -> type[Proof]:
    """The way of proof that a cloud assembly names; raises `UnknownProofError` for one that is not known here."""
    kind = metadata.get("type")
    if not isinstance(kind, str) or kind not in WAYS:
        raise UnknownProofError(
            "the cloud assembly names a way to prove possession of the CA key that is not known here",
            value=kind,
            allowed=", ".join(WAYS),
            fix="use the version of this library that synthesized the app",
        )
    return WAYS[kind]
