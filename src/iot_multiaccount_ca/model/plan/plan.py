"""The plan: one shared CA over a list of stages, every rule proved at construction. Makes no stack, asks no AWS."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import (
    AutoRegistrationOffError,
    DuplicateCaError,
    DuplicateStageNameError,
    DuplicateTargetError,
    EmptyPlanError,
    InvalidNameError,
    MissingVerificationError,
    MultipleDefaultOwnersError,
    TooManyCasError,
    UnknownOwnerAccountError,
    UnknownStageError,
)
from ..ca.certificate import CaCertificate, CertificateMode
from ..checks import check_type
from ..jitr.enrollment import JitrEnrollment
from ..options import OnExisting, resolve_on_existing, resolve_removal_policy
from ..possession.verification import check_verification
from ..target import KNOWN_REGIONS, check_account
from .retiring import RetiringCa
from .stage import CaStage, check_provisioning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..jitp.template_body import JitpTemplateBody
    from ..possession.verification import Verification

#: AWS IoT registers at most so many CAs of one subject in an account.
MOST_CAS_OF_ONE_SUBJECT = 10
_STACK_NAME_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,95}", re.ASCII)


@dataclass(frozen=True, slots=True, init=False)
class SharedCaPlan:
    """One CA over several accounts and regions. A plan that exists is a valid plan.

    ``ca_certificate``: the CA that signs the devices. ``stages``: where it is registered; ``plan.stages`` carry their
    resolved mode, provisioning and verification. ``owner_account``: DEFAULT in every region where it has a stage,
    SNI_ONLY elsewhere; without it, SNI_ONLY everywhere, which AWS recommends. ``verification``: how possession of the
    CA key is proved in DEFAULT stages. ``provisioning``: of stages without their own: a `JitpTemplateBody`, or a
    `JitrEnrollment`.
    ``retiring``: CAs on their way out. ``allow_mode_change``: lets a deployment change the mode of a registration,
    which deletes it and registers it again. ``on_existing``: what to do with a registration that exists already.
    ``removal_policy``: ``RemovalPolicy.DESTROY`` or ``RETAIN``. ``active``: whether the CA takes part at all.
    ``auto_registration``: enroll unknown devices; by default where there is provisioning. ``stack_name_prefix``:
    stacks are named ``<prefix>-<stage>``; by default the id of the ``SharedCa``.

    Raises a `SharedCaError`, one subclass per cause.
    """

    ca_certificate: CaCertificate
    stages: tuple[CaStage, ...]
    owner_account: str | None
    verification: Verification | None
    provisioning: JitpTemplateBody | JitrEnrollment | None
    retiring: tuple[RetiringCa, ...]
    allow_mode_change: bool
    on_existing: OnExisting
    removal_policy: str
    active: bool
    auto_registration: bool | None
    stack_name_prefix: str | None
    warnings: tuple[str, ...]

    def __init__(
        self,
        *,
        ca_certificate: CaCertificate,
        stages: Iterable[CaStage],
        owner_account: str | None = None,
        verification: Verification | None = None,
        provisioning: JitpTemplateBody | JitrEnrollment | None = None,
        retiring: Iterable[RetiringCa] = (),
        allow_mode_change: bool = False,
        on_existing: OnExisting | str = OnExisting.FAIL,
        removal_policy: object = "DESTROY",
        active: bool = True,
        auto_registration: bool | None = None,
        stack_name_prefix: str | None = None,
    ) -> None:
        check_type(ca_certificate, CaCertificate, "the CA certificate of the plan", "CaCertificate.from_file")
        check_verification(verification, where="the plan")
        check_provisioning(provisioning, where="the plan")
        given = _stages(stages)
        check_names_and_targets(given)
        _check_owner_account(owner_account, given)
        resolved = tuple(_resolve(stage, owner_account, verification, provisioning) for stage in given)
        check_default_owners(resolved)
        _check_verifications(resolved, ca_certificate)
        _check_auto_registration(resolved, auto_registration)
        old = _retiring(retiring, ca_certificate)
        _check_retiring_verifications(resolved, old)
        values: dict[str, object] = {
            "ca_certificate": ca_certificate,
            "stages": resolved,
            "owner_account": owner_account,
            "verification": verification,
            "provisioning": provisioning,
            "retiring": old,
            "allow_mode_change": bool(allow_mode_change),
            "on_existing": resolve_on_existing(on_existing),
            "removal_policy": resolve_removal_policy(removal_policy),
            "active": bool(active),
            "auto_registration": auto_registration,
            "stack_name_prefix": _check_prefix(stack_name_prefix),
            "warnings": tuple(_warnings(resolved, ca_certificate, old)),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def stage(self, name: str) -> CaStage:
        """The stage of that name, resolved; raises `UnknownStageError` with the names there are."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise UnknownStageError(
            "the plan has no such stage", value=name, allowed=", ".join(stage.name for stage in self.stages)
        )


