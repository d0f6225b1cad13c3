"""What the fields of a record in the cloud assembly may be: in words, and as a question. Knows no record.

A record is metadata that anybody may have edited, or another version written: every field is checked when it is read.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

from ..errors import AssemblyError
from .checks import is_certificate_id
from .target import is_account, is_region

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Fits = Callable[[Any], bool]
    #: What a field may be, in words, and whether a value is that.
    Form = tuple[str, Fits]

RECORD_VERSION = 1
#: What to do about a record that cannot be.
SYNTHESIZE = "synthesize the app anew"


def camel(name: str) -> str:
    """A field's name as metadata has it: ``not_valid_after`` is ``notValidAfter``."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def check_version(data: Mapping[str, Any]) -> None:
    """Raise `AssemblyError` for a record of another version of this library."""
    if data.get("version") != RECORD_VERSION:
        raise AssemblyError(
            "the cloud assembly was made by another version of this library",
            value=data.get("version"),
            allowed=f"record version {RECORD_VERSION}",
            fix="synthesize the app anew with the version that this tool is of",
        )


def check_fields(
    values: Mapping[str, Any], forms: Mapping[str, Form], what: str, *, fix: str = SYNTHESIZE
) -> None:
    """Raise `AssemblyError` for a field of ``what`` that cannot be."""
    for name, value in values.items():
        allowed, fits = forms[name]
        if not fits(value):
            raise AssemblyError(
                f"{camel(name)} of {what} {'is missing' if value is None else 'is malformed'}",
                value=value,
                allowed=allowed,
                fix=fix,
            )


def matching(form: str) -> Fits:
    """Whether it is a text of that form, all of it."""
    return lambda value: isinstance(value, str) and re.fullmatch(form, value, re.ASCII) is not None


def or_none(form: Form) -> Form:
    """The same, or null."""
    words, fits = form
    return f"{words}, or null", lambda value: value is None or fits(value)


def list_of(form: Form) -> Form:
    """A list of the same."""
    words, fits = form
    return f"a list of: {words}", lambda value: isinstance(value, list) and all(fits(each) for each in value)


def _is_time(value: Any) -> bool:
    try:
        return dt.datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


TEXT: Form = ("a text", lambda value: isinstance(value, str) and value != "")
ANY_TEXT: Form = ("a text", lambda value: isinstance(value, str))
FLAG: Form = ("true or false", lambda value: isinstance(value, bool))
TIME: Form = ("a time in ISO 8601, with its zone", _is_time)
OBJECT: Form = ("an object", lambda value: isinstance(value, dict))
FILE: Form = ("a file's name", matching(r"[A-Za-z0-9_.-]+"))
ACCOUNT: Form = ("12 digits", is_account)
REGION: Form = ("a region's name", is_region)
PARTITION: Form = ("a partition's name", matching(r"[a-z-]{1,20}"))
CERTIFICATE_ID: Form = ("64 hex digits", is_certificate_id)
