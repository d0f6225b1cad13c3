"""The one place that turns whatever ends a command into a sentence on stderr and an exit code.

0: as it should be. 1: the command's own "no" (differences, a device refused); only commands give it, never a failure.
2: the command could not do or finish its work, whatever the reason: bad input, no access, no disk, a bug, Ctrl-C.
"""

from __future__ import annotations

import contextlib
import sys
import traceback
from typing import TYPE_CHECKING, NoReturn

import click

from ..errors import SharedCaError
from .output import say, silence, take_any_character

if TYPE_CHECKING:
    from collections.abc import Callable

FAILED = 2
_INTERRUPTED = "interrupted"


def run(call: Callable[[], object], *, debug: bool) -> NoReturn:
    """Call, and end the process: with the call's own exit code, or with a sentence and 2.

    ``debug``: the traceback stands before the sentence.
    """
    code: int | None = FAILED
    take_any_character()
    try:
        code = _exit_code(call())
    except SystemExit as ended:
        code = _exit_code(ended.code)
    except BrokenPipeError:
        silence(sys.stdout)  # only click's own help comes here: its reader has seen enough
        code = 0
    except BaseException as error:  # there is nothing above but the interpreter's traceback
        with contextlib.suppress(Exception):
            _tell(error, debug=debug)
    # Nothing that comes now changes how it ends.
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                silence(stream)
    sys.exit(code)


def sentence(error: BaseException) -> str:
    """What went wrong, for whoever typed the command."""
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return _INTERRUPTED
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, SharedCaError):
        return str(error)
    if isinstance(error, OSError):
        return _of_the_system(error)
    if isinstance(error, (MemoryError, RecursionError)):
        return f"there is more here than this machine's memory holds ({type(error).__name__})"
    if isinstance(error, UnicodeError):
        return f"text that is not UTF-8 was read: {error}; fix: give a text file, saved as UTF-8"
    if type(error).__module__.partition(".")[0] == __name__.partition(".")[0]:
        # An error class of ours that is not bad input.
        return str(error.args[0] if hasattr(error, "said") else error)
    if type(error).__module__.startswith("botocore."):
        return f"AWS could not be asked: {error}; fix: see the network, the region and the credentials"
    return (
        f"this is a bug of iot-ca: {type(error).__name__}: {error}; "
        "fix: run it again with `iot-ca --debug …`, and report what that prints"
    )


def _tell(error: BaseException, *, debug: bool) -> None:
    if debug:
        say(*"".join(traceback.format_exception(error)).expandtabs(4).splitlines(), err=True)
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        say(*context.get_usage().splitlines(), f"Try '{context.command_path} --help' for help.", "", err=True)
    # What another program said, such as the CDK CLI, keeps its lines.
    say(f"iot-ca: {sentence(error)}", *getattr(error, "said", ()), err=True)


def _of_the_system(error: OSError) -> str:
    what = (error.strerror or str(error) or type(error).__name__).lower()
    names = [str(each) for each in (error.filename, error.filename2) if each is not None]
    return f"{' -> '.join(names)}: {what}" if names else what


def _exit_code(returned: object) -> int:
    if returned is None:
        return 0
    return returned if isinstance(returned, int) and returned in {0, 1} else FAILED
