"""A device's connection, told for the plan that it should land in: what it sent, what AWS would do, what to change.

Says nothing that is not known: an event that it does not know has no sentence of its own but the broker's.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..model.ca.algorithms import describe_key
from .diagnosis_certificates import is_ca, is_signed_by, name_of, read_chain, value_seen
from .diagnosis_texts import MEANINGS, NOT_ADDRESS, SNI, Meaning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cryptography import x509

    from ..model.assembly import RegistrationRecord
    from .device_events import DeviceEvent

_UNKNOWN = Meaning("unknown", None)
_APPLICATION_PROTOCOLS = {"x-amzn-mqtt-ca", "x-amzn-http-ca"}
_SHORTEST_KEEP_ALIVE, _LONGEST_KEEP_ALIVE = 30, 1200
_DOMAINS_OF_AWS = ("amazonaws.com", "amazonaws.com.cn")
_LET_IN = ("connected", "registered", "provisioned", "published")


@dataclass(frozen=True)
class PlannedStage:
    """A registration of the plan, with the endpoint of its account and region and its CA's certificate."""

    record: RegistrationRecord
    endpoint: str
    ca: x509.Certificate


@dataclass(frozen=True)
class Diagnosis:
    """``sent``: what is known of the device, by name. ``warnings``: what works, and should not be relied on.

    ``stage``, ``account`` and ``region``: where it was let in, None where it was not, or not yet.
    """

    event: str
    says: str
    aws: str
    fix: str | None
    stage: str | None
    account: str | None
    region: str | None
    sent: dict[str, str]
    warnings: tuple[str, ...]


def diagnose(event: DeviceEvent, plan: Sequence[PlannedStage]) -> Diagnosis:
    """What an event means for this plan."""
    chain = read_chain(event.certificates)
    says, aws, fix = event.says, *MEANINGS.get(event.event, _UNKNOWN)
    seen = value_seen(event.event, chain, dt.datetime.fromisoformat(event.at))
    if seen is not None:
        says = f"{says}: {seen}"
    if event.event in ("unknown-issuer", "not-registered", "other-key") and chain:
        about, aws, fix = _about_issuer(event.event, chain, plan) or ("", aws, fix)
        says = f"{says}: {about}" if about else says
    if event.event in ("distrust", "hung-up", "hung-up-after-tls"):
        about, fix = _about_name(event, plan) or ("", fix)
        says += about
    return Diagnosis(
        event=event.event,
        says=says,
        aws=_in_this_plan(event, chain, plan) or aws,
        fix=fix,
        stage=_stage(event, chain, plan),
        account=event.account,
        region=event.region,
        sent=_sent(event, chain),
        warnings=tuple(_warnings(event, chain, plan)),
    )


def _stage(event: DeviceEvent, chain: Sequence[x509.Certificate], plan: Sequence[PlannedStage]) -> str | None:
    """The stage of the account and region: of several that share them, the one whose CA signed the device."""
    here = [
        each for each in plan if (each.record.account, each.record.region) == (event.account, event.region)
    ]
    of_signer = [each for each in here if chain and is_signed_by(chain[0], each.ca)]
    return next((each.record.label for each in [*of_signer, *here]), None)


def _about_issuer(
    event: str, chain: Sequence[x509.Certificate], plan: Sequence[PlannedStage]
) -> tuple[str, str, str] | None:
    """How the signer differs from what the plan registers, what AWS would do, and what to change."""
    leaf = chain[0]
    aws = MEANINGS[event].aws
    signer = name_of(leaf.issuer)
    above = {name_of(each.issuer) for each in chain[1:]}
    planned = ", ".join(sorted({name_of(stage.ca.subject) for stage in plan}))
    of_name = [stage for stage in plan if stage.ca.subject == leaf.issuer]
    signed = [is_signed_by(leaf, stage.ca) for stage in of_name]
    if event != "not-registered" and any(signed) and not all(signed):
        return (
            f"the plan has several CAs of the name {signer}, one of them signed it, and TLS took another one for it",
            "not documented: how AWS IoT tells CAs of one name apart",
            "give each CA a subjectKeyIdentifier, and devices the authorityKeyIdentifier of theirs; or another name",
        )
    if event == "other-key":
        return None
    if of_name:
        return (
            f"its certificate names {signer} as its issuer, as the plan does, and another key signed it",
            aws,
            "sign with the key of the registered CA, or register the CA that signed it",
        )
    if leaf.subject == leaf.issuer:
        return (
            f"it is {signer}, signed by itself, and the plan registers {planned}",
            aws,
            f"issue the device's certificate from {planned}",
        )
    for stage in plan:
        root = name_of(stage.ca.subject)
        if root in above:
            return (
                f"it was signed by {signer}, and the plan registers {root}, which is further up its chain",
                aws,
                f"register {signer}, the CA that signs devices, in place of {root}",
            )
    return (
        f"it was signed by {signer}, and the plan registers {planned}",
        aws,
        f"issue it from {planned}, or register {signer}",
    )


