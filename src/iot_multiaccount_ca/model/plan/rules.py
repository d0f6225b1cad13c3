"""The rules that hold between the stages of a plan, and between its CAs. Each raises, or finds nothing to say."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ...errors import (
    AutoRegistrationOffError,
    DuplicateCaError,
    DuplicateStageNameError,
    DuplicateTargetError,
    MissingVerificationError,
    MultipleDefaultOwnersError,
    TooManyCasError,
    UnknownOwnerAccountError,
    UnusedVerificationError,
)
from ...text import plain
from ..ca.certificate import CertificateMode
from ..jitr.enrollment import JitrEnrollment
from ..options import RegistrationEngine
from ..registration import asked_of_engine, check_engine, how_to_prove
from ..target import KNOWN_REGIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..ca.certificate import CaCertificate
    from ..possession.verification import Verification
    from .retiring import RetiringCa
    from .stage import CaStage

#: AWS IoT registers at most this many CAs of one subject in an account.
MOST_CAS_OF_ONE_SUBJECT = 10
#: What the certificate modes allow, for messages.
ONE_OWNER = "one account per region in DEFAULT mode, any number in SNI_ONLY"


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
                    allowed=ONE_OWNER,
                    fix=f"set certificate_mode=CertificateMode.SNI_ONLY on {first.name!r} or {stage.name!r}",
                )


def check_names_and_targets(stages: Iterable[CaStage]) -> None:
    """Raise unless names are unique (ignoring case) and no two stages share account and region."""
    names: dict[str, CaStage] = {}
    targets: dict[tuple[str, str], CaStage] = {}
    for stage in stages:
        name, target = stage.name.lower(), (stage.account, stage.region)
        if name in names:
            namesake = names[name]
            raise DuplicateStageNameError(
                "one stage stands twice in the plan"
                if namesake == stage
                else "two stages have one name (upper and lower case are the same in stack names)",
                value=f"{namesake.name} and {stage.name}",
                fix="give each stage a name of its own, and list it once",
            )
        if target in targets:
            neighbour = targets[target]
            raise DuplicateTargetError(
                f"stages {neighbour.name!r} and {stage.name!r} are the same account and region",
                value=f"{stage.account} {stage.region}",
                allowed="one stage per account and region: AWS IoT registers a CA once in each",
                fix=f"leave out {stage.name!r}, or give it another account or region",
            )
        names[name] = targets[target] = stage


def check_owner_account(owner: str | None, stages: Iterable[CaStage]) -> None:
    """Raise `UnknownOwnerAccountError` unless the owner's account, if there is one, is some stage's."""
    accounts = {stage.account for stage in stages}
    if owner is not None and owner not in accounts:
        raise UnknownOwnerAccountError(
            "owner_account is the account of no stage",
            value=owner,
            allowed=", ".join(sorted(accounts)),
            fix="add a stage in that account, or leave owner_account out: then every stage is SNI_ONLY",
        )


def check_verifications(
    stages: Iterable[CaStage], ca_certificate: CaCertificate, of_plan: Verification | None
) -> None:
    """Raise unless every DEFAULT stage has a proof that can work there, and no proof is for nothing."""
    by_proof: dict[int, tuple[Verification, list[str]]] = {}
    for stage in stages:
        if stage.certificate_mode is not CertificateMode.DEFAULT:
            if stage.verification is not None:
                raise UnusedVerificationError(
                    f"stage {stage.name!r} has a verification, and is in SNI_ONLY mode: AWS IoT takes no proof there",
                    fix="leave the verification out, or give the stage certificate_mode=CertificateMode.DEFAULT",
                )
            continue
        if stage.verification is None:
            raise MissingVerificationError(
                f"stage {stage.name!r} (account {stage.account}, {stage.region}) is in DEFAULT mode, and nothing "
                "proves possession of the CA key there",
                allowed=how_to_prove(stage.engine),
                fix="give the plan or the stage a verification, or register SNI_ONLY, which needs none",
            )
        stage.verification.check_target(stage.target)
        by_proof.setdefault(id(stage.verification), (stage.verification, []))[1].append(stage.name)
    if of_plan is not None and not by_proof:
        raise UnusedVerificationError(
            "the plan has a verification, and no stage is in DEFAULT mode: AWS IoT takes no proof in SNI_ONLY",
            fix="leave the verification out, or say who owns DEFAULT with owner_account",
        )
    for verification, names in by_proof.values():
        verification.check_pre_issued(ca_certificate, names)


def check_auto_registration(stages: Iterable[CaStage], auto_registration: bool | None) -> None:
    """Raise `AutoRegistrationOffError` where devices are to be enrolled, and would never become known."""
    if auto_registration is not False:
        return
    for stage in stages:
        if stage.provisioning is not None:
            raise AutoRegistrationOffError(
                f"stage {stage.name!r} has a {type(stage.provisioning).__name__}, and auto_registration=False: no "
                "device would ever be enrolled",
                fix="leave auto_registration out, or leave out the provisioning",
            )


def check_engines(
    stages: Iterable[CaStage], retiring: Iterable[RetiringCa], *, allow_mode_change: bool
) -> None:
    """Raise `UnsupportedByEngineError` where a stage asks for more than its engine can do."""
    old = [each.verification for each in retiring]
    for stage in stages:
        if stage.engine is RegistrationEngine.LAMBDA:
            continue
        owner = stage.certificate_mode is CertificateMode.DEFAULT
        asked = asked_of_engine(
            stage.verification,
            allow_mode_change=allow_mode_change,
            on_existing=stage.on_existing,
            unproved=owner and None in old,
            adopt_template_role_arn=stage.adopt_template_role_arn,
            admits=isinstance(stage.provisioning, JitrEnrollment),
        )
        for verification in old if owner else ():
            asked |= asked_of_engine(verification, allow_mode_change=False, on_existing=None, unproved=False)
        check_engine(stage.engine or RegistrationEngine.LAMBDA, asked, where=f"stage {stage.name!r}")


def check_retiring(retiring: Iterable[RetiringCa], current: CaCertificate, stages: Iterable[CaStage]) -> None:
    """Raise unless each CA is there once, and a proof of a retiring one serves every DEFAULT stage."""
    old = list(retiring)
    ids = Counter([current.certificate_id, *(each.ca_certificate.certificate_id for each in old)])
    twice = [certificate_id for certificate_id, count in ids.items() if count > 1]
    if twice:
        raise DuplicateCaError(
            "one CA stands twice (current and retiring, or retiring twice)",
            value=twice[0],
            fix="a CA is either the current one or a retiring one",
        )
    subjects = Counter([current.subject, *(each.ca_certificate.subject for each in old)])
    subject, count = subjects.most_common(1)[0]
    if count > MOST_CAS_OF_ONE_SUBJECT:
        raise TooManyCasError(
            f"{count} CAs have one subject",
            value=subject,
            allowed=f"{MOST_CAS_OF_ONE_SUBJECT} per account",
            fix="let retired CAs go, or give the next CA a subject of its own",
        )
    # A retiring CA needs no proof where it is registered; one that is given has to serve every DEFAULT stage.
    owners = [stage for stage in stages if stage.certificate_mode is CertificateMode.DEFAULT]
    for each in old:
        if each.verification is None:
            continue
        if not owners:
            raise UnusedVerificationError(
                f"retiring CA {each.ca_certificate.certificate_id[:16]}… has a verification, and no stage is in "
                "DEFAULT mode: AWS IoT takes no proof in SNI_ONLY",
                fix="leave the verification out",
            )
        for stage in owners:
            each.verification.check_target(stage.target)
        each.verification.check_pre_issued(each.ca_certificate, [stage.name for stage in owners])


def warnings_of(
    stages: Iterable[CaStage], current: CaCertificate, retiring: Iterable[RetiringCa]
) -> Iterator[str]:
    """What is not an error, and should be looked at: each a sentence; those of a stage begin with its name."""
    every = list(stages)
    for stage in every:
        yield from region_warnings([stage.region], f"stage {stage.name!r}")
    yield from partition_warnings(every)
    yield from rotation_warnings(current, retiring)


def region_warnings(regions: Iterable[str], where: str) -> Iterator[str]:
    """Regions of which this version does not know whether AWS IoT is there."""
    for region in regions:
        if region not in KNOWN_REGIONS:
            yield (
                f"{where}: region {region} is not among the AWS IoT regions known to this version; it is used as it "
                "stands"
            )


def partition_warnings(stages: Iterable[CaStage]) -> Iterator[str]:
    """Accounts that stand in two partitions; each has accounts of its own."""
    first: dict[str, dict[str, str]] = {}
    for stage in stages:
        first.setdefault(stage.account, {}).setdefault(stage.target.partition, stage.name)
    for account, names in first.items():
        if len(names) > 1:
            where = " and ".join(f"{partition} (stage {name!r})" for partition, name in names.items())
            yield (
                f"account {account} stands in {len(names)} partitions, {where}: each partition has accounts of its "
                "own, so at least one of these is probably a slip"
            )


def rotation_warnings(current: CaCertificate, retiring: Iterable[RetiringCa]) -> Iterator[str]:
    """Two CAs that devices' TLS stacks may take for one."""
    for each in retiring:
        pair = (current, each.ca_certificate)
        if current.subject == each.ca_certificate.subject and not all(
            ca.has_subject_key_identifier for ca in pair
        ):
            yield (
                f"the current CA and retiring CA {each.ca_certificate.certificate_id[:16]}… have one subject "
                f"({plain(current.subject)}), and at least one of them has no subjectKeyIdentifier: TLS stacks cannot "
                "tell them apart, and may refuse devices of the newer one"
            )
