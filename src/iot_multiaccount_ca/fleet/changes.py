"""What a deployment changes in terms of registrations: two plans compared, in the order in which it happens.

Pure: asks nobody and reads nothing. A registration is one CA in one account and region, whatever stack carries it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from . import risks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from ..model.assembly import RegistrationRecord


class StackPlace(NamedTuple):
    """Where a stack stands; account and region are empty texts where an app leaves them open."""

    name: str
    account: str
    region: str


class Sign(StrEnum):
    """What happens to a registration, as one character."""

    ADD = "+"
    CHANGE = "~"
    REMOVE = "-"

    @property
    def words(self) -> str:
        """As JSON has it."""
        return {"+": "add", "~": "change", "-": "remove"}[self.value]


@dataclass(frozen=True, slots=True)
class Held:
    """A registration of one side.

    ``template_digest``: of its provisioning template's body; None where nobody knows. ``retained``: whether it stays
    registered when it leaves its stack; None where nobody knows. ``owned``: whether a stack's tags are on it.
    """

    record: RegistrationRecord
    template_digest: str | None = None
    retained: bool | None = None
    owned: bool = True

    @property
    def key(self) -> tuple[str, str, str]:
        """Which registration it is."""
        return (self.record.account, self.record.region, self.record.certificate_id)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that becomes another, in words; ``risk``: what may come of it, a sentence, or None."""

    field: str
    before: str | None
    after: str | None
    risk: str | None = None


