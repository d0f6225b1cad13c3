"""Lets go of a registration: what was taken is given back, settings, tags and owner as they were found.

Can be interrupted, and begun again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from . import settings
from .changing import remove
from .errors import DENIED, code_of
from .iot import GONE, gone_is_done
from .ownership import (
    ADOPTION,
    KEYS,
    TAKE_UP,
    added,
    describe_owner,
    found,
    given_back_by,
    is_being_given_back,
)

if TYPE_CHECKING:
    from .iot import Live
    from .job import Job
    from .ownership import Layer, Settings

_REFUSALS = (GONE, "InvalidRequestException")


def delete(job: Job, physical_id: str, pem: str | None) -> None:
    """Remove what is ours, give back what was taken, and leave alone what is somebody else's."""
    live = job.iot.find_for_delete(physical_id, pem)
    if live is None:
        job.note("gone already", physical_id=physical_id)
    elif not job.owner.owns(live.tags):
        if not finish(job, live):
            owner = describe_owner(live.tags)
            job.note("not ours, left alone", certificate_id=live.certificate_id, owner=owner)
    else:
        job.doing("deregistering the CA")
        let_go(job, live)


def let_go(job: Job, live: Live) -> None:
    """Deregister what is ours for good; give back what was adopted, and what is taken up and rolled back."""
    if found(live.tags, TAKE_UP) is not None and job.rolls_back():
        give_back(job, live, TAKE_UP)
    elif found(live.tags, ADOPTION) is not None:
        give_back(job, live, ADOPTION)
    else:
        job.note("deregistering", certificate_id=live.certificate_id)
        remove(job, live)


def give_back(job: Job, live: Live, layer: Layer) -> None:
    """Make the registration what it was when it was taken. It has to be ours; what was not taken so is left alone."""
    note = found(live.tags, layer)
    if note is None:
        return
    job.note("giving back", certificate_id=live.certificate_id, how=layer.mark)
    with gone_is_done():
        if note.settings is not None:
            _restore(job, live, note.settings, denial_counts=layer is ADOPTION)
        ours = set(added(live.tags, layer))
        if layer is ADOPTION:
            ours |= added(live.tags, TAKE_UP) | (TAKE_UP.keys & live.tags.keys())
        if not note.owner:
            # Nobody's stack had it: one call, and all is as it was.
            _untag(job, live, ours | (_own(layer) & live.tags.keys()))
            return
        _untag(job, live, ours)
        # Its former owner's again; what follows only tidies up, and is found by this mark.
        tags = {**note.owner, **given_back_by(job.owner, layer)}
        job.iot.call(
            "tag_resource", resourceArn=live.arn, tags=[{"Key": k, "Value": v} for k, v in tags.items()]
        )
        _untag(job, live, set(layer.keys) & live.tags.keys())


def finish(job: Job, live: Live) -> bool:
    """Take off what an interrupted giving back of ours left; whether there was any."""
    left = [layer for layer in (ADOPTION, TAKE_UP) if is_being_given_back(live.tags, job.owner, layer)]
    with gone_is_done():
        for layer in left:
            _untag(job, live, set(layer.keys) & live.tags.keys())
    return bool(left)


def _own(layer: Layer) -> set[str]:
    return set(KEYS) if layer is ADOPTION else set(layer.keys)


def _restore(job: Job, live: Live, before: Settings, *, denial_counts: bool) -> None:
    """Settings as they were. A template that is gone, or whose role we may not pass, cannot hold up the giving back."""
    refusals = _REFUSALS if denial_counts else (*_REFUSALS, *DENIED)
    for last in (False, True):
        try:
            settings.apply(job, live, before)
        except ClientError as error:
            template_changes = before.template_name not in (None, live.template_name)
            if code_of(error) not in refusals or not template_changes:
                raise
            again = job.iot.find(live.certificate_id)
            if again is None:
                raise
            live = again
            if last:
                job.note("template not given back", template=before.template_name, error=code_of(error))
                settings.apply(job, live, before._replace(template_name=None))
        else:
            return


def _untag(job: Job, live: Live, keys: set[str]) -> None:
    if keys:
        job.iot.call("untag_resource", resourceArn=live.arn, tagKeys=sorted(keys))
