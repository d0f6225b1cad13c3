"""A stage: one account and region in which the CA is registered. Checks each stage by itself, never against others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict, cast

import attrs

from ...errors import (
    AdoptionNotAllowedError,
    DuplicateTargetError,
    EmptyGridError,
    InvalidStageNameError,
    InvalidTypeError,
    RivalEnrollmentsError,
)
from ..adoption import check_place, check_role_arn, check_stack
from ..ca.certificate import CertificateMode, resolve_mode
from ..checks import STAGE_NAME_ALLOWED, as_items, first_twice, is_stage_name
from ..jitp.template_body import JitpTemplateBody
from ..jitr.enrollment import JitrEnrollment
from ..options import OnExisting, RegistrationEngine, resolve_engine, resolve_on_existing
from ..possession.verification import Verification, check_verification
from ..target import Target, check_account, check_region, partition_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Unpack


class StageSettings(TypedDict, total=False):
    """What stages of one grid have in common: the arguments of `CaStage` beside name, account and region."""

    certificate_mode: CertificateMode | str | None
    provisioning: JitpTemplateBody | JitrEnrollment | None
    verification: Verification | None
    on_existing: OnExisting | str | None
    adopt_from_stack: str | None
    engine: RegistrationEngine | str | None
    adopt_template_role_arn: str | None


def _name(_: object, __: attrs.Attribute[Any], name: object) -> None:
    if not is_stage_name(name):
        raise InvalidStageNameError(
            "a stage's name is not a legal end of a stack name",
            value=name,
            allowed=STAGE_NAME_ALLOWED,
            fix="use a short name such as dev, staging or prod-eu",
        )


def _account(stage: CaStage, _: attrs.Attribute[Any], account: object) -> None:
    check_account(account, where=f"stage {stage.name!r}")


def _region(stage: CaStage, _: attrs.Attribute[Any], region: object) -> None:
    check_region(region, where=f"stage {stage.name!r}")


def _mode(mode: CertificateMode | str | None) -> CertificateMode | None:
    if mode is None or isinstance(mode, CertificateMode):
        return mode
    # An unknown word passes, for the validator to refuse: it knows the stage's name.
    return CertificateMode.__members__.get(str(mode)) or cast("CertificateMode | None", mode)


def _known_mode(stage: CaStage, _: attrs.Attribute[Any], mode: object) -> None:
    resolve_mode(mode, where=f"stage {stage.name!r}")


def _provisioning(stage: CaStage, _: attrs.Attribute[Any], provisioning: object) -> None:
    check_provisioning(provisioning, where=f"stage {stage.name!r}")


def _verification(stage: CaStage, _: attrs.Attribute[Any], verification: object) -> None:
    check_verification(verification, where=f"stage {stage.name!r}")


def _on_existing(word: OnExisting | str | None) -> OnExisting | None:
    return None if word is None else resolve_on_existing(word)


def _engine(word: RegistrationEngine | str | None) -> RegistrationEngine | None:
    return None if word is None else resolve_engine(word)


def _stack(stage: CaStage, _: attrs.Attribute[Any], stack: object) -> None:
    if stack is None:
        return
    what = f"adopt_from_stack of stage {stage.name!r}"
    check_stack(stack, what=what)
    check_place(stage.adopt_from_stack, account=stage.account, region=stage.region, what=what)
    if stage.on_existing is OnExisting.FAIL:
        raise AdoptionNotAllowedError(
            f"stage {stage.name!r} names a stack to adopt from, and on_existing=OnExisting.FAIL",
            value=stack,
            fix="give it on_existing=OnExisting.ADOPT, or leave adopt_from_stack out",
        )


def _role_arn(stage: CaStage, _: attrs.Attribute[Any], arn: object) -> None:
    if arn is not None:
        what = f"adopt_template_role_arn of stage {stage.name!r}"
        check_role_arn(arn, what=what)
        check_place(stage.adopt_template_role_arn, account=stage.account, region=stage.region, what=what)


@attrs.frozen
class CaStage:
    """Where the CA is registered, and how. What is ``None`` comes from the plan.

    Args:
        name: ends the stack's name: a letter, then up to 30 letters, digits or hyphens.
        account: 12 digits, a literal string.
        region: such as ``eu-west-1``, a literal string.
        certificate_mode: beats the plan's ``owner_account``; by default DEFAULT in the owner's account, SNI_ONLY
            elsewhere.
        provisioning: a `JitpTemplateBody` or a `JitrEnrollment`, never both; by default the plan's.
        verification: how possession of the CA key is proved, in DEFAULT mode only; by default the plan's.
        on_existing: `OnExisting`, for a CA that is registered there already; by default the plan's.
        adopt_template_role_arn: role of the provisioning template that a found registration uses: it may then be passed
            to AWS IoT, so that the template can be given back; by default none.
        adopt_from_stack: name or id of the stack that registered the CA there, to adopt it from, with ADOPT; by default
            as the plan's ``adopt_from_prefix`` says.
        engine: `RegistrationEngine`, what carries the registration out; by default the plan's.

    Raises a `StageError` for a bad name, account or region, and a `SharedCaError` of its own for each other cause.
    Change one with ``attrs.evolve(stage, region=…)``, which checks again.
    """

    name: str = attrs.field(validator=_name)
    account: str = attrs.field(kw_only=True, validator=_account)
    region: str = attrs.field(kw_only=True, validator=_region)
    certificate_mode: CertificateMode | None = attrs.field(
        default=None, kw_only=True, converter=_mode, validator=_known_mode
    )
    provisioning: JitpTemplateBody | JitrEnrollment | None = attrs.field(
        default=None, kw_only=True, validator=_provisioning
    )
    verification: Verification | None = attrs.field(default=None, kw_only=True, validator=_verification)
    on_existing: OnExisting | None = attrs.field(default=None, kw_only=True, converter=_on_existing)
    adopt_from_stack: str | None = attrs.field(default=None, kw_only=True, validator=_stack)
    engine: RegistrationEngine | None = attrs.field(default=None, kw_only=True, converter=_engine)
    adopt_template_role_arn: str | None = attrs.field(default=None, kw_only=True, validator=_role_arn)

    @classmethod
    def grid(
        cls, *, accounts: Mapping[str, str], regions: Iterable[str], **common: Unpack[StageSettings]
    ) -> tuple[CaStage, ...]:
        """A stage in each of the regions of each of the accounts, named ``<account's name>-<region>``.

        Args:
            accounts: account ids by name, such as ``{"dev": "111111111111"}``.
            regions: the regions, such as ``["eu-west-1", "us-east-1"]``.
            common: arguments of `CaStage` that hold for all of them.

        Raises what `CaStage` raises; `EmptyGridError` without accounts or regions, `DuplicateTargetError` for a region,
        or an account, that stands twice.
        """
        if not isinstance(accounts, Mapping):
            raise InvalidTypeError(
                "the accounts of the grid are not a mapping",
                value=type(accounts).__name__,
                allowed="account ids by name",
                fix='write accounts={"dev": "111111111111", …}',
            )
        where = as_items(regions, str, "the regions of the grid", "str")
        if not accounts or not where:
            raise EmptyGridError(
                f"the grid has no {'regions' if accounts else 'accounts'}",
                allowed="at least one account and one region",
                fix="leave the grid out where there is nothing to register",
            )
        stages = tuple(
            cls(cls._grid_name(name, region), account=account, region=region, **common)
            for name, account in accounts.items()
            for region in where
        )
        for what, values in (("region", where), ("account", accounts.values())):
            if (twice := first_twice(values)) is not None:
                raise DuplicateTargetError(
                    f"one {what} stands twice in the grid", value=twice, fix=f"name each {what} once"
                )
        return stages

    @staticmethod
    def _grid_name(account_name: object, region: str) -> str:
        check_region(region, where=f"account {account_name!r} of the grid")
        name = f"{account_name}-{region}"
        if not isinstance(account_name, str) or not is_stage_name(name):
            raise InvalidStageNameError(
                f"account {account_name!r} of the grid makes no stage's name with {region}",
                value=name,
                allowed=f"{STAGE_NAME_ALLOWED}, the region included",
                fix=f"give the account a name of a letter, then up to {29 - len(region)} letters, digits or hyphens",
            )
        return name

    @property
    def partition(self) -> str:
        """The partition of the stage's region: ``aws``, ``aws-cn``, ``aws-us-gov``, …"""
        return partition_of(self.region)

    @property
    def target(self) -> Target:
        """Partition, account and region: unique in a plan."""
        return Target.of(self.account, self.region)


def check_provisioning(provisioning: object, *, where: str) -> None:
    """Raise `InvalidTypeError` unless it is something that a stage can provision devices with, or `None`."""
    if isinstance(provisioning, (list, tuple, set, frozenset)) and {JitpTemplateBody, JitrEnrollment} <= {
        type(each) for each in provisioning
    }:
        raise RivalEnrollmentsError(
            f"{where} has both a JITP template and a JITR enrollment: each would act on the first connect of a device",
            allowed="a JitpTemplateBody, or a JitrEnrollment, or None",
            fix="let the template provision every device of the CA, or have the enrollment decide who is admitted",
        )
    if provisioning is not None and not isinstance(provisioning, (JitpTemplateBody, JitrEnrollment)):
        raise InvalidTypeError(
            f"the provisioning of {where} is of another kind",
            value=type(provisioning).__name__,
            allowed="a JitpTemplateBody, a JitrEnrollment or None",
            fix="read a template with JitpTemplateBody.from_file or from_dict, or make a JitrEnrollment(…)",
        )
