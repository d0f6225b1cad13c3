"""How commands speak: tables and progress on a terminal, plain text in a pipe, JSON for programs. Knows no AWS.

Colours only on a terminal, or where ``FORCE_COLOR`` asks for them, and none where ``NO_COLOR`` is set. What is asked
for goes to stdout, what is said about the work to stderr. In a pipe a line is as long as it needs to be. All that
commands print goes through this module, and what comes from outside through `text`: no command prints by itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from .. import text
from ..errors import NoTerminalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

_PIPE_WIDTH = 10_000
_UNKNOWN_WIDTH, _HEIGHT = 80, 25
_GAP = 2
# A command in backticks, with what sticks to it; or a word.
_ATOM = re.compile(r"[^\s`]*`[^`]*`\S*|\S+")
_COLOURS = re.compile(r"(\x1b\[[0-9;]*m)")
_BLANKS_AT_ENDS = re.compile(r" +((?:\x1b\[[0-9;]*m)*)$", re.MULTILINE)
_UNKNOWN = "-"
# The streams of this process whose reader was found to be gone.
_silenced: set[int] = set()
# GitHub takes 65,536 characters in a comment; whoever posts it may want to say something above.
_LONGEST_MARKDOWN = 60_000
_NOTE_OF_A_CUT = 200


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column. ``rank`` 0 is always shown; where the terminal is too narrow, the highest is left out first."""

    header: str
    rank: int = 0
    right: bool = False


def console(*, stderr: bool = False) -> Console:
    """A console for stdout or stderr, as wide as the terminal, or as wide as it needs to be in a pipe."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = _columns(stream) if stream.isatty() else _PIPE_WIDTH
    # Without a height, the width of a terminal that knows no escape sequences is not taken.
    return Console(stderr=stderr, highlight=False, emoji=False, width=width, height=_HEIGHT)


def _columns(stream: Any) -> int:
    """How wide a terminal is: as ``COLUMNS`` says, or as it says itself, whatever else it can do."""
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isdecimal() and int(wanted):
        return int(wanted)
    return os.get_terminal_size(stream.fileno()).columns or _UNKNOWN_WIDTH


def cell(content: object, style: str = "") -> Text:
    """One line of text for a table, a line or a paragraph, whatever it holds."""
    from rich.text import Text

    return Text(text.plain(content), style=style)


def say(*each: str, err: bool = False) -> None:
    """Print lines, each on one line whatever it holds; on stderr what is said about the work. None is an empty line."""
    shown = "\n".join(map(text.plain, each or ("",)))
    _write(shown + "\n", sys.stderr if err else sys.stdout, colour=False)


def say_markdown(parts: Iterable[str]) -> None:
    """Print Markdown, an empty line between its parts; what in them comes from outside `text` has made fit.

    Of more than a comment on GitHub holds, the longest parts are cut between their lines, and that is said.
    """
    shown = list(parts)
    for _ in range(len(shown)):
        excess = sum(map(len, shown)) + 2 * len(shown) - _LONGEST_MARKDOWN
        if excess > 0:
            longest = max(range(len(shown)), key=lambda number: len(shown[number]))
            shown[longest] = _cut(shown[longest], excess)
    say(*"\n\n".join(shown).split("\n"))


def emit(where: Console, *renderables: RenderableType) -> None:
    """Print, without the blanks that tables put at the ends of lines."""
    for renderable in renderables:
        with where.capture() as captured:
            where.print(renderable)
        _write(_BLANKS_AT_ENDS.sub(r"\1", captured.get()), where.file, colour=where.is_terminal)


def emit_table(where: Console, columns: Sequence[Column], rows: Sequence[Sequence[Text | str]]) -> None:
    """Print a table whose cells are never cut or folded.

    What does not fit into the terminal's width is left out by rank, and that is said. Where even the columns of rank 0
    do not fit, each row is a block of lines. A pipe gets every column.
    """
    cells = [[each if not isinstance(each, str) else cell(each) for each in row] for row in rows]
    widths = [
        max([len(column.header), *(row[number].cell_len for row in cells)])
        for number, column in enumerate(columns)
    ]
    shown = _fitting(columns, widths, where.width) if where.is_terminal else list(range(len(columns)))
    if sum(widths[number] + _GAP for number in shown) - _GAP <= where.width or not where.is_terminal:
        grid = table(*(columns[number].header for number in shown))
        for at, number in enumerate(shown):
            grid.columns[at].no_wrap = True
            if columns[number].right:
                grid.columns[at].justify = "right"
        for row in cells:
            grid.add_row(*(row[number] for number in shown))
        emit(where, grid)
        left_out = [column.header for number, column in enumerate(columns) if number not in shown]
        if left_out:
            paragraph(where, f"left out for want of width: {', '.join(left_out)}", "dim")
    else:
        _emit_blocks(where, columns, cells)


def paragraph(where: Console, sentence: str, style: str = "", *, indent: int = 0, hanging: int = 0) -> None:
    """Print a sentence, wrapped between words: no `command` in it, no identifier and no path is broken in two.

    One that is longer than the terminal is wide has a line to itself, which the terminal folds: it can be copied whole.
    """
    from rich.text import Text

    for each in _wrapped(where, sentence, " " * indent, " " * (indent + hanging)):
        emit_unwrapped(where, Text(each, style=style))


def emit_facts(where: Console, facts: Sequence[tuple[str, str, str]]) -> None:
    """Print names in a column, each with its value and the value's style, wrapped as a `paragraph` is."""
    from rich.text import Text

    label = max((len(name) for name, _, _ in facts), default=0) + _GAP
    for name, value, style in facts:
        first, *more = _wrapped(where, value, " " * label, " " * label)
        head = Text.assemble((f"{name:{label}}", "bold"), (first.lstrip(" "), style))
        # A value that does not fit beside its name stands below it, and can be copied whole.
        if where.is_terminal and head.cell_len > where.width:
            head = Text.assemble((name, "bold"), "\n  ", (first.lstrip(" "), style))
        emit_unwrapped(where, head)
        for each in more:
            emit_unwrapped(where, Text(each, style=style))


