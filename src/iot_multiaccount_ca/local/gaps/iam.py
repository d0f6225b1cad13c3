"""Gap 9: calls on a registered CA are authorized on its ARN, ``arn:…:cacert/<id>``.

RegisterCACertificate, GetRegistrationCode and ListCACertificates know no resource, and stay on ``*``.
"""

from __future__ import annotations

import re
from typing import Any

from ministack.core import iam_actions

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
        arn: str = extract(service, method, path, headers, body, query, region, account)
        return arn

    iam_actions.extract_resource_arn = extract_resource_arn
