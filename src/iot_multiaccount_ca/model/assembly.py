"""What a synthesized app says of its registrations: written by the constructs, read by tools without running the app.

Each registration leaves one metadata entry in the cloud assembly (`METADATA_TYPE`), with the fields of
`RegistrationRecord` in camelCase. Knows nothing of constructs or AWS.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any

from ..errors import AssemblyError
from .assembly_files import AssemblyStack, member, read_stacks
from .checks import is_certificate_id
from .target import Target

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping

METADATA_TYPE = "iot-multiaccount-ca:registration"
#: Beside it on a registration whose devices a `JitrActivation` enrolls, which is made later than the registration: the
#: enrollment's settings, or True where a target of the user's own decides.
JITR_METADATA_TYPE = "iot-multiaccount-ca:jitr"
#: On a `SharedCaStackSet`: what it registers, and where.
STACK_SET_METADATA_TYPE = "iot-multiaccount-ca:stack-set"
RECORD_VERSION = 1
RESOURCE_TYPE = "Custom::IotCaCertificate"
NATIVE_RESOURCE_TYPE = "AWS::IoT::CACertificate"
# In which property the resource of each engine holds the CA's certificate.
_PEM_PROPERTIES = {"LAMBDA": "CaCertificatePem", "NATIVE": "CACertificatePem", "NONE": None}


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
    engine: str = "LAMBDA"
    nested_template: str | None = None

    def to_metadata(self) -> dict[str, Any]:
        """The record as the metadata entry's data."""
        return {"version": RECORD_VERSION, **{_camel(f.name): getattr(self, f.name) for f in fields(self)}}

    @classmethod
    def from_metadata(cls, data: Mapping[str, Any]) -> RegistrationRecord:
        """The record out of a metadata entry; raises `AssemblyError` for one of another version, or a field that cannot
        be. What a later version may add is left out, and what an earlier one did not write has its default."""
        if data.get("version") != RECORD_VERSION:
            raise AssemblyError(
                "the cloud assembly was made by another version of this library",
                value=data.get("version"),
                allowed=f"record version {RECORD_VERSION}",
                fix="synthesize the app anew with the version that this tool is of",
            )
        values: dict[str, Any] = {
            f.name: data.get(_camel(f.name), None if f.default is MISSING else f.default) for f in fields(cls)
        }
        if isinstance(values["logical_id"], dict):
            # As CloudFormation names a resource: the id is only final when the app is synthesized.
            values["logical_id"] = values["logical_id"].get("Ref")
        for name, value in values.items():
            allowed, fits = _FIELDS[name]
            if not fits(value):
                raise AssemblyError(
                    f"{_camel(name)} of a registration in the cloud assembly is malformed",
                    value=value if value is not None else "nothing",
                    allowed=allowed,
                    fix="synthesize the app anew",
                )
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
    def expires(self) -> dt.datetime:
        """``not_valid_after`` as an aware time."""
        return dt.datetime.fromisoformat(self.not_valid_after)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _matching(form: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(form, value, re.ASCII) is not None


def _is_time(value: Any) -> bool:
    try:
        return dt.datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _or_none(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


_TEXT = ("a text", _is_text)
_TEXT_OR_NONE = ("a text, or null", _or_none(_is_text))
_FLAG = ("true or false", lambda value: isinstance(value, bool))
_TIME = ("a time in ISO 8601, with its zone", _is_time)
_OBJECT_OR_NONE = ("an object, or null", _or_none(lambda value: isinstance(value, dict)))
# What each field of a record may be: in words, and as a question.
_FIELDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "stage": _TEXT_OR_NONE,
    "account": ("12 digits", _matching(r"[0-9]{12}")),
    "region": ("a region's name", _matching(r"[a-z0-9-]{1,40}")),
    "partition": ("a partition's name", _matching(r"[a-z-]{1,20}")),
    "stack_name": _TEXT,
    "logical_id": _TEXT,
    "certificate_mode": ("DEFAULT, SNI_ONLY", lambda value: value in ("DEFAULT", "SNI_ONLY")),
    "certificate_id": ("64 hex digits", is_certificate_id),
    "subject": ("a text", lambda value: isinstance(value, str)),
    "not_valid_before": _TIME,
    "not_valid_after": _TIME,
    "active": _FLAG,
    "auto_registration": _FLAG,
    "template_name": _TEXT_OR_NONE,
    "jitr": _FLAG,
    "retiring": _FLAG,
    "verification": _OBJECT_OR_NONE,
    "enrollment": _OBJECT_OR_NONE,
    "engine": (", ".join(_PEM_PROPERTIES), lambda value: isinstance(value, str) and value in _PEM_PROPERTIES),
    "nested_template": ("a file's name, or null", _or_none(_matching(r"[A-Za-z0-9_.-]+"))),
}


def read_registrations(assembly: str | os.PathLike[str]) -> list[RegistrationRecord]:
    """All registrations of a synthesized app, nested assemblies of Stages included, in deploy order.

    Args:
        assembly: the folder of the app's cloud assembly, such as ``cdk.out``.

    Raises `AssemblyError` where the folder is no cloud assembly, or one that cannot be read.
    """
    return [record for _, record in read_stacks_and_registrations(assembly)]


def read_stacks_and_registrations(
    assembly: str | os.PathLike[str],
) -> list[tuple[AssemblyStack, RegistrationRecord]]:
    """As `read_registrations`, each with the stack that it stands in."""
    return [(stack, record) for stack in read_stacks(assembly) for record in _registrations(stack)]


def ca_certificate_pem(assembly: str | os.PathLike[str], record: RegistrationRecord) -> str:
    """The CA's certificate, PEM, as the registration's stack carries it."""
    for stack, found in read_stacks_and_registrations(assembly):
        if found == record:
            held_in = _PEM_PROPERTIES[record.engine]
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
            return member(properties, held_in, str, where)
    raise AssemblyError(
        "the cloud assembly has no such registration", value=f"{record.stack_name}/{record.logical_id}"
    )


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
