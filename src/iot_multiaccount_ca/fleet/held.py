"""The sides of a comparison: what an assembly plans, or AWS holds now. Judges nothing."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..model.assembly import read_registrations
from ..model.assembly_files import read_stacks
from ..model.options import RegistrationEngine
from ..model.ownership import read_ownership
from .changes import Held, StackPlace
from .planned import read_planned
from .planned_sets import read_planned_sets
from .set_changes import HeldSet

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from ..model.assembly import RegistrationRecord
    from ..model.target import Target
    from .live import LiveRegistration
    from .planned import PlannedRegistration
    from .result import StageResult


@dataclass(frozen=True, slots=True)
class Side:
    """Registrations in deploy order; ``stacks``: of an assembly, all of them; ``sets``: the stack sets in deploy order,
    or None where nobody has looked."""

    registrations: tuple[Held, ...]
    stacks: frozenset[StackPlace] = frozenset()
    sets: tuple[HeldSet, ...] | None = None


def of_assembly(folder: Path) -> Side:
    """What an app plans; an app without registrations is a side with none."""
    stacks = frozenset(StackPlace(each.name, each.account, each.region) for each in read_stacks(folder))
    held = [
        Held(
            each.record,
            digest(each.template_body),
            # What has no engine is in no stack's care: nothing that a deployment does removes it.
            retained=each.retained or each.record.engine == RegistrationEngine.NONE,
        )
        for each in (read_planned(folder) if read_registrations(folder) else ())
    ]
    sets = tuple(
        HeldSet(
            each.record,
            StackPlace(each.stack_name, each.account, each.region),
            # As in every account: what is filled there is the same on both sides.
            digest(each.jitp_template("account", "region")),
        )
        for each in read_planned_sets(folder)
    )
    return Side(tuple(held), stacks, sets)


def of_results(results: Iterable[StageResult], stacks: Collection[StackPlace]) -> Side:
    """What AWS holds of what is planned, as a check found it, and what else it holds of the app's ``stacks``."""
    found = list(results)
    held = [
        Held(
            _as_live(result.planned, result.live),
            digest(result.template.body if result.template is not None else None),
            owned=read_ownership(result.live.tags) is not None,
        )
        for result in found
        if result.live is not None
    ]
    return Side((*held, *_unplanned(found, stacks)))


def _unplanned(results: Sequence[StageResult], stacks: Collection[StackPlace]) -> Iterator[Held]:
    """CAs that no stage plans, of stacks that the app has: a deployment takes them out of those."""
    planned: dict[Target, list[PlannedRegistration]] = {}
    for result in results:
        planned.setdefault(result.planned.record.target, []).append(result.planned)
    for result in results:
        for live in result.others or ():
            owner = read_ownership(live.tags)
            if owner is None:
                continue
            own = [each for each in planned[result.planned.record.target] if each.is_own_stack(owner.stack)]
            record = replace(
                _as_live(own[0] if own else result.planned, live),
                certificate_id=live.certificate_id,
                stage=own[0].record.stage if own else None,
                # Of the stack's other CA, and not known of this one.
                retiring=False,
                jitr=False,
                enrollment=None,
                verification=None,
            )
            if StackPlace(record.stack_name, record.account, record.region) in stacks:
                yield Held(record)


def _as_live(planned: PlannedRegistration, live: LiveRegistration) -> RegistrationRecord:
    """The record of a CA as AWS holds it; of a nested stack's, the stack around it is named, as the plan does."""
    owner, record = read_ownership(live.tags), planned.record
    elsewhere = owner is not None and not planned.is_own_stack(owner.stack)
    name = "in the registration itself" if live.inline_template else live.template_name
    return replace(
        record,
        certificate_mode=live.mode,
        active=live.status == "ACTIVE",
        auto_registration=live.auto_registration == "ENABLE",
        template_name=record.template_name if record.template_is(name) else name,
        stack_name=owner.stack.name if owner is not None and elsewhere else record.stack_name,
        logical_id=(owner.logical_id if owner else None) or record.logical_id,
    )


def digest(body: str | None) -> str | None:
    """Of a template's body, however it is written; None where it is not known."""
    if body is None:
        return None
    with contextlib.suppress(ValueError):  # what is not JSON is compared as a text
        body = json.dumps(json.loads(body), sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()
