"""The CA registrations that devices are tried on: of options, or of a stage in a cloud assembly. Asks no AWS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import UnknownStageError, WrongOptionsError
from ...fleet.planned import read_planned
from ...model.assembly import ca_certificate_pem
from ...model.ca.certificate import CaCertificate
from ...model.jitp.simulation import dry_run, is_issuer
from ...model.jitp.template_body import JitpTemplateBody
from ...model.jitr.simulation import dry_run as enroll

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from cryptography import x509

    from ...fleet.planned import PlannedRegistration
    from ...model.jitp.simulation import Provisioning


@dataclass(frozen=True)
class Registration:
    """A CA in an account and region, and what its devices meet there: a template ``body``, or an ``enrollment``."""

    account: str
    region: str
    authority: CaCertificate | None
    body: JitpTemplateBody | None = None
    enrollment: Mapping[str, Any] | None = None

    def provision(
        self, device: x509.Certificate, others: Sequence[x509.Certificate], admitted: frozenset[str] | None
    ) -> Provisioning:
        """What comes of a device; ``admitted``: the allow-list, where there is one."""
        if self.body is not None:
            body = self.body.resolved_body(account=self.account, region=self.region)
            return dry_run(body, device, ca_certificate=self.authority, others=others)
        return enroll(
            self.enrollment or {}, device, ca_certificate=self.authority, others=others, admitted=admitted
        )


def registrations_of(folder: Path, stage: str, body: JitpTemplateBody | None) -> list[Registration]:
    """The registrations of a stage, the current CA's first; ``body``: goes before the assembly's own template."""
    planned = read_planned(folder)
    found = [each for each in planned if each.record.stage == stage]
    if not found:
        raise UnknownStageError(
            "the cloud assembly has no such stage",
            value=stage,
            allowed=", ".join(dict.fromkeys(each.record.stage for each in planned if each.record.stage))
            or "none",
        )
    found.sort(key=lambda each: each.record.retiring)
    return [_registration(folder, each, body) for each in found]


def registration_for(device: x509.Certificate, registrations: Sequence[Registration]) -> Registration:
    """The one whose CA issued the device's certificate, or the first."""
    if len(registrations) > 1:
        for each in registrations:
            if each.authority is not None and is_issuer(device, each.authority.load()):
                return each
    return registrations[0]


def _registration(folder: Path, planned: PlannedRegistration, body: JitpTemplateBody | None) -> Registration:
    record = planned.record
    authority = CaCertificate.from_pem(ca_certificate_pem(folder, record))
    if body is None and planned.template_body is not None:
        body = JitpTemplateBody(planned.template_body)
    if body is None and record.enrollment is None:
        raise WrongOptionsError(
            f"the stage {record.stage} does not say what becomes of a device: "
            + (
                "a target of your own decides"
                if record.jitr
                else "its template is not in the cloud assembly"
                if record.template_name
                else "it has neither a JITP template nor JITR"
            ),
            fix="give the template with --template",
        )
    return Registration(record.account, record.region, authority, body, record.enrollment)
