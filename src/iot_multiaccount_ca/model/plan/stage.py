"""A stage: one account and region in which the CA is registered. Checks each stage by itself, never against others."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...errors import (
    InvalidStageNameError,
    InvalidTypeError,
    RivalEnrollmentsError,
)
from ..ca.certificate import CertificateMode, resolve_mode
from ..jitp.template_body import JitpTemplateBody
from ..jitr.enrollment import JitrEnrollment
from ..possession.verification import Verification, check_verification
from ..target import check_account, check_region, partition_of

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
