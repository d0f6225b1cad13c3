"""Checks stack sets: first what StackSets says, then who is in the organization's units, then account by account.

What is not looked at is said, and is never as planned.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ..model.ownership import StackId
from ..model.target import Target
from .access import Access, NoAccessError, NoCredentialsError
from .compare_sets import instance_groups, missing_and_surplus, set_differences
from .live import UnreadableError
from .live_sets import LiveInstance, SetReader
from .result import INTERRUPTED
from .set_result import SetResult
from .verify import verify_fleet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .difference import Difference
    from .planned_sets import PlannedSet
    from .result import FleetResult
    from .set_result import InstanceGroup


def verify_sets(
    planned: Sequence[PlannedSet],
    access: Access,
    *,
    trusting: bool = False,
    check_accounts: Callable[[PlannedSet, list[LiveInstance]], FleetResult],
    ended: str | None = None,
) -> list[SetResult]:
    """Check every set, one after the other.

    ``trusting``: enter no account of theirs, and take StackSets' word. ``check_accounts``: what checks those accounts,
    by the role that was named (see `accounts_of`). ``ended``: why none is checked at all.
    Ctrl-C ends at once with what is known.
    """
    results: list[SetResult] = []
    for each in planned:
        if ended is not None:
            results.append(SetResult(each, problems=(ended,)))
            continue
        try:
            results.append(_check(each, access, trusting, check_accounts))
            ended = INTERRUPTED if results[-1].interrupted else None
            continue
        except KeyboardInterrupt:
            ended = INTERRUPTED
        except NoCredentialsError as error:
            ended = str(error)
        results.append(SetResult(each, problems=(ended,)))
    return results


class _Finding:
    """What is known of one set while it is read."""

    def __init__(self) -> None:
        self.differences: list[Difference] = []
        self.groups: list[InstanceGroup] = []
        self.problems: list[str] = []
        self.instances: list[LiveInstance] = []


def _check(
    planned: PlannedSet,
    access: Access,
    trusting: bool,
    check_accounts: Callable[[PlannedSet, list[LiveInstance]], FleetResult],
) -> SetResult:
    found, notes, identity, accounts = _Finding(), [], None, None
    try:
        with _administrator(planned, access) as identity:
            _read(planned, SetReader(access.client, _target(planned), identity), found)
    except NoAccessError as error:
        found.problems.append(str(error))
    current = [each for each in found.instances if each.status == "CURRENT"]
    if current and trusting:
        notes.append("the accounts were not entered: StackSets' word was taken for them")
    elif current and access.names_role:
        accounts = check_accounts(planned, current)
    elif current:
        found.problems.append(
            "the accounts of the set were not entered: no role in them is known here, and StackSets does not see what "
            "was changed behind its back; fix: name a role that each of them has with --role-name, or take StackSets' "
            "word with --trust-stack-sets"
        )
    return SetResult(
        planned,
        stacks=len(found.instances),
        current=len(current),
        differences=tuple(found.differences),
        groups=tuple(found.groups),
        problems=tuple(found.problems),
        notes=tuple(notes),
        checked_as=identity,
        accounts=accounts,
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
    try:
        members = reader.members(record.organizational_units) if record.service_managed else None
    except UnreadableError as error:
        found.problems.append(f"who is in the organizational units is not known: {error}")
        return
    found.groups += missing_and_surplus(planned, found.instances, members)


def members_of(planned: PlannedSet, access: Access) -> list[str]:
    """The accounts that a set means, by what Organizations says now. Raises `NoAccessError`, `UnreadableError`."""
    record = planned.record
    if not record.service_managed:
        return list(record.accounts)
    with _administrator(planned, access) as identity:
        members = SetReader(access.client, _target(planned), identity).members(record.organizational_units)
    return sorted(members.active - {members.manager, *record.excluded_accounts})


def accounts_of(
    planned: PlannedSet,
    instances: Sequence[LiveInstance],
    access: Access,
    *,
    concurrency: int,
    expires_soon_days: int,
    on_done: Callable[[int], None] = lambda _: None,
) -> FleetResult:
    """Check what a set's stacks register, each in its account, as the stages of a plan are."""
    registrations = [
        registration
        for each in instances
        for registration in planned.registrations(
            each.account, each.region, StackId.parse(each.stack_id).name
        )
    ]
    return verify_fleet(
        registrations,
        access,
        concurrency=concurrency,
        expires_soon_days=expires_soon_days,
        on_done=on_done,
    )
