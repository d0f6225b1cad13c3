"""A device's connection, told for the plan that it should land in: what it sent, what AWS would do, what to change.

Says nothing that is not known: an event that it does not know has no sentence of its own but the broker's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from .diagnosis_texts import MEANINGS, Meaning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..model.assembly import RegistrationRecord
    from .device_events import DeviceEvent

_UNKNOWN = Meaning("unknown", None)
_APPLICATION_PROTOCOLS = {"x-amzn-mqtt-ca", "x-amzn-http-ca"}
_SHORTEST_KEEP_ALIVE, _LONGEST_KEEP_ALIVE = 30, 1200


@dataclass(frozen=True)
class PlannedStage:
    """A registration of the plan, with the endpoint of its account and region and its CA's certificate."""

    record: RegistrationRecord
    endpoint: str
    ca: x509.Certificate


@dataclass(frozen=True)
class Diagnosis:
    """``sent``: what is known of the device, by name. ``warnings``: what works, and should not be relied on."""

    event: str
    says: str
    aws: str
    fix: str | None
    stage: str | None
    sent: dict[str, str]
    warnings: tuple[str, ...]


def diagnose(event: DeviceEvent, plan: Sequence[PlannedStage]) -> Diagnosis:
    """What an event means for this plan."""
    meaning = MEANINGS.get(event.event, _UNKNOWN)
    chain = _certificates(event)
    says, fix = event.says, meaning.fix
    if event.event in ("unknown-issuer", "not-registered") and chain:
        about, fix = _about_issuer(chain, plan)
        says = f"{says}: {about}"
    return Diagnosis(
        event=event.event,
        says=says,
        aws=_in_this_plan(event, chain, plan) or meaning.aws,
        fix=fix,
        stage=next(
            (
                each.record.label
                for each in plan
                if (each.record.account, each.record.region) == (event.account, event.region)
            ),
            None,
        ),
        sent=_sent(event, chain),
        warnings=tuple(_warnings(event)),
    )


def _certificates(event: DeviceEvent) -> list[x509.Certificate]:
    found = []
    for der in event.certificates:
        try:
            found.append(x509.load_der_x509_certificate(der))
        except ValueError:
            break  # what follows has no place in a chain
    return found


def _about_issuer(chain: Sequence[x509.Certificate], plan: Sequence[PlannedStage]) -> tuple[str, str]:
    """How the signer differs from what the plan registers, and what to do."""
    leaf = chain[0]
    signer = _name(leaf.issuer)
    above = {_name(each.issuer) for each in chain[1:]}
    for stage in plan:
        if stage.ca.subject == leaf.issuer:
            return (
                f"its certificate names {signer} as its issuer, as the plan does, and another key signed it",
                "sign with the key of the registered CA, or register the CA that signed it",
            )
        if _name(stage.ca.subject) in above:
            root = _name(stage.ca.subject)
            return (
                f"it was signed by {signer}, and the plan registers {root}, which is further up its chain",
                f"register {signer}, the CA that signs devices, in place of {root}",
            )
    planned = ", ".join(sorted({_name(stage.ca.subject) for stage in plan}))
    return (
        f"it was signed by {signer}, and the plan registers {planned}",
        f"issue it from {planned}, or register {signer}",
    )


def _in_this_plan(
    event: DeviceEvent, chain: Sequence[x509.Certificate], plan: Sequence[PlannedStage]
) -> str | None:
    """Where AWS would take the device, where that differs from case to case."""
    if event.event in ("connected", "registered", "provisioned", "published") and event.server_name is None:
        return "the same: without SNI it lands with the DEFAULT owner of its CA, whatever endpoint it dialled"
    if event.event == "no-sni" and chain:
        owners = [
            stage.record.label
            for stage in plan
            if stage.ca.subject == chain[0].issuer and stage.record.certificate_mode == "DEFAULT"
        ]
        if owners:
            return f"it would land in {', '.join(owners)}, the DEFAULT owner of its CA"
    return None


def _sent(event: DeviceEvent, chain: Sequence[x509.Certificate]) -> dict[str, str]:
    known = {
        "SNI": event.server_name or ("none" if event.tls_offered else ""),
        "ALPN": ", ".join(event.alpn_offered),
        "TLS": event.tls or ", ".join(event.tls_offered),
        "suite": event.suite or ", ".join(event.suites_offered),
        "largest record": str(event.fragment or ""),
        "chain": " <- ".join(_name(each.subject) for each in chain),
        "issuer": _name(chain[-1].issuer) if chain else "",
        "key": _key(chain[0]) if chain else "",
        "valid": f"{chain[0].not_valid_before_utc:%Y-%m-%d} to {chain[0].not_valid_after_utc:%Y-%m-%d}"
        if chain
        else "",
        "MQTT": event.mqtt or "",
        "client id": event.client_id or "",
        "keep-alive": "" if event.keep_alive is None else f"{event.keep_alive} s",
    }
    return {name: value for name, value in known.items() if value}


def _warnings(event: DeviceEvent) -> Iterator[str]:
    """What the local AWS lets pass, as AWS does, and what a maker wants to know all the same."""
    if event.event not in ("connected", "published", "registered", "provisioned"):
        return
    name = event.server_name or ""
    if not name:
        yield "it sends no SNI: SNI_ONLY stages do not know it, nor do custom domains and VPC endpoints"
    elif "-ats." not in name and name.split(".")[1:2] == ["iot"]:
        yield "it names the legacy endpoint, whose certificate at AWS many devices do not trust: use the one with -ats"
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


def _name(name: x509.Name) -> str:
    return name.rfc4514_string() or "a name without text"


def _key(certificate: x509.Certificate) -> str:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "of a kind that cannot be read"
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey")
