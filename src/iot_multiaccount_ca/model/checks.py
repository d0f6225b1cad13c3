"""Checks of single arguments that every value needs: of this type, really a bool. Knows no meaning."""

from __future__ import annotations

from ..errors import InvalidTypeError


def check_type(value: object, kind: type, what: str, maker: str) -> None:
    """Raise `InvalidTypeError` unless ``value`` is a ``kind``; ``maker`` is what makes one."""
    if not isinstance(value, kind):
        raise InvalidTypeError(
            f"{what} is of another kind",
            value=type(value).__name__,
            allowed=kind.__name__,
            fix=f"make it with {maker}",
        )
