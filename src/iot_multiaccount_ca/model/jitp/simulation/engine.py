"""The dry run itself: what JITP would make of one certificate with one template body. Asks nobody, changes nothing."""

from __future__ import annotations

import datetime as dt
import warnings
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes

from ...ca.certificate import CaCertificate
from ..template_rules import CERTIFICATE, POLICY, THING, check_body
from .certificate_checks import check_certificate, check_chain
from .functions import FunctionError, MissingParameterError, Resolver
from .policy_rules import check_count as check_policy_count
from .policy_rules import check_variables, document_policy, named_policy
from .subject import read_parameters, rfc4514
from .thing_rules import check_attributes, check_groups, check_name, shown
from .values import Findings, Provisioning, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography import x509

    from .values import Policy

_UNRESOLVED = object()
_STATUSES = ("ACTIVE", "INACTIVE")
_PENDING = "PENDING_ACTIVATION"


def simulate(
    body: Mapping[str, Any],
    certificate: x509.Certificate,
    *,
    ca_certificate: x509.Certificate | CaCertificate | None = None,
    now: dt.datetime | None = None,
) -> Provisioning:
    """What JITP would do with a device that connects with ``certificate`` for the first time.

    ``body``: a template body without ``{{…}}`` placeholders, as `JitpTemplateBody.resolve` fills it.
    ``ca_certificate``: the registered CA; without it the chain is not looked at. ``now``: aware; else the clock's.
    Raises a `ProvisioningTemplateError` for a body that AWS IoT would refuse. What stands in a device's way is no error
    here but a finding. No dry run can know whether named policies, groups, types and billing groups exist, what the
    provisioning role may do, and whether a thing of that name is there already.
    See "Just-in-time provisioning" and "Provisioning templates" in the AWS IoT developer guide; what they leave open
    is a warning, and the documentation's page "What JITP would do with a device" lists it.
    """
    check_body(body)
    with warnings.catch_warnings():
        # cryptography warns of subjects that X.509 forbids; here they become findings.
        warnings.simplefilter("ignore")
        return _Run(body, certificate, now or dt.datetime.now(dt.UTC)).provisioning(ca_certificate)


