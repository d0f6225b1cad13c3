"""The tags of a registration: which to put, which to take off. Never touches others' tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from .errors import RegistrarError, code_of, sentence_of
from .ownership import ADOPTION, KEYS, TAKE_UP, added, found, note_of_added
from .registering import check_room

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .iot import Live
    from .job import Job
    from .ownership import Found, Layer
    from .properties import Former, Wanted

_REFUSALS = ("InvalidRequestException", "LimitExceededException")


class ForeignTagError(RegistrarError):
    """A wanted tag is there already, with another value, and not by us."""


class RefusedTagsError(RegistrarError):
    """AWS IoT does not take the tags."""


@dataclass(frozen=True)
class TagChange:
    """What to do. ``after``: the tags of the registration once it is done."""

    put: Mapping[str, str]
    drop: tuple[str, ...]
    after: Mapping[str, str]

    def __bool__(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.put or self.drop)


def change_for(job: Job, live: Live, wanted: Wanted, former: Former) -> TagChange:
    """What to do to a registration of ours; raises before anything is written."""
    if found(live.tags, ADOPTION) is not None:
        return _change_of_adopted(job, live, wanted)
    # An earlier Create of ours may have asked for others: all that it put is ours.
    ours = set(live.tags) if job.kind == "Create" else set(former.tags)
    foreign = _differing(live, wanted) - ours
    # In a roll-back the wanted tags were in force before: to put them back overwrites nobody.
    if foreign and not job.rolls_back():
        raise _foreign(job, live, foreign)
    # What has another value than ours had is somebody else's by now.
    drop = {
        key
        for key, value in former.tags.items()
        if key not in wanted.tags and key not in KEYS and live.tags.get(key) == value
    }
    return _checked(job, live, wanted.tags, drop)


def _change_of_adopted(job: Job, live: Live, wanted: Wanted) -> TagChange:
    ours = added(live.tags, ADOPTION) | added(live.tags, TAKE_UP)
    foreign = _differing(live, wanted) - ours
    if foreign and not job.rolls_back():
        raise _foreign(job, live, foreign)
    put = {key: value for key, value in wanted.tags.items() if key not in foreign}
    drop = set(ours - wanted.tags.keys())
    note = note_of_added((ours | (put.keys() - live.tags.keys())) - drop, ADOPTION)
    if not note:
        drop |= {ADOPTION.added_tags} & live.tags.keys()
    return _checked(job, live, {**put, **note}, drop)


def change_for_adoption(job: Job, live: Live, wanted: Wanted, own: Mapping[str, str]) -> TagChange:
    """The tags of an adoption, in one call with ``own``: what is there already is never overwritten."""
    foreign = _differing(live, wanted)
    if foreign:
        raise _foreign(job, live, foreign)
    return _checked(job, live, {**wanted.tags, **own, **_note(live, wanted, ADOPTION)}, set())


def change_for_take_up(job: Job, live: Live, wanted: Wanted, own: Mapping[str, str]) -> TagChange:
    """The same for what nobody's stack has any more: of that stack's own tags the values are ours to set."""
    if found(live.tags, ADOPTION) is not None:
        foreign = _differing(live, wanted) - added(live.tags, ADOPTION)
        if foreign:
            raise _foreign(job, live, foreign)
    return _checked(job, live, {**wanted.tags, **own, **_note(live, wanted, TAKE_UP)}, set())


def without_during(live: Live, layer: Layer, note: Found) -> TagChange:
    """What notes that the Update which took the registration is not rolled back any more."""
    put = note._replace(during="").tags(layer) if note.settings is not None else {}
    return TagChange(put, (), {**live.tags, **put})


def _note(live: Live, wanted: Wanted, layer: Layer) -> dict[str, str]:
    return note_of_added(wanted.tags.keys() - live.tags.keys(), layer)


def _differing(live: Live, wanted: Wanted) -> set[str]:
    return {key for key, value in wanted.tags.items() if live.tags.get(key, value) != value}


def apply(job: Job, live: Live, change: TagChange) -> None:
    """Do it, in as few calls as AWS has for it."""
    try:
        if change.drop:
            job.iot.call("untag_resource", resourceArn=live.arn, tagKeys=list(change.drop))
        if change.put:
            pairs = [{"Key": key, "Value": value} for key, value in change.put.items()]
            job.iot.call("tag_resource", resourceArn=live.arn, tags=pairs)
    except ClientError as error:
        if code_of(error) not in _REFUSALS:
            raise
        raise RefusedTagsError(
            job.about(
                f"AWS IoT does not take its tags ({sentence_of(error)}); change them, then deploy again"
            )
        ) from None


def _foreign(job: Job, live: Live, keys: set[str]) -> ForeignTagError:
    key = min(keys)
    return ForeignTagError(
        job.about(
            f"somebody else gave it the tag {key!r} with the value {live.tags[key]!r}, which is not overwritten; take "
            "the tag out of the app, give it that value there, or take it off the registration; all was left as it was"
        )
    )


def _checked(job: Job, live: Live, put: Mapping[str, str], drop: set[str]) -> TagChange:
    after = {**{key: value for key, value in live.tags.items() if key not in drop}, **put}
    check_room(job, after, was=len(live.tags))
    missing = {key: value for key, value in put.items() if live.tags.get(key) != value}
    return TagChange(missing, tuple(sorted(drop)), after)
