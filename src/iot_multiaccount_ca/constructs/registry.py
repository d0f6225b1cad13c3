"""The app-wide check: one CA is registered once per account and region, and in DEFAULT mode once per region.

And its devices enroll in one way: JITP or JITR.

Holds what every registration of one app says of itself, wherever in the construct tree it stands. Knows nothing of
other apps: what stands in another deployment is the Lambda's to find.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, cast

from aws_cdk import Annotations, Token
from constructs import Construct

from ..errors import (
    DuplicateRegistrationError,
    DuplicateStackNameError,
    InvalidTypeError,
    MultipleDefaultOwnersError,
    RivalEnrollmentsError,
)
from ..model.ca.certificate import CertificateMode
from ..model.options import REPAIR_CONTEXT
from ..model.plan.rules import ONE_OWNER

if TYPE_CHECKING:
    from ..model.stack_set.targets import StackSetTargets

_ID = "IotMultiaccountCaRegistry"


@dataclass(frozen=True, slots=True)
class Claim:
    """One registration of one CA, as it stands in the tree."""

    certificate_id: str
    account: str
    region: str
    mode: CertificateMode
    path: str


@dataclass(frozen=True, slots=True)
class SetClaim:
    """One set of stacks: the CAs that it registers, where, and the construct that stands for it.

    ``name``: CloudFormation's, in the account and region of ``place``.
    """

    certificate_ids: tuple[str, ...]
    targets: StackSetTargets
    construct: Construct
    name: str
    place: tuple[str, str]

    @property
    def path(self) -> str:
        """Where in the tree it stands."""
        return self.construct.node.path


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


def _repair(asked: object) -> str | None:
    if asked is None or (isinstance(asked, str) and asked):
        return asked
    raise InvalidTypeError(
        f"the context {REPAIR_CONTEXT} is not a text",
        value=asked,
        allowed="a text that differs from the last one, such as the time",
        fix=f"cdk deploy STACK --exclusively -c {REPAIR_CONTEXT}=2026-11-26T01:30",
    )


class Registry(Construct):
    """All claims of one app; a child of its root, so that it lives exactly as long as the app."""

    def __init__(self, scope: Construct) -> None:
        super().__init__(scope, _ID)
        #: What `cdk deploy -c` asks to be mended, whatever it says.
        self.repair = _repair(scope.node.try_get_context(REPAIR_CONTEXT))
        self._targets: dict[tuple[str, str, str], Claim] = {}
        self._owners: dict[tuple[str, str], Claim] = {}
        self._stacks: dict[tuple[str, str, str], str] = {}
        self._sets: list[SetClaim] = []
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
                    allowed=ONE_OWNER,
                    fix="make one of them SNI_ONLY; to hand DEFAULT over between pipeline stages, deploy the giving "
                    "stage as SNI_ONLY first, and the taking one as DEFAULT in a later release",
                )
            self._owners[claim.certificate_id, claim.region] = claim
        for each in self._sets:
            _check_beside_set(claim, each)
        self._targets[target] = claim

    def claim_set(self, claim: SetClaim) -> None:
        """Take a set of stacks in, or raise what it contradicts; what units may contain is a warning on the set."""
        for other in self._targets.values():
            _check_beside_set(other, claim)
        for each in self._sets:
            _check_two_sets(each, claim)
        self._sets.append(claim)


def _check_beside_set(claim: Claim, stack_set: SetClaim) -> None:
    """One registration beside a set of the same CA in one region: the account must not be the set's, too."""
    targets = stack_set.targets
    if claim.certificate_id not in stack_set.certificate_ids or claim.region not in targets.regions:
        return
    if claim.account in targets.listed:
        raise DuplicateRegistrationError(
            f"one CA is registered twice in account {claim.account}, {claim.region}: by {claim.path} and by the set "
            f"{stack_set.path}",
            value=claim.certificate_id,
            allowed="one registration of a CA per account and region in an app",
            fix="leave the account out of the set's accounts, or out of the other",
        )
    if targets.service_managed and claim.account not in targets.left_out:
        Annotations.of(stack_set.construct).add_warning_v2(
            f"iot-multiaccount-ca:set-may-contain-{claim.account}",
            f"account {claim.account} registers this CA in {claim.region} by {claim.path}: if it is in one of the "
            f"set's organizational units, its stack of the set fails; fix: excluded_accounts=[{claim.account!r}]",
        )


def _check_two_sets(first: SetClaim, second: SetClaim) -> None:
    """Two sets: of one name they cannot both be there, and of one CA in one region they must not share an account."""
    if (first.name, first.place) == (second.name, second.place) and not _elsewhere(first, second):
        raise DuplicateStackNameError(
            f"two stack sets of one name: {first.path} and {second.path}",
            value=second.name,
            fix="give one of them another stack_set_name",
        )
    regions = [region for region in first.targets.regions if region in second.targets.regions]
    if not regions or not set(first.certificate_ids) & set(second.certificate_ids):
        return
    both = [account for account in first.targets.accounts if account in second.targets.listed]
    if both:
        raise DuplicateRegistrationError(
            f"two sets register one CA in account {both[0]}, {regions[0]}: {first.path} and {second.path}",
            value=", ".join(both[:5]),
            allowed="one registration of a CA per account and region in an app",
            fix="list the account in one of them",
        )
    if _may_meet(first.targets, second.targets):
        Annotations.of(second.construct).add_warning_v2(
            "iot-multiaccount-ca:two-sets",
            f"{first.path} registers this CA in {regions[0]} too: an account that is in both fails in one of them; "
            "fix: units that do not contain one another, or excluded_accounts",
        )


def _elsewhere(first: SetClaim, second: SetClaim) -> bool:
    """Whether they stand in two accounts after all: none is known, and the units are of two organizations."""
    roots = {first.targets.root, second.targets.root}
    return Token.is_unresolved(first.place[0]) and len(roots) == 2 and None not in roots


def _may_meet(first: StackSetTargets, second: StackSetTargets) -> bool:
    """Whether an account may be in both: what units contain is not known here, what they leave out is."""
    if first.service_managed and second.service_managed:
        return first.root == second.root
    units, listed = (first, second) if first.service_managed else (second, first)
    return units.service_managed and not listed.listed <= units.left_out
