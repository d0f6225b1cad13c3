"""Try every assumption in two accounts, clean up, and print the table to fill in: ``make verify-aws``."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from iot_multiaccount_ca.cli.output import silence
from iot_multiaccount_ca.local.device import DeviceError
from iot_multiaccount_ca.local.emulator import LocalAws

from .accounts import of_local_aws, of_profile
from .checks import CHECKS, Finding
from .room import Room, tell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .accounts import Account
    from .checks import Check

_VERDICTS = {True: "yes", False: "**no**", None: "not tried"}
WRONG, COULD_NOT = 1, 2
_WHAT = """\
In {one} and {two}, {region}, this makes and removes again, under names that begin with iot-ca-verify:
- CAs that are valid for a day, whose keys never leave this process, one of them at a time in DEFAULT mode
- provisioning templates, things, and device certificates that connect
- provisioning roles that AWS IoT may assume, with AWS's policy for provisioning things
- in {one} a stack, and a stack set of one instance, each with one CA
- in {one} roles with rights over everything there, each for as long as one check takes: two that the account itself
  may assume, with iot:*, one of them also with cloudformation:*, sns:* and s3:GetObject; and one for CloudFormation
  that may assume that one
It asks for the registration code, which AWS makes at the first asking and keeps. Nothing that exists is touched.
It takes some minutes and costs less than a cent: AWS IoT counts connections and messages by the million.
Ctrl-C removes what was made, or lists it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0: nothing contradicts what is assumed; 1: something does; 2: a check broke, or something was left behind."""
    parser = argparse.ArgumentParser(prog="make verify-aws", description=__doc__)
    parser.add_argument(
        "--profile", action="append", default=[], help="a profile of the AWS configuration; give two"
    )
    parser.add_argument("--region", default="eu-west-1")
    parser.add_argument("--local", action="store_true", help="on the local AWS, without any account")
    parser.add_argument("--yes", action="store_true", help="do not ask first")
    asked = parser.parse_args(arguments)
    if not asked.local and len(asked.profile) != 2:
        parser.error(
            f"two profiles are needed, of two accounts; got {len(asked.profile)}: --profile a --profile b"
        )
    with _ended_like_ctrl_c(), contextlib.ExitStack() as held:
        try:
            one, two = held.enter_context(_accounts(asked))
            if one.account_id == two.account_id:
                parser.error(f"both profiles lead to the account {one.account_id}; two accounts are needed")
            if not asked.local:
                tell(_WHAT.format(one=one.account_id, two=two.account_id, region=one.region))
            if not (asked.local or asked.yes or _agreed()):
                return COULD_NOT
        except (BotoCoreError, ClientError) as error:
            parser.error(f"the accounts cannot be reached: {error}")
        except KeyboardInterrupt:
            tell("interrupted, and nothing was made")
            return COULD_NOT
        return _try_all(one, two)


@contextlib.contextmanager
def _accounts(asked: argparse.Namespace) -> Iterator[tuple[Account, Account]]:
    if asked.local:
        with LocalAws() as aws:
            one, two = (of_local_aws(aws, each, asked.region) for each in ("111111111111", "222222222222"))
            yield one, two
    else:
        first, second = asked.profile
        yield of_profile(first, asked.region), of_profile(second, asked.region)


def _agreed() -> bool:
    sys.stderr.write("Go on? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _try_all(one: Account, two: Account) -> int:
    left: list[str] = []
    verdict = 0
    sys.stdout.write("| assumption | seen | as assumed |\n| --- | --- | --- |\n")
    try:
        for check in CHECKS:
            finding, broke = _try(check, one, two, left)
            sys.stdout.write(f"| {check.assumption} | {finding.seen} | {_VERDICTS[finding.as_assumed]} |\n")
            sys.stdout.flush()
            verdict = max(verdict, COULD_NOT if broke else WRONG if finding.as_assumed is False else 0)
            if isinstance(broke, BotoCoreError) and left:
                tell("AWS cannot be reached any more: what else would be made could not be removed either")
                break
    except KeyboardInterrupt:
        tell("interrupted")
        verdict = COULD_NOT
    except BrokenPipeError:
        silence(sys.stdout)
        tell("interrupted: nobody reads the table any more")
        verdict = COULD_NOT
    finally:
        tell(*(f"left behind, remove it by hand: {each}" for each in left))
    return COULD_NOT if left else verdict


def _interrupt(number: int, _frame: object) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)  # some send it twice; who does not want to wait has Ctrl-C
    raise KeyboardInterrupt


@contextlib.contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """SIGTERM and SIGHUP interrupt as Ctrl-C does: what was made is removed, or listed."""
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = [(number, signal.signal(number, _interrupt)) for number in numbers]
    try:
        yield
    finally:
        for number, held in before:
            signal.signal(number, held)


def _try(check: Check, one: Account, two: Account, left: list[str]) -> tuple[Finding, Exception | None]:
    """What the check found, and by what it broke."""
    try:
        with Room(left) as room:
            return check.attempt(room, one, two), None
    except (ClientError, BotoCoreError, DeviceError, TimeoutError) as error:
        return Finding(f"the check broke: {' '.join(str(error).split())}", None), error
    except (
        Exception
    ) as error:  # an answer that is none of AWS's, such as a proxy's page: no finding about AWS
        said = " ".join(f"{type(error).__name__}: {error}".split())
        return Finding(f"the check broke: {said}", None), error


if __name__ == "__main__":
    sys.exit(main())
