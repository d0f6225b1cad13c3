"""Who is admitted. Answers with the reason why a certificate is not; of several conditions all must hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .expressions import first_mismatch
from .runtime import code_of

if TYPE_CHECKING:
    import datetime as dt
    from typing import Any

    from .certificate import Certificate
    from .settings import Admission, AllowList

#: Longer values match nothing: a subject is no place for a novel, and an expression may be slow on one.
LONGEST_VALUE = 256
_BETWEEN = re.compile(r"[\s,]+")
# What else stands in a list, such as 0x or a colon alone, is not an entry, and admits nobody.
_ENTRY = re.compile(r"(?:0[xX])?([0-9a-fA-F]+(?::[0-9a-fA-F]+)*)", re.ASCII)
_GONE = frozenset({"ParameterNotFound", "ResourceNotFoundException"})


class NoSuchListError(Exception):
    """The allow-list does not exist: a fault of the set-up, not of the device."""


def why_not(admission: Admission, certificate: Certificate, clients: Any, now: dt.datetime) -> str | None:
    """Why the certificate is not admitted at ``now``; None when it is."""
    if admission.closed:
        return "admission is closed: nobody is admitted"
    # The lists last: they are the conditions that cost a call.
    return (
        _window(admission, now)
        or _subject(admission, certificate)
        or (_listed(admission.allow_list, certificate, clients) if admission.allow_list else None)
    )


def value_of(certificate: Certificate, field: str) -> tuple[str | None, str]:
    """The one value of a subject's field, or None and what is wrong with it."""
    values = certificate.subject.get(field, [])
    if len(values) != 1:
        return None, f"the subject has {len(values) or 'no'} {field}"
    value = values[0]
    if value is None:
        return None, f"the subject's {field} cannot be read"
    if not 0 < len(value) <= LONGEST_VALUE:
        return None, f"the subject's {field} has {len(value)} characters"
    return value, ""


def _window(admission: Admission, now: dt.datetime) -> str | None:
    if admission.not_before is not None and now < admission.not_before:
        return f"the enrollment window opens at {admission.not_before.isoformat()}"
    if admission.not_after is not None and now >= admission.not_after:
        return f"the enrollment window closed at {admission.not_after.isoformat()}"
    return None


def _subject(admission: Admission, certificate: Certificate) -> str | None:
    values: dict[str, str] = {}
    for field in admission.subject:
        value, problem = value_of(certificate, field)
        if value is None:
            return problem
        values[field] = value
    mismatch = first_mismatch(
        [(expression, values[field]) for field, expression in admission.subject.items()]
    )
    if mismatch is None:
        return None
    field, expression = list(admission.subject.items())[mismatch.position]
    verb = "does not match" if mismatch.decided else "is not decided in the time and memory that there is by"
    return f"the subject's {field} {values[field]!r} {verb} {expression!r}"


def _listed(allow_list: AllowList, certificate: Certificate, clients: Any) -> str | None:
    wanted = certificate.fingerprint if allow_list.by == "FINGERPRINT" else certificate.serial_number
    try:
        found = (_in_parameter if allow_list.source == "PARAMETER" else _in_table)(
            allow_list, wanted, clients
        )
    except Exception as error:
        if code_of(error) in _GONE:
            message = f"the allow-list {allow_list.name} does not exist"
            raise NoSuchListError(message) from error
        raise
    what = "fingerprint" if allow_list.by == "FINGERPRINT" else "serial number"
    where = "parameter" if allow_list.source == "PARAMETER" else "table"
    return None if found else f"{what} {wanted} is not in {where} {allow_list.name}"


def _in_parameter(allow_list: AllowList, wanted: str, clients: Any) -> bool:
    # Decryption is for a SecureString; others are read as they are.
    answer = clients.client("ssm").get_parameter(Name=allow_list.name, WithDecryption=True)
    entries = (_ENTRY.fullmatch(each) for each in _BETWEEN.split(answer["Parameter"]["Value"]))
    listed = {entry[1].replace(":", "").lower() for entry in entries if entry}
    if allow_list.by == "FINGERPRINT":
        return wanted in listed
    return int(wanted, 16) in {int(each, 16) for each in listed}


def _in_table(allow_list: AllowList, wanted: str, clients: Any) -> bool:
    answer = clients.client("dynamodb").get_item(
        TableName=allow_list.name,
        Key={allow_list.key: {"S": wanted}},
        ConsistentRead=True,
        ProjectionExpression="#key",
        ExpressionAttributeNames={"#key": allow_list.key},
    )
    return "Item" in answer
