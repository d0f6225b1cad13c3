"""How commands speak: tables and progress on a terminal, plain text in a pipe, JSON for programs. Knows no AWS.

Colours only on a terminal, and none where ``NO_COLOR`` is set. What is asked for goes to stdout, what is said about the
work to stderr. In a pipe a line is as long as it needs to be.
"""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console, RenderableType
    from rich.table import Table

_PIPE_WIDTH = 10_000


def console(*, stderr: bool = False) -> Console:
    """A console for stdout or stderr, as wide as the terminal, or as wide as it needs to be in a pipe."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    # A terminal or pipe of another encoding gets a question mark for a character that it lacks, not a traceback.
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
    made = Console(stderr=stderr, highlight=False, soft_wrap=False, emoji=False)
    if not made.is_terminal:
        made = Console(stderr=stderr, highlight=False, emoji=False, width=_PIPE_WIDTH)
    return made


def table(*headers: str, title: str | None = None) -> Table:
    """An empty table in the house's style: no boxes, bold headers."""
    from rich.table import Table

    made = Table(*headers, box=None, title=title, title_justify="left", pad_edge=False, header_style="bold")
    for column in made.columns:
        column.overflow = "fold"
    return made


def emit(where: Console, *renderables: RenderableType) -> None:
    """Print, without the blanks that tables put at the ends of lines."""
    for renderable in renderables:
        with where.capture() as captured:
            where.print(renderable)
        for line in captured.get().split("\n")[:-1]:
            click.echo(line.rstrip(" "), file=where.file, color=where.is_terminal)


def emit_json(shape: str, version: int, content: dict[str, Any]) -> None:
    """Print one JSON document that names its shape and the shape's version."""
    click.echo(json.dumps({"shape": shape, "version": version, **content}, indent=2, ensure_ascii=False))


def markdown_table(headers: list[str], rows: list[list[str]]) -> str:
    """A table in GitHub's Markdown."""

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return "\n".join([line(headers), line(["---"] * len(headers)), *(line(row) for row in rows)])


@contextlib.contextmanager
def progress(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr while it lasts; yields a function that is told how many are done more.

    Nothing is shown where stderr is no terminal.
    """
    bar_console = console(stderr=True)
    if not bar_console.is_terminal:
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=bar_console, transient=True) as bar:
        task = bar.add_task(description, total=total)
        yield lambda more: bar.advance(task, more)


@contextlib.contextmanager
def working(description: str) -> Iterator[None]:
    """A sign of life on stderr for work whose length nobody knows; nothing where stderr is no terminal."""
    with console(stderr=True).status(description):
        yield
