"""Makes a registration: proof, room for its tags, one call, and what AWS may answer to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from .errors import PossessionError, RegistrarError, code_of, sentence_of
from .ownership import KEYS
from .timing import HAND_OVER, HAND_OVER_PAUSE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .iot import Live
    from .job import Job
    from .properties import Wanted

#: AWS IoT's limit for one resource, ours included.
MOST_TAGS = 50
_EXISTS = "ResourceAlreadyExistsException"
_WRONG_CODE = "RegistrationCodeValidationException"
_INVALID = "InvalidRequestException"
_TOO_MANY = "LimitExceededException"
#: What of the request is invalid, where that is not the CA.
_OTHER_CAUSE = re.compile(r"\b(tag|template|role)", re.IGNORECASE)


class AlreadyRegisteredError(Exception):
    """The CA is registered in this account already: the caller decides what it means."""

    def __init__(self, live: Live) -> None:
        super().__init__(live.certificate_id)
        self.live = live


class TooManyTagsError(RegistrarError):
    """Those that are there and those that are wanted do not fit on one registration."""


class NoVerificationError(RegistrarError):
    """A DEFAULT registration has to be made, and nothing proves possession of the key."""


class OtherOwnerError(RegistrarError):
    """Another account holds the CA in DEFAULT mode in this region."""


class RefusedError(RegistrarError):
    """AWS IoT does not take the CA."""


def proof_for(job: Job, wanted: Wanted) -> str | None:
    """The verification certificate that ``wanted`` needs, or `None` in SNI_ONLY mode."""
    if wanted.mode != "DEFAULT":
        return None
    if wanted.verification is None:
        raise NoVerificationError(
            job.about(
                "it has to be registered in DEFAULT mode, and the stack names no proof of the CA key; set "
                "`verification` (of the plan, or of the RetiringCa)"
            )
        )
    from .possession import prove  # imported here: SNI_ONLY, which most are, proves nothing

    verification = wanted.verification
    job.doing("proving possession of the CA key")
    code = job.iot.call("get_registration_code")["registrationCode"]
    try:
        return str(
            job.patience.attempt(
                lambda: prove(
                    verification, ca_certificate_pem=wanted.pem, registration_code=code, clients=job.clients
                )
            )
        )
    except PossessionError as error:
        failed = type(error)(job.about(error.sentence))
    # Outside of the except block: a caught error stays reachable from one that is raised in it.
    raise failed


def check_room(job: Job, tags: Mapping[str, str], *, was: int = 0) -> None:
    """Raise `TooManyTagsError` where they are more than a registration holds. ``was``: how many are there now."""
    if len(tags) > MOST_TAGS:
        own = len(tags.keys() & KEYS)
        raise TooManyTagsError(
            job.about(
                f"it would have {len(tags)} tags ({was} are there, {own} are this library's), and AWS IoT allows "
                f"{MOST_TAGS}; take tags off the registration or out of the app; all was left as it was"
            )
        )


def register(job: Job, wanted: Wanted, tags: Mapping[str, str], proof: str | None = None) -> str:
    """Register, and give the id that AWS gave. ``proof`` is made unless it is given."""
    check_room(job, tags)
    try:
        return _attempt(job, wanted, tags, proof or proof_for(job, wanted))
    except ClientError as error:
        if code_of(error) != _WRONG_CODE:
            raise
    # The registration code was changed between the two calls: fetch, sign, register again.
    job.note("registration code changed, signing again")
    try:
        return _attempt(job, wanted, tags, proof_for(job, wanted))
    except ClientError as error:
        raise _refused(job, wanted, error) from None


def _attempt(job: Job, wanted: Wanted, tags: Mapping[str, str], proof: str | None) -> str:
    parameters = _parameters(wanted, tags, proof)
    until = job.clock.now() + HAND_OVER
    job.doing(f"registering the CA in {wanted.mode} mode")
    while True:
        try:
            answer = job.iot.call("register_ca_certificate", **parameters)
        except ClientError as error:
            if code_of(error) == _WRONG_CODE:
                raise
            if not _may_be_registered(error, wanted):
                raise _refused(job, wanted, error) from None
            live = job.iot.find(str(error.response.get("resourceId") or wanted.digest))
            if live is not None:
                raise AlreadyRegisteredError(live) from None
            if job.clock.now() >= until:
                # Before anyone else is named: it may be here under an id that the error did not tell.
                live = job.iot.find_by_pem(wanted.pem)
                if live is not None:
                    raise AlreadyRegisteredError(live) from None
                raise OtherOwnerError(_other_owner(job, wanted, error)) from None
            job.note("registered elsewhere, trying again", mode=wanted.mode)
            job.clock.pause(HAND_OVER_PAUSE)
        else:
            certificate_id = str(answer["certificateId"])
            job.registered(certificate_id)
            job.note("registered", certificate_id=certificate_id, mode=wanted.mode)
            return certificate_id


def _may_be_registered(error: ClientError, wanted: Wanted) -> bool:
    """Whether the CA may be registered already, here or elsewhere: InvalidRequest says that of a second owner, too."""
    if code_of(error) == _EXISTS:
        return True
    invalid = code_of(error) == _INVALID and wanted.mode == "DEFAULT"
    return invalid and not _OTHER_CAUSE.search(sentence_of(error))


def _parameters(wanted: Wanted, tags: Mapping[str, str], proof: str | None) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "caCertificate": wanted.pem,
        "certificateMode": wanted.mode,
        "setAsActive": wanted.active,
        "allowAutoRegistration": wanted.auto_registration,
        "tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    if wanted.template_name is not None:
        parameters["registrationConfig"] = {"templateName": wanted.template_name}
    if proof is not None:
        parameters["verificationCertificate"] = proof
    return parameters


def _other_owner(job: Job, wanted: Wanted, error: ClientError) -> str:
    if wanted.mode == "DEFAULT":
        return job.about(
            f"another account holds this CA in DEFAULT mode in {job.region}, and one account per region may (AWS IoT "
            f"answered {sentence_of(error)}); make the other one SNI_ONLY or deregister it there first, then deploy "
            "this stack again; nobody else's registration was touched"
        )
    return job.about(
        f"AWS IoT says that it is registered already, but not in this account ({sentence_of(error)}); "
        "deploy again in a few minutes"
    )


def _refused(job: Job, wanted: Wanted, error: ClientError) -> RegistrarError:
    code, said = code_of(error), sentence_of(error)
    if code == _TOO_MANY:
        return RefusedError(
            job.about(
                f"AWS IoT has no room for it ({said}): an account registers at most 10 CAs of one subject; deregister "
                "CAs that are no longer used, or give the next CA a subject of its own"
            )
        )
    meaning = ""
    if code == _WRONG_CODE:
        meaning = "; somebody may be deleting the account's registration code: deploy again"
    elif wanted.mode == "DEFAULT" and code == "CertificateValidationException":
        meaning = (
            "; the verification certificate was checked before, so this may mean that another account of "
            f"{job.region} holds the CA in DEFAULT mode: make that one SNI_ONLY or deregister it, then deploy again"
        )
    return RefusedError(job.about(f"AWS IoT does not register it in {wanted.mode} mode ({said}){meaning}"))
