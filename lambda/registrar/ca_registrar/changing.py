"""Brings a registration of ours to what is wanted: in place, or by a change of mode."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from . import settings, tagging
from .errors import RegistrarError, sentence_of
from .iot import gone_is_done
from .ownership import ADOPTION, KEYS, found
from .registering import AlreadyRegisteredError, proof_for, register
from .timing import ROOM_TO_RESTORE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .iot import Live
    from .job import Job
    from .properties import Former, Wanted


class ModeChangeError(RegistrarError):
    """The registration is in another mode, and must not or cannot be changed."""


def change(job: Job, live: Live, wanted: Wanted, former: Former) -> None:
    """Bring a registration of ours to what is wanted; no call is made where nothing differs.

    Raises `AlreadyRegisteredError` where a change of mode finds the CA registered in the new mode already.
    """
    if live.mode != wanted.mode:
        change_mode(job, live, wanted, former)
        return
    tags = tagging.change_for(job, live, wanted, former)
    adopted = found(live.tags, ADOPTION)
    if adopted is not None and adopted.settings is not None:
        settings.assure_return(job, live, wanted, adopted.settings.template_name)
    settings.apply(job, live, wanted.settings)
    tagging.apply(job, live, tags)
    if not (tags or differences(live, wanted)):
        job.note("as wanted", certificate_id=live.certificate_id)


def differences(live: Live, wanted: Wanted) -> list[str]:
    """What differs between the two, in words of the API."""
    config = {} if wanted.template_name is None else {"templateName": wanted.template_name}
    held = {"templateName": live.template_name} if live.template_name else dict(live.config)
    pairs = {
        "certificateMode": (live.mode, wanted.mode),
        "status": (live.status, wanted.status),
        "autoRegistrationStatus": (live.auto_status, wanted.auto_status),
        "registrationConfig": (held, config),
        "tags": ({key: live.tags.get(key) for key in wanted.tags}, dict(wanted.tags)),
    }
    return [name for name, (is_now, shall_be) in pairs.items() if is_now != shall_be]


def change_mode(job: Job, live: Live, wanted: Wanted, former: Former) -> None:
    """Deregister and register again: AWS has no call that changes a mode. Everything that can fail comes first."""
    _check_permission(job, live, wanted, former)
    proof = proof_for(job, wanted)
    tags = tagging.change_for(job, live, wanted, former)
    left = job.clock.left()
    if left < ROOM_TO_RESTORE:
        raise ModeChangeError(
            job.about(
                f"only {left:.0f} s were left to change its mode, too few to undo it; all was left as it was"
            )
        )
    job.doing(f"changing the mode from {live.mode} to {wanted.mode}")
    # On what is registered still: from here on it is known that AWS IoT takes the tags.
    tagging.apply(job, live, tags)
    job.note("changing mode", certificate_id=live.certificate_id, before=live.mode, after=wanted.mode)
    remove(job, live)
    others = {key: value for key, value in tags.after.items() if key not in KEYS}
    try:
        register(job, wanted, {**others, **job.owner.tags}, proof)
    except AlreadyRegisteredError as already:
        # The call took effect and its answer was lost on the way, or somebody was quicker.
        if already.live.mode == wanted.mode:
            raise
        said = f"somebody registered it in {already.live.mode} mode while its mode was changed; deploy again"
        raise ModeChangeError(job.about(said)) from None
    except (RegistrarError, ClientError, BotoCoreError) as error:
        said = error.sentence if isinstance(error, RegistrarError) else job.about(sentence_of(error))
        raise ModeChangeError(_after_failure(job, live, wanted, said)) from None


def _check_permission(job: Job, live: Live, wanted: Wanted, former: Former) -> None:
    if found(live.tags, ADOPTION) is not None:
        raise ModeChangeError(
            job.about(
                f"it was adopted in {live.mode} mode, and is not ours to deregister; ask for "
                f"certificate_mode={live.mode}"
            )
        )
    # In a roll-back the permission stands in the former properties, and only the stack knows that it is one. A change
    # that is allowed asks too: under the old role its roll-back has to be able to.
    allowed = wanted.allow_mode_change
    if allowed or former.allow_mode_change:
        allowed = job.rolls_back() or allowed
    if not allowed:
        raise ModeChangeError(
            job.about(
                f"it is registered in {live.mode} mode, and {wanted.mode} is asked for; a change deregisters it and "
                "registers it again, so it must be asked for with allow_mode_change=True; all was left as it was"
            )
        )


def remove(job: Job, live: Live) -> None:
    """Deactivate and deregister; gone at any step is done."""
    with gone_is_done():
        if live.status == "ACTIVE":
            job.iot.call("update_ca_certificate", certificateId=live.certificate_id, newStatus="INACTIVE")
        job.iot.call("delete_ca_certificate", certificateId=live.certificate_id)


def _after_failure(job: Job, live: Live, wanted: Wanted, said: str) -> str:
    """What to say once the old registration is gone and the new one failed; what needs no proof is put back at once."""
    before = replace(
        wanted,
        mode="SNI_ONLY",
        active=live.status == "ACTIVE",
        auto_registration=live.auto_status == "ENABLE",
        template_name=live.template_name,
        verification=None,
    )
    if live.mode == "SNI_ONLY":
        if _registers(job, before, live.tags):
            return f"{said}; it is registered in {live.mode} mode again, as before"
        return f"{said}; it is not registered now, and the roll-back registers it in {live.mode} mode again"
    # It keeps the place and other people's tags, and enrolls nobody, until the roll-back changes its mode again.
    place_holder = replace(before, active=False, auto_registration=False, template_name=None)
    if _registers(job, place_holder, live.tags):
        return f"{said}; it is INACTIVE in SNI_ONLY mode, until the roll-back makes it {live.mode} again"
    return f"{said}; it is not registered now, and the roll-back registers it in {live.mode} mode again"


def _registers(job: Job, wanted: Wanted, tags: Mapping[str, str]) -> bool:
    try:
        register(job, wanted, tags)
    except (AlreadyRegisteredError, RegistrarError, ClientError, BotoCoreError) as error:
        job.note("not restored yet", error=type(error).__name__)
        return False
    return True
