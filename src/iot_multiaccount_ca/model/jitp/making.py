"""What a template makes, resource by resource: each property resolved, and held against AWS IoT's rules.

Shared by the dry run (one device) and by the lint (any device): the rules stand once. Asks nobody, changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .functions import FunctionError, MissingParameterError
from .policy_rules import check_count as check_policy_count
from .policy_rules import document_policy, named_policy
from .template_rules import CERTIFICATE, CERTIFICATE_ID, POLICY, THING, functions, is_function
from .thing_rules import (
    check_attributes,
    check_count,
    check_groups,
    check_name,
    check_package_versions,
    function_hint,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .findings import Findings
    from .functions import Resolver
    from .policy_rules import Policy

_T = TypeVar("_T")
_UNRESOLVED = object()
_STATUSES = ("ACTIVE", "INACTIVE")
_PRINCIPAL_TYPES = ("EXCLUSIVE_THING", "NON_EXCLUSIVE_THING")
#: The certificate's status where its template cannot be applied.
PENDING = "PENDING_ACTIVATION"


class Judge(Protocol):
    """Holds a resolved value against a rule, which reports to the findings that it is given."""

    def __call__(self, value: Any, rule: Callable[[Any, Findings], _T]) -> _T:
        """What the rule makes of the value."""


@dataclass(frozen=True, slots=True)
class Made:
    """The template's resources. What cannot be resolved is ``None``, or left out."""

    makes_thing: bool
    thing_name: str | None
    attributes: dict[str, str]
    thing_type: str | None
    thing_groups: tuple[str, ...]
    billing_group: str | None
    package_versions: dict[str, str]
    policies: tuple[Policy, ...]
    certificate_status: str


