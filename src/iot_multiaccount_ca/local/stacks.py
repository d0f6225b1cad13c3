"""The stacks of a cloud assembly as a rehearsal takes them: where they go, what they need, which are left out."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any

from ..errors import RehearsalError
from ..model.assembly_files import load_json, read_stacks
from ..text import one_stack

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from ..model.assembly_files import AssemblyStack

_PIPELINE = "AWS::CodePipeline::Pipeline"


def stacks_of(assembly: Path, only: Collection[str] | None = None) -> list[AssemblyStack]:
    """The stacks in deploy order; ``only``: those of these selectors."""
    return [stack for stack in read_stacks(assembly) if only is None or stack.selector in only]


def choose_stacks(assembly: Path, wanted: Sequence[str], unwanted: Sequence[str]) -> list[str] | None:
    """The selectors of the stacks that patterns (``*``, ``?``) choose, by selector or stack name; None: all.

    Raises `RehearsalError` for a pattern that is not a stack's.
    """
    if not wanted and not unwanted:
        return None
    everything = read_stacks(assembly)
    meant: dict[str, list[AssemblyStack]] = {}
    for pattern in (*wanted, *unwanted):
        meant[pattern] = _meant(everything, pattern)
        if not meant[pattern]:
            raise RehearsalError(
                "the app has no such stack",
                value=pattern,
                allowed=", ".join(stack.selector for stack in everything),
                fix="give a stack's name, or a pattern with * of several",
            )
    chosen = [
        stack.selector
        for stack in everything
        if (not wanted or any(stack in meant[pattern] for pattern in wanted))
        and not any(stack in meant[pattern] for pattern in unwanted)
    ]
    if not chosen:
        raise RehearsalError("every stack of the app is left out", fix="leave some in")
    return chosen


def environments(assembly: Path, only: Collection[str] | None = None) -> list[tuple[str, str]]:
    """Each (account, region) that some stack names, each once."""
    return list(
        dict.fromkeys((each.account, each.region) for each in stacks_of(assembly, only) if each.account)
    )


def qualifiers(assembly: Path) -> list[str]:
    """The qualifiers of the bootstraps that the assembly's stacks ask for, usually one."""
    parameters = (stack.bootstrap_parameter or "" for stack in read_stacks(assembly))
    return list(
        dict.fromkeys(each.split("/")[2] for each in parameters if each.startswith("/cdk-bootstrap/"))
    )


def stack_selectors(assembly: Path) -> list[str]:
    """How to tell the CDK CLI to take all stacks, those of Stages included, but no pipeline over them."""
    stacks = read_stacks(assembly)
    if not any(stack.in_stage for stack in stacks):
        return ["--all"]
    return [one_stack(stack.selector) for stack in stacks if stack.in_stage or not _is_pipeline(stack)]


def stack_templates(
    assembly: Path, only: Collection[str] | None = None
) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Account, region and template of every stack that names both."""
    return [(each.account, each.region, each.template()) for each in stacks_of(assembly, only)]


def lacks_context(assembly: Path) -> bool:
    """Whether the app asks for something that has to be looked up in an account first."""
    folders = {assembly, *(stack.folder for stack in read_stacks(assembly))}
    return any(load_json(folder, "manifest.json").get("missing") for folder in folders)


def _is_pipeline(stack: AssemblyStack) -> bool:
    return any(each.get("Type") == _PIPELINE for each in stack.template()["Resources"].values())


def _meant(stacks: Sequence[AssemblyStack], pattern: str) -> list[AssemblyStack]:
    """The stacks of that name, whatever is in it; else those that the pattern fits."""
    named = [stack for stack in stacks if pattern in (stack.selector, stack.name)]
    return named or [
        stack
        for stack in stacks
        if any(fnmatch.fnmatchcase(name, pattern) for name in (stack.selector, stack.name))
    ]
