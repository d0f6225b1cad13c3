"""Checks a whole fleet against its plan: one result per registration, however its account answers."""

from __future__ import annotations

import contextlib
import datetime as dt
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..model.ca import EXPIRES_SOON_DAYS
from ..model.checks import is_certificate_id
from .access import NoAccessError, NoCredentialsError
from .compare import (
    expiry_difference,
    expiry_warning,
    missing_registration,
    registration_differences,
    role_difference,
    template_differences,
)
from .compare_activation import (
    activation_difference,
    admission_list,
    delivery_difference,
    function_differences,
    list_difference,
    listening,
)
from .crew import cores, run_in_processes
from .leftovers import left_over
from .live import LiveRegistration, LiveTemplate, Reader, UnreadableError
from .owners import Holder
from .planned import LogicalId
from .pool import run_bounded
from .result import INTERRUPTED, FleetResult, StageResult, StageState

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from .access import Access
    from .difference import Difference
    from .planned import PlannedRegistration

#: From how many accounts and regions on other processes help: with fewer, starting them takes longer than they save.
MANY = 200
#: Seconds in which an account and region is checked, or is a row that says so.
DEADLINE = 25.0


@dataclass(slots=True)
class _Finding:
    """What the check finds of one registration. Of the plan it holds nothing: it may come from another process."""

    differences: list[Difference] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    problem: str | None = None
    live: LiveRegistration | None = None
    template: LiveTemplate | None = None
    others: tuple[LiveRegistration, ...] | None = None
    orphan: bool = False
    endpoint: str | None = None
    checked_as: str | None = None


def verify_fleet(
    planned: Sequence[PlannedRegistration],
    access: Access,
    *,
    concurrency: int,
    expires_soon_days: int = EXPIRES_SOON_DAYS,
    deadline: float = DEADLINE,
    leftovers: bool = False,
    processes: int | None = None,
    on_done: Callable[[int], None] = lambda _: None,
) -> FleetResult:
    """Check every registration, ``concurrency`` accounts and regions at a time.

    ``deadline``: in seconds, how long one of them may take. ``leftovers``: look everywhere for what stacks that are
    gone have left, not only where the plan retains or such a stack shows. ``processes``: how many share the work; one
    for few stages, else as many as there are cores. ``on_done``: takes how many are done.
    Ctrl-C ends at once with what is known, and so do credentials that expire on the way.
    """
    targets: dict[tuple[str, str], list[PlannedRegistration]] = {}
    for each in planned:
        targets.setdefault((each.record.account, each.record.region), []).append(each)
    access.begin()
    check = _Check(access, dt.datetime.now(dt.UTC), expires_soon_days, leftovers=leftovers, deadline=deadline)
    if processes is None:
        processes = cores() if len(targets) >= MANY else 1
    known: dict[int, StageResult] = {}
    interrupted, unusable, left = False, False, INTERRUPTED
    checking = _checked(list(targets.values()), check, processes=processes, concurrency=concurrency)
    try:
        for target, findings in checking:
            known.update(
                {id(each): _result(each, found) for each, found in zip(target, findings, strict=True)}
            )
            on_done(len(target))
    except KeyboardInterrupt:
        interrupted = True
    except NoCredentialsError as error:
        unusable, left = True, str(error)  # of no account there is anything more to learn
    finally:
        checking.close()
    results = [
        known.get(id(each)) or StageResult(each, StageState.UNCHECKED, problem=left) for each in planned
    ]
    return FleetResult(results, checked_at=check.now, interrupted=interrupted, unusable=unusable)


@dataclass(frozen=True, slots=True)
class _Check:
    """The check of one account and region, with all that is planned there. Goes to other processes."""

    access: Access
    now: dt.datetime
    expires_soon_days: int
    leftovers: bool
    deadline: float

    def __call__(self, target: list[PlannedRegistration]) -> list[_Finding]:
        return _check_target(target, self.access, self.now, self.expires_soon_days, leftovers=self.leftovers)

    def late(self, target: list[PlannedRegistration]) -> list[_Finding]:
        problem = (
            f"no answer within {self.deadline:g} seconds; fix: see that the region is enabled, and try again"
        )
        return [_Finding(problem=problem) for _ in target]


