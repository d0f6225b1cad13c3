"""``{{account}}``, ``{{region}}`` and ``{{partition}}`` in a user's document: what differs from stage to stage.

Policy variables (``${iot:…}``) are AWS IoT's own, and no placeholders.
"""

from __future__ import annotations

import re

PLACEHOLDERS = ("account", "region", "partition")
#: As a person writes them, for messages.
WRITTEN = ", ".join("{{" + name + "}}" for name in PLACEHOLDERS)
# No blanks beside the name in the expression itself: trying them again and again would take minutes on a long text.
_PLACEHOLDER = re.compile(r"\{\{([^{}]*)\}\}")


def unknown_placeholder(text: str) -> str | None:
    """The first placeholder that no stage can fill, as it would be written; `None` where there is none."""
    names = map(str.strip, _PLACEHOLDER.findall(text))
    return next(("{{" + name + "}}" for name in names if name not in PLACEHOLDERS), None)


def fill(text: str, *, account: str, region: str, partition: str) -> str:
    """The text for one stage. Ask `unknown_placeholder` first."""
    values = {"account": account, "region": region, "partition": partition}
    return _PLACEHOLDER.sub(lambda match: values[match.group(1).strip()], text)


def split(text: str) -> list[tuple[str, str | None]]:
    """The text in pieces, each with the placeholder that follows it; None behind the last. Ask `unknown_placeholder`
    first."""
    pieces: list[tuple[str, str | None]] = []
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        pieces.append((text[end : match.start()], match.group(1).strip()))
        end = match.end()
    return [*pieces, (text[end:], None)]
