"""Checks a fleet again and again, for the minutes after a deployment. Knows the results, not how they come about."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import text
from .output import say, working

if TYPE_CHECKING:
    from collections.abc import Callable

    from .checked import Checked


@dataclass(frozen=True, slots=True)
class Watch:
    """How long to watch, in minutes, and how long to wait between two checks, in seconds."""

    minutes: float
    every: float

    def until_as_planned(self, check: Callable[[], Checked]) -> Checked:
        """The last check's result: all as planned, or how it stands when the time is over.

        What changes is printed on stderr, line by line. Ctrl-C ends with what is known, of this check or the one
        before; credentials that are over end it too. So does a stack set whose accounts nobody can enter, once all
        else is as planned: a check more would not see more.
        """
        end = time.monotonic() + 60 * self.minutes
        before: Checked | None = None
        while True:
            checked = check()
            if before is None:
                _tell(checked.summary)
            else:
                checked = checked.completed_by(before)
                for words, names in checked.changes(before).items():
                    _tell(f"now {words}: {text.listed(names)}")
            left = end - time.monotonic()
            if checked.exit_code == 0 or checked.interrupted or checked.unusable:
                return checked
            if checked.not_entered:
                sets = text.listed(checked.not_entered)
                say(
                    f"all is as planned that can be looked at; the accounts of {sets} were not entered",
                    err=True,
                )
                return checked
            if left <= 0:
                unit = "minute" if self.minutes == 1 else "minutes"
                say(f"not as planned within {self.minutes:g} {unit}", err=True)
                return checked
            try:
                with working(f"{checked.summary}; checking again in {self.every:g} s"):
                    time.sleep(min(self.every, left))
            except KeyboardInterrupt:
                return checked.interrupted_now()
            before = checked


def _tell(what: str) -> None:
    say(f"{dt.datetime.now().astimezone():%H:%M:%S} {what}", err=True)
