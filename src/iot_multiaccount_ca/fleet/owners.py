"""Whose a registration is against whose it should be, with what to do about it. Pure: asks nobody.

What is advised is what the registrar does: a stack of the same name takes up what a stack that is gone has left, and
another one does with ADOPT and that stack named (``ca_registrar/taking.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..model.options import Capability, can
from ..model.ownership import TAG_LOGICAL_ID, TAG_STACK_ID, read_ownership
from .difference import Difference

if TYPE_CHECKING:
    from ..model.ownership import Ownership
    from .live import LiveRegistration
    from .planned import PlannedRegistration, SetStack


@dataclass(frozen=True, slots=True)
class Holder:
    """The stack that holds a registration by its tags. ``gone``: CloudFormation says that it is gone.

    ``replaced``: a stack is deployed in its place meanwhile.
    """

    owner: Ownership | None
    gone: bool = False
    replaced: bool = False

    @classmethod
    def of(cls, live: LiveRegistration) -> Holder:
        """The holder by its tags alone: of which nobody says that it is gone."""
        return cls(read_ownership(live.tags))


def owner_difference(
    planned: PlannedRegistration, live: LiveRegistration, holder: Holder
) -> Difference | None:
    """A registration that is not this stack's, or one of an earlier stack of its name."""
    record = planned.record
    wanted, owner = f"{record.stack_name}/{record.logical_id}", holder.owner
    if planned.in_set is not None:
        held_by = f"{owner.stack.name}/{owner.logical_id or '-'}" if owner is not None else None
        if held_by == wanted and not holder.gone:
            return None
        return Difference("owner", wanted, held_by, _in_set_fix(planned, live, holder, planned.in_set))
    if owner is None:
        fix = (
            f"no stack's tags are on it: {_import(planned)}"
            if not can(record.engine, Capability.ADOPTION)
            else "no stack's tags are on it: remove it, or set on_existing=OnExisting.ADOPT to take it over; then run "
            f"`{planned.deploy}`"
        )
        return Difference("owner", wanted, None, fix)
    own = planned.is_own_stack(owner.stack)
    same = own and owner.logical_id == record.logical_id
    held = f"{owner.stack.name}/{owner.logical_id or '-'}"
    if holder.gone:
        return Difference(
            "owner", wanted, f"{held} of a stack that is gone", _orphan_fix(planned, live, holder)
        )
    if same:
        return None
    if own:
        fix = (
            "the construct was renamed: give it its old logical id with "
            f'override_logical_id("{owner.logical_id}")'
        )
    else:
        fix = (
            f"it belongs to stack {planned.name_of(owner.stack)}: take the CA out of that stack, "
            f"{planned.deployment_of(owner.stack)}, and then run `{planned.deploy}`"
        )
    return Difference("owner", wanted, held, fix)


def _orphan_fix(planned: PlannedRegistration, live: LiveRegistration, holder: Holder) -> str:
    """How the stage takes up what a stack that is gone has left."""
    record, owner = planned.record, holder.owner
    if not can(record.engine, Capability.ADOPTION):
        return _import(planned)
    first = []
    if live.mode != record.certificate_mode:
        first.append(f"plan the stage with certificate_mode=CertificateMode.{live.mode}")
    if owner is not None and not planned.is_own_stack(owner.stack):
        first.append(f'set on_existing=OnExisting.ADOPT and adopt_from_stack="{owner.stack.name}"')
    elif owner is not None and owner.logical_id != record.logical_id:
        first.append(f'give the construct its old logical id with override_logical_id("{owner.logical_id}")')
    # A stack that is deployed in its place has to be told, since its template is what it was.
    command = planned.repair if not first and holder.replaced else planned.deploy
    steps = f"{', '.join(first)}, and run" if first else "run"
    fix = f"{steps} `{command}`: it takes the registration up for good"
    if live.mode != record.certificate_mode:
        fix += ", and its mode can be changed in a deployment after that"
    return fix


def _in_set_fix(planned: PlannedRegistration, live: LiveRegistration, holder: Holder, stack: SetStack) -> str:
    """What to do where a set has the registration: its stack goes by the CA's id, and heeds no tags."""
    owner, record = holder.owner, planned.record
    if owner is not None and not holder.gone and not planned.is_own_stack(owner.stack):
        return (
            f"it belongs to stack {planned.name_of(owner.stack)}: take the CA out of that stack, "
            f"{planned.deployment_of(owner.stack)}, and then {stack.anew}"
        )
    tags = {TAG_STACK_ID: stack.stack_id, TAG_LOGICAL_ID: record.logical_id}
    pairs = " ".join(f"Key={key},Value={value}" for key, value in tags.items())
    return (
        "the set's stack has it all the same: give it back its tags with "
        f"`aws iot tag-resource --region {record.region} --resource-arn {live.arn} --tags {pairs}`"
    )


def _import(planned: PlannedRegistration) -> str:
    return f"bring it into its stack with `cdk import {planned.quoted_stack}`, and give its id"
