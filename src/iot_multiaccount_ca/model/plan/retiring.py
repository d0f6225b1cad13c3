"""A CA on its way out of a plan."""

from __future__ import annotations

from typing import Any

import attrs

from ..ca.certificate import CaCertificate
from ..checks import check_type, is_flag
from ..possession.verification import Verification, check_verification


def _certificate(_: object, __: attrs.Attribute[Any], value: object) -> None:
    check_type(value, CaCertificate, "the certificate of a retiring CA", "CaCertificate.from_file")


def _verification(_: object, __: attrs.Attribute[Any], value: object) -> None:
    check_verification(value, where="a retiring CA")


@attrs.frozen
class RetiringCa:
    """A CA on its way out, kept beside the current one in every stage. Take it out of the plan to deregister it.

    Args:
        ca_certificate: its certificate.
        active: ``True`` (default): new devices of it still enroll. ``False``: known devices keep working, new ones are
            refused.
        verification: proves possession of *its* key where a DEFAULT stage has to register it anew (a stage added during
            the rotation). By default none: a registration that exists needs none.

    Raises `InvalidTypeError`, or `InvalidFlagError` for an ``active`` that is not a bool.
    """

    ca_certificate: CaCertificate = attrs.field(validator=_certificate)
    active: bool = attrs.field(default=True, kw_only=True, validator=is_flag)
    verification: Verification | None = attrs.field(default=None, kw_only=True, validator=_verification)
