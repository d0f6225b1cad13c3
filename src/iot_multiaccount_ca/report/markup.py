"""HTML by the element, escaped by construction. Knows nothing of fleets."""

from __future__ import annotations

from .. import text

#: Elements that have no end tag.
_VOID = frozenset({"meta", "br", "col", "rect", "line", "path"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """An element. Children that are not `Markup` are escaped; None and empty ones are left out.

    An attribute's trailing underscore is dropped (``class_``), inner ones become hyphens; None leaves it out, True
    gives it without a value.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID and not children:
        return Markup(f"<{name}{written}>" if name in {"meta", "br", "col"} else f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def join(children: object) -> Markup:
    """Children one after the other, each escaped unless it is markup."""
    if isinstance(children, Markup):
        return children
    if isinstance(children, (tuple, list)):
        return Markup("".join(join(child) for child in children))
    return Markup("" if children is None else text.html_text(children))


def _attribute(key: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{text.html_text(value)}"'
