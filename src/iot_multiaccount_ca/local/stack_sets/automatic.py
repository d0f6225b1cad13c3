"""Automatic deployment: who joins a target unit gets a set's instances, who leaves it loses them.

By "Enable or disable automatic deployments for StackSets in AWS Organizations": no preferences and no account filters
apply, and stacks are retained or deleted as the set says. What AWS does for an account that moves between two units of
one set is in no document that was found; here an instance that is wanted before and after stays as it is. An account
that is closed stays where it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ministack.services import organizations

from . import engine, membership
from .preferences import Preferences
from .values import SETS, Operation, Result, StackSet

if TYPE_CHECKING:
    from collections.abc import Callable

    Answer = tuple[int, dict[str, str], bytes]
    Call = Callable[[dict[str, Any]], Answer]
    Wanted = dict[tuple[str, str], str]

_MOVES = (
    "AcceptHandshake",
    "CreateAccount",
    "LeaveOrganization",
    "MoveAccount",
    "RemoveAccountFromOrganization",
)


def close() -> None:
    """Follow each call of Organizations by which an account comes to another place."""
    for name in _MOVES:
        organizations._DISPATCH[name] = _followed(organizations._DISPATCH[name])


def _followed(call: Call) -> Call:
    def called(payload: dict[str, Any]) -> Answer:
        sets = [each for each in SETS.active() if each.properties["AutoDeployment"].get("Enabled")]
        before = [_wanted(each) for each in sets]
        answer = call(payload)
        for stack_set, wanted in zip(sets, before, strict=True):
            _follow(stack_set, wanted, _wanted(stack_set))
        return answer

    return called


def _wanted(stack_set: StackSet) -> Wanted:
    """Each account and region that a set's units mean now, with the unit."""
    wanted: Wanted = {}
    for unit, regions in stack_set.deployed.items():
        for account in membership.under(stack_set.owner, [unit]):
            for region in regions:
                wanted.setdefault((account, region), unit)
    return wanted


def _follow(stack_set: StackSet, before: Wanted, after: Wanted) -> None:
    gone = [
        Result(*place, unit)
        for place, unit in before.items()
        if place not in after and place in stack_set.instances
    ]
    if gone:
        removal = Operation("DELETE", Preferences(), gone)
        removal.retain = bool(stack_set.properties["AutoDeployment"].get("RetainStacksOnAccountRemoval"))
        engine.submit(stack_set, removal, queue=True)
    new = [Result(*place, unit) for place, unit in after.items() if place not in before]
    if new:
        engine.submit(stack_set, Operation("CREATE", Preferences(), new), queue=True)
    for place in before.keys() & after.keys() & stack_set.instances.keys():
        stack_set.instances[place].unit = after[place]
