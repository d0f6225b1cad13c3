"""Writes docs/cli.md from the commands themselves, so that it cannot drift. A test compares; `python tools/cli_docs.py`
writes it anew."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from iot_multiaccount_ca.cli.root import COMMANDS, cli

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET = Path(__file__).parents[1] / "docs" / "cli.md"
_HEAD = """# Command line

<!-- Written by tools/cli_docs.py from the commands; do not edit by hand. -->

Every command has `--help`. What is asked for goes to stdout, everything else to stderr. An error is a sentence on
stderr and exit code 2; `iot-ca --debug COMMAND …` shows its traceback. Colours are for terminals only, and `NO_COLOR`
switches them off. The shapes of JSON documents are in [json.md](json.md).
"""


def document() -> str:
    """The whole page."""
    context = click.Context(cli, info_name="iot-ca")
    names = [name for name in cli.list_commands(context) if _is_there(name)]
    index = "\n".join(f"- [`iot-ca {name}`](#iot-ca-{name})" for name in names)
    return "\n".join([_HEAD, index, "", *(_section(context, name) for name in names)]).rstrip() + "\n"


def _is_there(name: str) -> bool:
    module, _, _ = COMMANDS[name]
    return importlib.util.find_spec(f"iot_multiaccount_ca.cli.commands.{module}") is not None


def _section(parent: click.Context, name: str) -> str:
    command = cli.get_command(parent, name)
    if command is None:
        raise LookupError(name)
    context = click.Context(command, info_name=name, parent=parent)
    usage = " ".join([f"iot-ca {name}", *command.collect_usage_pieces(context)])
    head = [f"## iot-ca {name}", "", "```", usage, "```", ""]
    return "\n".join([*head, *_prose(command.help or ""), *_options(command, context), ""])


def _prose(text: str) -> Iterator[str]:
    """Paragraphs as they are; those that click keeps as written (after \\b) become code."""
    for paragraph in text.replace("\f", "").strip().split("\n\n"):
        if paragraph.lstrip().startswith("\b"):
            yield from ["```sh", *_examples(paragraph.replace("\b", "").strip().splitlines()), "```", ""]
        else:
            yield from [" ".join(paragraph.split()), ""]


def _examples(lines: list[str]) -> Iterator[str]:
    for line in lines:
        label, separator, command = line.strip().partition(": iot-ca ")
        if separator and label != "Example":
            yield f"# {label}"
        yield f"iot-ca {command}" if separator else line.strip().removeprefix("Example: ")


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    records = [record for each in command.get_params(context) if (record := each.get_help_record(context))]
    records = [record for record in records if record[1] and "--help" not in record[0]]
    if records:
        yield from ["| option | meaning |", "| --- | --- |"]
        for flags, meaning in records:
            yield f"| `{_cell(flags)}` | {_cell(meaning)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
    sys.stdout.write(f"wrote {TARGET}\n")
