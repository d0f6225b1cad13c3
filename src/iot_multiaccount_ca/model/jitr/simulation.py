"""What just-in-time registration would do with a device: the dry run of an enrollment, offline. Asks nobody.

Beside the activation Lambda, whose rules these are; a test holds the two against each other.
"""

from __future__ import annotations

import datetime as dt
import re
import warnings
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ...errors import AllowListError
from ..ca.certificate import CaCertificate
from ..jitp.findings import Findings
from ..jitp.simulation import Provisioning, check_certificate, check_chain
from ..jitp.simulation.der import elements
from ..jitp.simulation.subject import rfc4514
from ..jitp.subject_fields import SUBJECT_FIELDS
from ..jitp.thing_rules import check_name
from ..reading import read_bytes
from .expressions import matches
from .settings import FIELD, ID_FIELD

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

# The Lambda reads no longer value, and no TeletexString, on which nobody agrees.
_LONGEST_VALUE = 256
_TELETEX = 0x14
_BETWEEN = re.compile(r"[\s,]+")
# What else stands in a list admits nobody.
_ENTRY = re.compile(r"(?:0[xX])?([0-9a-fA-F]+(?::[0-9a-fA-F]+)*)", re.ASCII)


def read_allow_list(path: str | os.PathLike[str]) -> frozenset[str]:
    """What an allow-list's file holds: fingerprints or serial numbers in hex, between commas, blanks or new lines."""
    entries = (_ENTRY.fullmatch(each) for each in _words(path))
    return frozenset(entry[1].replace(":", "").lower() for entry in entries if entry)


def ignored_entries(path: str | os.PathLike[str]) -> list[str]:
    """What in an allow-list's file is not a hex number, and admits nobody."""
    return [each for each in _words(path) if each and not _ENTRY.fullmatch(each)]


