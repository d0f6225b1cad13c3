"""What a registration that exists already is to us: ours, nobody's to take up, another's to adopt, or foreign.

Every Update comes here, and a Create that finds the CA registered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import settings, tagging
from .changing import ModeChangeError, change, differences
from .errors import RegistrarError
from .giving_back import finish, give_back, let_go
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
from .properties import CERTIFICATE_ID, der_of
from .registering import AlreadyRegisteredError, register

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


def update(job: Job, physical_id: str, wanted: Wanted, former: Former) -> str:
    """Bring it to what is wanted; gives the id that it has then. Raises `AlreadyRegisteredError` as `register` does."""
    live = job.iot.find(physical_id) if CERTIFICATE_ID.fullmatch(physical_id) else None
    if not _same_ca(physical_id, live, wanted, former):
        # Another CA under the same name: register it; CloudFormation removes the old one at the end.
        job.note("replacing", before=physical_id)
        return _register(job, wanted)
    _clear_failed_replacement(job, physical_id, wanted, former)
    if live is None:
        job.note("not registered any more, registering", certificate_id=physical_id)
        return _register(job, wanted)
    if _gave_back(job, live, former):
        return physical_id
    if not job.owner.owns(live.tags) and (not differences(live, wanted) or job.rolls_back()):
        # Not ours any more: as wanted all the same, or this is a roll-back, which must not fail over it.
        return _leave_alone(job, live)
    if STACK_ID not in live.tags and not wanted.adopt:
        own = " ".join(f"Key={key},Value={value}" for key, value in job.owner.tags.items())
        raise ForeignRegistrationError(
            job.about(
                "the registration no longer carries this resource's tags, so it was not touched; put them back with "
                f"`aws iot tag-resource --resource-arn {live.arn} --tags {own}`, or set "
                "on_existing=OnExisting.ADOPT to take it over"
            )
        )
    return _take(job, live, wanted, former)


def meet(job: Job, live: Live, wanted: Wanted, former: Former) -> str:
    """What becomes of a registration that stood in the way of one; gives its id."""
    if job.kind == "Update" and not job.owner.owns(live.tags) and job.rolls_back():
        return _leave_alone(job, live)
    return _take(job, live, wanted, former)


def _leave_alone(job: Job, live: Live) -> str:
    owner = describe_owner(live.tags)
    job.note("left alone, since not ours", certificate_id=live.certificate_id, owner=owner)
    return live.certificate_id


def _register(job: Job, wanted: Wanted) -> str:
    return register(job, wanted, {**wanted.tags, **job.owner.tags})


def _take(job: Job, live: Live, wanted: Wanted, former: Former) -> str:
    try:
        take(job, live, wanted, former)
    except AlreadyRegisteredError as already:
        # A change of mode took effect though its answer was lost: what is left to do is done in place.
        take(job, already.live, wanted, former)
    return live.certificate_id


def _gave_back(job: Job, live: Live, former: Former) -> bool:
    """Whether this is the roll-back of the Update that took the registration: then it is given back."""
    if finish(job, live) or not job.owner.owns(live.tags):
        return False
    for layer in (TAKE_UP, ADOPTION):
        note = found(live.tags, layer)
        if note is not None and note.during and note.during == former.fingerprint:
            if job.rolls_back():
                give_back(job, live, layer)
                return True
            tagging.apply(job, live, tagging.without_during(live, layer, note))
    return False


def _same_ca(physical_id: str, live: Live | None, wanted: Wanted, former: Former) -> bool:
    if live is not None and live.pem:
        return der_of(live.pem) == der_of(wanted.pem)
    if physical_id == wanted.digest:
        return True
    return former.pem is not None and der_of(former.pem) == der_of(wanted.pem)


def _clear_failed_replacement(job: Job, physical_id: str, wanted: Wanted, former: Former) -> None:
    """Roll-back of a replacement that failed half-way: the CA of the failed properties may be registered by us."""
    if former.pem is None or der_of(former.pem) == der_of(wanted.pem):
        return
    left = job.iot.find_by_pem(former.pem)
    if left is not None and left.certificate_id != physical_id and job.owner.owns(left.tags):
        job.note("removing what a failed replacement left", certificate_id=left.certificate_id)
        let_go(job, left)


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
