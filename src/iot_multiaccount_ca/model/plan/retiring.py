"""A CA on its way out of a plan."""

from __future__ import annotations

from dataclasses import dataclass

from ..ca.certificate import CaCertificate
from ..checks import check_type
from ..possession.verification import Verification, check_verification


@dataclass(frozen=True, slots=True)
class RetiringCa:
    """A CA on its way out, kept beside the current one in every stage.

    ``active=True``: new devices of it still enroll. ``active=False``: known devices keep working, new ones are refused.
    Leave it out of the plan to deregister it. ``verification`` proves possession of *its* key where a DEFAULT stage
    has to register it anew (a stage added during the rotation); a registration that exists needs none.
    """

    ca_certificate: CaCertificate
    active: bool = True
    verification: Verification | None = None

    def __init__(
        self, ca_certificate: CaCertificate, *, active: bool = True, verification: Verification | None = None
    ) -> None:
        check_type(
            ca_certificate, CaCertificate, "the certificate of a retiring CA", "CaCertificate.from_file"
        )
        check_verification(verification, where="a retiring CA")
        object.__setattr__(self, "ca_certificate", ca_certificate)
        object.__setattr__(self, "active", bool(active))
        object.__setattr__(self, "verification", verification)
