"""The function's environment as values: the one place in which this Lambda reads it.

``constructs/jitr.py`` of the library writes it, the enrollment out of ``model/jitr/enrollment.py``. What the library
would not have written is an error, never a wider admission.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

CERTIFICATE_ID = re.compile(r"[0-9a-f]{64}")
_ADMISSION = frozenset({"everyone", "list", "subject", "notBefore", "notAfter"})
_SOURCES = frozenset({"PARAMETER", "TABLE"})
_LISTED_BY = frozenset({"FINGERPRINT", "SERIAL_NUMBER"})


class InvalidSettingsError(Exception):
    """An environment that the library would not have written."""


@dataclass(frozen=True)
class AllowList:
    """Where admitted certificates are listed, and by what."""

    source: str
    name: str
    key: str | None
    by: str


@dataclass(frozen=True)
class Admission:
    """Who may enroll; of several conditions all must hold, and without any nobody may."""

    everyone: bool
    allow_list: AllowList | None
    subject: Mapping[str, str]
    not_before: dt.datetime | None
    not_after: dt.datetime | None

    @property
    def closed(self) -> bool:
        """Whether nobody at all is admitted."""
        return not (self.everyone or self.allow_list or self.subject)


@dataclass(frozen=True)
class Thing:
    """The thing that an admitted device gets."""

    name: str
    kind: str | None
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Settings:
    """What this function is for."""

    ca_certificate_id: str
    policy_name: str
    admission: Admission
    thing: Thing | None


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings; raises `InvalidSettingsError`."""
    try:
        enrollment = json.loads(environment["ENROLLMENT"], object_pairs_hook=_members)
        ca_certificate_id, policy_name = environment["CA_CERTIFICATE_ID"], environment["POLICY_NAME"]
        if not CERTIFICATE_ID.fullmatch(ca_certificate_id) or not policy_name:
            message = "no CA or no policy"
            raise InvalidSettingsError(message)
        thing = enrollment.get("thing")
        return Settings(
            ca_certificate_id,
            policy_name,
            _admission(enrollment["admission"]),
            Thing(thing["name"], thing.get("type"), tuple(thing["groups"])) if thing else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"the function's environment cannot be read: {type(error).__name__}: {error}"
        raise InvalidSettingsError(message) from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        message = f"a key stands twice among {', '.join(key for key, _ in pairs)}"
        raise InvalidSettingsError(message)
    return found


def _admission(written: Mapping[str, Any]) -> Admission:
    unknown = set(written) - _ADMISSION
    if unknown or not isinstance(written["everyone"], bool):
        message = f"an admission with {sorted(unknown) or written['everyone']!r}"
        raise InvalidSettingsError(message)
    allow_list = None
    if "list" in written:
        # An empty one too is a list that somebody meant, and not none.
        listed = dict(written["list"])
        allow_list = AllowList(
            listed.pop("type"), listed.pop("name"), listed.pop("key", None), listed.pop("by")
        )
        if listed:
            message = f"an allow-list with {sorted(listed)}"
            raise InvalidSettingsError(message)
    if allow_list and (allow_list.source not in _SOURCES or allow_list.by not in _LISTED_BY):
        message = f"an allow-list of {allow_list.source} by {allow_list.by}"
        raise InvalidSettingsError(message)
    return Admission(
        written["everyone"],
        allow_list,
        dict(written.get("subject", {})),
        *(_moment(written.get(name)) for name in ("notBefore", "notAfter")),
    )


def _moment(text: str | None) -> dt.datetime | None:
    if text is None:
        return None
    moment = dt.datetime.fromisoformat(text)
    if moment.utcoffset() is None:
        message = f"{text} has no zone"
        raise ValueError(message)
    return moment
