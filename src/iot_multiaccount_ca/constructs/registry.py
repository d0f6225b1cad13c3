"""The app-wide check: one CA is registered once per account and region, and in DEFAULT mode once per region.

And its devices enroll in one way: JITP or JITR.

Holds what every registration of one app says of itself, wherever in the construct tree it stands. Knows nothing of
other apps: what stands in another deployment is the Lambda's to find.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from constructs import Construct

from ..errors import (
    DuplicateRegistrationError,
    DuplicateStackNameError,
    MultipleDefaultOwnersError,
    RivalEnrollmentsError,
)
from ..model.ca.certificate import CertificateMode

_ID = "IotMultiaccountCaRegistry"


@dataclass(frozen=True, slots=True)
class Claim:
    """One registration of one CA, as it stands in the tree."""

    certificate_id: str
    account: str
    region: str
    mode: CertificateMode
    path: str


class Enrollment(StrEnum):
    """How unknown devices of a CA come in. ``EVENT`` is JITR with a target of the user's own: it may be one of many."""

    TEMPLATE = "just-in-time provisioning"
    ACTIVATION = "just-in-time registration"
    EVENT = "just-in-time registration with a target of its own"


_RIVALS = {
    Enrollment.TEMPLATE: (Enrollment.ACTIVATION, Enrollment.EVENT),
    Enrollment.ACTIVATION: (Enrollment.TEMPLATE, Enrollment.ACTIVATION),
    Enrollment.EVENT: (Enrollment.TEMPLATE,),
}


class Registry(Construct):
    """All claims of one app; a child of its root, so that it lives exactly as long as the app."""

    def __init__(self, scope: Construct) -> None:
        super().__init__(scope, _ID)
        self._targets: dict[tuple[str, str, str], Claim] = {}
        self._owners: dict[tuple[str, str], Claim] = {}
        self._stacks: dict[tuple[str, str, str], str] = {}
        self._enrollments: dict[tuple[str, str, str], dict[Enrollment, str]] = {}

    @classmethod
    def of(cls, scope: Construct) -> Registry:
        """The registry of the app that ``scope`` belongs to."""
        root = cast("Construct", scope.node.root)
        found = root.node.try_find_child(_ID)
        return found if isinstance(found, Registry) else cls(root)

    def holds(self, ca: tuple[str, str, str]) -> bool:
        """Whether a CA (certificate id, account, region) is registered by this app, as far as it is built."""
        return ca in self._targets

    def claim_stack(self, name: str, account: str, region: str, path: str) -> None:
        """Take a stack name of ours in, or raise that another stack of ours has it."""
        other = self._stacks.setdefault((name, account, region), path)
        if other != path:
            raise DuplicateStackNameError(
                f"two stacks of one name in account {account}, {region}: {other} and {path}",
                value=name,
                fix="give one of the plans another stack_name_prefix (or the SharedCa another id)",
            )

    def claim_enrollment(self, ca: tuple[str, str, str], enrollment: Enrollment, path: str) -> None:
        """Take in how devices of a CA (certificate id, account, region) enroll, or raise what it contradicts."""
        held = self._enrollments.setdefault(ca, {})
        for rival in _RIVALS[enrollment]:
            if rival in held:
                raise RivalEnrollmentsError(
                    f"one CA has {rival.value} ({held[rival]}) and {enrollment.value} ({path}) in account {ca[1]}, "
                    f"{ca[2]}: each would act on the first connect of a device",
                    value=ca[0],
                    allowed="a provisioning template (JITP), or one JitrActivation that decides (JITR), or neither",
                    fix="leave one of them out",
                )
        held.setdefault(enrollment, path)

    def claim(self, claim: Claim) -> None:
        """Take the claim in, or raise what it contradicts."""
        target = (claim.certificate_id, claim.account, claim.region)
        other = self._targets.get(target)
        if other is not None:
            raise DuplicateRegistrationError(
                f"one CA is registered twice in account {claim.account}, {claim.region}: by {other.path} and by "
                f"{claim.path}",
                value=claim.certificate_id,
                allowed="one registration of a CA per account and region in an app",
                fix="leave one of them out, or refer to it with CaRegistration.from_ca_certificate_id",
            )
        if claim.mode is CertificateMode.DEFAULT:
            owner = self._owners.get((claim.certificate_id, claim.region))
            if owner is not None:
                raise MultipleDefaultOwnersError(
                    f"two DEFAULT owners in region {claim.region}: {owner.path} (account {owner.account}) and "
                    f"{claim.path} (account {claim.account})",
                    value=claim.certificate_id,
                    allowed="one account per region in DEFAULT mode, any number in SNI_ONLY",
                    fix="make one of them SNI_ONLY; to hand DEFAULT over between pipeline stages, deploy the giving "
                    "stage as SNI_ONLY first, and the taking one as DEFAULT in a later release",
                )
            self._owners[claim.certificate_id, claim.region] = claim
        self._targets[target] = claim
