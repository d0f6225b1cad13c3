"""A planned stack set against the live one, with what to do about each difference. Pure: asks nobody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .compare import same_json
from .difference import Difference
from .set_result import InstanceGroup

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .live_sets import LiveInstance, LiveSet, Members, Place
    from .planned_sets import PlannedSet

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_UNDER_WAY = ("PENDING", "RUNNING")


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
    if record.service_managed and not live.automatic:
        fix = (
            f"run `aws cloudformation update-stack-set {planned.arguments} --use-previous-template "
            f"--capabilities {planned.capability} --auto-deployment Enabled=true,RetainStacksOnAccountRemoval="
            f"{str(record.retains).lower()}`; until then who joins is not enrolled"
        )
        yield Difference("autoDeployment", True, False, fix)
    elif record.service_managed and live.retains != record.retains:
        yield Difference("onLeaving", _leaving(record.retains), _leaving(live.retains), run)
    if not same_json(planned.body, live.body):
        fix = f"{run} if it has news; else it was changed outside its stack: deploy one more tag, which sets it again"
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
        yield InstanceGroup(words, alike[0].reason, places, _instance_fix(planned, status, detail))


def missing_and_surplus(
    planned: PlannedSet, live: Iterable[LiveInstance], members: Members | None
) -> Iterator[InstanceGroup]:
    """Stacks that should be there and are not, and the other way round. ``members``: of units; None for a list."""
    record = planned.record
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
        yield InstanceGroup(
            "missing",
            "",
            tuple(missing),
            _call(planned, "create-stack-instances", missing, members is not None),
        )
    if surplus:
        excluded = any(account in record.excluded_accounts for account, _ in surplus)
        why = "automatic deployment heeds no exclusion when an account joins" if excluded else ""
        fix = _call(planned, "delete-stack-instances", surplus, members is not None)
        yield InstanceGroup("surplus", why, tuple(surplus), fix)


def _alike(instance: LiveInstance) -> str:
    """Its reason without what is of this stack alone: account, region, and the UUIDs of requests."""
    reason = _UUID.sub("uuid", instance.reason)
    return reason.replace(instance.account, "account").replace(instance.region, "region")


def _leaving(retains: bool) -> str:
    return "RETAIN" if retains else "DESTROY"


def _instance_fix(planned: PlannedSet, status: str, detail: str) -> str:
    if detail in _UNDER_WAY:
        return "an operation is under way: wait, and check again"
    if status == "INOPERABLE":
        return (
            "its stack can be neither updated nor deleted: delete the instance with `aws cloudformation "
            f"delete-stack-instances {planned.arguments} --retain-stacks …`, then the stack in the account by hand"
        )
    # One account at a time, and none to fail, is what StackSets does where it is told nothing.
    return (
        f"remove the cause, then run `aws cloudformation update-stack-set {planned.arguments} --use-previous-template "
        f"--capabilities {planned.capability} --operation-preferences MaxConcurrentPercentage=100,"
        "FailureTolerancePercentage=10`, which brings every outdated stack up to date"
    )


def _call(planned: PlannedSet, verb: str, places: list[Place], by_units: bool) -> str:
    accounts = list(dict.fromkeys(account for account, _ in places))
    regions = " ".join(dict.fromkeys(region for _, region in places))
    shown = ",".join(accounts[:10]) + (",…" if len(accounts) > 10 else "")
    if by_units:
        units = ",".join(planned.record.organizational_units)
        targets = f"--deployment-targets OrganizationalUnitIds={units},Accounts={shown},AccountFilterType=INTERSECTION"
    else:
        targets = f"--accounts {shown.replace(',', ' ')}"
    more = " --no-retain-stacks" if verb.startswith("delete") else ""
    return f"run `aws cloudformation {verb} {planned.arguments} {targets} --regions {regions}{more}`"