def _words(path: str | os.PathLike[str]) -> list[str]:
    try:
        listed = read_bytes(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AllowListError(
            f"the allow-list cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}",
            value=str(path),
            fix="give the path of a text file, relative to the working directory",
        ) from None
    return _BETWEEN.split(listed)


def dry_run(
    enrollment: Mapping[str, Any],
    certificate: x509.Certificate,
    *,
    ca_certificate: x509.Certificate | CaCertificate | None = None,
    now: dt.datetime | None = None,
    others: Sequence[x509.Certificate] = (),
    admitted: frozenset[str] | None = None,
) -> Provisioning:
    """What the activation would do with a device that connects with ``certificate`` for the first time.

    ``enrollment``: as `JitrEnrollment.settings` has it. ``admitted``: what the allow-list holds (`read_allow_list`);
    without it a list is not looked at, and that is a warning. ``now``: aware; else the clock's.
    """
    now = now or dt.datetime.now(dt.UTC)
    findings = Findings()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_certificate(certificate, now, findings)
        chains = None
        if ca_certificate is not None:
            loaded = ca_certificate.load() if isinstance(ca_certificate, CaCertificate) else ca_certificate
            chains = check_chain(certificate, loaded, now, findings, others)
        if certificate.serial_number < 0:
            findings.error(
                "enrollment-certificate-unreadable",
                "the certificate's serial number is negative, and the activation reads no such certificate",
                "issue device certificates with positive serial numbers",
            )
        _check_admission(enrollment.get("admission") or {}, certificate, now, findings, admitted)
        thing = enrollment.get("thing")
        name = None if thing is None else _thing_name(thing["name"], certificate, findings)
        subject = rfc4514(certificate.subject)
    return Provisioning(
        certificate_id=certificate.fingerprint(hashes.SHA256()).hex(),
        subject=subject,
        parameters=(),
        makes_thing=thing is not None,
        thing_name=name,
        attributes={},
        thing_type=None if thing is None else thing.get("type"),
        thing_groups=() if thing is None else tuple(thing["groups"]),
        billing_group=None,
        policies=(),
        certificate_status="PENDING_ACTIVATION" if findings.errors else "ACTIVE",
        chains=chains,
        findings=findings.all(),
    )


def _check_admission(
    admission: Mapping[str, Any],
    certificate: x509.Certificate,
    now: dt.datetime,
    findings: Findings,
    admitted: frozenset[str] | None,
) -> None:
    listed, subject = admission.get("list"), admission.get("subject") or {}
    if not (admission.get("everyone") or listed or subject):
        findings.error(
            "enrollment-closed",
            "admission is closed: nobody is admitted",
            "give the enrollment an Admission",
        )
        return
    _check_window(admission, now, findings)
    _check_subject(subject, certificate, findings)
    if listed:
        _check_list(listed, certificate, findings, admitted)


def _check_subject(subject: Mapping[str, str], certificate: x509.Certificate, findings: Findings) -> None:
    """Every field that is not as its expression wants it."""
    held = {field: _value(certificate, field) for field in subject}
    problems = [
        f"{problem}, and the admission has a rule for it" for value, problem in held.values() if value is None
    ]
    asked = [
        (field, expression, value)
        for field, expression in subject.items()
        if (value := held[field][0]) is not None
    ]
    answers = matches([(expression, value) for _, expression, value in asked])
    for (field, expression, value), answer in zip(asked, answers, strict=False):
        if not answer:
            verb = (
                "does not match"
                if answer is False
                else "is not decided in the time and memory that there is by"
            )
            problems.append(f"the subject's {field} {value!r} {verb} {expression!r}")
    for problem in problems:
        findings.error(
            "enrollment-subject", problem, "admit such subjects, or issue certificates whose subject matches"
        )


def _check_window(admission: Mapping[str, Any], now: dt.datetime, findings: Findings) -> None:
    begin, end = (admission.get(name) for name in ("notBefore", "notAfter"))
    problem = None
    if begin is not None and now < dt.datetime.fromisoformat(begin):
        problem = f"the enrollment window opens at {begin}"
    elif end is not None and now >= dt.datetime.fromisoformat(end):
        problem = f"the enrollment window closed at {end}"
    if problem:
        findings.error("enrollment-window", problem, "let the device connect within the window, or move it")


def _check_list(
    listed: Mapping[str, Any],
    certificate: x509.Certificate,
    findings: Findings,
    admitted: frozenset[str] | None,
) -> None:
    if admitted is None:
        findings.warning(
            "enrollment-list-unread",
            f"the admission asks the allow-list {listed['name']}, which is not looked at here",
            "give what it holds as a file (iot-ca simulate --allow-list)",
        )
        return
    by_fingerprint = listed["by"] == "FINGERPRINT"
    wanted = (
        certificate.fingerprint(hashes.SHA256()).hex() if by_fingerprint else f"{certificate.serial_number:x}"
    )
    listed_numbers = {int(each, 16) for each in admitted} if not by_fingerprint else set()
    if wanted not in admitted and int(wanted, 16) not in listed_numbers:
        findings.error(
            "enrollment-not-listed",
            f"{'fingerprint' if by_fingerprint else 'serial number'} {wanted} is not in the allow-list",
            "add it to the allow-list before the device connects",
        )


def _thing_name(template: str, certificate: x509.Certificate, findings: Findings) -> str | None:
    name, at = "", 0
    for match in FIELD.finditer(template):
        value, problem = (
            (certificate.fingerprint(hashes.SHA256()).hex(), "")
            if match.group(1) == ID_FIELD
            else _value(certificate, match.group(1))
        )
        if value is None:
            findings.error(
                "enrollment-thing-name",
                f"{problem}, and the thing's name is drawn from it",
                f"issue device certificates with {match.group(1)}, or name the thing after another field",
            )
            return None
        name += template[at : match.start()] + value
        at = match.end()
    return check_name(name + template[at:], "thing name", findings)


def _value(certificate: x509.Certificate, field: str) -> tuple[str | None, str]:
    """The one value of a subject's field, or None and what is wrong with it."""
    held = [each for each in certificate.subject if each.oid.dotted_string == SUBJECT_FIELDS[field].oid]
    if len(held) != 1:
        return None, f"the subject has {len(held) or 'no'} {field}"
    value = held[0].value
    if isinstance(value, bytes) or _is_teletex(held[0]):
        return None, f"the subject's {field} cannot be read"
    if not 0 < len(value) <= _LONGEST_VALUE:
        return None, f"the subject's {field} has {len(value)} characters"
    return value, ""


def _is_teletex(attribute: x509.NameAttribute[Any]) -> bool:
    [(_, names)] = elements(x509.Name([attribute]).public_bytes())
    [(_, pairs)] = elements(names)
    [(_, pair)] = elements(pairs)
    return elements(pair)[1][0] == _TELETEX
