"""A plan seen as a whole: its CAs, accounts, regions and owners of DEFAULT. Pure; the faces share it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .. import text
from ..model.ca import EXPIRES_SOON_DAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model.assembly import RegistrationRecord
    from ..model.assembly_policies import PlannedForeignPolicy
    from ..model.assembly_sets import SetCa
    from .planned_sets import PlannedSet

_LABEL = 8
_MOST_PLACES = 5


@dataclass(frozen=True, slots=True)
class Ca:
    """One CA of a plan. ``days_left`` is negative once it has expired."""

    certificate_id: str
    subject: str
    not_valid_before: str
    not_valid_after: str
    days_left: int
    retiring: bool
    not_yet_valid: bool

    @property
    def expires_soon(self) -> bool:
        """Whether it expires within `EXPIRES_SOON_DAYS`, or has."""
        return self.days_left < EXPIRES_SOON_DAYS

    @property
    def validity(self) -> str:
        """Its validity in a few words."""
        if self.days_left < 0:
            return f"expired on {self.not_valid_after[:10]}"
        if self.not_yet_valid:
            return f"not valid before {self.not_valid_before[:10]}"
        return f"expires on {self.not_valid_after[:10]}, {text.counted(self.days_left, 'day')} left"


@dataclass(frozen=True)
class Overview:
    """The records of a plan in deploy order, and what can be said of all of them."""

    records: tuple[RegistrationRecord, ...]
    cas: tuple[Ca, ...]
    sets: tuple[PlannedSet, ...] = ()
    foreign_policies: tuple[PlannedForeignPolicy, ...] = ()

    @classmethod
    def of(
        cls,
        records: Sequence[RegistrationRecord],
        now: dt.datetime,
        sets: Sequence[PlannedSet] = (),
        foreign_policies: Sequence[PlannedForeignPolicy] = (),
    ) -> Overview:
        """See them as a whole, at the time ``now``."""
        cas: dict[str, Ca] = {}
        held: list[RegistrationRecord | SetCa] = [*records, *(ca for each in sets for ca in each.record.cas)]
        for record in sorted(held, key=lambda each: each.retiring):
            if record.certificate_id not in cas:
                cas[record.certificate_id] = Ca(
                    certificate_id=record.certificate_id,
                    subject=record.subject,
                    not_valid_before=record.not_valid_before,
                    not_valid_after=record.not_valid_after,
                    days_left=(record.expires - now).days,
                    retiring=record.retiring,
                    not_yet_valid=now < dt.datetime.fromisoformat(record.not_valid_before),
                )
        return cls(tuple(records), tuple(cas.values()), tuple(sets), tuple(foreign_policies))

    @cached_property
    def labels(self) -> dict[str, str]:
        """The shortest beginning of each CA's id (8 digits or more) that tells them apart."""
        ids = [ca.certificate_id for ca in self.cas]
        length = _LABEL
        while len({each[:length] for each in ids}) < len(ids):
            length += 4
        return {each: each[:length] for each in ids}

    def label(self, record: RegistrationRecord) -> str:
        """The short name of a registration's CA."""
        return self.labels[record.certificate_id]

    @cached_property
    def accounts(self) -> list[str]:
        """All accounts, in the order of the plan."""
        return list(dict.fromkeys(record.account for record in self.records))

    @cached_property
    def regions(self) -> list[str]:
        """All regions, by name."""
        return sorted({record.region for record in self.records})

    @cached_property
    def by_target(self) -> dict[tuple[str, str], list[RegistrationRecord]]:
        """The registrations of each account and region, the current CA before those that retire."""
        targets: dict[tuple[str, str], list[RegistrationRecord]] = {}
        for record in sorted(self.records, key=lambda each: each.retiring):
            targets.setdefault((record.account, record.region), []).append(record)
        return targets

    def cell(self, account: str, region: str) -> str:
        """A matrix cell: a letter a registration (D, S; lower case where it retires), or nothing."""
        return "".join(
            record.certificate_mode[0].lower() if record.retiring else record.certificate_mode[0]
            for record in self.by_target.get((account, region), ())
        )

    @cached_property
    def default_owners(self) -> list[RegistrationRecord]:
        """The registrations in DEFAULT mode, by region."""
        owners = [record for record in self.records if record.certificate_mode == "DEFAULT"]
        return sorted(owners, key=lambda each: (each.region, each.retiring))

    @property
    def summary(self) -> str:
        """How much there is, in a sentence."""
        counts = [
            text.counted(len(self.records), "registration"),
            text.counted(len(self.accounts), "account"),
            text.counted(len(self.regions), "region"),
            text.counted(len(self.cas), "CA"),
            *([text.counted(len(self.sets), "stack set")] if self.sets else []),
        ]
        return ", ".join(counts)

    @property
    def ownership(self) -> list[str]:
        """Who owns DEFAULT where: a sentence for each owner and CA, and one for regions without."""
        places: dict[tuple[str, str], list[RegistrationRecord]] = {}
        for record in self.default_owners:
            places.setdefault((record.account, record.certificate_id), []).append(record)
        several = len(self.cas) > 1
        sentences = []
        for (account, certificate_id), records in places.items():
            of = f" of {self.labels[certificate_id]}" if several else ""
            stages = ", ".join(f"{record.region} (stage {record.stage or '-'})" for record in records)
            sentences.append(f"DEFAULT{of}: account {account} in {stages}")
        owned = {record.region for record in self.default_owners}
        everywhere = {*self.regions, *(region for each in self.sets for region in each.record.regions)}
        without = [region for region in sorted(everywhere) if region not in owned]
        if without:
            sentences.append(f"no DEFAULT owner, devices must send SNI: {', '.join(without)}")
        return sentences

    @property
    def clashes(self) -> list[str]:
        """Each CA that two stacks register in one account and region: synth lets none pass but in units of a set."""
        stacks: dict[tuple[str, str, str], list[str]] = {}
        for record in self.records:
            stacks.setdefault((record.certificate_id, record.account, record.region), []).append(
                record.stack_name
            )
        alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for (certificate_id, account, region), names in stacks.items():
            if len(names) > 1:
                alike.setdefault((certificate_id, tuple(names)), []).append(f"{account} ({region})")
        return [
            f"CA {self.labels[certificate_id]} is registered twice, by {' and '.join(names)}, in "
            f"{text.listed(places, _MOST_PLACES)}: whichever comes second fails; fix: excluded_accounts=[…] of the set"
            for (certificate_id, names), places in alike.items()
        ]
