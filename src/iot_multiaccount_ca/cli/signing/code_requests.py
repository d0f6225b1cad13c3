"""The request file: which registration codes want a verification certificate. Plain JSON that a person can read.

Written where the stages can be asked, read where the CA's key is: the two may be far apart. What is read is checked
like any stranger's input, as file names are made from it and the CA signs it.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ... import text
from ...errors import JsonError, RequestFileError, SharedCaError
from ...model import strict_json
from ...model.checks import is_certificate_id, is_registration_code
from ...model.target import check_account, check_region

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

VERSION = 1
_ABOUT = "registration codes of AWS accounts, to be signed by the CA with `iot-ca verification-cert`"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", re.ASCII)
_FIELDS = frozenset({"stage", "account", "region", "registrationCode", "caCertificateId", "caSubject"})
_TOP = frozenset({"version", "about", "requests"})
_LONGEST_SUBJECT = 4_096


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """One registration code. ``name``: the stage, or account and region where there is none.

    ``ca_certificate_id``, ``ca_subject``: the CA that is to sign. Only the id counts; the subject is for people.
    """

    name: str
    account: str
    region: str
    registration_code: str
    ca_certificate_id: str
    ca_subject: str


def to_json(requests: Iterable[CodeRequest]) -> str:
    """The file's text."""
    entries = [
        {
            "stage": each.name,
            "account": each.account,
            "region": each.region,
            "registrationCode": each.registration_code,
            "caCertificateId": each.ca_certificate_id,
            "caSubject": each.ca_subject,
        }
        for each in requests
    ]
    return json.dumps({"version": VERSION, "about": _ABOUT, "requests": entries}, indent=2) + "\n"


def read(path: Path) -> list[CodeRequest]:
    """The requests of a file, each checked; raises `RequestFileError`."""
    try:
        data = strict_json.read(path, what="the request file")
    except JsonError as error:
        raise RequestFileError(
            error.problem, value=str(path), fix="write it with `iot-ca registration-code --out request.json`"
        ) from error
    if not isinstance(data, dict) or type(data.get("version")) is not int or data["version"] != VERSION:
        raise RequestFileError(
            "this is not a request file of this version",
            value=data.get("version") if isinstance(data, dict) else type(data).__name__,
            allowed=f'a JSON object with "version": {VERSION}',
            fix="write it anew with `iot-ca registration-code`",
        )
    _check_fields(data, _TOP, "the request file")
    _check(
        isinstance(data.get("about", ""), str),
        "about of the request file is not text",
        type(data.get("about")).__name__,
    )
    entries = data.get("requests")
    if not isinstance(entries, list) or not entries:
        raise RequestFileError(
            "the request file asks for nothing",
            value=entries if entries == [] else type(entries).__name__,
            allowed='a list of "requests"',
            fix="write it anew with `iot-ca registration-code`",
        )
    requests = [_entry(entry, f"request {number} of the file") for number, entry in enumerate(entries, 1)]
    twice = [name for name, count in Counter(each.name.lower() for each in requests).items() if count > 1]
    if twice:
        raise RequestFileError(
            "two requests of one name would write the same file",
            value=sorted(twice),
            fix="ask for one CA at a time",
        )
    return requests


def contradictions(requests: Iterable[CodeRequest]) -> list[str]:
    """What cannot be true of these codes together, a sentence each: AWS IoT draws one for an account in a region.

    https://docs.aws.amazon.com/iot/latest/apireference/API_GetRegistrationCode.html
    """
    codes: dict[tuple[str, str], set[str]] = defaultdict(set)
    accounts: dict[str, set[str]] = defaultdict(set)
    for each in requests:
        code = each.registration_code.lower()
        codes[each.account, each.region].add(code)
        accounts[code].add(each.account)
    return [
        *(
            f"account {account} has one code in {region}, and here stand {text.number(len(found))}: "
            "at most one of them is right"
            for (account, region), found in codes.items()
            if len(found) > 1
        ),
        *(
            f"the code {code} stands for the accounts {text.listed(sorted(found))}: at most one of them has it"
            for code, found in accounts.items()
            if len(found) > 1
        ),
    ]


def _entry(entry: Any, where: str) -> CodeRequest:
    _check(isinstance(entry, dict), f"{where} is not a JSON object", type(entry).__name__)
    _check_fields(entry, _FIELDS, where)
    request = CodeRequest(
        name=_text(entry, "stage", where),
        account=_text(entry, "account", where),
        region=_text(entry, "region", where),
        registration_code=_text(entry, "registrationCode", where),
        ca_certificate_id=_text(entry, "caCertificateId", where),
        ca_subject=_text(entry, "caSubject", where),
    )
    _check(
        _NAME.fullmatch(request.name),
        f"the stage of {where} cannot be a file's name",
        request.name,
        "1 to 64 letters, digits and hyphens",
    )
    try:
        check_account(request.account, where=where)
        check_region(request.region, where=where)
    except SharedCaError as error:
        raise RequestFileError.of(error) from None
    for field, fits, value, allowed in (
        ("registrationCode", is_registration_code, request.registration_code, "64 hex digits"),
        ("caCertificateId", is_certificate_id, request.ca_certificate_id, "64 hex digits in lower case"),
    ):
        _check(fits(value), f"{field} of {where} is malformed", value, allowed)
    _check(
        len(request.ca_subject) <= _LONGEST_SUBJECT,
        f"caSubject of {where} is too long",
        f"{len(request.ca_subject):,} characters",
        f"{_LONGEST_SUBJECT:,} characters",
    )
    return request


def _text(entry: dict[str, Any], field: str, where: str) -> str:
    value = entry.get(field)
    if not isinstance(value, str):
        raise RequestFileError(
            f"{field} of {where} is {'missing' if field not in entry else 'not text'}",
            value=None if field not in entry else type(value).__name__,
            allowed="text",
            fix="write the file anew with `iot-ca registration-code`",
        )
    return value


def _check_fields(found: dict[str, Any], known: frozenset[str], where: str) -> None:
    unknown = sorted(set(found) - known)
    _check(
        not unknown,
        f"{where} has a field that no request file has",
        ", ".join(unknown),
        ", ".join(sorted(known)),
    )


def _check(holds: object, problem: str, value: object, allowed: str | None = None) -> None:
    if not holds:
        raise RequestFileError(problem, value=value, allowed=allowed)
