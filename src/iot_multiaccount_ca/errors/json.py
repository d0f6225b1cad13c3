"""JSON from outside that is not taken as it stands."""

from __future__ import annotations

from .base import SharedCaError


class JsonError(SharedCaError):
    """JSON text that is not taken as it stands."""


class UnreadableJsonError(JsonError):
    """A file that cannot be read, or text that is not JSON."""


class JsonEncodingError(JsonError):
    """Text that is not UTF-8, or begins with a byte order mark."""


class DuplicateJsonKeyError(JsonError):
    """An object with one key twice, of which the last would silently count."""


class JsonNumberError(JsonError):
    """NaN, Infinity, or a number too large to be told from it: JSON has none of them."""


class JsonTooDeepError(JsonError):
    """Objects and lists nested deeper than anything meant to be read."""


class AssemblyError(SharedCaError):
    """A cloud assembly that cannot be read."""
