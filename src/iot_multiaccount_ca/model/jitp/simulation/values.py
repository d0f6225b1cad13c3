"""What a dry run of JITP finds: frozen values, and how they are read. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..findings import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..findings import Finding
    from ..policy_rules import Policy


class Source(StrEnum):
    """Where a parameter's value comes from; ``certificate`` is its serial number, ``certificate-id`` AWS IoT's id."""

    SUBJECT = "subject"
    CERTIFICATE = "certificate"
    DEFAULT = "default"
    CERTIFICATE_ID = "certificate-id"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that the template declares. ``value`` is ``None`` where it is missing."""

    name: str
    value: str | None
    source: Source


_MAPPINGS = ("attributes", "package_versions")


@dataclass(frozen=True, slots=True)
class Provisioning:
    """What JITP would make of a device certificate, and what stands in the way.

    ``certificate_id``: AWS IoT's id of it. ``subject``: RFC 4514. ``parameters``: in the template's order.
    ``makes_thing``: the template has a thing; ``thing_name`` and the rest are ``None`` or empty where they have none or
    cannot be resolved. ``certificate_status``: the certificate's status afterwards: what the template says, or
    PENDING_ACTIVATION where provisioning fails. ``chains``: signed by the CA; ``None`` without a CA to hold it against.
    ``thing_name_in_hex``: the thing's name if AWS IoT writes the certificate's serial number in hexadecimal; ``None``
    where the name does not depend on that.

    Can be pickled and copied: a factory's test may spread its devices over processes.
    """

    certificate_id: str
    subject: str
    parameters: tuple[Parameter, ...]
    makes_thing: bool
    thing_name: str | None
    attributes: Mapping[str, str] = field(hash=False)
    thing_type: str | None
    thing_groups: tuple[str, ...]
    billing_group: str | None
    policies: tuple[Policy, ...]
    certificate_status: str
    chains: bool | None
    findings: tuple[Finding, ...]
    package_versions: Mapping[str, str] = field(default_factory=dict, hash=False)
    thing_name_in_hex: str | None = None

    def __post_init__(self) -> None:
        for name in _MAPPINGS:
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __reduce__(self) -> tuple[Any, ...]:
        # A read-only view of a dict cannot be pickled.
        held = ((f.name, getattr(self, f.name)) for f in fields(self))
        return type(self), tuple(dict(value) if name in _MAPPINGS else value for name, value in held)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that keep the device from being provisioned."""
        return tuple(each for each in self.findings if each.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that do not."""
        return tuple(each for each in self.findings if each.severity is Severity.WARNING)

    @property
    def provisioned(self) -> bool:
        """Whether nothing known stands in the way."""
        return not self.errors

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the parameters that the subject lacks and that have no Default."""
        return tuple(each.name for each in self.parameters if each.source is Source.MISSING)
