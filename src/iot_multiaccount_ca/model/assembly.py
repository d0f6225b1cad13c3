"""What a synthesized app says of its registrations: written by the constructs, read by tools without running the app.

Each registration leaves one metadata entry in the cloud assembly (`METADATA_TYPE`), with the fields of
`RegistrationRecord` in camelCase. Knows nothing of constructs or AWS.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import datetime as dt
import hashlib
import re
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any

from ..errors import AssemblyError
from .assembly_files import AssemblyStack, member, read_stacks
from .options import PEM_PROPERTIES, RegistrationEngine
from .record_forms import (
    ACCOUNT,
    ANY_TEXT,
    CERTIFICATE_ID,
    FILE,
    FLAG,
    OBJECT,
    PARTITION,
    RECORD_VERSION,
    REGION,
    SYNTHESIZE,
    TEXT,
    TIME,
    camel,
    check_fields,
    check_version,
    or_none,
)
from .target import Target

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

    from .record_forms import Form

METADATA_TYPE = "iot-multiaccount-ca:registration"
#: Beside it on a registration whose devices a `JitrActivation` enrolls, which is made later than the registration: the
#: enrollment's settings, or True where a target of the user's own decides.
JITR_METADATA_TYPE = "iot-multiaccount-ca:jitr"
RESOURCE_TYPE = "Custom::IotCaCertificate"
NATIVE_RESOURCE_TYPE = "AWS::IoT::CACertificate"
_PEM = re.compile(r"\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class RegistrationRecord:
    """One planned registration: a CA in one account and region.

    ``stage`` is None for a registration outside a plan. ``template_name`` has a ``?`` for each hex digit that is only
    known at deployment (see `template_is`). ``verification`` names the way of proof, never a key.
    ``engine`` is what carries it out: ``LAMBDA``, ``NATIVE`` or ``NONE``. ``enrollment`` is how our activation Lambda
    decides (``JitrEnrollment.settings()``); None where it does not. ``nested_template``: of a registration in a nested
    stack, the file of that stack's template; ``stack_name`` is then the outermost stack's, since a nested stack's own
    name is only known at deployment. Times are ISO 8601 in UTC.
    """

    stage: str | None
    account: str
    region: str
    partition: str
    stack_name: str
    logical_id: str
    certificate_mode: str
    certificate_id: str
    subject: str
    not_valid_before: str
    not_valid_after: str
    active: bool
    auto_registration: bool
    template_name: str | None
    jitr: bool
    retiring: bool
    verification: Mapping[str, Any] | None
    enrollment: Mapping[str, Any] | None = None
    engine: str = RegistrationEngine.LAMBDA.value
    nested_template: str | None = None

    def to_metadata(self) -> dict[str, Any]:
        """The record as the metadata entry's data."""
        return {"version": RECORD_VERSION, **{camel(f.name): getattr(self, f.name) for f in fields(self)}}

    @classmethod
    def from_metadata(
        cls,
        data: Mapping[str, Any],
        *,
        what: str = "a registration in the cloud assembly",
        fix: str = SYNTHESIZE,
    ) -> RegistrationRecord:
        """The record out of a metadata entry; raises `AssemblyError` for one of another version, or a field that cannot
        be, with ``what`` and ``fix``. What a later version may add is left out, and what an earlier one did not write
        has its default."""
        check_version(data)
        values: dict[str, Any] = {
            f.name: data.get(camel(f.name), None if f.default is MISSING else f.default) for f in fields(cls)
        }
        if isinstance(values["logical_id"], dict):
            # As CloudFormation names a resource: the id is only final when the app is synthesized.
            values["logical_id"] = values["logical_id"].get("Ref")
        check_fields(values, _FIELDS, what, fix=fix)
        return cls(**values)

    @property
    def target(self) -> Target:
        """Where it is registered."""
        return Target(self.partition, self.account, self.region)

    @property
    def label(self) -> str:
        """What people call it: the stage, or the stack where there is none."""
        return self.stage or self.stack_name

    def template_is(self, name: str | None) -> bool:
        """Whether that is the registration's template; a retained one's name ends in digits of the stack's id."""
        if name is None or self.template_name is None:
            return name is self.template_name
        return re.fullmatch(re.escape(self.template_name).replace(r"\?", "[0-9a-f]"), name) is not None

    @property
    def enrollment_words(self) -> str:
        """How new devices come in, in a few words."""
        if self.template_name is not None:
            return f"JITP {self.template_name}"
        if self.jitr:
            return "JITR"
        return "auto-registration" if self.auto_registration else "none"

    @property
    def status_words(self) -> str:
        """Whether the CA lets devices in, and whether it is on its way out."""
        return ("ACTIVE" if self.active else "INACTIVE") + (", retiring" if self.retiring else ", current")

    @property
    def expires(self) -> dt.datetime:
        """``not_valid_after`` as an aware time."""
        return dt.datetime.fromisoformat(self.not_valid_after)