def emit_unwrapped(where: Console, content: Text) -> None:
    """Print lines as they are: one that is longer than the terminal is wide is folded by the terminal alone."""
    with where.capture() as captured:
        where.print(content, soft_wrap=True)
    _write(captured.get(), where.file, colour=where.is_terminal)


def table(*headers: str, title: str | None = None) -> Table:
    """An empty table in the house's style: no boxes, bold headers."""
    from rich.table import Table

    made = Table(*headers, box=None, title=title, title_justify="left", pad_edge=False, header_style="bold")
    for column in made.columns:
        column.overflow = "fold"
    return made


def emit_json(shape: str, version: int, content: dict[str, Any]) -> None:
    """Print one JSON document that names its shape and the shape's version.

    All in ASCII: no character from outside reaches the terminal raw, and every encoding can carry it.
    """
    _write(
        json.dumps({"shape": shape, "version": version, **content}, indent=2) + "\n", sys.stdout, colour=False
    )


def markdown_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in GitHub's Markdown. Cells are text, not Markdown."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    return "\n".join(
        [
            line(headers),
            line(["---"] * len(headers)),
            *(line([text.markdown(each) for each in row]) for row in rows),
        ]
    )


def ask_secret(question: str) -> str:
    """Ask for a passphrase or PIN without showing it; raises `NoTerminalError` where nobody could answer."""
    if not sys.stdin.isatty():
        raise NoTerminalError(
            f"{question}: it has to be asked for, and there is no terminal to ask on",
            fix="run the command in a terminal, or give a key that needs none",
        )
    answer: str = click.prompt(text.plain(question), hide_input=True, err=True)
    return answer


def ask_whether(question: str, *, otherwise: str) -> bool:
    """Ask for a yes or no, no by default; raises `NoTerminalError`, with what else to do, where nobody could answer."""
    if not sys.stdin.isatty():
        raise NoTerminalError(f"{question} There is no terminal to ask on", fix=otherwise)
    answer: bool = click.confirm(text.plain(question), default=False, err=True)
    return answer


@contextlib.contextmanager
def progress(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr while it lasts; yields a callback that takes the number of items just finished.

    Nothing is shown where stderr is not a terminal.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=total)
        yield lambda more: bar.advance(task, more)


