"""Checks stack sets: first what StackSets says, then who is in the organization's units, then account by account.

What is not looked at is said, and is never as planned.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..model.target import Target
from .access import Access, NoAccessError, NoCredentialsError
from .compare_sets import instance_groups, missing_and_surplus, set_differences
from .live import UnreadableError
from .live_sets import LiveInstance, SetReader
from .pool import run_bounded
from .result import INTERRUPTED
from .set_result import NOT_ENTERED, SetResult
from .verify import DEADLINE, check_failed, verify_fleet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .difference import Difference
    from .live_sets import Members
    from .planned_sets import PlannedSet
    from .result import FleetResult
    from .set_result import InstanceGroup

# How many administrators are asked at a time.
_AT_ONCE = 10


def verify_sets(
    planned: Sequence[PlannedSet],
    access: Access,
    *,
    trusting: bool = False,
    check_accounts: Callable[[PlannedSet, list[LiveInstance]], FleetResult],
    ended: str | None = None,
    deadline: float = DEADLINE,
) -> list[SetResult]:
    """Check every set: all at once in their administrators' accounts, then the accounts of one after the other.

    ``trusting``: enter no account of theirs, and take StackSets' word. ``check_accounts``: what checks those accounts,
    by the role that was named (see `accounts_of`). ``ended``: why none is checked at all. ``deadline``: in seconds, how
    long StackSets and Organizations may take to answer. Ctrl-C ends at once with what is known.
    """
    found: dict[int, _Finding] = {}
    unusable = False
    try:
        if ended is None:
            for each, read in _read_all(planned, access, deadline):
                found[id(each)] = read
    except KeyboardInterrupt:
        ended = INTERRUPTED
    except NoCredentialsError as error:
        ended, unusable = str(error), True
    results: list[SetResult] = []
    for each in planned:
        if ended is None:
            try:
                results.append(_result(each, found[id(each)], access, trusting, check_accounts))
                ended = INTERRUPTED if results[-1].interrupted else None
                continue
            except KeyboardInterrupt:
                ended = INTERRUPTED
        results.append(SetResult(each, problems=(ended,), unusable=unusable))
    return results


@dataclass(slots=True)
class _Finding:
    """What is known of one set while it is read; ``asked``: who is asked now."""

    differences: list[Difference] = field(default_factory=list)
    groups: list[InstanceGroup] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    instances: list[LiveInstance] = field(default_factory=list)
    identity: str | None = None
    asked: str = "STS"

    def until_now(self, problem: str) -> _Finding:
        """What was found, and why no more; whoever is still at it changes nothing in it."""
        return replace(
            self,
            differences=[*self.differences],
            groups=[*self.groups],
            problems=[*self.problems, problem],
            instances=[*self.instances],
        )


def _read_all(
    planned: Sequence[PlannedSet], access: Access, deadline: float
) -> Iterator[tuple[PlannedSet, _Finding]]:
    """Each set with what is found of it in its administrator's account."""
    under_way = {id(each): _Finding() for each in planned}

    def read(each: PlannedSet) -> _Finding:
        found = under_way[id(each)]
        try:
            with _administrator(each, access) as found.identity:
                _read(each, SetReader(access.client, _target(each), found.identity), found)
        except NoCredentialsError:
            raise
        except NoAccessError as error:
            found.problems.append(str(error))
        except (
            Exception
        ) as error:  # an administrator that answers nonsense must not end the check of the others
            found.problems.append(check_failed(error))
        return found

    def late(each: PlannedSet) -> _Finding:
        found = under_way[id(each)]
        return found.until_now(_no_answer(found.asked, deadline))

    running = run_bounded(planned, read, concurrency=_AT_ONCE, deadline=deadline, late=late)
    with contextlib.closing(running):
        yield from running


def _no_answer(asked: str, deadline: float) -> str:
    return f"{asked} did not answer within {deadline:g} seconds; fix: see the network and its proxies, and try again"


