"""What each event of CloudFormation asks for. Sorts the cases; the work is done next door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from .changing import ForeignRegistrationError, change, differences, remove, tag, take
from .errors import RegistrarError, sentence_of
from .iot import Iot, gone_is_done
from .job import Job
from .ownership import ADOPTED, KEYS, Owner, describe_owner, former_owner_tags
from .properties import CERTIFICATE_ID, der_of, digest_of, read_former, read_wanted, readable_pem
from .registering import AlreadyRegisteredError, register
from .runtime import Clients, Clock

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
    account, region = str(event["StackId"]).split(":")[4], str(event["StackId"]).split(":")[3]
    pem = (event.get("ResourceProperties") or {}).get("CaCertificatePem")
    known = _known_id(event, pem)
    creating = event["RequestType"] == "Create"
    if creating:
        progress["PhysicalResourceId"] = known
    clock = clock or Clock(context)
    clients = clients or Clients(region)
    job = Job(
        kind=event["RequestType"],
        request_id=event.get("RequestId"),
        account=account,
        region=region,
        certificate_id=known,
        owner=Owner(event["StackId"], event["LogicalResourceId"]),
        clients=clients,
        iot=Iot(clients.client("iot"), clock),
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
    partition = job.owner.stack_id.split(":")[1]
    arn = f"arn:{partition}:iot:{job.region}:{job.account}:cacert/{certificate_id}"
    data = {"CertificateId": certificate_id, "CertificateArn": arn, "CertificateMode": mode}
    return {"PhysicalResourceId": certificate_id, "Data": data}


def _create(job: Job, wanted: Wanted, former: Former) -> str:
    try:
        return register(job, wanted, {**wanted.tags, **job.owner.tags})
    except AlreadyRegisteredError as found:
        take(job, found.live, wanted, former)
        return found.live.certificate_id


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
    if job.owner.owns(live.tags):
        change(job, live, wanted, former)
    elif not differences(live, wanted):
        # Not ours any more, but as wanted: a roll-back must not fail over it, and nothing needs to be touched.
        job.note("as wanted, though not ours", certificate_id=physical_id, owner=describe_owner(live.tags))
    elif wanted.adopt or job.owner.same_stack(live.tags):
        take(job, live, wanted, former)
    else:
        raise ForeignRegistrationError(
            job.about(
                f"the registration no longer carries this resource's tags ({describe_owner(live.tags)}), so it was "
                "not touched; set on_existing=OnExisting.ADOPT to take it over, or put the tags back"
            )
        )
    return live.certificate_id


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
        _let_go(job, left, left.template_name, former)


def _delete(job: Job, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    live = job.iot.find_for_delete(physical_id, readable_pem(properties.get("CaCertificatePem")))
    if live is None:
        job.note("gone already", physical_id=physical_id)
    elif not job.owner.owns(live.tags):
        job.note("not ours, left alone", certificate_id=live.certificate_id, owner=describe_owner(live.tags))
    else:
        job.doing("deregistering the CA")
        template_name = (properties.get("RegistrationConfig") or {}).get("TemplateName")
        _let_go(job, live, template_name, read_former(properties))
    return {"PhysicalResourceId": physical_id, "Data": {}}


def _let_go(job: Job, live: Live, template_name: str | None, former: Former) -> None:
    """Deregister what we registered; of what was adopted, take off our template and tags alone."""
    if not live.tags.get(ADOPTED):
        job.note("deregistering", certificate_id=live.certificate_id)
        remove(job, live)
        return
    job.note("giving back", certificate_id=live.certificate_id)
    with gone_is_done():
        if template_name is not None and live.template_name == template_name:
            job.iot.call(
                "update_ca_certificate", certificateId=live.certificate_id, removeAutoRegistration=True
            )
        keys, before = {*KEYS, *former.tag_keys}, former_owner_tags(live.tags)
        if before:
            # At once its former stack's again, and adopted by nobody: what follows only tidies up.
            tag(job, live, {**before, ADOPTED: ""})
            keys -= before.keys()
        job.iot.call("untag_resource", resourceArn=live.arn, tagKeys=sorted(keys & live.tags.keys()))
