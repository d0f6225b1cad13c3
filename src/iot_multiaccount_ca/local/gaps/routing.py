"""The name that a device sends (SNI) chooses account and region.

With `<prefix>-ats.iot.<region>.…` a device reaches that account and region, however many others hold its certificate
ACTIVE; so with the legacy name, which lacks `-ats`, and those of jobs and the credential provider. Without such a name
it reaches the account that holds its CA, or its certificate, in DEFAULT mode.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ministack.services import iot
from ministack.services.account import _REGIONS_LIST

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

# Under the local AWS's name, or under AWS's own, as firmware may have it built in.
_ENDPOINT = re.compile(
    r"(?P<prefix>[0-9a-z]+)(?:-ats|\.credentials|\.jobs)?\.iot\.(?P<region>[a-z0-9-]+)"
    rf"\.(?:{re.escape(iot._MINISTACK_HOST)}|amazonaws\.com(?:\.cn)?)"
)
_OUTSIDE = "<no device connection>"
# The name that the device of this connection sent, None when it sent none.
_dialled: ContextVar[str | None] = ContextVar("dialled", default=_OUTSIDE)


def close() -> None:
    """Wrap how the broker listens, what its certificate names, and how it finds a device's account."""
    serve = iot._mtls_serve_conn
    registrations, auto_registering = iot._mtls_active_registrations, iot._mtls_auto_registering_ca
    register = iot._register_ca_certificate

    async def serve_conn(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _dialled.set(iot._mtls_server_names.get(writer.get_extra_info("ssl_object")))
        await serve(reader, writer)

    def active_registrations(
        certificate_id: str, status: str | None = "ACTIVE"
    ) -> list[tuple[str, str, dict[str, Any]]]:
        dialled = _dialled.get()
        return [
            found
            for found in registrations(certificate_id, status)
            if dialled == _OUTSIDE or reaches(dialled, *found)
        ]

    def auto_registering_ca(
        account: str, region: str, ca_id: str | None, server_name: str | None = None
    ) -> dict[str, Any] | None:
        # A name, so that the emulator's own rule on the mode, which knows no regions, does not step in.
        ca: dict[str, Any] | None = auto_registering(account, region, ca_id, "any")
        return ca if ca is not None and reaches(server_name, account, region, ca) else None

    def register_ca_certificate(payload: dict[str, Any], query: dict[str, str]) -> Any:
        regions = _regions()
        answer = register(payload, query)
        if _regions() != regions:
            iot._mtls_ssl_context = None  # the next device meets a certificate that names the new region too
        return answer

    iot._mtls_serve_conn = serve_conn
    iot._mtls_active_registrations = active_registrations
    iot._mtls_auto_registering_ca = auto_registering_ca
    iot._register_ca_certificate = register_ca_certificate
    iot._mtls_server_cert_sans = _with_every_region(iot._mtls_server_cert_sans)


def reaches(server_name: str | None, account: str, region: str, record: dict[str, Any]) -> bool:
    """Whether a device that sent ``server_name`` reaches the CA or certificate of ``record`` there."""
    endpoint = find_endpoint(server_name)
    if endpoint is None:
        return bool(record.get("certificateMode", "DEFAULT") == "DEFAULT")
    return endpoint == (iot._endpoint_prefix(account), region)


def find_endpoint(server_name: str | None) -> tuple[str, str] | None:
    """An account's prefix and a region, where the name is an endpoint of AWS IoT."""
    endpoint = _ENDPOINT.fullmatch((server_name or "").lower().rstrip("."))
    return (endpoint["prefix"], endpoint["region"]) if endpoint else None


def endpoint_of(account: str, region: str) -> str:
    """The name by which a device reaches an account and region, as DescribeEndpoint tells it."""
    return f"{iot._endpoint_prefix(account)}-ats.iot.{region}.{iot._MINISTACK_HOST}"


def _regions() -> set[str]:
    """The regions that the broker's certificate names: all that the emulator knows, and those that hold a CA."""
    return {*_REGIONS_LIST, *(region for _, region, _ in list(iot._ca_certificates._data))}


def _with_every_region(
    names: Callable[[], tuple[list[str], list[str]]],
) -> Callable[[], tuple[list[str], list[str]]]:
    def server_cert_sans() -> tuple[list[str], list[str]]:
        dns_names, addresses = names()
        wildcards = (f"*.iot.{region}.{iot._MINISTACK_HOST}" for region in sorted(_regions()))
        return list(dict.fromkeys([*dns_names, *wildcards])), addresses

    return server_cert_sans