def check_default_owners(stages: Iterable[CaStage]) -> None:
    """Raise `MultipleDefaultOwnersError` where two stages of one region are in DEFAULT mode."""
    owners: dict[str, CaStage] = {}
    for stage in stages:
        if stage.certificate_mode is CertificateMode.DEFAULT:
            first = owners.setdefault(stage.region, stage)
            if first is not stage:
                raise MultipleDefaultOwnersError(
                    f"two DEFAULT owners in region {stage.region}: stage {first.name!r} (account {first.account}) and "
                    f"stage {stage.name!r} (account {stage.account})",
                    allowed="one account per region in DEFAULT mode, any number in SNI_ONLY",
                    fix=f"set certificate_mode=CertificateMode.SNI_ONLY on {first.name!r} or {stage.name!r}",
                )


def check_names_and_targets(stages: Iterable[CaStage]) -> None:
    """Raise unless names are unique (ignoring case) and no two stages share account and region."""
    names: dict[str, CaStage] = {}
    targets: dict[tuple[str, str], CaStage] = {}
    for stage in stages:
        namesake = names.setdefault(stage.name.lower(), stage)
        if namesake is not stage:
            raise DuplicateStageNameError(
                "two stages have one name (upper and lower case are the same in stack names)",
                value=f"{namesake.name} and {stage.name}",
                fix="give each stage a name of its own",
            )
        neighbour = targets.setdefault(stage.target, stage)
        if neighbour is not stage:
            raise DuplicateTargetError(
                f"stages {neighbour.name!r} and {stage.name!r} are the same account and region",
                value=f"{stage.account} {stage.region}",
                allowed="one stage per account and region: AWS IoT registers a CA once in each",
                fix=f"leave out {stage.name!r}, or give it another account or region",
            )


def _stages(stages: Iterable[CaStage]) -> tuple[CaStage, ...]:
    given = tuple(stages)
    if not given:
        raise EmptyPlanError(
            "the plan has no stages", fix="list at least one CaStage(name, account=…, region=…)"
        )
    for stage in given:
        check_type(stage, CaStage, "a stage of the plan", "CaStage")
    return given


def _check_owner_account(owner: str | None, stages: tuple[CaStage, ...]) -> None:
    if owner is None:
        return
    check_account(owner, where="owner_account")
    accounts = {stage.account for stage in stages}
    if owner not in accounts:
        raise UnknownOwnerAccountError(
            "owner_account is the account of no stage",
            value=owner,
            allowed=", ".join(sorted(accounts)),
            fix="add a stage in that account, or leave owner_account out: then every stage is SNI_ONLY",
        )


def _resolve(
    stage: CaStage,
    owner: str | None,
    verification: Verification | None,
    provisioning: JitpTemplateBody | JitrEnrollment | None,
) -> CaStage:
    mode = stage.certificate_mode
    if mode is None:
        mode = CertificateMode.DEFAULT if stage.account == owner else CertificateMode.SNI_ONLY
    # Not through CaStage(): what is checked once need not be checked again, and plans of thousands stay fast.
    resolved = object.__new__(CaStage)
    put = object.__setattr__
    put(resolved, "name", stage.name)
    put(resolved, "account", stage.account)
    put(resolved, "region", stage.region)
    put(resolved, "certificate_mode", mode)
    put(resolved, "provisioning", stage.provisioning or provisioning)
    proof = stage.verification or verification
    put(resolved, "verification", proof if mode is CertificateMode.DEFAULT else None)
    return resolved


