"""Try every assumption in two accounts, clean up, and print the table to fill in: ``make verify-aws``."""

from __future__ import annotations

import argparse
import contextlib
import sys
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from iot_multiaccount_ca.local.device import DeviceError
from iot_multiaccount_ca.local.emulator import LocalAws

from .accounts import of_local_aws, of_profile
from .checks import CHECKS, Finding
from .room import Room

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .accounts import Account
    from .checks import Check

_VERDICTS = {True: "yes", False: "**no**", None: "not tried"}
WRONG, COULD_NOT = 1, 2


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
    with contextlib.ExitStack() as held:
        try:
            one, two = held.enter_context(_accounts(asked))
        except (BotoCoreError, ClientError) as error:
            parser.error(f"the accounts cannot be reached: {error}")
        if one.account_id == two.account_id:
            parser.error(f"both profiles lead to the account {one.account_id}; two accounts are needed")
        if not (asked.local or asked.yes or _agreed(one, two)):
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


def _agreed(one: Account, two: Account) -> bool:
    sys.stderr.write(
        f"In {one.account_id} and {two.account_id}, {one.region}: CAs, templates, roles and device certificates named "
        "iot-ca-verify… are made and removed again; nothing that exists is touched. Go on? [y/N] "
    )
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _try_all(one: Account, two: Account) -> int:
    left: list[str] = []
    verdict = 0
    sys.stdout.write("| assumption | seen | as assumed |\n| --- | --- | --- |\n")
    for check in CHECKS:
        finding, broke = _try(check, one, two, left)
        sys.stdout.write(f"| {check.assumption} | {finding.seen} | {_VERDICTS[finding.as_assumed]} |\n")
        sys.stdout.flush()
        verdict = max(verdict, COULD_NOT if broke else WRONG if finding.as_assumed is False else 0)
    for each in left:
        sys.stderr.write(f"left behind, remove it by hand: {each}\n")
    return COULD_NOT if left else verdict


def _try(check: Check, one: Account, two: Account, left: list[str]) -> tuple[Finding, bool]:
    try:
        with Room(left) as room:
            return check.attempt(room, one, two), False
    except (ClientError, BotoCoreError, DeviceError, TimeoutError) as error:
        return Finding(f"the check broke: {' '.join(str(error).split())}", None), True


if __name__ == "__main__":
    sys.exit(main())
