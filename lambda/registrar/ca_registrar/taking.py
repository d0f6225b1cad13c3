"""What a registration that exists already is to us: ours, nobody's to take up, another's to adopt, or foreign."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import settings, tagging
from .changing import ModeChangeError, change
from .errors import RegistrarError
from .ownership import (
    ADOPTION,
    LOGICAL_ID,
    STACK_ID,
    TAKE_UP,
    Found,
    describe_owner,
    found,
    given_back_by,
    is_stack,
    owner_tags,
    stack_name,
)

if TYPE_CHECKING:
    from .iot import Live
    from .job import Job
    from .properties import Former, Wanted


class ForeignRegistrationError(RegistrarError):
    """The CA is registered in this account by somebody else."""


class RenamedError(RegistrarError):
    """The same stack registered the CA under another logical id."""


class AdoptedAlreadyError(RegistrarError):
    """Another stack that is alive has adopted it."""


def take(job: Job, live: Live, wanted: Wanted, former: Former) -> None:
    """Bring ``live`` to what is wanted, if it is ours or may become ours."""
    if job.owner.owns(live.tags):
        change(job, live, wanted, former)
    elif job.owner.same_stack(live.tags):
        logical_id = live.tags.get(LOGICAL_ID, "a resource unknown")
        raise RenamedError(
            job.about(
                f"this stack registered it as {logical_id}, and the resource is now {job.owner.logical_id}; keep the "
                f'old name with `registration.node.default_child.override_logical_id("{logical_id}")`, or remove the '
                "one in a deployment of its own before the other is added"
            )
        )
    elif STACK_ID in live.tags:
        _take_from_stack(job, live, wanted, former)
    elif wanted.adopt:
        _adopt(job, live, wanted)
    else:
        raise ForeignRegistrationError(
            job.about(
                f"it is registered already in {live.mode} mode, {describe_owner(live.tags)}, and was not touched; "
                "deregister it there, or set on_existing=OnExisting.ADOPT to take it over as it stands"
            )
        )


def _take_from_stack(job: Job, live: Live, wanted: Wanted, former: Former) -> None:
    held = live.tags[STACK_ID]
    name = stack_name(held)
    namesake, named = name == job.owner.stack_name, is_stack(live.tags, wanted.adopt_from_stack)
    # The role may ask about these two names, and no other.
    fate = job.stacks.fate(held) if namesake or named else None
    about = f"it is registered already in {live.mode} mode, {describe_owner(live.tags)}"
    if fate is not None and fate.gone:
        if (namesake and live.tags.get(LOGICAL_ID) == job.owner.logical_id) or wanted.adopt:
            _take_up(job, live, wanted, former)
            return
        renamed = (
            f', or keep the old name with `…override_logical_id("{live.tags.get(LOGICAL_ID)}")`'
            if namesake
            else ""
        )
        raise ForeignRegistrationError(
            job.about(
                f"{about}; that stack is gone, and this resource is {job.owner.logical_id}: set "
                f"on_existing=OnExisting.ADOPT to take it up for good{renamed}"
            )
        )
    said = f"; {fate.said}" if fate is not None else ""
    if not (wanted.adopt and named):
        raise ForeignRegistrationError(
            job.about(
                f"{about}, and was not touched{said}; deregister it there, or take it over as it stands with "
                f'on_existing=OnExisting.ADOPT and adopt_from_stack="{name}"'
            )
        )
    _adopt(job, live, wanted, said)


def _adopt(job: Job, live: Live, wanted: Wanted, said: str = "") -> None:
    """Take over what somebody who is alive has, and note what to give back."""
    if found(live.tags, ADOPTION) is not None and STACK_ID not in live.tags:
        raise AdoptedAlreadyError(
            job.about(
                "it carries the notes of an adoption, and no stack's tags: put those of the stack that adopted it back "
                f"({STACK_ID}, {LOGICAL_ID}), or take {ADOPTION.mark} off, with which it becomes nobody's"
            )
        )
    if found(live.tags, ADOPTION) is not None:
        raise AdoptedAlreadyError(
            job.about(
                f"it was adopted {describe_owner(live.tags)} already, who has to give it back first: destroy that "
                f"stack, or take the CA out of it, then deploy again; it was not touched{said}"
            )
        )
    if live.mode != wanted.mode:
        raise ModeChangeError(
            job.about(
                f"it is registered in {live.mode} mode, and adoption takes a registration over as it stands; ask for "
                f"certificate_mode={live.mode}, or deregister it so that this stack registers it in {wanted.mode}"
            )
        )
    settings.refuse_template_body(job, live)
    note = Found(live.settings, owner_tags(live.tags), _during(job, wanted))
    own = {**job.owner.tags, **note.tags(ADOPTION)}
    tags = tagging.change_for_adoption(job, live, wanted, own)
    settings.assure_return(job, live, wanted, live.template_name)
    # Tags first, and in one call: from here on it is known what to give back.
    job.note("adopted", certificate_id=live.certificate_id, before=describe_owner(live.tags))
    tagging.apply(job, live, tags)
    settings.apply(job, live, wanted.settings)


def _take_up(job: Job, live: Live, wanted: Wanted, former: Former) -> None:
    """Make ours for good what a stack that is gone has left; what it had adopted stays adopted, by us."""
    adoption = found(live.tags, ADOPTION)
    if adoption is not None and adoption.owner == job.owner.tags:
        _reclaim(job, live, wanted, former)
        return
    if live.mode != wanted.mode:
        raise ModeChangeError(
            job.about(
                f"it was left in {live.mode} mode {describe_owner(live.tags)}, which is gone; take it up so, with "
                f"certificate_mode={live.mode}, and change the mode in a deployment of its own after that"
            )
        )
    settings.refuse_template_body(job, live)
    note = Found(live.settings, owner_tags(live.tags), _during(job, wanted))
    own = {**job.owner.tags, **note.tags(TAKE_UP)}
    tags = tagging.change_for_take_up(job, live, wanted, own)
    if wanted.adopt_template_role_arn is not None:
        settings.assure_return(job, live, wanted, live.template_name)
    if adoption is not None and adoption.settings is not None:
        settings.assure_return(job, live, wanted, adoption.settings.template_name)
    job.note("taken up", certificate_id=live.certificate_id, before=describe_owner(live.tags))
    if live.template_name not in (None, wanted.template_name):
        job.note("left over", template=live.template_name, owner=describe_owner(live.tags))
    tagging.apply(job, live, tags)
    settings.apply(job, live, wanted.settings)


def _reclaim(job: Job, live: Live, wanted: Wanted, former: Former) -> None:
    """A stack that is gone had adopted it from us, and never gave it back: it is ours again."""
    job.note("ours again", certificate_id=live.certificate_id, before=describe_owner(live.tags))
    own = {**job.owner.tags, **given_back_by(job.owner, ADOPTION)}
    job.iot.call("tag_resource", resourceArn=live.arn, tags=[{"Key": k, "Value": v} for k, v in own.items()])
    notes = sorted(live.tags.keys() & {*ADOPTION.keys, *TAKE_UP.keys})
    job.iot.call("untag_resource", resourceArn=live.arn, tagKeys=notes)
    again = job.iot.find(live.certificate_id)
    if again is not None:
        change(job, again, wanted, former)


def _during(job: Job, wanted: Wanted) -> str:
    # A Create's roll-back is a Delete; that of an Update is an Update like any other, and has to be told from those.
    return wanted.fingerprint if job.kind == "Update" else ""
