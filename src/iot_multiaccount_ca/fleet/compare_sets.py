"""A planned stack set against the live one, with what to do about each difference. Pure: asks nobody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..model.assembly_sets import kept
from .compare import argument, same_json
from .difference import Difference
from .set_result import InstanceGroup

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .live_sets import LiveInstance, LiveSet, Members, Place
    from .planned_sets import PlannedSet

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_UNDER_WAY = ("PENDING", "RUNNING")
_SKIPPED = "SKIPPED_SUSPENDED_ACCOUNT"


def set_differences(planned: PlannedSet, live: LiveSet | None) -> Iterator[Difference]:
    """Where the set itself is not as planned."""
    record, run = planned.record, f"run `{planned.deploy}`"
    if live is None:
        yield Difference(
            "stackSet", record.name, None, f"{run}; if it was deleted outside its stack, destroy that first"
        )
        return
    model = "SERVICE_MANAGED" if record.service_managed else "SELF_MANAGED"
    if live.permission_model != model:
        yield Difference("permissionModel", model, live.permission_model, f"{run}; another set has this name")
    leaving = f"--auto-deployment Enabled=true,RetainStacksOnAccountRemoval={str(record.retains).lower()}"
    if record.service_managed and not live.automatic:
        fix = f"run {_update(planned, leaving)}; until then who joins is not enrolled"
        yield Difference("autoDeployment", True, False, fix)
    elif record.service_managed and live.retains != record.retains:
        fix = f"{run} if it has news; else it was changed outside its stack: run {_update(planned, leaving)}"
        yield Difference("onLeaving", _leaving(record.retains), _leaving(live.retains), fix)
    if not same_json(planned.body, live.body):
        body = _update(planned, f"--template-body {argument(planned.body)}")
        fix = f"{run} if it has news; else it was changed outside its stack: run {body}"
        yield Difference("templateBody", "as in the stack", "changed", fix)
    if record.service_managed and set(live.units) != set(record.organizational_units):
        yield Difference(
            "organizationalUnits",
            ", ".join(sorted(record.organizational_units)),
            ", ".join(sorted(live.units)),
            f"{run} if it has news; else see who changed the set",
        )


def instance_groups(planned: PlannedSet, live: Iterable[LiveInstance]) -> Iterator[InstanceGroup]:
    """The stacks that are not CURRENT, by what AWS says of them; of reasons that are alike the first one is told."""
    found: dict[tuple[str, str, str], list[LiveInstance]] = {}
    for each in sorted(live, key=lambda one: one.place):
        if each.status != "CURRENT":
            found.setdefault((each.status, each.detail, _alike(each)), []).append(each)
    for (status, detail, _), alike in sorted(found.items()):
        words = ", ".join(each for each in (status, detail) if each)
        places = tuple(each.place for each in alike)
        yield InstanceGroup(words, alike[0].reason, places, _instance_fix(planned, alike))


def missing_and_surplus(
    planned: PlannedSet, live: Iterable[LiveInstance], members: Members | None
) -> Iterator[InstanceGroup]:
    """Stacks that should be there and are not, and the other way round. ``members``: of units; None for a list."""
    record = planned.record
    live = list(live)
    there = {each.place for each in live}
    wanted, spared = set(record.accounts), set()
    if members is not None:
        wanted = members.active - {members.manager, *record.excluded_accounts}
        spared = members.closed - set(record.excluded_accounts)
    places = {(account, region) for account in wanted for region in record.regions}
    missing = sorted(places - there)
    surplus = sorted(
        place for place in there - places if place[0] not in spared or place[1] not in record.regions
    )
    if missing:
        everywhere = {account for account, _ in missing} == wanted
        made = _made(planned, missing, all_accounts=everywhere) + _before_that(planned)
        yield InstanceGroup("missing", "", tuple(missing), made)
    if surplus:
        unwanted = set(surplus)
        excluded = any(account in record.excluded_accounts for account, _ in surplus)
        why = "automatic deployment heeds no exclusion when an account joins" if excluded else ""
        units = {each.place: each.unit for each in live if each.place in unwanted}
        yield InstanceGroup("surplus", why, tuple(surplus), _removed(planned, units))


def _alike(instance: LiveInstance) -> str:
    """Its reason without what is of this stack alone: account, region, and the UUIDs of requests."""
    reason = _UUID.sub("uuid", instance.reason)
    return reason.replace(instance.account, "account").replace(instance.region, "region")


def _leaving(retains: bool) -> str:
    return "RETAIN" if retains else "DESTROY"


def _instance_fix(planned: PlannedSet, alike: Sequence[LiveInstance]) -> str:
    if alike[0].detail in _UNDER_WAY:
        return "an operation is under way: wait, and check again"
    units = {each.place: each.unit for each in alike}
    if alike[0].detail == _SKIPPED:
        let_go = _removed(planned, units, "--retain-stacks")
        return f"the account is closed, and no operation reaches it: reopen it, or {let_go}"
    if alike[0].status == "INOPERABLE":
        stack = f"--region {alike[0].region} --stack-name {alike[0].stack_id}"
        let_go = _removed(planned, units, "--retain-stacks")
        return (
            f"StackSets can neither update nor delete the stack: {let_go}, then delete the stack in its own account, "
            f"such as `aws cloudformation delete-stack {stack}` in {alike[0].account}, and at last "
            f"{_made(planned, units, all_accounts=False)}"
        )
    # One account at a time, and none to fail, is what StackSets does where it is told nothing.
    quickly = "--operation-preferences MaxConcurrentPercentage=100,FailureTolerancePercentage=10"
    return (
        f"remove the cause, then run {_update(planned, quickly)}, which brings every outdated stack up to date"
        f"{_before_that(planned)}"
    )


def _before_that(planned: PlannedSet) -> str:
    """What stands in the way of the stack of an account that returns."""
    if not planned.record.retains:
        return ""
    return f"; in an account that had left the set, first delete {kept(planned.record.template_name)}"


def _update(planned: PlannedSet, change: str) -> str:
    template = "" if "--template-body" in change else " --use-previous-template"
    return (
        f"`aws cloudformation update-stack-set {planned.arguments}{template} --capabilities {planned.capability} "
        f"{change}`"
    )


def _made(planned: PlannedSet, missing: Iterable[Place], *, all_accounts: bool) -> str:
    blocks = _blocks(missing)
    return _run(
        planned.command(
            "create-stack-instances", [] if all_accounts and len(blocks) == 1 else accounts, regions
        )
        for (_, regions), accounts in blocks.items()
    )


def _removed(planned: PlannedSet, units: Mapping[Place, str], how: str = "--no-retain-stacks") -> str:
    """``units``: the places, each with the unit of the set's for which the stack was made."""
    return _run(
        planned.command(f"delete-stack-instances {how}", accounts, regions, unit)
        for (unit, regions), accounts in _blocks(units, units).items()
    )


def _run(commands: Iterable[str]) -> str:
    return f"run {', and '.join(commands)}"


def _blocks(
    places: Iterable[Place], units: Mapping[Place, str] | None = None
) -> dict[tuple[str, tuple[str, ...]], list[str]]:
    """The accounts by their unit and regions: a command is for all its accounts in all its regions, and no others."""
    regions: dict[tuple[str, str], list[str]] = {}
    for account, region in places:
        regions.setdefault(((units or {}).get((account, region), ""), account), []).append(region)
    blocks: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (unit, account), its in regions.items():
        blocks.setdefault((unit, tuple(its)), []).append(account)
    return blocks
