"""Gives back what was taken: settings, tags and owner as they were found. Can be interrupted, and begun again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from . import settings
from .errors import DENIED, code_of
from .iot import GONE, gone_is_done
from .ownership import ADOPTION, KEYS, TAKE_UP, added, found, given_back_by, is_being_given_back

if TYPE_CHECKING:
    from .iot import Live
    from .job import Job
    from .ownership import Layer, Settings

_REFUSALS = (GONE, "InvalidRequestException")


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
                settings.apply(job, live, replace(before, template_name=None))
        else:
            return


def _untag(job: Job, live: Live, keys: set[str]) -> None:
    if keys:
        job.iot.call("untag_resource", resourceArn=live.arn, tagKeys=sorted(keys))
