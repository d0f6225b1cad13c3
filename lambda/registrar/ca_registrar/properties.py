"""The request's properties as values; they arrive as strings. The constructs' ``request_properties.py`` writes them."""

from __future__ import annotations

import hashlib
import json
import re
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import RegistrarError
from .ownership import KEYS, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

CERTIFICATE_ID = re.compile(r"[0-9a-f]{64}")
_FLAGS = {"true": True, "false": False}


class InvalidPropertiesError(RegistrarError):
    """Properties that the library would not have written."""


def der_of(pem: str) -> bytes:
    """The certificate itself: two PEM texts of one certificate are equal in this."""
    return ssl.PEM_cert_to_DER_cert(pem.strip())


def readable_pem(value: object) -> str | None:
    """The value, if it is a PEM certificate."""
    try:
        return value if isinstance(value, str) and der_of(value) else None
    except ValueError:
        return None


def digest_of(pem: str) -> str:
    """SHA-256 of the certificate's DER: what AWS IoT makes a certificate's id of, as far as is known."""
    return hashlib.sha256(der_of(pem)).hexdigest()


@dataclass(frozen=True)
class Wanted:
    """A registration as it is asked for."""

    pem: str
    mode: str
    active: bool
    auto_registration: bool
    template_name: str | None
    verification: Mapping[str, str] | None
    allow_mode_change: bool
    adopt: bool
    adopt_from_stack: str | None
    adopt_template_role_arn: str | None
    tags: Mapping[str, str]
    fingerprint: str

    @property
    def digest(self) -> str:
        """SHA-256 of the certificate's DER."""
        return digest_of(self.pem)

    @property
    def status(self) -> str:
        """As AWS has it."""
        return "ACTIVE" if self.active else "INACTIVE"

    @property
    def auto_status(self) -> str:
        """As AWS has it."""
        return "ENABLE" if self.auto_registration else "DISABLE"

    @property
    def settings(self) -> Settings:
        """What of it can be changed in place."""
        return Settings(self.status, self.auto_status, self.template_name)


@dataclass(frozen=True)
class Former:
    """What is used of former properties, which may be a newer version's."""

    pem: str | None
    allow_mode_change: bool
    tags: Mapping[str, str]
    fingerprint: str


def read_wanted(properties: Mapping[str, Any]) -> Wanted:
    """The properties that are asked for; raises `InvalidPropertiesError`."""
    pem = _text(properties, "CaCertificatePem")
    if readable_pem(pem) is None:
        raise InvalidPropertiesError("the property CaCertificatePem holds no PEM certificate")
    config = properties.get("RegistrationConfig") or {}
    verification = properties.get("Verification")
    return Wanted(
        pem=pem,
        mode=_word(properties, "CertificateMode", ("DEFAULT", "SNI_ONLY")),
        active=_flag(properties, "Active"),
        auto_registration=_flag(properties, "AutoRegistration"),
        template_name=_text(config, "TemplateName") if config else None,
        verification=dict(verification) if verification else None,
        allow_mode_change=_flag(properties, "AllowModeChange"),
        adopt=_word(properties, "OnExisting", ("FAIL", "ADOPT")) == "ADOPT",
        adopt_from_stack=properties.get("AdoptFromStack") or None,
        adopt_template_role_arn=properties.get("AdoptTemplateRoleArn") or None,
        tags=_tags(properties),
        fingerprint=_fingerprint(properties),
    )


def read_former(properties: Mapping[str, Any] | None) -> Former:
    """What can be used of them; nothing in them is an error."""
    given = properties or {}
    tags = given.get("Tags")
    pairs = [tag for tag in tags if isinstance(tag, dict)] if isinstance(tags, list) else []
    return Former(
        pem=readable_pem(given.get("CaCertificatePem")),
        allow_mode_change=given.get("AllowModeChange") == "true",
        tags={str(tag.get("Key")): str(tag.get("Value")) for tag in pairs},
        fingerprint=_fingerprint(given),
    )


def _fingerprint(properties: Mapping[str, Any]) -> str:
    """What tells properties from others: a roll-back brings those of the failed Update as the former ones."""
    return hashlib.sha256(json.dumps(properties, sort_keys=True).encode()).hexdigest()[:32]


def _text(properties: Mapping[str, Any], name: str) -> str:
    value = properties.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidPropertiesError(f"the property {name} is missing or no text")
    return value


def _word(properties: Mapping[str, Any], name: str, words: tuple[str, ...]) -> str:
    value = properties.get(name)
    if value not in words:
        raise InvalidPropertiesError(f"the property {name} is {value!r}; allowed: {', '.join(words)}")
    return str(value)


def _flag(properties: Mapping[str, Any], name: str) -> bool:
    return _FLAGS[_word(properties, name, tuple(_FLAGS))]


def _tags(properties: Mapping[str, Any]) -> dict[str, str]:
    tags = properties.get("Tags") or []
    try:
        return {str(tag["Key"]): str(tag["Value"]) for tag in tags if tag["Key"] not in KEYS}
    except (TypeError, KeyError):
        raise InvalidPropertiesError("the property Tags is not a list of Key and Value") from None