class Maker:
    """Applies one template: with ``resolver`` for the values, ``judge`` for the rules."""

    def __init__(self, body: Mapping[str, Any], resolver: Resolver, findings: Findings, judge: Judge) -> None:
        self._body = body
        self._resolver = resolver
        self._findings = findings
        self._judge = judge

    def make(self) -> Made:
        """Every resource of the template."""
        thing = next(iter(self._resources(THING)), None)
        properties = thing or {}
        made = Made(
            makes_thing=thing is not None,
            thing_name=self._name(properties, "ThingName", "thing name"),
            attributes=self._attributes(properties),
            thing_type=self._name(properties, "ThingTypeName", "thing type"),
            thing_groups=self._groups(properties),
            billing_group=self._name(properties, "BillingGroup", "billing group"),
            package_versions=self._judged(properties, "PackageVersions", check_package_versions) or {},
            policies=self._policies(),
            certificate_status=self._status(),
        )
        certificate = next(iter(self._resources(CERTIFICATE)), {})
        self._judged(certificate, "ThingPrincipalType", _check_principal_type)
        self._note_undocumented()
        return made

    def thing_name(self) -> Any:
        """The thing's name alone, judged by nobody; ``None`` where it cannot be resolved."""
        properties = next(iter(self._resources(THING)), {})
        try:
            return self._resolver.resolve(properties.get("ThingName"))
        except (MissingParameterError, FunctionError):
            return None

    def _resources(self, kind: str) -> list[Mapping[str, Any]]:
        resources = self._body.get("Resources", {}).values()
        return [each.get("Properties", {}) for each in resources if each["Type"] == kind]

    def _resolve(self, where: str, value: Any) -> Any:
        """The value; `_UNRESOLVED` where it depends on what cannot be resolved."""
        try:
            return self._resolver.resolve(value)
        except MissingParameterError:
            return _UNRESOLVED
        except FunctionError as error:
            self._findings.error("function-failed", f"{where}: {error.problem}", error.fix)
            return _UNRESOLVED

    def _judged(
        self, properties: Mapping[str, Any], key: str, rule: Callable[[Any, Findings], _T]
    ) -> _T | None:
        value = self._resolve(key, properties[key]) if key in properties else _UNRESOLVED
        return None if value is _UNRESOLVED else self._judge(value, rule)

    def _name(self, properties: Mapping[str, Any], key: str, what: str) -> str | None:
        return self._judged(properties, key, lambda value, findings: check_name(value, what, findings))

    def _attributes(self, properties: Mapping[str, Any]) -> dict[str, str]:
        has_type = "ThingTypeName" in properties

        def rule(value: Any, findings: Findings) -> dict[str, str]:
            check_count(len(value) if isinstance(value, dict) else 0, has_type=has_type, findings=findings)
            return check_attributes(value, findings)

        payload = properties.get("AttributePayload")
        if not isinstance(payload, dict) or is_function(payload):
            return self._judged(properties, "AttributePayload", rule) or {}
        made: dict[str, str] = {}
        for name, value in payload.items():
            # One by one: an attribute that cannot be resolved does not hide the others.
            each = self._resolve(f"attribute {name!r}", value)
            # A name is wrong whatever its value; the text stands in for one that is not known.
            found = self._judge({name: "x" if each is _UNRESOLVED else each}, check_attributes)
            made |= {} if each is _UNRESOLVED else found
        check_count(len(payload), has_type=has_type, findings=self._findings)
        return made

    def _groups(self, properties: Mapping[str, Any]) -> tuple[str, ...]:
        groups = properties.get("ThingGroups")
        if not isinstance(groups, list):
            return self._judged(properties, "ThingGroups", check_groups) or ()
        resolved = [self._resolve("ThingGroups", each) for each in groups]
        return self._judge([each for each in resolved if each is not _UNRESOLVED], check_groups)

    def _policies(self) -> tuple[Policy, ...]:
        resources = self._resources(POLICY)
        check_policy_count(len(resources), self._findings)
        found = [
            self._judged(properties, "PolicyName", named_policy)
            if "PolicyName" in properties
            else self._judged(properties, "PolicyDocument", document_policy)
            for properties in resources
        ]
        return tuple(each for each in found if each is not None)

    def _status(self) -> str:
        properties = next(iter(self._resources(CERTIFICATE)), {})
        if "Status" not in properties:
            self._findings.warning(
                "certificate-status-unstated",
                "the template states no Status for the certificate; AWS documents ACTIVE as default, and the service "
                "is reported to refuse such a template",
                'write "Status": "ACTIVE" into the template',
            )
            return "ACTIVE"
        return self._judged(properties, "Status", _check_status) or "ACTIVE"

    def _note_undocumented(self) -> None:
        """What the template uses and AWS documents for other templates, or not at all."""
        used = sorted(self._resolver.functions_used)
        if used:
            self._findings.warning(
                "function-unverified",
                f"the template uses {', '.join(used)}; AWS documents these functions for fleet provisioning templates, "
                "and does not say that JITP takes them",
                "connect one device before you make many, or use Ref alone",
            )
        for section in ("Mappings", "DeviceConfiguration"):
            if section in self._body:
                self._findings.warning(
                    "section-unverified",
                    f"the template has {section}; AWS documents that section for fleet provisioning templates alone",
                    f"leave {section} out, or connect one device before you make many",
                )
        if CERTIFICATE_ID not in self._body.get("Parameters", {}) and any(
            argument == CERTIFICATE_ID
            or (function == "Fn::Sub" and f"${{{CERTIFICATE_ID}}}" in str(argument))
            for _, function, argument in functions(self._body.get("Resources"), "Resources")
        ):
            self._findings.warning(
                "certificate-id-undeclared",
                f"the template refers to {CERTIFICATE_ID} and does not declare it; AWS IoT is seen to pass it all the "
                "same, and does not document that",
                f'declare it: "Parameters": {{"{CERTIFICATE_ID}": {{"Type": "String"}}}}',
            )


def _check_status(value: Any, findings: Findings) -> str:
    status = value.upper() if isinstance(value, str) else value
    if status not in _STATUSES:
        findings.error(
            "certificate-status-unknown",
            f"the certificate's Status is {shown(value)}; AWS IoT takes ACTIVE and INACTIVE",
            "resolve Status to ACTIVE",
        )
        return PENDING
    if status == "INACTIVE":
        findings.warning(
            "certificate-inactive",
            "the certificate is INACTIVE afterwards: the device cannot connect until somebody activates it",
            'write "Status": "ACTIVE" into the template',
        )
    return str(status)


def _check_principal_type(value: Any, findings: Findings) -> None:
    """As AttachThingPrincipal takes it."""
    if value not in _PRINCIPAL_TYPES:
        findings.error(
            "thing-principal-type-unknown",
            f"the certificate's ThingPrincipalType is {shown(value)}; AWS IoT takes {' and '.join(_PRINCIPAL_TYPES)}",
            function_hint(value) or "write one of them, or leave ThingPrincipalType out",
        )
