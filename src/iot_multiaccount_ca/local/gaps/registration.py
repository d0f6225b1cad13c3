"""Registering, listing, describing and updating CAs, and templates that are in use.

1. one account per CA and region registers in DEFAULT mode; 2. CA and verification certificates that AWS refuses;
3. at most ten CAs of one subject; 7. what List, Describe and Update leave out. And a provisioning template that a CA
uses cannot be deleted, nor can a stack make one of a name that is taken. `SECOND_DEFAULT_VARIABLE` names the error of a
second DEFAULT account, since no document says which one AWS answers.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import uuid
from typing import Any

from cryptography import x509
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.core.x509_utils import get_certificate_id
from ministack.services import iot
from ministack.services.cloudformation import provisioners

from .certificates import ca_problem, verification_problem

SECOND_DEFAULT_VARIABLE = "IOT_SECOND_DEFAULT_ERROR"
_CAS_OF_ONE_SUBJECT = 10
_DEFAULT_PAGE, _LARGEST_PAGE = 25, 250
# Every error of RegisterCACertificate that a second DEFAULT account could plausibly get, and its HTTP status.
_STATUS_OF_ERROR = {
    "ResourceAlreadyExistsException": 409,
    "CertificateConflictException": 409,
    "CertificateValidationException": 400,
    "InvalidRequestException": 400,
    "LimitExceededException": 410,
    "UnauthorizedException": 401,
}
# HTTP status, headers, body: how the emulator answers.
Answer = tuple[int, dict[str, str], bytes]


def close() -> None:
    """Wrap what the emulator does with CAs and provisioning templates."""
    register, handle = iot._register_ca_certificate, iot._handle_ca_certificate

    def register_ca_certificate(payload: dict[str, Any], query: dict[str, str]) -> Answer:
        refused = _refusal(payload)
        if refused is not None:
            return refused
        answer: Answer = register(payload, query)
        if answer[0] == 200:
            _complete(iot._ca_certificates[json.loads(answer[2])["certificateId"]])
        return answer

    def handle_ca_certificate(method: str, path: str, body: bytes, query: dict[str, str]) -> Answer:
        answer: Answer = handle(method, path, body, query)
        record = iot._ca_certificates.get(path.rpartition("/")[2])
        if answer[0] != 200 or record is None:
            return answer
        if method == "PUT":
            _update(record, iot._parse_body(body))
        elif method == "GET":
            return _described(answer, record)
        return answer

    iot._register_ca_certificate = register_ca_certificate
    iot._handle_ca_certificate = handle_ca_certificate
    iot._list_ca_certificates = _list_ca_certificates
    _keep_templates()


def _keep_templates() -> None:
    """Wrap what it does with provisioning templates that are in use, or there already."""
    delete_template = iot._delete_provisioning_template
    create = provisioners._iot_provisioning_template_create

    def delete_provisioning_template(name: str) -> Answer:
        user = next((ca for ca in iot._ca_certificates.values() if _template_name(ca) == name), None)
        if user is not None:
            return _error(
                "DeleteConflictException",
                f"Template {name} is in use by CA certificate {user['certificateId']}.",
                409,
            )
        answer: Answer = delete_template(name)
        return answer

    iot._delete_provisioning_template = delete_provisioning_template

    def create_template_of_a_stack(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        name = properties.get("TemplateName")
        if name in iot._provisioning_templates:
            message = (
                f"Resource of type 'AWS::IoT::ProvisioningTemplate' with identifier '{name}' already exists."
            )
            raise ValueError(message)
        return create(logical_id, properties, stack_name)

    # Its CloudFormation would take over what is there already, and report as deleted what is in use.
    provisioners._iot_provisioning_template_create = create_template_of_a_stack
    provisioners._iot_provisioning_template_delete = _delete_template_of_a_stack
    handlers = provisioners._RESOURCE_HANDLERS["AWS::IoT::ProvisioningTemplate"]
    handlers |= {"create": create_template_of_a_stack, "delete": _delete_template_of_a_stack}


def _refusal(payload: dict[str, Any]) -> Answer | None:
    """The error that AWS answers and the emulator does not, or None; what the emulator refuses is left to it."""
    pem, verification = payload.get("caCertificate"), payload.get("verificationCertificate")
    mode = payload.get("certificateMode") or "DEFAULT"
    try:
        ca_id = get_certificate_id(pem)
        now = dt.datetime.now(dt.UTC)
        problem = ca_problem(str(pem), now)
        if problem is None and verification and mode == "DEFAULT":
            problem = verification_problem(verification, now)
    except (ValueError, AttributeError):
        return None
    if problem is not None:
        return _error("CertificateValidationException", problem, 400)
    if mode not in ("DEFAULT", "SNI_ONLY") or ca_id in iot._ca_certificates:
        return None
    if iot._verification_certificate_error(pem, verification, mode) is not None:
        return None
    if mode == "DEFAULT" and _is_default_elsewhere(ca_id):
        error = os.environ.get(SECOND_DEFAULT_VARIABLE) or "ResourceAlreadyExistsException"
        return _error(
            error,
            f"The CA certificate {ca_id} is already registered in DEFAULT mode by another account in this region.",
            _STATUS_OF_ERROR[error],
        )
    subject = _subject(str(pem))
    if (
        sum(_subject(ca["certificatePem"]) == subject for ca in iot._ca_certificates.values())
        >= _CAS_OF_ONE_SUBJECT
    ):
        return _error(
            "LimitExceededException",
            f"The account has {_CAS_OF_ONE_SUBJECT} CA certificates with the subject {subject.rfc4514_string()}.",
            410,
        )
    return None


def _is_default_elsewhere(ca_id: str) -> bool:
    return any(
        key == ca_id and region == get_region() and account != get_account_id() and _mode(ca) == "DEFAULT"
        for (account, region, key), ca in list(iot._ca_certificates._data.items())
    )


def _complete(record: dict[str, Any]) -> None:
    """Add what DescribeCACertificate tells and the emulator does not keep."""
    ca = x509.load_pem_x509_certificate(record["certificatePem"].encode())
    record["validity"] = {
        "notBefore": ca.not_valid_before_utc.timestamp(),
        "notAfter": ca.not_valid_after_utc.timestamp(),
    }
    record["generationId"] = str(uuid.uuid4())
    record["customerVersion"] = 1
    record["lastModifiedDate"] = record["creationDate"]


def _update(record: dict[str, Any], payload: dict[str, Any]) -> None:
    if payload.get("removeAutoRegistration"):
        record.pop("registrationConfig", None)
    record["customerVersion"] += 1
    record["lastModifiedDate"] = dt.datetime.now(dt.UTC).timestamp()


def _described(answer: Answer, record: dict[str, Any]) -> Answer:
    document = json.loads(answer[2])
    for name in ("validity", "generationId", "customerVersion", "lastModifiedDate"):
        document["certificateDescription"][name] = record[name]
    described: Answer = json_response(document)
    return described


def _list_ca_certificates(query: dict[str, str]) -> Answer:
    """``ListCACertificates``: in pages, newest first unless told, filtered by the template's name."""
    try:
        size = int(query.get("pageSize") or _DEFAULT_PAGE)
        after = _position(query["marker"]) if query.get("marker") else None
    except ValueError:
        return _error("InvalidRequestException", "The page size or the marker is not valid.", 400)
    if not 1 <= size <= _LARGEST_PAGE:
        return _error("InvalidRequestException", "pageSize must be 1 to 250.", 400)
    ascending = iot._qp_bool(query, "isAscendingOrder")
    wanted = query.get("templateName")
    found = [ca for ca in iot._ca_certificates.values() if wanted is None or _template_name(ca) == wanted]
    found.sort(key=iot._by_ca_sort_key, reverse=not ascending)
    if after is not None:
        found = [
            ca
            for ca in found
            if (iot._by_ca_sort_key(ca) > after if ascending else iot._by_ca_sort_key(ca) < after)
        ]
    page = found[:size]
    document: dict[str, Any] = {
        "certificates": [
            {name: ca.get(name) for name in ("certificateArn", "certificateId", "status", "creationDate")}
            for ca in page
        ]
    }
    if len(found) > len(page):
        created, last = iot._by_ca_sort_key(page[-1])
        document["nextMarker"] = base64.b64encode(f"{created!r}:{last}".encode()).decode()
    listed: Answer = json_response(document)
    return listed


def _position(marker: str) -> tuple[float, str]:
    created, _, certificate_id = base64.b64decode(marker, validate=True).decode().partition(":")
    return float(created), certificate_id


def _delete_template_of_a_stack(name: str, _: object) -> None:
    status, _, body = iot._delete_provisioning_template(name)
    if status not in (200, 404):
        message = f"AWS::IoT::ProvisioningTemplate delete failed: {json.loads(body)['message']}"
        raise ValueError(message)


def _mode(ca: dict[str, Any]) -> str:
    mode: str = ca.get("certificateMode", "DEFAULT")
    return mode


def _template_name(ca: dict[str, Any]) -> str | None:
    name: str | None = (ca.get("registrationConfig") or {}).get("templateName")
    return name


def _subject(pem: str) -> x509.Name:
    return x509.load_pem_x509_certificate(pem.encode()).subject


def _error(code: str, message: str, status: int) -> Answer:
    error: Answer = error_response_json(code, message, status)
    return error
