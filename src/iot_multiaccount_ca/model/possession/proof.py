"""A way to prove possession of the CA's key: what each has to say of itself. Holds names and certificates, no key."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from ...errors import ForeignPartitionError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from ..ca.certificate import CaCertificate
    from ..target import Target
    from .arns import Arn
    from .grants import ForeignPolicy, Permission


class Proof(ABC):
    """What plan, constructs, Lambda and rehearsal ask of a way of proof.

    ``kind``: its name, the same in the model, the Lambda and the command line. ``signs_in_lambda``: whether the
    stack's Lambda makes certificates or requests itself, with ``cryptography``. ``not_rehearsable``: why the local AWS
    cannot prove it so, as a sentence; None where it can.
    """

    __slots__ = ()

    kind: ClassVar[str]
    signs_in_lambda: ClassVar[bool]
    not_rehearsable: ClassVar[str | None]

    @abstractmethod
    def request_properties(self, stage_name: str | None = None) -> dict[str, str]:
        """The ``Verification`` of the custom resource's properties, for one stage."""

    @abstractmethod
    def metadata(self, stage_name: str | None = None) -> dict[str, Any]:
        """What the cloud assembly says of it: the way of proof and names, never a key."""

    @property
    def arns(self) -> tuple[Arn, ...]:
        """What it uses, as far as that is named by ARNs."""
        return ()

    def check_target(self, target: Target) -> None:
        """Raise a `VerificationError` when no role of the target's account could ever use the secret or key."""
        for used in self.arns:
            if used.partition != target.partition:
                raise ForeignPartitionError(
                    f"{used.text} lies in partition {used.partition}, and account {target.account} in "
                    f"{target.region} in {target.partition}",
                    allowed=f"a secret or key of partition {target.partition}",
                    fix="copy nothing: sign there with `iot-ca verification-cert`, and use "
                    "Verification.from_pre_issued",
                )

    def permissions(
        self, target: Target, *, ca_certificate: CaCertificate | None = None
    ) -> tuple[Permission, ...]:
        """What the role of a stage in ``target`` needs: the one secret or key, for this purpose.

        Args:
            target: account and region of the stage.
            ca_certificate: narrows kms:Sign to the one algorithm that fits the CA's key; by default all that fit some.
        """
        self.check_target(target)
        return self._permissions(target, ca_certificate)

    @abstractmethod
    def _permissions(self, target: Target, ca_certificate: CaCertificate | None) -> tuple[Permission, ...]:
        """`permissions`, once the target is checked."""

    def foreign_policies(
        self,
        account: str,
        *,
        role_pattern: str | None = None,
        ca_certificate: CaCertificate | None = None,
    ) -> tuple[ForeignPolicy, ...]:
        """What the owners of another account's secret or key must add for a stage in ``account``.

        Empty where everything lies in the stage's own account.

        Args:
            account: of the stage, 12 digits.
            role_pattern: narrows the grant to roles whose ARN is like it (IAM's ``ArnLike``); without it the account
                decides who of its own may.
            ca_certificate: narrows kms:Sign, as for `permissions`.
        """
        del account, role_pattern, ca_certificate
        return ()

    def check_pre_issued(
        self,
        ca_certificate: CaCertificate,
        default_stage_names: Iterable[str],
        *,
        now: dt.datetime | None = None,
    ) -> None:
        """Raise a `PreIssuedError` unless what was signed ahead of time fits the CA and the DEFAULT stages.

        Args:
            ca_certificate: the CA of the plan.
            default_stage_names: of all DEFAULT stages that prove possession so.
            now: checks validity in time too. By default it is not: a plan must still load on the day that a
                certificate expires (see `pre_issued_problem`).
        """
        del ca_certificate, default_stage_names, now

    def pre_issued_problem(self, stage_name: str | None, *, now: dt.datetime | None = None) -> str | None:
        """Why AWS IoT would refuse a stage's pre-issued certificate at ``now`` (by default: now), or None."""
        del stage_name, now
        return None