def _about_name(event: DeviceEvent, plan: Sequence[PlannedStage]) -> tuple[str, str] | None:
    """Of a device that distrusts the broker: the name that it expects of it, if that is the cause, and what to do."""
    if event.server_name is None and event.event != "distrust":
        return None  # it may have nothing to verify
    if event.server_name is None:
        return "; it sent no server name (SNI): no certificate of AWS's holds an address", SNI
    wanted = dict.fromkeys(each.endpoint for each in plan)
    if _is_of(event.server_name, wanted):
        return None
    return (
        f"; it asked for {event.server_name!r}, and the certificate is for endpoints: {' or '.join(wanted)}",
        NOT_ADDRESS,
    )


def _is_of(server_name: str, endpoints: Iterable[str]) -> bool:
    """Whether it is one of the endpoints, or its legacy name, in the local AWS's domain or in AWS's."""
    name = server_name.lower().rstrip(".")
    for domain in _DOMAINS_OF_AWS:
        if name.endswith(f".{domain}"):
            name = f"{name.removesuffix(domain)}localhost"
    return any(name in (each, each.replace("-ats.", ".", 1)) for each in endpoints)


def _names_an_endpoint(event: DeviceEvent, plan: Sequence[PlannedStage]) -> bool:
    """Whether what it sent is a name of the place where it was let in, jobs' and the credential provider's included."""
    there = [
        each.endpoint
        for each in plan
        if (each.record.account, each.record.region) == (event.account, event.region)
    ]
    names = [each.replace("-ats.", f".{of}.", 1) for each in there for of in ("jobs", "credentials")]
    return not there or _is_of(event.server_name or "", [*there, *names])


def _in_this_plan(
    event: DeviceEvent, chain: Sequence[x509.Certificate], plan: Sequence[PlannedStage]
) -> str | None:
    """Where AWS would take the device, where that differs from case to case."""
    if event.event in _LET_IN and event.server_name is None:
        return "the same: without SNI it lands with the DEFAULT owner of its CA, whatever endpoint it dialled"
    if event.event in _LET_IN and not _names_an_endpoint(event, plan):
        return "not documented: whether such a name, which is not an endpoint, leads to the DEFAULT owner of its CA"
    if event.event == "no-sni" and chain:
        owners = [
            stage.record.label
            for stage in plan
            if stage.ca.subject == chain[0].issuer and stage.record.certificate_mode == "DEFAULT"
        ]
        if owners:
            of_region = ", of the region whose address it dialled" if len(owners) > 1 else ""
            return f"it would land in {' or '.join(owners)}, the DEFAULT owner of its CA{of_region}"
    return None


def _sent(event: DeviceEvent, chain: Sequence[x509.Certificate]) -> dict[str, str]:
    known = {
        "SNI": event.server_name or ("none" if event.tls_offered else ""),
        "ALPN": ", ".join(event.alpn_offered),
        "TLS": event.tls or ", ".join(event.tls_offered),
        "suite": event.suite or ", ".join(event.suites_offered),
        "largest record": str(event.fragment or ""),
        "chain": " <- ".join(name_of(each.subject) for each in chain),
        "issuer": name_of(chain[-1].issuer) if chain else "",
        "key": describe_key(chain[0]) if chain else "",
        "valid": f"{chain[0].not_valid_before_utc:%Y-%m-%d} to {chain[0].not_valid_after_utc:%Y-%m-%d}"
        if chain
        else "",
        "MQTT": event.mqtt or "",
        "client id": event.client_id or "",
        "keep-alive": "" if event.keep_alive is None else f"{event.keep_alive} s",
    }
    return {name: value for name, value in known.items() if value}


def _warnings(
    event: DeviceEvent, chain: Sequence[x509.Certificate], plan: Sequence[PlannedStage]
) -> Iterator[str]:
    """What the local AWS lets pass, as AWS does, and what a maker wants to know all the same."""
    if event.event not in _LET_IN:
        return
    name = event.server_name or ""
    if not name:
        yield "it sends no SNI: SNI_ONLY stages do not know it, nor do custom domains and VPC endpoints"
    elif not _names_an_endpoint(event, plan):
        yield (
            f"it sends the server name {name!r}, which is not an endpoint: here that is as good as none, and SNI_ONLY "
            "stages do not know it; at AWS only a custom domain has such a name"
        )
    elif "-ats." not in name and name.split(".")[1:2] == ["iot"]:
        yield "it names the legacy endpoint, whose certificate at AWS many devices do not trust: use the one with -ats"
    if chain and is_ca(chain[0]):
        yield "its certificate is a CA's: whoever opens the device has a key that makes devices"
    if event.alpn_offered and not _APPLICATION_PROTOCOLS & set(event.alpn_offered):
        offered = ", ".join(event.alpn_offered)
        yield f"it offers ALPN {offered}: good on port 8883, not on 443, which wants x-amzn-mqtt-ca"
    if event.fragment is not None:
        yield (
            f"it asks for records of at most {event.fragment} bytes: whether AWS IoT obeys is not documented, "
            "have room for 16 KB"
        )
    keep_alive = event.keep_alive
    if keep_alive is not None and not _SHORTEST_KEEP_ALIVE <= keep_alive <= _LONGEST_KEEP_ALIVE:
        taken = _SHORTEST_KEEP_ALIVE if 0 < keep_alive < _SHORTEST_KEEP_ALIVE else _LONGEST_KEEP_ALIVE
        yield f"its keep-alive of {keep_alive} s is out of range: AWS IoT takes {taken} s"
