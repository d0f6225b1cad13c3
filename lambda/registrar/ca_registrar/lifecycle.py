"""What each event of CloudFormation asks for. Sorts the cases; the work is done next door.

Nearly every cold start is a Create that finds nothing registered. What all else needs (``taking``, ``giving_back`` and
what they import) is a third of the code, and imported only then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from .errors import RegistrarError, sentence_of
from .iot import Iot
from .job import Job
from .ownership import Owner, place_of
from .properties import digest_of, read_former, read_wanted, readable_pem
from .registering import AlreadyRegisteredError, register
from .runtime import Clients, Clock, Patience
from .stacks import Stacks

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        physical_id = None if creating else str(event["PhysicalResourceId"])
        certificate_id = _registered(job, physical_id, wanted, former)
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


def _registered(job: Job, physical_id: str | None, wanted: Wanted, former: Former) -> str:
    """The id of what is registered in the end; ``physical_id``: of what is to be updated."""
    try:
        if physical_id is None:
            return register(job, wanted, {**wanted.tags, **job.owner.tags})
        from .taking import update

        return update(job, physical_id, wanted, former)
    except AlreadyRegisteredError as already:
        from .taking import meet

        return meet(job, already.live, wanted, former)


def _delete(job: Job, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    from .giving_back import delete

    delete(job, physical_id, readable_pem(properties.get("CaCertificatePem")))
    return {"PhysicalResourceId": physical_id, "Data": {}}
