"""What else is in an account and region: CAs that no stage plans, templates that no CA uses.

RETAIN leaves them on purpose, and a Create that arrives late makes a registration that no stack answers for. What
stacks that are gone have left is told, and nothing of it is judged against the plan; a CA that a stack has is that
stack's, of this app or another.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..model.ownership import read_ownership
from .live import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..model.ownership import Ownership
    from .live import LiveRegistration, Reader
    from .planned import PlannedRegistration

# What RETAIN names a template: a readable head, a digest, and digits of the stack's own id.
_RETAINED = re.compile(r"[0-9A-Za-z_-]+-[0-9a-f]{8}-[0-9a-f]{8}")


def left_over(
    target: Sequence[tuple[PlannedRegistration, LiveRegistration | None]], reader: Reader
) -> tuple[tuple[LiveRegistration, ...] | None, tuple[str, ...]]:
    """The CAs that no stage plans and that a stack has, None where that is not known; a sentence for each thing that
    was left. ``target``: all that is planned in one account and region."""
    had: tuple[LiveRegistration, ...] | None = None
    try:
        planned_ids = {planned.record.certificate_id for planned, _ in target}
        planned_ids |= {live.certificate_id for _, live in target if live is not None}
        others = [
            live
            for each in reader.certificate_ids()
            if each not in planned_ids and (live := reader.registration(each)) is not None
        ]
        owned = [(live, owner) for live in others if (owner := read_ownership(live.tags)) is not None]
        orphans = [(live, owner) for live, owner in owned if reader.stack_is_gone(owner.stack)]
        had = tuple(live for live, owner in owned if (live, owner) not in orphans)
        region = target[0][0].record.region
        return had, (*_orphans(orphans, region), *_templates(target, others, reader, region))
    except UnreadableError as error:
        return had, (f"what stacks that are gone have left was not looked for: {error}",)


def _orphans(orphans: Sequence[tuple[LiveRegistration, Ownership]], region: str) -> Iterator[str]:
    for live, owner in orphans:
        call = f"aws iot {{}} --region {region} --certificate-id {live.certificate_id}"
        yield (
            f"CA {live.certificate_id} was registered by stack {owner.stack.name} (resource {owner.logical_id}), "
            "which is gone, and no stage of this app plans it; to keep it, plan it: a stack of that name takes it up, "
            "and one of another name with on_existing=OnExisting.ADOPT and "
            f'adopt_from_stack="{owner.stack.name}"; once no device needs it, remove it: '
            f"`{call.format('update-ca-certificate')} --new-status INACTIVE && "
            f"{call.format('delete-ca-certificate')}`"
        )


def _templates(
    target: Sequence[tuple[PlannedRegistration, LiveRegistration | None]],
    others: Sequence[LiveRegistration],
    reader: Reader,
    region: str,
) -> Iterator[str]:
    used = {live.template_name for live in (*others, *(live for _, live in target if live is not None))}
    for name in reader.template_names():
        if name in used or not _RETAINED.fullmatch(name) or any(_may_need(*each, name) for each in target):
            continue
        template = reader.template(name)
        held = _held(reader, name)
        if template is None or held:
            continue
        if held is None:
            why, first = "which RETAIN leaves when a stack goes", "once no stack has it, "
        else:
            why, first = "and no stack has it: RETAIN leaves it when a stack goes", ""
        yield (
            f"no CA here uses provisioning template {name}, {why}; {first}remove it with "
            f"`aws iot delete-provisioning-template --region {region} --template-name {name}`, and then its role "
            f"{template.role_arn}, should nothing else use that"
        )


def _held(reader: Reader, template: str) -> bool | None:
    """Whether a stack that is there has the template, of whatever app; None where that may not be asked."""
    try:
        stack = reader.stack_of(template)
        return stack is not None and not reader.stack_is_gone(stack)
    except UnreadableError:
        return None


def _may_need(planned: PlannedRegistration, live: LiveRegistration | None, name: str) -> bool:
    """Whether the template may be the deployed stack's own, though the CA does not use it now."""
    owner = read_ownership(live.tags) if live is not None else None
    current = planned.template_name(owner.stack) if owner is not None else planned.record.template_name
    return name == current or (current is not None and "?" in current and planned.record.template_is(name))
