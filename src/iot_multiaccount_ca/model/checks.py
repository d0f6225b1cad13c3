"""Checks of single arguments that every value needs: of this type, really a bool. Knows no meaning."""

from __future__ import annotations

from ..errors import InvalidFlagError, InvalidTypeError


def check_type(value: object, kind: type, what: str, maker: str) -> None:
    """Raise `InvalidTypeError` unless ``value`` is a ``kind``; ``maker`` is what makes one."""
    if not isinstance(value, kind):
        raise InvalidTypeError(
            f"{what} is of another kind",
            value=type(value).__name__,
            allowed=kind.__name__,
            fix=f"make it with {maker}",
        )


def check_flag(value: object, what: str) -> bool:
    """The flag itself; raises `InvalidFlagError` unless it is really a bool: the text ``"false"`` counts as true."""
    if not isinstance(value, bool):
        raise InvalidFlagError(
            f"{what} is neither True nor False",
            value=value,
            allowed="True, False",
            fix="give a bool; context given as `cdk -c name=false` arrives as text, so write "
            'node.try_get_context("name") in (True, "true")',
        )
    return value
