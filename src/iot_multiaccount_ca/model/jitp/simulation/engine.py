"""The dry run itself: what JITP would make of one certificate with one template body. Asks nobody, changes nothing."""

from __future__ import annotations

import datetime as dt
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

from cryptography.hazmat.primitives import hashes

from ...ca.certificate import CaCertificate
from ..findings import Findings
from ..functions import Resolver
from ..lint import lint, with_text_policies
from ..making import PENDING, Maker
from ..template_rules import CERTIFICATE_ID, SERIAL_NUMBER
from .certificate_checks import check_certificate
from .chain import check_chain
from .policy_variables import check_variables
from .subject import read_parameters, rfc4514, serial_number_in_hex
from .values import Provisioning

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cryptography import x509

_T = TypeVar("_T")


def simulate(
    body: Mapping[str, Any],
    certificate: x509.Certificate,
    *,
    ca_certificate: x509.Certificate | CaCertificate | None = None,
    now: dt.datetime | None = None,
    others: Sequence[x509.Certificate] = (),
) -> Provisioning:
    """What JITP would do with a device that connects with ``certificate`` for the first time.

    ``body``: a template body without ``{{…}}`` placeholders, as `JitpTemplateBody.resolve` fills it.
    ``ca_certificate``: the registered CA; without it the chain is not looked at. ``now``: aware; else the clock's.
    ``others``: certificates that came with the device's, such as an intermediate CA's.
    Raises a `ProvisioningTemplateError` for a body that AWS IoT would refuse, or that could provision no device at all.
    What stands in this device's way is not an error here but a finding. No dry run can know whether named policies,
    groups, types and billing groups exist, what the provisioning role may do, and whether there is a thing of that
    name.
    See "Just-in-time provisioning" and "Provisioning templates" in the AWS IoT developer guide; what they leave open
    is a warning, and the documentation's page "What JITP would do with a device" lists it.
    """
    body = with_text_policies(body)
    lint(body)
    return dry_run(body, certificate, ca_certificate=ca_certificate, now=now, others=others)


def dry_run(
    body: Mapping[str, Any],
    certificate: x509.Certificate,
    *,
    ca_certificate: x509.Certificate | CaCertificate | None = None,
    now: dt.datetime | None = None,
    others: Sequence[x509.Certificate] = (),
) -> Provisioning:
    """The same for a body that has been linted: a thousand devices need that once."""
    with warnings.catch_warnings():
        # cryptography warns of subjects that X.509 forbids; here they become findings.
        warnings.simplefilter("ignore")
        return _run(body, certificate, ca_certificate, now or dt.datetime.now(dt.UTC), others)


def _run(
    body: Mapping[str, Any],
    certificate: x509.Certificate,
    authority: x509.Certificate | CaCertificate | None,
    now: dt.datetime,
    others: Sequence[x509.Certificate],
) -> Provisioning:
    findings = Findings()
    # "Refers to an internally generated ID": seen to be the SHA-256 of the DER, and to be passed always.
    certificate_id = certificate.fingerprint(hashes.SHA256()).hex()
    parameters = read_parameters(body.get("Parameters", {}), certificate, certificate_id, findings)
    values = {each.name: each.value for each in parameters} | {CERTIFICATE_ID: certificate_id}
    check_certificate(certificate, now, findings)
    chains = None
    if authority is not None:
        loaded = authority.load() if isinstance(authority, CaCertificate) else authority
        chains = check_chain(certificate, loaded, now, findings, others)

    def judge(value: Any, rule: Callable[[Any, Findings], _T]) -> _T:
        return rule(value, findings)

    mappings = body.get("Mappings", {})
    made = Maker(body, Resolver(values, mappings), findings, judge).make()
    attributes = made.attributes if made.makes_thing else None
    check_variables(made.policies, certificate.subject, attributes, findings)
    in_hex = None
    if SERIAL_NUMBER in values:
        written = values | {SERIAL_NUMBER: serial_number_in_hex(certificate)}
        name = Maker(body, Resolver(written, mappings), Findings(), judge).thing_name()
        in_hex = name if isinstance(name, str) and name != made.thing_name else None
    return Provisioning(
        certificate_id=certificate_id,
        subject=rfc4514(certificate.subject),
        parameters=parameters,
        makes_thing=made.makes_thing,
        thing_name=made.thing_name,
        attributes=made.attributes,
        thing_type=made.thing_type,
        thing_groups=made.thing_groups,
        billing_group=made.billing_group,
        package_versions=made.package_versions,
        policies=made.policies,
        certificate_status=PENDING if findings.errors else made.certificate_status,
        chains=chains,
        thing_name_in_hex=in_hex,
        findings=findings.all(),
    )
