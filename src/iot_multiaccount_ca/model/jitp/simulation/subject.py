"""A template's parameters out of a device certificate. Knows what AWS documents or was seen to do, and says what not.

"Just-in-time provisioning" in the AWS IoT developer guide: values are limited to what JITP can extract from the
subject, and provisioning fails if the certificate lacks a property that Parameters mentions. A public CloudTrail record
of JITP's RegisterThing shows SerialNumber for a device whose subject has none, and the escapes of RFC 2253 in a value.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from cryptography.x509 import ObjectIdentifier

from ..subject_fields import SUBJECT_FIELDS
from ..subject_text import escaped
from ..template_rules import CERTIFICATE_ID, PARAMETER_PREFIX, SERIAL_NUMBER
from .values import Parameter, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography import x509

    from ..findings import Findings

_TEST_IT = "connect one such device before you make many"


def read_parameters(
    declared: Mapping[str, Any], certificate: x509.Certificate, certificate_id: str, findings: Findings
) -> tuple[Parameter, ...]:
    """Every declared parameter with its value, or as missing, in the template's order."""

    def read(name: str, specification: Mapping[str, Any]) -> Parameter:
        if name == CERTIFICATE_ID:
            return Parameter(name, certificate_id, Source.CERTIFICATE_ID)
        if name == SERIAL_NUMBER:
            return _serial_number(certificate, findings)
        return _read(name, specification, certificate, findings)

    return tuple(read(*each) for each in declared.items())


def serial_number_in_hex(certificate: x509.Certificate) -> str:
    """The certificate's serial number in the other form that AWS IoT may write it in."""
    return f"{certificate.serial_number:x}"


def _serial_number(certificate: x509.Certificate, findings: Findings) -> Parameter:
    """The number that the CA gave the certificate, in decimal: which form AWS IoT writes, nobody says."""
    value = str(certificate.serial_number)
    findings.warning(
        "serial-number-form-unverified",
        f"SerialNumber is the certificate's serial number; AWS does not say whether it is written in decimal, {value}, "
        f"as is assumed here, or in hexadecimal, {serial_number_in_hex(certificate)}",
        f"build names from another field, or {_TEST_IT}",
    )
    held = _values(certificate.subject, ObjectIdentifier(SUBJECT_FIELDS["SerialNumber"].oid))
    if held:
        findings.warning(
            "subject-serial-number-unused",
            f"the subject has a serialNumber, {held[0]!r}, and JITP does not pass it: the parameter SerialNumber is "
            "the certificate's own serial number",
            "put what identifies the device into another field, such as CN or dnQualifier",
        )
    return Parameter(SERIAL_NUMBER, value, Source.CERTIFICATE)


def _read(
    name: str, specification: Mapping[str, Any], certificate: x509.Certificate, findings: Findings
) -> Parameter:
    short, identifier = SUBJECT_FIELDS[name.removeprefix(PARAMETER_PREFIX)]
    oid = ObjectIdentifier(identifier)
    values = _values(certificate.subject, oid)
    default = specification.get("Default")
    if values:
        _note_doubts(name, short, values, certificate.subject, oid, findings)
        return Parameter(name, escaped(values[0]), Source.SUBJECT)
    if isinstance(default, str):
        findings.warning(
            "parameter-default-unverified",
            f"the subject has no {short}, and {name} falls back to its Default {default!r}; AWS documents Default for "
            "templates as such, and of JITP it says that the certificate must have every declared field",
            f"put {short} into the subject, or {_TEST_IT}",
        )
        return Parameter(name, default, Source.DEFAULT)
    findings.error(
        "subject-field-missing",
        f"the subject has no {short}, and the template declares {name}, without a Default",
        f"issue device certificates with {short} in their subject, or take {name} out of the template's Parameters",
    )
    return Parameter(name, None, Source.MISSING)


def _note_doubts(
    name: str,
    short: str,
    values: list[str],
    subject: x509.Name,
    oid: ObjectIdentifier,
    findings: Findings,
) -> None:
    """What AWS does not document of this field's form."""
    value = values[0]
    if len(values) > 1:
        findings.warning(
            "subject-field-repeated",
            f"the subject has {len(values)} {short} ({', '.join(map(repr, values))}); AWS does not say which of them "
            f"{name} becomes, and the first is taken here",
            f"leave one {short} in the subject, or {_TEST_IT}",
        )
    if any(len(rdn) > 1 and rdn.get_attributes_for_oid(oid) for rdn in subject.rdns):
        findings.warning(
            "subject-field-multi-valued",
            f"{short} shares a relative distinguished name with another field (written {short}=…+…); AWS does not say "
            "that JITP reads such names",
            f"give {short} a relative distinguished name of its own, or {_TEST_IT}",
        )
    if not value:
        findings.warning(
            "subject-field-empty",
            f"the subject's {short} is empty; AWS does not say whether {name} is then empty or missing",
            f"put a value into {short}, or leave it and the parameter out",
        )
    if escaped(value) != value:
        findings.warning(
            "subject-field-escaped",
            f"the subject's {short} {value!r} arrives as {escaped(value)!r}: AWS IoT keeps the escapes of a subject's "
            "text (seen for =, inferred for the others), and no name, attribute, group or type may have a backslash",
            f"avoid these characters in {short}: comma, plus, quote, backslash, <, >, semicolon, =, # or a blank at "
            "an end",
        )
    if not value.isascii():
        findings.warning(
            "subject-field-not-ascii",
            f"the subject's {short} {value!r} has characters outside ASCII; AWS does not say how {name} holds them",
            f"keep {short} to ASCII, or {_TEST_IT}",
        )


def _values(subject: x509.Name, oid: ObjectIdentifier) -> list[str]:
    found = [each.value for each in subject.get_attributes_for_oid(oid)]
    return [each if isinstance(each, str) else each.decode("latin-1") for each in found]


def rfc4514(name: x509.Name) -> str:
    """A name as people write it; also one that X.509 forbids, such as with an empty field."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return name.rfc4514_string()
