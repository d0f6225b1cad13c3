"""Calls on a registered CA are authorized on its ARN, ``arn:…:cacert/<id>``.

RegisterCACertificate, GetRegistrationCode and ListCACertificates know no resource, and stay on ``*``. And what is
attached to a certificate, a policy or a thing, is authorized on the certificate. Whoever gives AWS IoT a role, by its
ARN or a provisioning template's name, needs iam:PassRole on it: a dependent action of RegisterCACertificate,
UpdateCACertificate, CreateProvisioningTemplate and UpdateProvisioningTemplate. All this by the Service Authorization
Reference, AWS IoT.
"""

from __future__ import annotations

import json
import re
from contextvars import ContextVar
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import iot

_PASSING = "iam:PassRole"
#: The roles that the request under way gives to AWS IoT, and the one that its caller may not pass.
_given: ContextVar[tuple[str, ...]] = ContextVar("given", default=())
_denied: ContextVar[str | None] = ContextVar("denied", default=None)
_THING_PRINCIPALS = re.compile(r"/things/[^/]+/principals")
_CA_PATH = re.compile(r"/cacertificate/(?P<id>[^/]+)/?")


def close() -> None:
    """Name the CA as the resource of the calls that are on one, and ask for PassRole where a role is given."""
    extract = iam_actions.extract_resource_arn
    enforce, respond = iam_evaluator.enforce, iam_actions.access_denied_response

    def extract_resource_arn(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query: dict[str, Any],
        region: str,
        account: str,
    ) -> str:
        _given.set(_roles_given(method, path, body) if service == "iot" else ())
        _denied.set(None)
        on_ca = _CA_PATH.fullmatch(path) if service == "iot" else None
        if on_ca:
            return f"arn:aws:iot:{region}:{account}:cacert/{on_ca['id']}"
        if service == "iot" and method == "PUT":
            attached_to = _attached_to(path, headers, body)
            if attached_to is not None:
                return attached_to
        arn: str = extract(service, method, path, headers, body, query, region, account)
        return arn

    def enforce_with_roles(
        access_key_id: str, iam_action: str, service: str, region: str, **more: Any
    ) -> Any:
        denied = enforce(access_key_id, iam_action, service, region, **more)
        roles = _given.get()
        _given.set(())
        for role in () if denied else roles:
            context = {"iam:PassedToService": "iot.amazonaws.com"}
            denied = enforce(
                access_key_id, _PASSING, service, region, resource_arn=role, service_context=context
            )
            if denied:
                _denied.set(role)
                break
        return denied

    def access_denied_response(service: str, action: str, *arguments: Any, **more: Any) -> Any:
        role = _denied.get()
        if role is not None:
            action, more["resource_arn"] = _PASSING, role
        return respond(service, action, *arguments, **more)

    iam_actions.extract_resource_arn = extract_resource_arn
    iam_evaluator.enforce = enforce_with_roles
    iam_actions.access_denied_response = access_denied_response


def _roles_given(method: str, path: str, body: bytes) -> tuple[str, ...]:
    """The ARNs of the roles that a call of AWS IoT's control plane passes."""
    if method not in ("POST", "PUT", "PATCH"):
        return ()
    on_ca = path == "/cacertificate" or _CA_PATH.fullmatch(path) is not None
    if not (on_ca or path.startswith("/provisioning-templates")):
        return ()
    try:
        asked = json.loads(body or b"{}")
        config = (asked.get("registrationConfig") or {}) if on_ca else asked
        named = config.get("templateName") if on_ca else None
        role = config.get("roleArn" if on_ca else "provisioningRoleArn")
    except (ValueError, AttributeError):
        return ()
    template = iot._provisioning_templates.get(named) if isinstance(named, str) else None
    roles = (role, (template or {}).get("provisioningRoleArn"))
    return tuple(each for each in roles if isinstance(each, str))


def _attached_to(path: str, headers: dict[str, str], body: bytes) -> str | None:
    """The certificate of AttachPolicy and AttachThingPrincipal; None for every other call."""
    if path.startswith("/target-policies/"):
        try:
            target = json.loads(body or b"{}").get("target")
        except (ValueError, AttributeError):
            return None
    elif _THING_PRINCIPALS.fullmatch(path):
        target = {name.lower(): value for name, value in headers.items()}.get("x-amzn-principal")
    else:
        return None
    return target if isinstance(target, str) and target.startswith("arn:") else None
