"""Why a device that got through TLS is let in nowhere: its server name, its CA, its certificate.

What is not documented of AWS is told as what the local AWS does. Reads the emulator's registry; changes nothing.
"""

from __future__ import annotations

import hashlib
import ssl
from typing import Any

from ministack.core.x509_utils import certificate_is_signed_by
from ministack.services import iot

from .routing import endpoint_of, find_endpoint, reaches

_Held = tuple[str, str, dict[str, Any]]


def why_refused(der: bytes, server_name: str | None) -> tuple[str, str]:
    """A word for programs and a sentence for people."""
    pem = ssl.DER_cert_to_PEM_cert(der)
    cas = [
        (account, region, ca)
        for (account, region, _), ca in list(iot._ca_certificates._data.items())
        if certificate_is_signed_by(pem, ca.get("certificatePem") or "")
    ]
    held = iot._mtls_active_registrations(hashlib.sha256(der).hexdigest(), None)
    reached = [each for each in (*held, *cas) if reaches(server_name, *each)]
    if not reached:
        return _not_routed(server_name, [*cas, *held])
    places = sorted({(account, region) for account, region, _ in reached})
    if len(places) > 1:
        return _several_owners(server_name, places)
    certificate = next((record for _, _, record in held if reaches(server_name, *_of(held, record))), None)
    if certificate is not None and certificate["status"] not in ("ACTIVE", "PENDING_ACTIVATION"):
        account, region, _ = _of(held, certificate)
        return "certificate-status", f"its certificate is {certificate['status']} in {account}/{region}"
    for account, region, ca in cas:
        if reaches(server_name, account, region, ca):
            where = f"the CA {ca['certificateId'][:8]}… that signed its certificate"
            if ca["status"] != "ACTIVE":
                return "ca-inactive", f"{where} is INACTIVE in {account}/{region}"
            if ca["autoRegistrationStatus"] != "ENABLE":
                return "no-auto-registration", f"{where} has auto-registration off in {account}/{region}"
            return (
                "not-registered",
                f"its certificate is not registered yet in {account}/{region}: that takes MQTT",
            )
    return "not-registered", "its certificate is not registered, and no CA that signed it is"


def _of(held: list[_Held], record: dict[str, Any]) -> _Held:
    return next(each for each in held if each[2] is record)


def _several_owners(server_name: str | None, places: list[tuple[str, str]]) -> tuple[str, str]:
    """Without an endpoint's name the CA decides, and the region is that of the address which a device dials."""
    owners = " and ".join(f"{account}/{region}" for account, region in places)
    wanted = " or ".join(endpoint_of(account, region) for account, region in places)
    which = (
        f"{owners} hold its CA in DEFAULT mode: AWS would know the region by the address that it dialled, and all of "
        f"them have one address here; wanted: {wanted}"
    )
    if server_name is None:
        return "no-sni", f"it sent no server name (SNI), and {which}"
    return (
        "unknown-name",
        f"it sent the server name {server_name!r}, which is not an endpoint of AWS IoT, and {which}",
    )


def _not_routed(server_name: str | None, known: list[_Held]) -> tuple[str, str]:
    if not known:
        return "not-registered", "no CA that signed its certificate is registered anywhere"
    wanted = " or ".join(sorted({endpoint_of(account, region) for account, region, _ in known}))
    if server_name is None:
        return (
            "no-sni",
            f"it sent no server name (SNI), and no account holds its CA in DEFAULT mode; wanted: {wanted}",
        )
    found = find_endpoint(server_name)
    if found is None:
        return (
            "unknown-name",
            f"it sent the server name {server_name!r}, which is not an endpoint of AWS IoT; wanted: {wanted}",
        )
    prefix, region = found
    accounts = {account for account, _, _ in [*iot._ca_certificates._data, *iot._certificates._data]}
    account = next((each for each in sorted(accounts) if iot._endpoint_prefix(each) == prefix), None)
    if account is None:
        return (
            "unknown-endpoint",
            f"it sent the server name {server_name!r}, the endpoint of no account here; wanted: {wanted}",
        )
    if any(each == account for each, _, _ in known):
        return (
            "other-region",
            f"it sent the server name {server_name!r}, and {account} holds its CA in another region than {region}; "
            f"wanted: {wanted}",
        )
    return (
        "other-account",
        f"it sent the server name {server_name!r}, and {account} does not hold its CA; wanted: {wanted}",
    )