def every_risk(of_all: str | None, fields: Iterable[FieldChange]) -> tuple[str, ...]:
    """The risk of the whole and those of the fields, each once."""
    found = (of_all, *(each.risk for each in fields))
    return tuple(dict.fromkeys(each for each in found if each is not None))


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one registration. ``record``: as it becomes, or as it was where it goes.

    ``fields``: of one that changes. ``risk``: of one that comes or goes.
    """

    sign: Sign
    record: RegistrationRecord
    fields: tuple[FieldChange, ...] = ()
    risk: str | None = None

    @property
    def risks(self) -> tuple[str, ...]:
        """Every risk, once."""
        return every_risk(self.risk, self.fields)


@dataclass(frozen=True, slots=True)
class OwnerMove:
    """DEFAULT of a CA in a region goes from one account to another; None: from or to nobody."""

    certificate_id: str
    region: str
    before: str | None
    after: str | None
    risk: str


@dataclass(frozen=True, slots=True)
class Changes:
    """All changes in the order in which they happen, and what becomes of the owners of DEFAULT."""

    changes: tuple[Change, ...]
    owners: tuple[OwnerMove, ...]

    def count(self, sign: Sign) -> int:
        """The number of changes of that sign."""
        return sum(each.sign is sign for each in self.changes)

    @property
    def exit_code(self) -> int:
        """0 none, 1 changes."""
        return int(bool(self.changes))


def compare(old: Sequence[Held], new: Sequence[Held], stacks: Collection[StackPlace]) -> Changes:
    """What a deployment of ``new`` over ``old`` changes; both in deploy order.

    ``stacks``: all of the new app, those without a registration included: a stack's update removes what it no longer
    holds, and a stack that the app no longer has stays as it is until somebody destroys it.
    """
    before = {each.key: each for each in old}
    after = {each.key: each for each in new}
    gone = _by_place(each for each in old if each.key not in after)
    coming = _by_place(new)
    settled, wanted = {each.record.target for each in old}, {each.record.target for each in new}
    made: list[Change] = []
    for place in dict.fromkeys([*coming, *(place for place in gone if place in stacks)]):
        for each in coming.get(place, ()):
            first = each.record.target not in settled
            made.extend(_come_or_change(before.get(each.key), each, first=first))
        # CloudFormation removes at the end of a stack's update.
        for each in gone.pop(place, ()):
            risk = risks.goes(each.record, others=each.record.target in wanted, retained=each.retained)
            made.append(Change(Sign.REMOVE, each.record, risk=risk))
    left = [each for held in gone.values() for each in held]
    made.extend(
        Change(Sign.REMOVE, each.record, risk=risks.stays(each.record, retained=each.retained))
        for each in left
    )
    return Changes(tuple(made), tuple(_owner_moves(old, new, left)))


def _place(record: RegistrationRecord) -> StackPlace:
    return StackPlace(record.stack_name, record.account, record.region)


def _by_place(side: Iterable[Held]) -> dict[StackPlace, list[Held]]:
    found: dict[StackPlace, list[Held]] = {}
    for each in side:
        found.setdefault(_place(each.record), []).append(each)
    return found


def _come_or_change(before: Held | None, after: Held, *, first: bool) -> Iterator[Change]:
    if before is None:
        yield Change(Sign.ADD, after.record, risk=risks.comes(after.record, first=first))
        return
    fields = tuple(_fields(before, after))
    if fields:
        yield Change(Sign.CHANGE, after.record, fields)


def _fields(before: Held, after: Held) -> Iterator[FieldChange]:
    """What differs, in the order in which people want to know it."""
    was, becomes = before.record, after.record
    there, here = (f"{each.stack_name}/{each.logical_id}" for each in (was, becomes))
    if not before.owned:
        yield FieldChange("stack", None, here, risks.unowned(becomes))
    elif there != here:
        yield FieldChange("stack", there, here, risks.moves(was, becomes))
    if was.engine != becomes.engine:
        yield FieldChange("engine", was.engine, becomes.engine, risks.engine(was, becomes))
    if was.certificate_mode != becomes.certificate_mode:
        yield FieldChange("mode", was.certificate_mode, becomes.certificate_mode, risks.mode(becomes))
    if (was.retiring, was.active) != (becomes.retiring, becomes.active):
        yield FieldChange("status", was.status_words, becomes.status_words, risks.status(was, becomes))
    yield from _enrollment_fields(before, after)
    if was.verification != becomes.verification and becomes.certificate_mode == was.certificate_mode:
        yield FieldChange("proof", _proof(was), _proof(becomes), risks.PROOF)


def _enrollment_fields(before: Held, after: Held) -> Iterator[FieldChange]:
    """How new devices come in."""
    was, becomes = before.record, after.record
    if was.enrollment_words != becomes.enrollment_words:
        yield FieldChange(
            "enrollment", was.enrollment_words, becomes.enrollment_words, risks.enrollment(was, becomes)
        )
    elif was.enrollment != becomes.enrollment:
        yield FieldChange("admission", "as it was", "other settings", risks.ADMISSION)
    # Where it is all there is, the words say it already.
    if (
        was.enrollment_words == becomes.enrollment_words
        and was.auto_registration != becomes.auto_registration
    ):
        there, here = ("ENABLE" if each.auto_registration else "DISABLE" for each in (was, becomes))
        yield FieldChange("auto-registration", there, here, risks.auto_registration(becomes))
    old, new = before.template_digest, after.template_digest
    if old is not None and new is not None and old != new:
        yield FieldChange("template", f"body {old[:8]}", f"body {new[:8]}", risks.TEMPLATE)


def _proof(record: RegistrationRecord) -> str | None:
    """The way of proof with the names that it uses."""
    held = record.verification or {}
    return " ".join(str(value) for value in held.values() if value is not None) or None


def _owner_moves(old: Sequence[Held], new: Sequence[Held], left: Sequence[Held]) -> Iterator[OwnerMove]:
    """``left``: registrations whose stack the app no longer has; one of DEFAULT mode keeps it meanwhile."""
    keeps = {_ca_and_region(each): each.record.stack_name for each in left if _is_default(each)}
    was, becomes = _owners(old), _owners(new)
    known, stays = set(map(_ca_and_region, old)), set(map(_ca_and_region, new))
    for key in sorted({*was, *becomes}):
        before, after = was.get(key), becomes.get(key)
        # Of a CA that comes or goes as a whole nothing moves: its registrations say it.
        if before != after and key in known and key in stays:
            certificate_id, region = key
            yield OwnerMove(certificate_id, region, before, after, risks.owner(before, after, keeps.get(key)))


def _owners(side: Iterable[Held]) -> dict[tuple[str, str], str]:
    return {_ca_and_region(each): each.record.account for each in side if _is_default(each)}


def _ca_and_region(held: Held) -> tuple[str, str]:
    return (held.record.certificate_id, held.record.region)


def _is_default(held: Held) -> bool:
    return held.record.certificate_mode == "DEFAULT"