def _checked(
    targets: list[list[PlannedRegistration]], check: _Check, *, processes: int, concurrency: int
) -> Generator[tuple[list[PlannedRegistration], list[_Finding]]]:
    """Each target with what is found; what other processes leave undone is done, or fails, in this one."""
    undone = dict(enumerate(targets))
    if processes > 1:
        shared = run_in_processes(
            targets, check, processes=processes, concurrency=concurrency, deadline=check.deadline
        )
        with contextlib.closing(shared):
            for number, findings in shared:
                yield undone.pop(number), findings
    yield from run_bounded(
        list(undone.values()), check, concurrency=concurrency, deadline=check.deadline, late=check.late
    )


def _check_target(
    target: list[PlannedRegistration],
    access: Access,
    now: dt.datetime,
    expires_soon_days: int,
    *,
    leftovers: bool,
) -> list[_Finding]:
    first = target[0]
    record = first.record
    try:
        with access.enter(
            record.target,
            planned_role=first.lookup_role_arn,
            external_id=first.external_id,
            as_planned=first.in_set is not None and access.names_bootstrap,
        ) as identity:
            reader = Reader(access.client, record.target, identity)
            found = [(each, _find(each, reader, now, expires_soon_days)) for each in target]
            if leftovers or any(finding.orphan or _retains(each) for each, finding in found):
                # Of the account, not of a registration: told once, with the first.
                told = found[0][1]
                told.others, sentences = left_over([(each, held.live) for each, held in found], reader)
                told.warnings += sentences
            findings = [finding for _, finding in found]
            for each in findings:
                each.checked_as = identity
            _add_endpoint(findings, reader)
            return findings
    except NoCredentialsError:
        raise
    except NoAccessError as error:
        return [_Finding(problem=str(error)) for _ in target]
    except Exception as error:  # an account that answers nonsense must not end the check of the others
        return [_Finding(problem=check_failed(error)) for _ in target]


def check_failed(error: Exception) -> str:
    """What is told of a check that met what nobody foresaw."""
    return f"the check itself failed ({type(error).__name__}: {error}); fix: report it, with this message"


def _retains(planned: PlannedRegistration) -> bool:
    return "?" in (planned.record.template_name or "")


def _find(planned: PlannedRegistration, reader: Reader, now: dt.datetime, expires_soon_days: int) -> _Finding:
    found = _Finding()
    try:
        _read(planned, reader, now, found)
    except UnreadableError as error:
        found.problem = str(error)
    soon = expiry_warning(planned.record, found.live, now, expires_soon_days)
    if soon is not None:
        found.warnings.append(soon)
    return found


def _result(planned: PlannedRegistration, found: _Finding) -> StageResult:
    return StageResult(
        planned,
        _state(found),
        differences=tuple(found.differences),
        warnings=tuple(found.warnings),
        problem=found.problem,
        live=found.live,
        template=found.template,
        others=found.others,
        endpoint=found.endpoint,
        checked_as=found.checked_as,
    )


def _read(planned: PlannedRegistration, reader: Reader, now: dt.datetime, found: _Finding) -> None:
    record = planned.record
    found.live = reader.registration(record.certificate_id)
    if found.live is None:
        found.live = _under_another_id(planned, reader, found)
    if found.live is None:
        return
    wanted_role = _wanted_role(planned, reader)
    holder = _holder(planned, found.live, reader)
    found.orphan = holder.gone
    found.differences += registration_differences(planned, found.live, holder)
    expired = expiry_difference(record, found.live, now)
    if expired is not None:
        found.differences.append(expired)
    named = planned.template_name(holder.owner.stack if holder.owner is not None else None)
    if named is not None and "?" in named and record.template_is(found.live.template_name):
        named = found.live.template_name  # what AWS holds, where the planned one is only known at deployment
    if named is not None and "?" not in named:
        found.template = reader.template(named)
        found.differences += template_differences(planned, found.template)
        if found.template is not None and found.template.role_exists is not False and not holder.gone:
            other = role_difference(planned, found.template, wanted_role)
            found.differences += [other] if other is not None else []
    if record.jitr:
        found.differences += _activation_differences(planned, found.live.certificate_id, reader)


