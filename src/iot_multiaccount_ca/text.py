"""Text from outside, made fit to be shown: subjects, names, AWS's messages, template text, what another program said.

Such text may hold what steers a terminal (escape sequences), what turns or hides the text around it (bidi overrides,
zero-width characters), and what a medium takes for its own marks. Every face shows it through this module. What
cannot be seen is written as a Python escape, such as ``\\x1b``; nothing is left out, and nothing is judged.

Numbers, plurals, times and how a program ended are here too, so that all faces write them alike.
"""

from __future__ import annotations

import html
import re
import shlex
import signal
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

# Characters that Unicode calls letters or marks, and that show as nothing (of its Default_Ignorable_Code_Point).
_INVISIBLE = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"  # in every script
    "\U000e0100-\U000e01ef"  # variation selectors
)
_HIDDEN = re.compile(f"[{_INVISIBLE}]")
# An underscore inside of a word begins nothing in GitHub's Markdown: SNI_ONLY stays readable as source.
_MARKDOWN = re.compile(r"([\\`*\[\]<>|~#&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
# What has a meaning in the CDK CLI's patterns.
_OF_PATTERNS = re.compile(r"[*?\[\]{}()!+@|\\]")
_KILLED = 128  # and the signal's number: the exit code of a shell
_NEWLINE = re.compile(r"\r\n?|\n")


def plain(text: object) -> str:
    """On one line, with everything escaped that cannot be seen: fit for a terminal, a pipe and a log."""
    shown = str(text)
    if shown.isascii() and shown.isprintable():
        return shown
    return "".join(each if _is_visible(each) else _escaped(each) for each in shown)


def lines(text: object) -> str:
    """As `plain`, but lines stay lines: for what another program printed, and for our own text of several lines."""
    return "\n".join(plain(line.expandtabs(4)) for line in _NEWLINE.split(str(text)))


def markdown(text: object) -> str:
    """As `plain`, and shown as it is in GitHub's Markdown, in a table's cell too."""
    return _MARKDOWN.sub(r"\\\1", plain(text))


def markdown_code(text: object) -> str:
    """As `plain`, as code in GitHub's Markdown, in a table's cell too, whatever backticks it holds."""
    shown = plain(text).replace("|", "\\|")
    fence = "`"
    while fence in shown:
        fence += "`"
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def html_text(text: object) -> str:
    """As `plain`, and as text or as a quoted attribute's value in HTML."""
    return html.escape(plain(text))


def shell(word: object) -> str:
    """A path or a name as a word of a command that is printed: the shell takes it as it is, and it can all be seen."""
    written = str(word)
    if isinstance(word, PurePath) and written.startswith("-"):
        written = f"./{written}"  # or the command takes it for an option
    if plain(written) == written:
        return shlex.quote(written)
    return "$'" + "".join(map(_in_shell, written)) + "'"


def one_stack(selector: str) -> str:
    """A stack as an argument of the CDK CLI, which takes patterns: this one and no other, whatever its name is."""
    return _OF_PATTERNS.sub(r"\\\g<0>", selector)


def number(count: int) -> str:
    """A count as every face writes it."""
    return f"{count:,}"


def counted(count: int, what: str, several: str | None = None) -> str:
    """A count with its noun: ``1 stage``, ``1,000 stages``; ``several`` is the plural, by default with an s."""
    return f"{number(count)} {what if count == 1 else several or f'{what}s'}"


def in_iso(moment: dt.datetime) -> str:
    """A time in UTC as records, documents and messages have it: ISO 8601, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def how_it_ended(code: int) -> str:
    """What became of a program that did not succeed, by what Python or a shell says of its end (-9, 137: SIGKILL)."""
    try:
        return f"was ended by {signal.Signals(-code if code < 0 else code - _KILLED).name}"
    except ValueError:
        return f"failed with exit code {code}"


def listed(names: Sequence[str], most: int = 10) -> str:
    """Names in a row; of very many the first, and how many there are more."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {number(more)} more" if more > 0 else "")


def _is_visible(character: str) -> bool:
    return character.isprintable() and not _HIDDEN.match(character)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _in_shell(character: str) -> str:
    """As bash and zsh have it between ``$'`` and ``'``."""
    if character in "\\'":
        return f"\\{character}"
    if _is_visible(character):
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a path that is not UTF-8, as Python holds it
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\U{code:08x}"
