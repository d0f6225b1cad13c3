"""The files of a cloud assembly: its stacks in deploy order, with their templates and metadata. Knows no registrations.

An assembly may come from anywhere, half written or by another version of the CDK: everything that is read is checked,
and what is not as it should be is an `AssemblyError` that names file and place. No path leads out of the folder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import AssemblyError, JsonError
from . import strict_json

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

_STACK, _NESTED = "aws:cloudformation:stack", "cdk:cloud-assembly"
#: The CDK's own number for what its assemblies look like. It rises several times a year, and what is read here has
#: stayed as it was: a newer one is read, with a word about it. Of one with more digits nothing can be known.
SCHEMA = 55
_DIGITS = 2
# A Stage in a Stage in a Stage …; nobody's app is deeper.
_DEEPEST = 20
_FIX = "synthesize the app anew; if that does not help, look for a newer version of this tool"
_KINDS = {dict: "an object", list: "a list", str: "a text"}
Kind = TypeVar("Kind", dict[str, Any], list[Any], str)


@dataclass(frozen=True, slots=True)
class AssemblyStack:
    """One stack of an assembly.

    ``selector``: how the CDK CLI names it (``FleetCa/dev``, ``Pipeline/Dev/dev``). ``account``, ``region``: two
    empty texts where the stack leaves them open. ``in_stage``: whether it stands in an assembly of an aws_cdk.Stage.
    ``lookup_role_arn``: may hold ``${AWS::Partition}``. ``bootstrap_parameter``: where the version of the bootstrap
    that it needs stands, a parameter's name.
    """

    folder: Path
    name: str
    selector: str
    account: str
    region: str
    in_stage: bool
    template_file: str
    metadata: Mapping[str, list[dict[str, Any]]]
    lookup_role_arn: str | None
    external_id: str | None
    bootstrap_parameter: str | None

    def lookup_role(self, partition: str) -> str | None:
        """The ARN of its lookup role in a partition, or None where it has none."""
        return self.lookup_role_arn and self.lookup_role_arn.replace("${AWS::Partition}", partition)

    def template(self, nested: str | None = None) -> dict[str, Any]:
        """The stack's template, or that of a stack nested in it; ``Resources`` are objects with a type."""
        file = nested or self.template_file
        loaded = load_json(self.folder, file)
        resources = member(loaded, "Resources", dict, file, default={})
        for name, resource in resources.items():
            where = f"{file}: Resources.{name}"
            member(_is(resource, dict, where), "Type", str, where)
        return {**loaded, "Resources": resources}


def read_stacks(assembly: str | os.PathLike[str]) -> list[AssemblyStack]:
    """All stacks of an assembly in deploy order, those of Stages included. Raises `AssemblyError`."""
    return list(_stacks(Path(assembly), depth=0))


def newer_schema(assembly: str | os.PathLike[str]) -> str | None:
    """A sentence for an assembly of a schema that came after this version, which is read all the same, or None.

    Raises `AssemblyError`.
    """
    _, schema = _manifest(Path(assembly))
    if schema <= SCHEMA:
        return None
    return (
        f"the cloud assembly has schema version {schema}, and this version of iot-ca knows those up to {SCHEMA}: "
        "what is new in it is not looked at; fix: see whether there is a newer version"
    )


def load_json(folder: Path, name: str) -> dict[str, Any]:
    """One JSON file of an assembly's folder; raises `AssemblyError` where it cannot be read or holds no object."""
    path = _inside(folder, name)
    what = f"{name} of the cloud assembly"
    if path.exists() and not path.is_file():  # a folder, or a pipe that would be waited for
        raise AssemblyError(f"{what} is not a file", value=str(path), fix=_FIX)
    try:
        loaded = strict_json.read(path, what=what)
    except JsonError as error:
        # Nobody writes it by hand: what to do about a file of one's own does not help.
        raise AssemblyError(error.problem, value=error.value, allowed=error.allowed, fix=_FIX) from error
    return _is(loaded, dict, what)


def member(
    held: Mapping[str, Any], key: str, kind: type[Kind], where: str, *, default: Kind | None = None
) -> Kind:
    """A member of an object, of its kind; ``default`` where there is none. Raises `AssemblyError`."""
    if default is not None and held.get(key) is None:
        return default
    if key not in held:
        raise AssemblyError(f"{where} of the cloud assembly has no {key}", allowed=_KINDS[kind], fix=_FIX)
    return _is(held[key], kind, f"{where}: {key}")


def text_or_none(held: Mapping[str, Any], key: str, where: str) -> str | None:
    """A text, or None where there is none. Raises `AssemblyError`."""
    return None if held.get(key) is None else _is(held[key], str, f"{where}: {key}")


def _is(value: Any, kind: type[Kind], what: str) -> Kind:
    if not isinstance(value, kind):
        raise AssemblyError(
            f"{what} is of another kind", value=type(value).__name__, allowed=_KINDS[kind], fix=_FIX
        )
    return value


def _inside(folder: Path, name: str) -> Path:
    """The path of that name in the folder; raises `AssemblyError` for one that leads out of it."""
    path = folder / name
    try:
        leads_out = not path.resolve().is_relative_to(folder.resolve())
        path.exists()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a name that no file can have
        raise AssemblyError(f"the cloud assembly names a file that cannot be: {error}", value=name) from None
    if leads_out:
        raise AssemblyError(
            "the cloud assembly names a file outside of its folder",
            value=name,
            allowed=f"files in {folder}",
            fix=_FIX,
        )
    return path