# What each field of a record may be.
_FIELDS: dict[str, Form] = {
    "stage": or_none(TEXT),
    "account": ACCOUNT,
    "region": REGION,
    "partition": PARTITION,
    "stack_name": TEXT,
    "logical_id": TEXT,
    "certificate_mode": ("DEFAULT, SNI_ONLY", lambda value: value in ("DEFAULT", "SNI_ONLY")),
    "certificate_id": CERTIFICATE_ID,
    "subject": ANY_TEXT,
    "not_valid_before": TIME,
    "not_valid_after": TIME,
    "active": FLAG,
    "auto_registration": FLAG,
    "template_name": or_none(TEXT),
    "jitr": FLAG,
    "retiring": FLAG,
    "verification": or_none(OBJECT),
    "enrollment": or_none(OBJECT),
    "engine": (", ".join(RegistrationEngine), lambda value: value in list(RegistrationEngine)),
    "nested_template": or_none(FILE),
}


def read_registrations(assembly: str | os.PathLike[str]) -> list[RegistrationRecord]:
    """All registrations of a synthesized app, nested assemblies of Stages included, in deploy order.

    Args:
        assembly: the folder of the app's cloud assembly, such as ``cdk.out``.

    Raises `AssemblyError` where the folder is not a cloud assembly, or one that cannot be read.
    """
    return [record for _, record in read_stacks_and_registrations(assembly)]


def read_stacks_and_registrations(
    assembly: str | os.PathLike[str],
) -> list[tuple[AssemblyStack, RegistrationRecord]]:
    """As `read_registrations`, each with the stack that it stands in."""
    return [(stack, record) for stack in read_stacks(assembly) for record in _registrations(stack)]


def ca_certificate_pem(assembly: str | os.PathLike[str], record: RegistrationRecord) -> str:
    """The CA's certificate, PEM, as the registration's stack carries it. Raises `AssemblyError` where it does not."""
    for stack, found in read_stacks_and_registrations(assembly):
        if found == record:
            held_in = PEM_PROPERTIES[RegistrationEngine(record.engine)]
            if held_in is None:
                raise AssemblyError(
                    f"the registration of {record.label} is carried out by nothing in this app",
                    value=f"engine={record.engine}",
                    fix="synthesize the app with the engine that the registration is to have",
                )
            file = record.nested_template or stack.template_file
            where = f"{file}: Resources.{record.logical_id}"
            resource = member(
                stack.template(record.nested_template)["Resources"], record.logical_id, dict, file
            )
            properties = member(resource, "Properties", dict, where)
            return checked_pem(member(properties, held_in, str, where), record.certificate_id, where)
    raise AssemblyError(
        "the cloud assembly has no such registration", value=f"{record.stack_name}/{record.logical_id}"
    )


def checked_pem(pem: str, certificate_id: str, where: str) -> str:
    """The certificate, PEM; raises `AssemblyError` where it is not the one of that id."""
    # The id is the hash of what stands between the two lines, whatever that is.
    inside = _PEM.fullmatch(pem)
    held = None
    if inside is not None:
        with contextlib.suppress(binascii.Error):
            held = hashlib.sha256(base64.b64decode(inside[1])).hexdigest()
    if held != certificate_id:
        raise AssemblyError(
            f"{where} of the cloud assembly does not hold the CA's certificate",
            value=held or "no PEM certificate",
            allowed=f"the certificate with the id {certificate_id}",
            fix=SYNTHESIZE,
        )
    return pem


def _registrations(stack: AssemblyStack) -> Iterator[RegistrationRecord]:
    for path, entries in stack.metadata.items():
        enrolling = [entry.get("data") for entry in entries if entry["type"] == JITR_METADATA_TYPE]
        for entry in entries:
            if entry["type"] == METADATA_TYPE:
                yield RegistrationRecord.from_metadata(member(entry, "data", dict, path) | _jitr(enrolling))


def _jitr(enrolling: list[Any]) -> dict[str, Any]:
    """What the activations of one registration add to its record: at most one of them is ours."""
    ours = next((each for each in enrolling if isinstance(each, dict)), None)
    return {"jitr": True, "enrollment": ours} if enrolling else {}
