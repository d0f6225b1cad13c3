"""What each event of CloudFormation asks for. Sorts the cases; the work is done next door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from .changing import differences, remove
from .errors import RegistrarError, sentence_of
from .giving_back import finish, give_back
from .iot import Iot
from .job import Job
from .ownership import ADOPTION, STACK_ID, TAKE_UP, Owner, describe_owner, found, place_of
from .properties import CERTIFICATE_ID, der_of, digest_of, read_former, read_wanted, readable_pem
from .registering import AlreadyRegisteredError, register
from .runtime import Clients, Clock, Patience
from .stacks import Stacks
from .tagging import apply as apply_tags
from .tagging import without_during
from .taking import ForeignRegistrationError, take

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .iot import Live
    from .properties import Former, Wanted


class ServiceError(RegistrarError):
    """An error of AWS that has no sentence of its own."""


def run(
    event: Mapping[str, Any],
    context: Any,
    progress: dict[str, str],
    *,
    clients: Any = None,
    clock: Clock | None = None,
) -> dict[str, Any]:
    """Carry out one request; gives what to answer. ``progress``: what goes on, and the physical id if it fails."""
    _, _, region, account = place_of(str(event["StackId"]))
    pem = (event.get("ResourceProperties") or {}).get("CaCertificatePem")
    known = _known_id(event, pem)
    creating = event["RequestType"] == "Create"
    if creating:
        progress["PhysicalResourceId"] = known
    clock = clock or Clock(context)
    clients = clients or Clients(region)
    patience = Patience(clock)
    owner = Owner(event["StackId"], event["LogicalResourceId"])
    job = Job(
        kind=event["RequestType"],
        request_id=event.get("RequestId"),
        account=account,
        region=region,
        certificate_id=known,
        owner=owner,
        clients=clients,
        patience=patience,
        iot=Iot(clients.client("iot"), patience),
        stacks=Stacks(clients, patience, owner.stack_id),
        clock=clock,
        progress=progress,
    )
    job.doing("looking at what is registered")
    try:
        if event["RequestType"] == "Delete":
            return _delete(job, str(event["PhysicalResourceId"]), event.get("ResourceProperties") or {})
        wanted = read_wanted(event["ResourceProperties"])
        former = read_former(event.get("OldResourceProperties"))
        if creating:
            certificate_id = _create(job, wanted, former)
        else:
            certificate_id = _update(job, str(event["PhysicalResourceId"]), wanted, former)
    except (ClientError, BotoCoreError) as error:
        raise ServiceError(job.about(f"AWS answered with an error ({sentence_of(error)})")) from None
    return _answer(job, certificate_id, wanted.mode)


def _known_id(event: Mapping[str, Any], pem: object) -> str:
    """The CA's id as far as it is known before AWS is asked."""
    readable = readable_pem(pem)
    if readable is not None:
        return digest_of(readable)
    return str(event.get("PhysicalResourceId") or f"unregistered-{event.get('LogicalResourceId')}")


def _answer(job: Job, certificate_id: str, mode: str) -> dict[str, Any]:
    partition = place_of(job.owner.stack_id)[0]
    arn = f"arn:{partition}:iot:{job.region}:{job.account}:cacert/{certificate_id}"
    data = {"CertificateId": certificate_id, "CertificateArn": arn, "CertificateMode": mode}
    return {"PhysicalResourceId": certificate_id, "Data": data}


def _create(job: Job, wanted: Wanted, former: Former) -> str:
    try:
        return register(job, wanted, {**wanted.tags, **job.owner.tags})
    except AlreadyRegisteredError as already:
        live = already.live
        if job.kind == "Update" and not job.owner.owns(live.tags) and job.rolls_back():
            return _leave_alone(job, live)
        return _take(job, live, wanted, former)


def _leave_alone(job: Job, live: Live) -> str:
    owner = describe_owner(live.tags)
    job.note("left alone, since not ours", certificate_id=live.certificate_id, owner=owner)
    return live.certificate_id


def _take(job: Job, live: Live, wanted: Wanted, former: Former) -> str:
    try:
        take(job, live, wanted, former)
    except AlreadyRegisteredError as already:
        # A change of mode took effect though its answer was lost: what is left to do is done in place.
        take(job, already.live, wanted, former)
    return live.certificate_id


def _update(job: Job, physical_id: str, wanted: Wanted, former: Former) -> str:
    live = job.iot.find(physical_id) if CERTIFICATE_ID.fullmatch(physical_id) else None
    if not _same_ca(physical_id, live, wanted, former):
        # Another CA under the same name: register it; CloudFormation removes the old one at the end.
        job.note("replacing", before=physical_id)
        return _create(job, wanted, former)
    _clear_failed_replacement(job, physical_id, wanted, former)
    if live is None:
        job.note("not registered any more, registering", certificate_id=physical_id)
        return _create(job, wanted, former)
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
            apply_tags(job, live, without_during(live, layer, note))
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
        _let_go(job, left)


def _delete(job: Job, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    live = job.iot.find_for_delete(physical_id, readable_pem(properties.get("CaCertificatePem")))
    if live is None:
        job.note("gone already", physical_id=physical_id)
    elif not job.owner.owns(live.tags):
        if not finish(job, live):
            owner = describe_owner(live.tags)
            job.note("not ours, left alone", certificate_id=live.certificate_id, owner=owner)
    else:
        job.doing("deregistering the CA")
        _let_go(job, live)
    return {"PhysicalResourceId": physical_id, "Data": {}}


def _let_go(job: Job, live: Live) -> None:
    """Deregister what is ours for good; give back what was adopted, and what is taken up and rolled back."""
    if found(live.tags, TAKE_UP) is not None and job.rolls_back():
        give_back(job, live, TAKE_UP)
    elif found(live.tags, ADOPTION) is not None:
        give_back(job, live, ADOPTION)
    else:
        job.note("deregistering", certificate_id=live.certificate_id)
        remove(job, live)
