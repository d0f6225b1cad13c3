"""A stage: one account and region in which the CA is registered. Checks each stage by itself, never against others."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .certificate import CertificateMode
from .errors import (
    InvalidCertificateModeError,
    InvalidStageNameError,
    InvalidTypeError,
    ProvisioningConflictError,
)
from .jitr import JitrEnrollment
from .provisioning_template import JitpTemplateBody
from .regions import check_account, check_region, partition_of
from .verification import Verification

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,30}", re.ASCII)


@dataclass(frozen=True, slots=True, init=False)
class CaStage:
    """Where the CA is registered, and how. What is ``None`` comes from the plan.

    ``name``: ``[A-Za-z][A-Za-z0-9-]{0,30}``, ends the stack's name. ``account``: 12 digits, a literal string.
    ``region``: such as ``eu-west-1``. ``certificate_mode``: beats the plan's ``owner_account``; without either,
    SNI_ONLY. ``provisioning``: a `JitpTemplateBody` or a `JitrEnrollment`, never both. ``verification``: how
    possession of the CA key is proved, for DEFAULT.
    Raises a `StageError` for a bad name, account or region.
    """

    name: str
    account: str
    region: str
    certificate_mode: CertificateMode | None
    provisioning: JitpTemplateBody | JitrEnrollment | None
    verification: Verification | None

    def __init__(
        self,
        name: str,
        *,
        account: str,
        region: str,
        certificate_mode: CertificateMode | str | None = None,
        provisioning: JitpTemplateBody | JitrEnrollment | None = None,
        verification: Verification | None = None,
    ) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InvalidStageNameError(
                "a stage's name is no legal end of a stack name",
                value=name,
                allowed="a letter, then up to 30 letters, digits or hyphens",
                fix="use a short name such as dev, staging or prod-eu",
            )
        where = f"stage {name!r}"
        check_account(account, where=where)
        check_region(region, where=where)
        check_provisioning(provisioning, where=where)
        check_verification(verification, where=where)
        put = object.__setattr__
        put(self, "name", name)
        put(self, "account", account)
        put(self, "region", region)
        put(self, "certificate_mode", resolve_mode(certificate_mode, where=where))
        put(self, "provisioning", provisioning)
        put(self, "verification", verification)

    @property
    def partition(self) -> str:
        """The partition of the stage's region: ``aws``, ``aws-cn``, ``aws-us-gov``, …"""
        return partition_of(self.region)

    @property
    def target(self) -> tuple[str, str]:
        """Account and region, the pair that is unique in a plan."""
        return self.account, self.region


def resolve_mode(mode: object, *, where: str) -> CertificateMode | None:
    """A certificate mode given as enum or in AWS's own words, or `None`; raises `InvalidCertificateModeError`."""
    if mode is None or isinstance(mode, CertificateMode):
        return mode
    try:
        return CertificateMode(str(mode))
    except ValueError:
        raise InvalidCertificateModeError(
            f"the certificate mode of {where} is unknown",
            value=mode,
            allowed="CertificateMode.DEFAULT, CertificateMode.SNI_ONLY",
            fix="leave it out for the plan's choice",
        ) from None


def check_provisioning(provisioning: object, *, where: str) -> None:
    """Raise `InvalidTypeError` unless it is something that a stage can provision devices with, or `None`."""
    if isinstance(provisioning, (list, tuple, set, frozenset)) and {JitpTemplateBody, JitrEnrollment} <= {
        type(each) for each in provisioning
    }:
        raise ProvisioningConflictError(
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


def check_verification(verification: object, *, where: str) -> None:
    """Raise `InvalidTypeError` unless it is a `Verification` or `None`."""
    if verification is not None and not isinstance(verification, Verification):
        raise InvalidTypeError(
            f"the verification of {where} is of another kind",
            value=type(verification).__name__,
            allowed="a Verification or None",
            fix="make it with Verification.from_secret, from_kms_key, from_private_ca or from_pre_issued",
        )
