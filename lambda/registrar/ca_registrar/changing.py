"""Brings a registration that exists to what is wanted: in place, by adoption, or by a change of mode."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from .errors import RegistrarError, sentence_of
from .iot import gone_is_done
from .ownership import ADOPTED, KEYS, LOGICAL_ID, STACK_ID, adoption_mark, describe_owner, is_stack
from .registering import AlreadyRegisteredError, proof_for, register
from .timing import ROOM_TO_RESTORE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .iot import Live
    from .job import Job
    from .properties import Former, Wanted


class ForeignRegistrationError(RegistrarError):
    """The CA is registered in this account by somebody else."""


class RenamedError(RegistrarError):
    """The same stack registered the CA under another logical id."""


class ModeChangeError(RegistrarError):
    """The registration is in another mode, and must not or cannot be changed."""


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
    elif not wanted.adopt:
        raise ForeignRegistrationError(
            job.about(
                f"it is registered already in {live.mode} mode, {describe_owner(live.tags)}, and was not touched; "
                "deregister it there, or set on_existing=OnExisting.ADOPT to take it over as it stands"
            )
        )
    else:
        _adopt(job, live, wanted)


def _adopt(job: Job, live: Live, wanted: Wanted) -> None:
    if STACK_ID in live.tags and not (
        wanted.adopt_from_stack and is_stack(live.tags, wanted.adopt_from_stack)
    ):
        raise ForeignRegistrationError(
            job.about(
                f"it was registered {describe_owner(live.tags)}, and adoption needs the stack named; remove it there, "
                "or name it with adopt_from_stack"
            )
        )
    if live.mode != wanted.mode:
        raise ModeChangeError(
            job.about(
                f"it is registered in {live.mode} mode, and adoption takes a registration over as it stands; ask for "
                f"certificate_mode={live.mode}, or deregister it so that this stack registers it in {wanted.mode}"
            )
        )
    # Tags first: from here on a roll-back knows what is ours to take off again.
    job.note("adopted", certificate_id=live.certificate_id, before=describe_owner(live.tags))
    tag(job, live, {**wanted.tags, **job.owner.tags, ADOPTED: adoption_mark(live.tags)})
    _set(job, live, wanted)


def change(job: Job, live: Live, wanted: Wanted, former: Former) -> None:
    """Bring a registration of ours to what is wanted; no call is made where nothing differs."""
    if live.mode != wanted.mode:
        change_mode(job, live, wanted, former)
        return
    _set(job, live, wanted)
    stale = sorted((former.tag_keys - wanted.tags.keys() - set(KEYS)) & live.tags.keys())
    if stale:
        job.iot.call("untag_resource", resourceArn=live.arn, tagKeys=stale)
    tag(job, live, wanted.tags)
    if not (stale or differences(live, wanted)):
        job.note("as wanted", certificate_id=live.certificate_id)


def differences(live: Live, wanted: Wanted) -> list[str]:
    """What differs between the two, in words of the API."""
    pairs = {
        "certificateMode": (live.mode, wanted.mode),
        "status": (live.status, wanted.status),
        "autoRegistrationStatus": (live.auto_status, wanted.auto_status),
        "registrationConfig": (dict(live.config), _config(wanted)),
        "tags": ({key: live.tags.get(key) for key in wanted.tags}, dict(wanted.tags)),
    }
    return [name for name, (is_now, shall_be) in pairs.items() if is_now != shall_be]


def _config(wanted: Wanted) -> dict[str, str]:
    return {} if wanted.template_name is None else {"templateName": wanted.template_name}


def _set(job: Job, live: Live, wanted: Wanted) -> None:
    """Status, auto-registration and template, in as few calls as AWS has for it."""
    job.doing("updating the registration")
    changes: dict[str, Any] = {}
    if live.status != wanted.status:
        changes["newStatus"] = wanted.status
    auto_status = live.auto_status
    if live.config and wanted.template_name is None:
        job.note("taking the template off", certificate_id=live.certificate_id, template=live.template_name)
        job.iot.call("update_ca_certificate", certificateId=live.certificate_id, removeAutoRegistration=True)
        # AWS does not document what this leaves of auto-registration, so the second call always sets it.
        auto_status = "unknown"
    elif dict(live.config) != _config(wanted):
        changes["registrationConfig"] = _config(wanted)
    if auto_status != wanted.auto_status:
        changes["newAutoRegistrationStatus"] = wanted.auto_status
    if changes:
        job.note("updating", certificate_id=live.certificate_id, **changes)
        job.iot.call("update_ca_certificate", certificateId=live.certificate_id, **changes)


def tag(job: Job, live: Live, tags: Mapping[str, str]) -> None:
    """Set what is missing of these tags, in one call."""
    missing = {key: value for key, value in tags.items() if live.tags.get(key) != value}
    if missing:
        pairs = [{"Key": key, "Value": value} for key, value in missing.items()]
        job.iot.call("tag_resource", resourceArn=live.arn, tags=pairs)


def change_mode(job: Job, live: Live, wanted: Wanted, former: Former) -> None:
    """Deregister and register again: AWS has no call that changes a mode. Everything that can fail comes first."""
    if live.tags.get(ADOPTED):
        raise ModeChangeError(
            job.about(
                f"it was adopted in {live.mode} mode, and is not ours to deregister; ask for "
                f"certificate_mode={live.mode}"
            )
        )
    # In a roll-back the old properties are the request and the new ones the former, which hold the permission.
    if not (wanted.allow_mode_change or former.allow_mode_change):
        raise ModeChangeError(
            job.about(
                f"it is registered in {live.mode} mode, and {wanted.mode} is asked for; a change deregisters it and "
                "registers it again, so it must be asked for with allow_mode_change=True; all was left as it was"
            )
        )
    proof = proof_for(job, wanted)
    left = job.clock.left()
    if left < ROOM_TO_RESTORE:
        raise ModeChangeError(
            job.about(
                f"only {left:.0f} s were left to change its mode, too few to undo it; all was left as it was"
            )
        )
    others = {
        key: value for key, value in live.tags.items() if key not in KEYS and key not in former.tag_keys
    }
    tags = {**others, **wanted.tags, **job.owner.tags}
    job.doing(f"changing the mode from {live.mode} to {wanted.mode}")
    job.note("changing mode", certificate_id=live.certificate_id, before=live.mode, after=wanted.mode)
    remove(job, live)
    try:
        register(job, wanted, tags, proof)
    except AlreadyRegisteredError as found:
        # The call took effect and its answer was lost on the way, or somebody was quicker.
        if found.live.mode != wanted.mode:
            said = (
                f"somebody registered it in {found.live.mode} mode while its mode was changed; deploy again"
            )
            raise ModeChangeError(job.about(said)) from None
        take(job, found.live, wanted, former)
    except (RegistrarError, ClientError, BotoCoreError) as error:
        said = error.sentence if isinstance(error, RegistrarError) else job.about(sentence_of(error))
        raise ModeChangeError(_after_failure(job, live, wanted, said)) from None


def remove(job: Job, live: Live) -> None:
    """Deactivate and deregister; gone at any step is done."""
    with gone_is_done():
        if live.status == "ACTIVE":
            job.iot.call("update_ca_certificate", certificateId=live.certificate_id, newStatus="INACTIVE")
        job.iot.call("delete_ca_certificate", certificateId=live.certificate_id)


def _after_failure(job: Job, live: Live, wanted: Wanted, said: str) -> str:
    """What to say once the old registration is gone and the new one failed; an SNI_ONLY one is put back at once."""
    if live.mode == "SNI_ONLY":
        # It needs no proof, so devices need not wait for the roll-back.
        former = replace(
            wanted,
            mode=live.mode,
            active=live.status == "ACTIVE",
            auto_registration=live.auto_status == "ENABLE",
            template_name=live.template_name,
            verification=None,
        )
        try:
            register(job, former, live.tags)
        except (AlreadyRegisteredError, RegistrarError, ClientError, BotoCoreError) as error:
            job.note("not restored yet", error=type(error).__name__)
        else:
            return f"{said}; it is registered in {live.mode} mode again, as before"
    return f"{said}; it is not registered now, and the roll-back registers it in {live.mode} mode again"
