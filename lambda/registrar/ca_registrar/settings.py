"""Status, auto-registration and template of a registration: set, and known beforehand to be returnable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from .errors import DENIED, RegistrarError, code_of, sentence_of

if TYPE_CHECKING:
    from .iot import Live
    from .job import Job
    from .ownership import Settings
    from .properties import Wanted


def apply(job: Job, live: Live, wanted: Settings) -> None:
    """One UpdateCACertificate, two where a template goes, none where nothing differs."""
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
    elif live.template_name != wanted.template_name or live.has_template_body:
        changes["registrationConfig"] = {"templateName": wanted.template_name}
    if auto_status != wanted.auto_status:
        changes["newAutoRegistrationStatus"] = wanted.auto_status
    if changes:
        job.note("updating", certificate_id=live.certificate_id, **changes)
        job.iot.call("update_ca_certificate", certificateId=live.certificate_id, **changes)


class UnrestorableTemplateError(RegistrarError):
    """The template that was found could not be given back."""


def refuse_template_body(job: Job, live: Live) -> None:
    """Raise `UnrestorableTemplateError` for a template body of its own: no tag holds it."""
    if live.has_template_body:
        raise UnrestorableTemplateError(
            job.about(
                "it has a template body of its own, which could not be given back; make a JITP template of it (`aws "
                "iot create-provisioning-template`) and give the CA its name (`aws iot update-ca-certificate "
                "--registration-config templateName=…`), then deploy again; all was left as it was"
            )
        )


def assure_return(job: Job, live: Live, wanted: Wanted, template_name: str | None) -> None:
    """Raise `UnrestorableTemplateError` unless the template in use could be put back once another has its place.

    That needs the right to pass the template's role, and is tried while the template is in use still: with that very
    one, so that nothing changes.
    """
    if template_name is None or template_name == wanted.template_name:
        return
    if wanted.adopt_template_role_arn is None:
        raise UnrestorableTemplateError(
            job.about(
                f"it was found with the template {template_name}, and giving that back passes its role to AWS IoT: "
                "name the role with adopt_template_role_arn, which grants that, or keep the template with "
                f"provisioning_template={template_name!r}; all was left as it was"
            )
        )
    if live.template_name != template_name:
        return
    try:
        job.iot.call(
            "update_ca_certificate",
            certificateId=live.certificate_id,
            registrationConfig={"templateName": template_name},
        )
    except ClientError as error:
        if code_of(error) not in DENIED:
            raise
        raise UnrestorableTemplateError(
            job.about(
                f"the template {template_name} that it uses could not be given back ({sentence_of(error)}); see that "
                f"{wanted.adopt_template_role_arn}, which adopt_template_role_arn names, is that template's role; "
                "all was left as it was"
            )
        ) from None