@contextlib.contextmanager
def working(description: str) -> Iterator[Callable[[str], None]]:
    """A sign of life on stderr for work whose length nobody knows; nothing where stderr is not a terminal.

    Yields a callback that takes what goes on in it, of which so much is shown as fits.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    where = console(stderr=True)
    spinner = "line" if where.options.ascii_only else "dots"
    with where.status(cell(description), spinner=spinner) as status:

        def show(line: str) -> None:
            room = max(20, where.width - len(description) - 6)
            status.update(cell(f"{description}: {' '.join(line.split())[:room]}"))

        yield show


def _cut(part: str, excess: int) -> str:
    """Its first lines, shorter by that many characters, and how many lines there are more; of code, none."""
    room = max(len(part) - excess, 0)
    lines, kept = part.split("\n"), 0
    while not part.startswith("```") and kept < len(lines) and room - len(lines[kept]) > _NOTE_OF_A_CUT:
        room -= len(lines[kept]) + 1
        kept += 1
    more = text.counted(len(lines) - kept, "more line is", "more lines are")
    note = f"{more} left out here, as GitHub takes no longer comment; `--json` leaves out nothing."
    return "\n".join([*lines[:kept], *([""] if kept else []), note])


def _fitting(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """The columns that fit: all, or without those of the highest ranks, the last of a rank first."""
    shown = list(range(len(columns)))
    while sum(widths[number] + _GAP for number in shown) - _GAP > room:
        droppable = [number for number in shown if columns[number].rank > 0]
        if not droppable:
            break
        shown.remove(max(droppable, key=lambda number: (columns[number].rank, number)))
    return shown


def _emit_blocks(where: Console, columns: Sequence[Column], cells: Sequence[Sequence[Text]]) -> None:
    """A line a cell: for terminals that are narrower than one row's identifiers."""
    from rich.text import Text

    label = max(len(column.header) for column in columns)
    for position, row in enumerate(cells):
        if position:
            emit(where, "")
        for column, content in zip(columns, row, strict=True):
            if label + _GAP + content.cell_len <= where.width:
                gap = f"{'':{label - len(column.header) + _GAP}}"
                emit_unwrapped(where, Text.assemble((column.header, "bold"), gap, content or _UNKNOWN))
                continue
            emit_unwrapped(where, Text(column.header, style="bold"))
            for each in _wrapped(where, content.plain, "  ", "  "):
                emit_unwrapped(where, Text(each, style=content.style))


def _wrapped(where: Console, sentence: str, begin: str, hanging: str) -> list[str]:
    """The sentence in lines that fit, broken between words alone; with what begins the first, and the others."""
    from rich.cells import cell_len

    room = where.width if where.is_terminal else _PIPE_WIDTH
    made, line = [], begin
    for atom in _ATOM.findall(text.plain(sentence)):
        started = line.strip() != ""
        if started and cell_len(line) + 1 + cell_len(atom) > room:
            made.append(line)
            line, started = hanging, False
        line += f" {atom}" if started else atom
    return [*made, line]


def _write(content: str, stream: Any, *, colour: bool) -> None:
    """Write; a reader who has seen enough (``| head``) is not an error, and changes no exit code.

    The last gate: whatever a caller forgot, no escape sequence but our own colours gets through, and none in a pipe.
    """
    pieces = _COLOURS.split(content) if colour else [content]
    fit = "".join(each if number % 2 else text.lines(each) for number, each in enumerate(pieces))
    try:
        click.echo(fit, file=stream, nl=False, color=colour)
        stream.flush()
    except BrokenPipeError:
        silence(stream)


def take_any_character() -> None:
    """A terminal or pipe of another encoding gets a question mark for a character that it lacks, not a failure."""
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", None) in {"strict", "surrogateescape"} and hasattr(
            stream, "reconfigure"
        ):
            stream.reconfigure(errors="replace")


def reader_is_gone() -> bool:
    """Whether nobody can read what goes to stdout any more: the other end of its pipe is closed."""
    import select

    if sys.stdout.fileno() in _silenced:
        return True
    if not hasattr(select, "poll"):
        return False  # then the next line that is written finds out
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def silence(stream: Any) -> None:
    """From now on, what is written there goes nowhere: the reader of the pipe is gone."""
    _silenced.add(stream.fileno())
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
