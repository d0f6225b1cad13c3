"""The request file: which registration codes want a verification certificate. Plain JSON that a person can read.

Written where the stages can be asked, read where the CA's key is: the two may be far apart. What is read is checked
like any stranger's input, as file names are made from it and the CA signs it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import JsonError, RequestFileError
from ...model import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

VERSION = 1
_ABOUT = "registration codes of AWS accounts, to be signed by the CA with `iot-ca verification-cert`"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", re.ASCII)
_FORMS = {
    "account": re.compile(r"[0-9]{12}", re.ASCII),
    "region": re.compile(r"[a-z0-9-]{1,40}", re.ASCII),
    "registrationCode": re.compile(r"[0-9a-fA-F]{64}", re.ASCII),
}
_CERTIFICATE_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """One registration code. ``name``: the stage, or account and region where there is none.

    ``ca_certificate_id``, ``ca_subject``: the CA that is to sign; None where the asker did not say.
    """

    name: str
    account: str
    region: str
    registration_code: str
    ca_certificate_id: str | None = None
    ca_subject: str | None = None


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
    version = data.get("version") if isinstance(data, dict) else None
    entries = data.get("requests") if isinstance(data, dict) else None
    if version != VERSION or not isinstance(entries, list) or not entries:
        raise RequestFileError(
            "this is no request file of this version, or it asks for nothing",
            value=version,
            allowed=f'"version": {VERSION} and a list of "requests"',
            fix="write it anew with `iot-ca registration-code`",
        )
    requests = [_entry(entry, index) for index, entry in enumerate(entries)]
    names = [each.name.lower() for each in requests]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RequestFileError(
            "two requests of one name would write the same file", value=twice, fix="ask for one CA at a time"
        )
    return requests


def _entry(entry: Any, index: int) -> CodeRequest:
    where = f"request {index + 1} of the file"
    if not isinstance(entry, dict):
        raise RequestFileError(f"{where} is no JSON object", value=entry)
    name = entry.get("stage")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise RequestFileError(
            f"the stage of {where} can be no file's name", value=name, allowed="letters, digits and hyphens"
        )
    for field, form in _FORMS.items():
        value = entry.get(field)
        if not isinstance(value, str) or not form.fullmatch(value):
            raise RequestFileError(f"{field} of {where} is malformed", value=value, allowed=form.pattern)
    certificate_id = entry.get("caCertificateId")
    if certificate_id is not None and not (
        isinstance(certificate_id, str) and _CERTIFICATE_ID.fullmatch(certificate_id)
    ):
        raise RequestFileError(f"caCertificateId of {where} is malformed", value=certificate_id)
    subject = entry.get("caSubject")
    return CodeRequest(
        name=name,
        account=entry["account"],
        region=entry["region"],
        registration_code=entry["registrationCode"],
        ca_certificate_id=certificate_id,
        ca_subject=subject if isinstance(subject, str) else None,
    )