def _manifest(folder: Path) -> tuple[dict[str, Any], int]:
    """The folder's manifest, and the version of its schema."""
    if not (folder / "manifest.json").exists():
        raise AssemblyError(
            "no cloud assembly here (it has no manifest.json)",
            value=str(folder),
            fix="run `cdk synth` first, or give the folder that it wrote, usually cdk.out",
        )
    manifest = load_json(folder, "manifest.json")
    written = manifest.get("version")
    number = re.match(r"0*([0-9]+)", str(written), re.ASCII) if isinstance(written, (str, int)) else None
    if number is not None and len(number[1]) > _DIGITS:
        raise AssemblyError(
            "the cloud assembly is newer than this tool can read",
            value=f"schema version {written}",
            allowed=f"schema versions up to {10**_DIGITS - 1}",
            fix="install a newer version of iot-multiaccount-ca, or synthesize with an older aws-cdk-lib",
        )
    written = member(manifest, "version", str, "manifest.json")
    if number is None or re.match(r"[0-9]+(\.[0-9]+){2}", written, re.ASCII) is None:
        raise AssemblyError(
            "manifest.json: version is malformed",
            value=written,
            allowed=f"three numbers, such as {SCHEMA}.0.0",
            fix=_FIX,
        )
    return manifest, int(number[1])


def _stacks(folder: Path, *, depth: int) -> Iterator[AssemblyStack]:
    if depth > _DEEPEST:
        raise AssemblyError("the cloud assembly is nested too deep", allowed=f"{_DEEPEST} levels", fix=_FIX)
    manifest, _ = _manifest(folder)
    artifacts = member(manifest, "artifacts", dict, "manifest.json", default={})
    for name, artifact in _in_deploy_order(artifacts):
        where = f"manifest.json: artifacts.{name}"
        kind = member(artifact, "type", str, where)
        if kind == _NESTED:
            properties = member(artifact, "properties", dict, where)
            nested = _inside(folder, member(properties, "directoryName", str, where))
            if nested.resolve() == folder.resolve():
                raise AssemblyError("the cloud assembly contains itself", value=name, fix=_FIX)
            if not (nested / "manifest.json").exists():
                raise AssemblyError("the cloud assembly lacks one that it names", value=str(nested), fix=_FIX)
            yield from _stacks(nested, depth=depth + 1)
        elif kind == _STACK:
            yield _stack(folder, name, artifact, where, in_stage=depth > 0)


def _stack(
    folder: Path, artifact_id: str, artifact: dict[str, Any], where: str, *, in_stage: bool
) -> AssemblyStack:
    properties = member(artifact, "properties", dict, where)
    account, _, region = (
        member(artifact, "environment", str, where, default="").removeprefix("aws://").partition("/")
    )
    if account.startswith("unknown-") or region.startswith("unknown-"):
        account = region = ""
    name = member(properties, "stackName", str, where, default=artifact_id)
    role = member(properties, "lookupRole", dict, where, default={})
    return AssemblyStack(
        folder=folder,
        name=name,
        selector=member(artifact, "displayName", str, where, default=name),
        account=account,
        region=region,
        in_stage=in_stage,
        template_file=member(properties, "templateFile", str, where),
        metadata=_metadata(folder, artifact, where),
        lookup_role_arn=text_or_none(role, "arn", f"{where}: lookupRole"),
        external_id=text_or_none(role, "assumeRoleExternalId", f"{where}: lookupRole"),
        bootstrap_parameter=text_or_none(properties, "bootstrapStackVersionSsmParameter", where),
    )


def _metadata(folder: Path, artifact: dict[str, Any], where: str) -> dict[str, list[dict[str, Any]]]:
    # CDK writes it beside the template since 2.2xx, and into the manifest before.
    beside = text_or_none(artifact, "additionalMetadataFile", where)
    metadata = load_json(folder, beside) if beside else member(artifact, "metadata", dict, where, default={})
    place = beside or f"{where}: metadata"
    for path, entries in metadata.items():
        for entry in _is(entries, list, f"{place}: {path}"):
            member(_is(entry, dict, f"{place}: {path}"), "type", str, f"{place}: {path}")
    return metadata


def _in_deploy_order(artifacts: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Each artifact after those it depends on, otherwise in the manifest's order."""
    waiting_for = {
        name: [
            each
            for each in member(
                _is(artifact, dict, f"manifest.json: artifacts.{name}"),
                "dependencies",
                list,
                f"manifest.json: artifacts.{name}",
                default=[],
            )
            if isinstance(each, str) and each in artifacts
        ]
        for name, artifact in artifacts.items()
    }
    done: dict[str, None] = {}
    for first in artifacts:
        # By hand and not by recursion: a chain of dependencies is as long as the fleet.
        path: dict[str, Iterator[str]] = {first: iter(waiting_for[first])} if first not in done else {}
        while path:
            name = next(reversed(path))
            following = next((each for each in path[name] if each not in done), None)
            if following is None:
                done[name] = None
                del path[name]
            elif following in path:
                raise AssemblyError(
                    "the cloud assembly's stacks wait for each other in a circle", value=following, fix=_FIX
                )
            else:
                path[following] = iter(waiting_for[following])
    return [(name, artifacts[name]) for name in done]