class _Run:
    """One dry run: the resolver, and the findings as they come."""

    def __init__(self, body: Mapping[str, Any], certificate: x509.Certificate, now: dt.datetime) -> None:
        self._body = body
        self._certificate = certificate
        self._now = now
        self._findings = Findings()
        # "Refers to an internally generated ID": seen to be the SHA-256 of the DER.
        self._certificate_id = certificate.fingerprint(hashes.SHA256()).hex()
        self._parameters = read_parameters(
            body.get("Parameters", {}), certificate, self._certificate_id, self._findings
        )
        values = {each.name: each.value for each in self._parameters}
        self._resolver = Resolver(values, body.get("Mappings", {}))

    def provisioning(self, authority: x509.Certificate | CaCertificate | None) -> Provisioning:
        """Everything that the dry run finds."""
        findings = self._findings
        check_certificate(self._certificate, self._now, findings)
        chains = None
        if authority is not None:
            loaded = authority.load() if isinstance(authority, CaCertificate) else authority
            chains = check_chain(self._certificate, loaded, self._now, findings)
        thing = self._first(THING)
        properties = thing or {}
        name = self._name(properties, "ThingName", "thing name")
        attributes = self._attributes(properties)
        thing_type = self._name(properties, "ThingTypeName", "thing type")
        groups = self._groups(properties)
        billing_group = self._name(properties, "BillingGroup", "billing group")
        policies = self._policies()
        check_variables(policies, self._certificate.subject, None if thing is None else attributes, findings)
        status = self._status()
        self._note_functions()
        found = findings.all()
        failed = any(each.severity is Severity.ERROR for each in found)
        return Provisioning(
            certificate_id=self._certificate_id,
            subject=rfc4514(self._certificate.subject),
            parameters=self._parameters,
            makes_thing=thing is not None,
            thing_name=name,
            attributes=MappingProxyType(attributes),
            thing_type=thing_type,
            thing_groups=groups,
            billing_group=billing_group,
            policies=policies,
            certificate_status=_PENDING if failed else status,
            chains=chains,
            findings=found,
        )

    def _resources(self, kind: str) -> list[Mapping[str, Any]]:
        resources = self._body.get("Resources", {}).values()
        return [each.get("Properties", {}) for each in resources if each["Type"] == kind]

    def _first(self, kind: str) -> Mapping[str, Any] | None:
        return next(iter(self._resources(kind)), None)

    def _resolved(self, properties: Mapping[str, Any], key: str) -> Any:
        """The property's value; `_UNRESOLVED` where there is none, or where it hangs on what cannot be resolved."""
        return self._resolve(key, properties[key]) if key in properties else _UNRESOLVED

    def _resolve(self, where: str, value: Any) -> Any:
        try:
            return self._resolver.resolve(value)
        except MissingParameterError:
            return _UNRESOLVED
        except FunctionError as error:
            self._findings.error("function-failed", f"{where}: {error.problem}", error.fix)
            return _UNRESOLVED

    def _name(self, properties: Mapping[str, Any], key: str, what: str) -> str | None:
        value = self._resolved(properties, key)
        return None if value is _UNRESOLVED else check_name(value, what, self._findings)

    def _attributes(self, properties: Mapping[str, Any]) -> dict[str, str]:
        payload = properties.get("AttributePayload", _UNRESOLVED)
        if isinstance(payload, dict) and not _is_function(payload):
            # One by one: an attribute that cannot be resolved does not hide the others.
            each = {name: self._resolve(f"attribute {name!r}", value) for name, value in payload.items()}
            payload = {name: value for name, value in each.items() if value is not _UNRESOLVED}
        elif payload is not _UNRESOLVED:
            payload = self._resolve("AttributePayload", payload)
        if payload is _UNRESOLVED:
            return {}
        return check_attributes(payload, has_type="ThingTypeName" in properties, findings=self._findings)

    def _groups(self, properties: Mapping[str, Any]) -> tuple[str, ...]:
        groups = properties.get("ThingGroups", _UNRESOLVED)
        if isinstance(groups, list):
            groups = [
                group for each in groups if (group := self._resolve("ThingGroups", each)) is not _UNRESOLVED
            ]
        elif groups is not _UNRESOLVED:
            groups = self._resolve("ThingGroups", groups)
        return () if groups is _UNRESOLVED else check_groups(groups, self._findings)

    def _policies(self) -> tuple[Policy, ...]:
        resources = self._resources(POLICY)
        check_policy_count(len(resources), self._findings)
        made = []
        for properties in resources:
            key, read = (
                ("PolicyName", named_policy)
                if "PolicyName" in properties
                else ("PolicyDocument", document_policy)
            )
            value = self._resolved(properties, key)
            policy = None if value is _UNRESOLVED else read(value, self._findings)
            if policy is not None:
                made.append(policy)
        return tuple(made)

    def _status(self) -> str:
        value = self._resolved(self._first(CERTIFICATE) or {}, "Status")
        if value is _UNRESOLVED:
            return self._status_unstated()
        status = value.upper() if isinstance(value, str) else value
        if status not in _STATUSES:
            self._findings.error(
                "certificate-status-unknown",
                f"the certificate's Status is {shown(value)}; AWS IoT takes ACTIVE and INACTIVE",
                "resolve Status to ACTIVE",
            )
            return _PENDING
        if status == "INACTIVE":
            self._findings.warning(
                "certificate-inactive",
                "the certificate is INACTIVE afterwards: the device cannot connect until somebody activates it",
                'write "Status": "ACTIVE" into the template',
            )
        return str(status)

    def _status_unstated(self) -> str:
        if "Status" not in (self._first(CERTIFICATE) or {}):
            self._findings.warning(
                "certificate-status-unstated",
                "the template states no Status for the certificate; AWS documents ACTIVE as default, and the service "
                "is reported to refuse such a template",
                'write "Status": "ACTIVE" into the template',
            )
        return "ACTIVE"

    def _note_functions(self) -> None:
        used = sorted(self._resolver.functions_used)
        if used:
            self._findings.warning(
                "function-unverified",
                f"the template uses {', '.join(used)}; AWS documents these functions for fleet provisioning templates, "
                "and does not say that JITP takes them",
                "connect one device before you make many, or use Ref alone",
            )


def _is_function(value: dict[str, Any]) -> bool:
    key = next(iter(value), "")
    return len(value) == 1 and (key == "Ref" or key.startswith("Fn::"))
