"""What a deployment changes of stack sets: where each reaches, and what its stacks register. Pure, as `changes` is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import risks
from .changes import Change, FieldChange, Held, Sign, StackPlace, compare, every_risk

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from ..model.assembly_sets import StackSetRecord

# Every stack of a set registers the same: one of them stands for all.
_PLACE = StackPlace("a stack of the set", "", "")


@dataclass(frozen=True, slots=True)
class HeldSet:
    """A stack set of one side.

    ``stack``: its own, where the administrator has it. ``template_digest``: of the body of its provisioning template;
    None where nobody knows.
    """

    record: StackSetRecord
    stack: StackPlace
    template_digest: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Which set it is."""
        return (self.record.name, self.stack.name)


@dataclass(frozen=True, slots=True)
class SetChange:
    """What happens to a set. ``record``: as it becomes, or as it was where it goes, and ``stack`` with it.

    ``keys``: the fields of the record that differ, as JSON has them; ``fields``: the same in words, with what may come
    of each. ``risk``: of a set that comes or goes.
    """

    sign: Sign
    record: StackSetRecord
    stack: StackPlace
    keys: tuple[str, ...] = ()
    fields: tuple[FieldChange, ...] = ()
    risk: str | None = None

    @property
    def risks(self) -> tuple[str, ...]:
        """Every risk, once."""
        return every_risk(self.risk, self.fields)


def compare_sets(
    old: Iterable[HeldSet], new: Iterable[HeldSet], stacks: Collection[StackPlace]
) -> list[SetChange]:
    """What a deployment of ``new`` over ``old`` changes; ``stacks``: all of the new app."""
    before, after = {each.key: each for each in old}, {each.key: each for each in new}
    found: list[SetChange] = []
    for key, each in after.items():
        was = before.get(key)
        if was is None:
            found.append(SetChange(Sign.ADD, each.record, each.stack, risk=risks.SET_COMES))
        elif keys := tuple(_keys(was, each)):
            found.append(SetChange(Sign.CHANGE, each.record, each.stack, keys, tuple(_fields(was, each))))
    for key, each in before.items():
        if key not in after:
            stack = None if each.stack in stacks else each.stack.name
            risk = risks.set_goes(stack, retained=each.record.retains)
            found.append(SetChange(Sign.REMOVE, each.record, each.stack, risk=risk))
    return found


def _keys(was: HeldSet, becomes: HeldSet) -> Iterator[str]:
    before, after = was.record.to_metadata(), becomes.record.to_metadata()
    yield from (key for key in after if before[key] != after[key])
    if None not in (was.template_digest, becomes.template_digest) and (
        was.template_digest != becomes.template_digest
    ):
        yield "templateBody"


def _fields(was: HeldSet, becomes: HeldSet) -> Iterator[FieldChange]:
    old, new = was.record, becomes.record
    leaves = risks.places_leave(retained=old.retains)
    for name, before, after in (
        ("units", old.organizational_units, new.organizational_units),
        ("accounts", old.accounts, new.accounts),
        ("regions", old.regions, new.regions),
    ):
        yield from _listed(name, before, after, leaves if set(before) - set(after) else None)
    excluded = set(new.excluded_accounts) - set(old.excluded_accounts)
    yield from _listed(
        "excluded accounts", old.excluded_accounts, new.excluded_accounts, leaves if excluded else None
    )
    yield from _registrations(was, becomes)
    if old.retains != new.retains:
        yield FieldChange("on_leaving", *("RETAIN" if each.retains else "DESTROY" for each in (old, new)))
    if old.call_as != new.call_as:
        yield FieldChange("called as", old.call_as, new.call_as)
    if old.reader_role_name != new.reader_role_name:
        yield FieldChange("reader role", old.reader_role_name, new.reader_role_name)


def _listed(
    name: str, before: Sequence[str], after: Sequence[str], risk: str | None
) -> Iterator[FieldChange]:
    if set(before) != set(after):
        yield FieldChange(name, ", ".join(before) or None, ", ".join(after) or None, risk)


def _registrations(was: HeldSet, becomes: HeldSet) -> Iterator[FieldChange]:
    """What becomes of the CAs in each stack of the set; what is said of all of them, once."""
    told: dict[FieldChange, None] = {}
    for change in compare(_held(was), _held(becomes), [_PLACE]).changes:
        name = f"CA {change.record.certificate_id[:8]}"
        if change.sign is not Sign.CHANGE:
            told[_whole(name, change)] = None
        for each in change.fields:
            of_the_ca = each.field in ("status", "auto-registration")
            field = f"{each.field} of {name}" if of_the_ca else each.field
            told[FieldChange(field, each.before, each.after, each.risk)] = None
    yield from told


def _held(side: HeldSet) -> list[Held]:
    return [
        # A retiring CA goes whatever the policy is.
        Held(each, side.template_digest, retained=side.record.retains and not each.retiring)
        for each in side.record.registrations(_PLACE.account, _PLACE.region, _PLACE.name)
    ]


def _whole(name: str, change: Change) -> FieldChange:
    status = change.record.status_words
    before, after = (None, status) if change.sign is Sign.ADD else (status, None)
    return FieldChange(name, before, after, change.risk)