def _result(
    planned: PlannedSet,
    found: _Finding,
    access: Access,
    trusting: bool,
    check_accounts: Callable[[PlannedSet, list[LiveInstance]], FleetResult],
) -> SetResult:
    notes, accounts = [], None
    problems = [*found.problems]
    current = [each for each in found.instances if each.status == "CURRENT"]
    if current and trusting:
        notes.append("the accounts were not entered: StackSets' word was taken for them")
    elif current and (access.names_role or planned.record.reader_role_name is not None):
        accounts = check_accounts(planned, current)
    elif current:
        problems.append(NOT_ENTERED)
    return SetResult(
        planned,
        stacks=len(found.instances),
        current=len(current),
        differences=tuple(found.differences),
        groups=tuple(found.groups),
        problems=tuple(problems),
        notes=tuple(notes),
        checked_as=found.identity,
        accounts=accounts,
        unusable=accounts is not None and accounts.unusable,
    )


@contextlib.contextmanager
def _administrator(planned: PlannedSet, access: Access) -> Iterator[str]:
    """In the account of the set itself, by the role that was named, or else as for any stack of the app.

    The role that an organization gives its members is not in the management account.
    """
    if not planned.account or not planned.region:
        msg = (
            f"the stack {planned.stack_name} names no account or no region, so that nobody knows where the set is; "
            "fix: give the stack env=Environment(account=…, region=…)"
        )
        raise NoAccessError(msg)
    target = _target(planned)
    role, external_id = planned.lookup_role_arn, planned.external_id
    with contextlib.ExitStack() as entered:
        try:
            identity = entered.enter_context(access.enter(target, planned_role=role, external_id=external_id))
        except NoAccessError:
            if not access.names_role:
                raise
            identity = entered.enter_context(
                access.enter(target, planned_role=role, external_id=external_id, as_planned=True)
            )
        yield identity


def _target(planned: PlannedSet) -> Target:
    return Target(planned.record.partition, planned.account, planned.region)


def _read(planned: PlannedSet, reader: SetReader, found: _Finding) -> None:
    record = planned.record
    found.asked = f"StackSets in {planned.region}"
    try:
        live = reader.stack_set(record.name, record.call_as)
        found.differences += set_differences(planned, live)
        if live is None:
            return
        found.instances = reader.instances(record.name, record.call_as)
        found.groups += instance_groups(planned, found.instances)
    except UnreadableError as error:
        found.problems.append(str(error))
        return
    found.asked = "Organizations"
    try:
        members = reader.members(record.organizational_units) if record.service_managed else None
    except UnreadableError as error:
        found.problems.append(f"who is in the organizational units is not known: {error}")
        return
    found.groups += missing_and_surplus(planned, found.instances, members)


def members_of(planned: PlannedSet, access: Access, *, deadline: float = DEADLINE) -> list[str]:
    """The accounts that a set means, by what Organizations says now. ``deadline``: in seconds, for each answer.

    Raises `NoAccessError`, `UnreadableError`.
    """
    record = planned.record
    if not record.service_managed:
        return list(record.accounts)

    def ask(_: PlannedSet) -> Members | None:
        with _administrator(planned, access) as identity:
            return SetReader(access.client, _target(planned), identity).members(record.organizational_units)

    running = run_bounded([planned], ask, concurrency=1, deadline=deadline, late=lambda _: None)
    with contextlib.closing(running):
        members = next(running)[1]
    if members is None:
        raise UnreadableError(_no_answer("Organizations", deadline))
    return sorted(members.active - {members.manager, *record.excluded_accounts})


def accounts_of(
    planned: PlannedSet,
    instances: Sequence[LiveInstance],
    access: Access,
    *,
    concurrency: int,
    expires_soon_days: int,
    leftovers: bool = False,
    on_done: Callable[[int], None] = lambda _: None,
) -> FleetResult:
    """Check what a set's stacks register, each in its account, as the stages of a plan are."""
    registrations = [registration for each in instances for registration in planned.registrations_of(each)]
    return verify_fleet(
        registrations,
        access,
        concurrency=concurrency,
        expires_soon_days=expires_soon_days,
        leftovers=leftovers,
        on_done=on_done,
    )
