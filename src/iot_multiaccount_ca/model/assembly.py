"""What a synthesized app says of its registrations: written by the constructs, read by tools without running the app.

Each registration leaves one metadata entry in the cloud assembly (`METADATA_TYPE`), with the fields of
`RegistrationRecord` in camelCase. Knows the assembly's files, and nothing of constructs or AWS.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AssemblyError, JsonError
from . import strict_json

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

METADATA_TYPE = "iot-multiaccount-ca:registration"
#: Beside it on a registration whose devices a `JitrActivation` enrolls, which is made later than the registration: the
#: enrollment's settings, or True where a target of the user's own decides.
JITR_METADATA_TYPE = "iot-multiaccount-ca:jitr"
RECORD_VERSION = 1
RESOURCE_TYPE = "Custom::IotCaCertificate"


@dataclass(frozen=True, slots=True)
class RegistrationRecord:
    """One planned registration: a CA in one account and region.

    ``stage`` is None for a registration outside a plan. ``verification`` names the way of proof, never a key.
    ``enrollment`` is how our activation Lambda decides (``JitrEnrollment.settings()``); None where it does not.
    Times are ISO 8601 in UTC.
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

    def to_metadata(self) -> dict[str, Any]:
        """The record as the metadata entry's data."""
        return {"version": RECORD_VERSION, **{_camel(f.name): getattr(self, f.name) for f in fields(self)}}

    @classmethod
    def from_metadata(cls, data: Mapping[str, Any]) -> RegistrationRecord:
        """The record out of a metadata entry; raises `AssemblyError` for one of another version."""
        if data.get("version") != RECORD_VERSION:
            raise AssemblyError(
                "the cloud assembly was made by another version of this library",
                value=data.get("version"),
                allowed=f"record version {RECORD_VERSION}",
                fix="synthesize the app anew with the version that this tool is of",
            )
        values: dict[str, Any] = {f.name: data.get(_camel(f.name)) for f in fields(cls)}
        if isinstance(values["logical_id"], dict):
            # As CloudFormation names a resource: the id is only final when the app is synthesized.
            values["logical_id"] = values["logical_id"]["Ref"]
        return cls(**values)

    @property
    def expires(self) -> dt.datetime:
        """``not_valid_after`` as an aware time."""
        return dt.datetime.fromisoformat(self.not_valid_after)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def read_registrations(assembly: str | os.PathLike[str]) -> list[RegistrationRecord]:
    """All registrations of a synthesized app, ``cdk.out``, nested assemblies of Stages included, in deploy order.

    Raises `AssemblyError` where the folder is no cloud assembly.
    """
    return [RegistrationRecord.from_metadata(data) for _, _, data in _entries(Path(assembly))]


def ca_certificate_pem(assembly: str | os.PathLike[str], record: RegistrationRecord) -> str:
    """The CA's certificate, PEM, as the registration's stack carries it."""
    for folder, artifact, data in _entries(Path(assembly)):
        if RegistrationRecord.from_metadata(data) == record:
            template = load_json(folder / artifact["properties"]["templateFile"])
            pem: str = template["Resources"][record.logical_id]["Properties"]["CaCertificatePem"]
            return pem
    raise AssemblyError(
        "the cloud assembly has no such registration", value=f"{record.stack_name}/{record.logical_id}"
    )


def _entries(folder: Path) -> Iterator[tuple[Path, Mapping[str, Any], Mapping[str, Any]]]:
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        raise AssemblyError(
            "no cloud assembly here (it has no manifest.json)",
            value=str(folder),
            fix="run `cdk synth` first, or give the folder that it wrote, usually cdk.out",
        )
    for artifact in _in_deploy_order(load_json(manifest).get("artifacts", {})):
        kind = artifact.get("type")
        if kind == "cdk:cloud-assembly":
            yield from _entries(folder / artifact["properties"]["directoryName"])
        elif kind == "aws:cloudformation:stack":
            for entries in _metadata(folder, artifact).values():
                enrolling = [entry["data"] for entry in entries if entry.get("type") == JITR_METADATA_TYPE]
                for entry in entries:
                    if entry.get("type") == METADATA_TYPE:
                        yield folder, artifact, entry["data"] | _jitr(enrolling)


def _jitr(enrolling: list[Any]) -> dict[str, Any]:
    """What the activations of one registration add to its record: at most one of them is ours."""
    ours = next((each for each in enrolling if isinstance(each, dict)), None)
    return {"jitr": True, "enrollment": ours} if enrolling else {}


def _in_deploy_order(artifacts: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Each artifact after those it depends on, otherwise in the manifest's order."""
    done: dict[str, Mapping[str, Any]] = {}

    def visit(name: str) -> None:
        if name in done or name not in artifacts:
            return
        for dependency in artifacts[name].get("dependencies", ()):
            visit(dependency)
        done[name] = artifacts[name]

    for name in artifacts:
        visit(name)
    return list(done.values())


def _metadata(folder: Path, artifact: Mapping[str, Any]) -> Mapping[str, Any]:
    # CDK writes it beside the template since 2.2xx, and into the manifest before.
    beside = artifact.get("additionalMetadataFile")
    metadata: Mapping[str, Any] = load_json(folder / beside) if beside else artifact.get("metadata", {})
    return metadata


def load_json(path: Path) -> dict[str, Any]:
    """One JSON file of an assembly; raises `AssemblyError` where it cannot be read or holds no object."""
    what = f"{path.name} of the cloud assembly"
    try:
        loaded = strict_json.read(path, what=what)
    except JsonError as error:
        raise AssemblyError.of(error) from error
    if not isinstance(loaded, dict):
        raise AssemblyError(f"{what} holds no JSON object", value=str(path), fix="synthesize the app anew")
    return loaded
