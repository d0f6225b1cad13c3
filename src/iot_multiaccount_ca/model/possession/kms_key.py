"""KMS_KEY: the CA's key is in KMS, and the stack's role may have it sign digests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ..ca.algorithms import KEY_ALGORITHMS, kms_signing_algorithm
from ..policies import document
from .arns import Arn
from .arns import key_arn as parsed
from .grants import ForeignPolicy, Permission, only_roles, root_of, statement
from .proof import Proof

if TYPE_CHECKING:
    from ..ca.certificate import CaCertificate
    from ..target import Target


@dataclass(frozen=True, slots=True)
class KmsKeyProof(Proof):
    """The CA's key is an asymmetric KMS key for signing, RSA or ECC; it never leaves KMS.

    Raises a `VerificationError` for what is not a key's ARN.

    Args:
        key_arn: of the key, not of an alias; any region and account of the partition.
    """

    key_arn: str

    kind: ClassVar[str] = "KMS_KEY"
    signs_in_lambda: ClassVar[bool] = True
    not_rehearsable: ClassVar[str | None] = (
        "AWS chooses the ids of KMS keys, so the local AWS cannot have this one"
    )

    def __post_init__(self) -> None:
        parsed(self.key_arn)

    @property
    def key(self) -> Arn:
        """The parts of ``key_arn``."""
        return parsed(self.key_arn)

    @property
    def arns(self) -> tuple[Arn, ...]:
        return (self.key,)

    def request_properties(self, stage_name: str | None = None) -> dict[str, str]:
        del stage_name
        return {"Type": self.kind, "KeyArn": self.key_arn}

    def metadata(self, stage_name: str | None = None) -> dict[str, Any]:
        del stage_name
        return {"type": self.kind, "keyArn": self.key_arn}

    def _permissions(self, target: Target, ca_certificate: CaCertificate | None) -> tuple[Permission, ...]:
        """Sign digests with the one key and the algorithm that follows it; read its public half."""
        del target
        return (
            Permission(("kms:Sign",), (self.key_arn,), _of_digests(ca_certificate)),
            Permission(("kms:GetPublicKey",), (self.key_arn,)),
        )

    def foreign_policies(
        self,
        account: str,
        *,
        role_pattern: str | None = None,
        ca_certificate: CaCertificate | None = None,
    ) -> tuple[ForeignPolicy, ...]:
        if self.key.account == account:
            return ()
        who, only = root_of(self.key.partition, account), only_roles(role_pattern)
        statements = document(
            [
                statement(
                    "SignForCaRegistration", who, ("kms:Sign",), {**_of_digests(ca_certificate), **only}
                ),
                statement("CompareForCaRegistration", who, ("kms:GetPublicKey",), only),
            ]
        )
        return (ForeignPolicy(self.key_arn, "key policy", statements),)


def _of_digests(ca_certificate: CaCertificate | None) -> dict[str, Any]:
    # Where the CA is not known, whatever fits a CA's key.
    algorithm: str | list[str] = [each.kms_signing_algorithm for each in KEY_ALGORITHMS]
    if ca_certificate is not None:
        algorithm = kms_signing_algorithm(ca_certificate.key_algorithm)
    return {"StringEquals": {"kms:SigningAlgorithm": algorithm, "kms:MessageType": "DIGEST"}}
