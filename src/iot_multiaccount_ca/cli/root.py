"""The group of commands, each loaded when it is called: ``iot-ca --help`` imports none of them."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from .._version import __version__
from . import failures

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Set by shells that ask for completions, as click has it.
_COMPLETION = "_IOT_CA_COMPLETE"
_KEPT_HYPHEN = "\u2011"  # the non-breaking one
# command -> (module, attribute, what --help says of it)
COMMANDS = {
    "init": ("init", "init", "Write a whole app into a folder."),
    "plan": ("plan", "plan", "Show what an app registers, and where."),
    "verify": ("verify", "verify", "Hold every stage's live state against the plan."),
    "repair": ("repair", "repair", "Print the command that puts right what differs."),
    "report": ("report", "report", "Write the fleet as one HTML page."),
    "simulate": ("simulate", "simulate", "Show what JITP would do with a device, offline."),
    "create-ca": ("create_ca", "create_ca", "Make a development CA: certificate and key."),
    "rehearse": (
        "rehearse",
        "rehearse",
        "Deploy an app to a local AWS and move a device through its stages.",
    ),
    "listen": ("listen", "listen", "Wait for boards on a local AWS, and say what AWS would do with each."),
    "registration-code": (
        "registration_code",
        "registration_code",
        "Ask the DEFAULT stages for their registration codes.",
    ),
    "verification-cert": (
        "verification_cert",
        "verification_cert",
        "Sign verification certificates, offline if you like.",
    ),
}


class _HelpFormatter(click.HelpFormatter):
    """Click's, which would break names and commands at their hyphens: here a hyphen is no place to break."""

    def write(self, string: str) -> None:
        """Write it with its hyphens."""
        super().write(string.replace(_KEPT_HYPHEN, "-"))

    def write_text(self, text: str) -> None:
        """Wrap a paragraph."""
        super().write_text(text.replace("-", _KEPT_HYPHEN))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write options with what they mean."""
        kept = [(name, meaning.replace("-", _KEPT_HYPHEN)) for name, meaning in rows]
        super().write_dl(kept, col_max, col_spacing)


class _Context(click.Context):
    formatter_class = _HelpFormatter


class LazyCommands(click.Group):
    """A group whose commands live in modules of their own."""

    context_class = _Context

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(
            importlib.import_module(f".commands.{module}", __package__), attribute
        )
        command.context_class = _Context
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][2]) for name in sorted(COMMANDS)])


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="iot-ca")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Register one device CA in many AWS accounts: plan, check, rehearse.

    \b
    Example: iot-ca rehearse --ca-key fleet-ca.key
    """
    ctx.obj = {"debug": debug}


def run(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line, and end the process with its exit code."""
    arguments = list(sys.argv[1:] if args is None else args)
    failures.run(lambda: _invoke(arguments), debug="--debug" in arguments)


def _invoke(arguments: list[str]) -> int | None:
    if _COMPLETION in os.environ:
        try:
            cli.main(args=arguments, prog_name="iot-ca")
        except SystemExit as ended:  # with 1 for a shell that click does not know
            return failures.FAILED if ended.code else 0
    # Not cli.main: it has exit codes of its own for Ctrl-C and for a closed pipe.
    try:
        with cli.make_context("iot-ca", arguments or ["--help"]) as context:
            cli.invoke(context)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    return None