def _check_verifications(stages: tuple[CaStage, ...], ca_certificate: CaCertificate) -> None:
    by_proof: dict[int, tuple[Verification, list[str]]] = {}
    for stage in stages:
        if stage.certificate_mode is not CertificateMode.DEFAULT:
            continue
        if stage.verification is None:
            raise MissingVerificationError(
                f"stage {stage.name!r} (account {stage.account}, {stage.region}) is in DEFAULT mode, and nothing "
                "proves possession of the CA key there",
                allowed="Verification.from_secret, from_kms_key, from_private_ca, from_pre_issued",
                fix="give the plan or the stage a verification, or register SNI_ONLY, which needs none",
            )
        stage.verification.check_target(stage.partition, stage.account, stage.region)
        by_proof.setdefault(id(stage.verification), (stage.verification, []))[1].append(stage.name)
    for verification, names in by_proof.values():
        verification.check_pre_issued(ca_certificate, names)


def _check_auto_registration(stages: tuple[CaStage, ...], auto_registration: bool | None) -> None:
    for stage in stages:
        if auto_registration is False and isinstance(stage.provisioning, JitrEnrollment):
            raise AutoRegistrationOffError(
                f"stage {stage.name!r} has a JITR enrollment, and auto_registration=False: no event would ever come",
                fix="leave auto_registration out, or leave out the enrollment",
            )


def _check_retiring_verifications(stages: tuple[CaStage, ...], retiring: tuple[RetiringCa, ...]) -> None:
    """A retiring CA needs no proof where it is registered; one that is given has to serve every DEFAULT stage."""
    owners = [stage for stage in stages if stage.certificate_mode is CertificateMode.DEFAULT]
    for old in retiring:
        if old.verification is not None:
            for stage in owners:
                old.verification.check_target(stage.partition, stage.account, stage.region)
            old.verification.check_pre_issued(old.ca_certificate, [stage.name for stage in owners])


def _retiring(retiring: Iterable[RetiringCa], current: CaCertificate) -> tuple[RetiringCa, ...]:
    old = tuple(retiring)
    for each in old:
        check_type(each, RetiringCa, "a retiring CA", "RetiringCa")
    ids = Counter([current.certificate_id, *(each.ca_certificate.certificate_id for each in old)])
    twice = [certificate_id for certificate_id, count in ids.items() if count > 1]
    if twice:
        raise DuplicateCaError(
            "one CA stands twice in the plan (current and retiring, or retiring twice)",
            value=twice[0],
            fix="a CA is either the current one or a retiring one",
        )
    subjects = Counter([current.subject, *(each.ca_certificate.subject for each in old)])
    subject, count = subjects.most_common(1)[0]
    if count > MOST_CAS_OF_ONE_SUBJECT:
        raise TooManyCasError(
            f"{count} CAs of the plan have one subject",
            value=subject,
            allowed=f"{MOST_CAS_OF_ONE_SUBJECT} per account",
            fix="let retired CAs go, or give the next CA a subject of its own",
        )
    return old


def _check_prefix(prefix: str | None) -> str | None:
    if prefix is not None and not (isinstance(prefix, str) and _STACK_NAME_PREFIX.fullmatch(prefix)):
        raise InvalidNameError(
            "stack_name_prefix is no legal beginning of a stack name",
            value=prefix,
            allowed="a letter, then up to 95 letters, digits or hyphens",
        )
    return prefix


def _warnings(
    stages: tuple[CaStage, ...], current: CaCertificate, retiring: tuple[RetiringCa, ...]
) -> Iterator[str]:
    for stage in stages:
        if stage.region not in KNOWN_REGIONS:
            yield (
                f"stage {stage.name!r}: region {stage.region} is not among the AWS IoT regions known to this version; "
                "it is used as it stands"
            )
    for each in retiring:
        pair = (current, each.ca_certificate)
        if current.subject == each.ca_certificate.subject and not all(
            ca.has_subject_key_identifier for ca in pair
        ):
            yield (
                f"the current CA and retiring CA {each.ca_certificate.certificate_id[:16]}… have one subject "
                f"({current.subject}), and at least one of them has no subjectKeyIdentifier: TLS stacks cannot tell "
                "them apart, and may refuse devices of the newer one"
            )
