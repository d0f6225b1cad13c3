"""Calls on a registered CA are authorized on its ARN, ``arn:…:cacert/<id>``.

RegisterCACertificate, GetRegistrationCode and ListCACertificates know no resource, and stay on ``*``. And what is
attached to a certificate, a policy or a thing, is authorized on the certificate (AWS IoT in the Service Authorization
Reference).
"""

from __future__ import annotations

import json
import re
from typing import Any

from ministack.core import iam_actions

_THING_PRINCIPALS = re.compile(r"/things/[^/]+/principals")
_CA_PATH = re.compile(r"/cacertificate/(?P<id>[^/]+)/?")


def close() -> None:
    """Name the CA as the resource of the calls that are on one."""
    extract = iam_actions.extract_resource_arn

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
        on_ca = _CA_PATH.fullmatch(path) if service == "iot" else None
        if on_ca:
            return f"arn:aws:iot:{region}:{account}:cacert/{on_ca['id']}"
        if service == "iot" and method == "PUT":
            attached_to = _attached_to(path, headers, body)
            if attached_to is not None:
                return attached_to
        arn: str = extract(service, method, path, headers, body, query, region, account)
        return arn

    iam_actions.extract_resource_arn = extract_resource_arn


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