def _wanted_role(planned: PlannedRegistration, reader: Reader) -> str | None:
    """The template's role that the stack has, an ARN or a name; None where that is not known."""
    role = planned.template_role
    if not isinstance(role, LogicalId):
        return role
    if planned.record.nested_template is not None:
        return None  # a nested stack's name is only known to CloudFormation
    try:
        resource = reader.resource(planned.record.stack_name, role)
    except UnreadableError:
        return None
    return resource.physical_id if resource is not None else None


def _holder(planned: PlannedRegistration, live: LiveRegistration, reader: Reader) -> Holder:
    """Who has it by its tags, and whether that stack is still there; one that cannot be asked of is."""
    holder, record = Holder.of(live), planned.record
    if holder.owner is None:
        return holder
    try:
        if not reader.stack_is_gone(holder.owner.stack):
            return holder
    except UnreadableError:
        return holder
    try:
        replaced = reader.resource(record.stack_name, record.logical_id) is not None
    except UnreadableError:
        replaced = False
    return replace(holder, gone=True, replaced=replaced)


def _activation_differences(
    planned: PlannedRegistration, certificate_id: str, reader: Reader
) -> Iterator[Difference]:
    heard = listening(certificate_id, reader.rules())
    unheard = activation_difference(planned, certificate_id, heard)
    if unheard is not None:
        yield unheard
    if planned.activation is None or planned.record.nested_template is not None:
        return  # a target of the user's own, or a stack whose name only CloudFormation knows
    resource = reader.resource(planned.record.stack_name, planned.activation.logical_id)
    name = resource.physical_id if resource is not None else None
    function = reader.function(name) if name else None
    yield from function_differences(planned, name, function)
    if function is not None and unheard is None:
        rules = [rule for each in heard if each.enabled and (rule := reader.rule(each.name)) is not None]
        undelivered = delivery_difference(planned, certificate_id, function, rules) if rules else None
        if undelivered is not None:
            yield undelivered
    asked = admission_list(planned)
    if asked is not None and not reader.has_list(*asked):
        yield list_difference(*asked)


def _under_another_id(
    planned: PlannedRegistration, reader: Reader, found: _Finding
) -> LiveRegistration | None:
    """The registration under the id that AWS gave the stack, should it not be the computed one; or None, and why."""
    record = planned.record
    # A nested stack's name is only known to CloudFormation.
    stack, stack_known = None, record.nested_template is None
    try:
        stack = reader.resource(record.stack_name, record.logical_id) if stack_known else None
    except UnreadableError:
        stack_known = False
    if stack is not None and stack.physical_id not in {None, record.certificate_id}:
        live = reader.registration(str(stack.physical_id)) if is_certificate_id(stack.physical_id) else None
        if live is not None:
            return live
    found.differences.append(missing_registration(planned, stack, stack_known=stack_known))
    return None


def _state(found: _Finding) -> StageState:
    if found.problem is not None:
        return StageState.UNCHECKED
    return StageState.DIFFERENT if found.differences else StageState.AS_PLANNED


def _add_endpoint(findings: list[_Finding], reader: Reader) -> None:
    try:
        endpoint = reader.endpoint()
    except UnreadableError as error:
        # The registration is checked all the same; only the name to dial is not known.
        for each in findings:
            each.warnings.append(f"endpoint unknown: {error}")
    else:
        for each in findings:
            each.endpoint = endpoint
