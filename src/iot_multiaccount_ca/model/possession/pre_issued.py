"""PRE_ISSUED: the verification certificates were signed ahead of time. No role can sign with the CA's key."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from ...errors import PreIssuedStagesError, PreIssuedValidityError
from .issued_certificate import HOW_TO_SIGN, PreIssued, check_signature, read
from .proof import Proof

if TYPE_CHECKING:
    import datetime as dt
    import os
    from collections.abc import Iterable, Mapping

    from ..ca.certificate import CaCertificate
    from ..target import Target
    from .grants import Permission


@dataclass(frozen=True, slots=True)
class PreIssuedProof(Proof):
    """The verification certificates were signed ahead of time, by whoever holds the CA's key.

    They are needed when the CA is registered, or registered anew in another mode; a registration that stands needs
    none, and one that has expired is a warning. Raises a `PreIssuedError` for what is not a verification certificate.

    Args:
        certificates: for each DEFAULT stage by its name, the certificate as PEM text or the path of its file, relative
            to the working directory (as ``iot-ca verification-cert`` writes it).
    """

    certificates: Mapping[str, str | os.PathLike[str]] = field(compare=False, repr=False)
    pre_issued: tuple[PreIssued, ...] = field(init=False)

    kind: ClassVar[str] = "PRE_ISSUED"
    signs_in_lambda: ClassVar[bool] = False
    not_rehearsable: ClassVar[str | None] = (
        "the registration codes of the local AWS are not those that the certificates were signed for"
    )

    def __post_init__(self) -> None:
        given = self.certificates
        if not hasattr(given, "items") or not given:
            raise PreIssuedStagesError(
                "no pre-issued verification certificate is given",
                value=type(given).__name__,
                allowed='{"stage": PEM text or path, …}, one for every DEFAULT stage',
                fix=HOW_TO_SIGN,
            )
        issued = sorted((read(stage, value) for stage, value in given.items()), key=lambda each: each.stage)
        object.__setattr__(self, "pre_issued", tuple(issued))
        # The text of each, so that a value made from this one reads no file again.
        object.__setattr__(self, "certificates", MappingProxyType({each.stage: each.pem for each in issued}))

    def __reduce__(self) -> tuple[Any, ...]:
        # A read-only view of a dict cannot be pickled.
        return type(self), (dict(self.certificates),)

    def request_properties(self, stage_name: str | None = None) -> dict[str, str]:
        issued = self._issued_for(stage_name)
        return {
            "Type": self.kind,
            "CertificatePem": issued.pem,
            "RegistrationCode": issued.registration_code,
            "NotValidAfter": issued.not_valid_after.isoformat(),
        }

    def metadata(self, stage_name: str | None = None) -> dict[str, Any]:
        return {"type": self.kind, "registrationCode": self._issued_for(stage_name).registration_code}

    def _permissions(self, target: Target, ca_certificate: CaCertificate | None) -> tuple[Permission, ...]:
        """None: nobody in any account may sign with the CA's key."""
        del target, ca_certificate
        return ()

    def check_pre_issued(
        self,
        ca_certificate: CaCertificate,
        default_stage_names: Iterable[str],
        *,
        now: dt.datetime | None = None,
    ) -> None:
        """Raise a `PreIssuedError` unless there is one for each DEFAULT stage and no other, signed by this CA."""
        _check_stages(set(default_stage_names), {each.stage for each in self.pre_issued})
        ca = ca_certificate.load()
        for issued in self.pre_issued:
            check_signature(issued, ca)
            problem = issued.validity_problem(now) if now is not None else None
            if problem is not None:
                raise PreIssuedValidityError(problem)

    def pre_issued_problem(self, stage_name: str | None, *, now: dt.datetime | None = None) -> str | None:
        return self._issued_for(stage_name).validity_problem(now)

    def _issued_for(self, stage_name: str | None) -> PreIssued:
        if stage_name is None and len(self.pre_issued) == 1:
            return self.pre_issued[0]
        for issued in self.pre_issued:
            if issued.stage == stage_name:
                return issued
        raise PreIssuedStagesError(
            f"there is no pre-issued verification certificate for stage {stage_name!r}"
            if stage_name is not None
            else "a registration outside a plan has no stage, so which pre-issued certificate is meant is "
            "unclear",
            value=[each.stage for each in self.pre_issued],
            allowed="one for every DEFAULT stage; exactly one for a registration outside a plan",
            fix=HOW_TO_SIGN,
        )


def _check_stages(wanted: set[str], given: set[str]) -> None:
    """Raise `PreIssuedStagesError` unless there is one certificate for every DEFAULT stage, and no other."""
    missing, needless = sorted(wanted - given), sorted(given - wanted)
    if missing:
        raise PreIssuedStagesError(
            f"no pre-issued verification certificate for the DEFAULT stage {', '.join(map(repr, missing))}",
            value=sorted(given),
            allowed="one for every DEFAULT stage",
            fix=HOW_TO_SIGN,
        )
    if needless:
        raise PreIssuedStagesError(
            f"a pre-issued verification certificate for {', '.join(map(repr, needless))}, which is not a DEFAULT "
            f"stage of the plan that uses this verification",
            value=sorted(given),
            allowed=", ".join(sorted(wanted)) or "none: no stage is DEFAULT",
            fix="leave it out, or correct the stage's name: SNI_ONLY asks for no proof",
        )
