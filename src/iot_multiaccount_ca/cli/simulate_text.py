"""How ``iot-ca simulate`` reads in a terminal and a pipe. Prints what the dry runs found, and judges nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from ..model.jitp.policy_rules import policy_variable_spans
from ..model.jitp.simulation import Severity, repeated
from .output import emit, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console
    from rich.table import Table

    from ..model.jitp.simulation import Finding, Policy, Provisioning
    from .dry_runs import DryRun, DryRuns

_MOST_FILES = 10
_WORDS = {"provisioned": "provisioned", "refused": "not provisioned", "unreadable": "not readable"}
_STYLES = {"provisioned": "green", "refused": "bold red", "unreadable": "bold yellow"}
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}
_UNKNOWN = "-"


def show(out: Console, made: DryRuns) -> None:
    """Everything about one device; for a folder one row for each device, findings together, and colliding names."""
    if made.is_folder:
        _show_folder(out, made)
    else:
        _show_one(out, made, made.results[0])
    if made.stands_in:
        values = {"account": made.account, "region": made.region}
        words = ", ".join(f"{{{{{name}}}}} is {values[name]}" for name in made.stands_in)
        options = " and ".join(f"--{name}" for name in made.stands_in)
        emit(out, "", Text(f"here {words}; {options} to say otherwise"))


def _show_one(out: Console, made: DryRuns, result: DryRun) -> None:
    run = result.run
    if run is None:
        return  # a single file that cannot be read is an error, not a result
    verdict = "would be provisioned" if run.provisioned else "would not be provisioned"
    emit(out, Text(f"{_clean(result.file)}: {verdict}", style=_STYLES[result.state]), "")
    emit(out, _parameters(run), "")
    facts = table("", "")
    facts.show_header = False
    for name, value in _facts(made, run):
        facts.add_row(Text(name, style="bold"), value)
    emit(out, facts)
    for policy in run.policies:
        if policy.text is not None:
            emit(out, "", Text("policy document", style="bold"), Padding(_marked(policy), (0, 0, 0, 2)))
    for finding in run.findings:
        emit(out, "", *_finding(finding))


def _parameters(run: Provisioning) -> Table:
    grid = table("parameter", "value", "from")
    for each in run.parameters:
        missing = each.value is None
        value = Text("missing", style="bold red") if missing else Text(_clean(each.value or ""))
        grid.add_row(
            Text(each.name), value, Text(_UNKNOWN if missing else str(each.source).replace("-", " "))
        )
    return grid


def _facts(made: DryRuns, run: Provisioning) -> Iterator[tuple[str, Text]]:
    yield "subject", Text(_clean(run.subject) or "empty")
    yield "certificate", Text(f"{run.certificate_id}, {run.certificate_status} afterwards")
    if made.authority is None:
        yield "CA", Text("not checked: no --ca-certificate")
    else:
        signed = "signed by" if run.chains else "not signed by"
        yield "CA", Text(f"{signed} {_clean(made.authority.subject)}", style="" if run.chains else "red")
    yield from _thing(run)
    for label, named in (("thing type", run.thing_type), ("billing group", run.billing_group)):
        if named is not None:
            yield label, Text(f"{_clean(named)} (must exist)")
    if run.thing_groups:
        yield "thing groups", Text(f"{', '.join(map(_clean, run.thing_groups))} (must exist)")
    for policy in run.policies:
        if policy.name is not None:
            yield "policy", Text(f"{_clean(policy.name)} (must exist)")


def _thing(run: Provisioning) -> Iterator[tuple[str, Text]]:
    if not run.makes_thing:
        yield "thing", Text("none")
        return
    yield "thing", Text(_UNKNOWN if run.thing_name is None else _clean(run.thing_name))
    if run.thing_name_in_hex is not None:
        yield (
            "",
            Text(f"or {_clean(run.thing_name_in_hex)}, if AWS IoT writes SerialNumber in hexadecimal"),
        )
    for name, value in run.attributes.items():
        yield "attribute", Text(f"{_clean(name)} = {_clean(value)}")
    for name, value in run.package_versions.items():
        yield "package version", Text(f"{_clean(name)} {_clean(value)} (must exist)")


def _marked(policy: Policy) -> Text:
    """The document, its policy variables marked: AWS IoT fills them when the device acts."""
    document = json.dumps(policy.document, indent=2, ensure_ascii=False)
    text = Text("\n".join(_clean(line) for line in document.split("\n")))
    for start, end in policy_variable_spans(text.plain):
        text.stylize("bold cyan", start, end)
    return text


def _finding(finding: Finding) -> tuple[Text, Padding]:
    return (
        Text(f"{finding.severity}: {finding.problem}", style=_COLOURS[finding.severity]),
        Padding(Text(f"fix: {finding.fix}"), (0, 0, 0, 2), expand=False),
    )


def _show_folder(out: Console, made: DryRuns) -> None:
    grid = table("certificate", "thing", "state", "findings")
    for each in made.results:
        codes = dict.fromkeys(finding.code for finding in each.run.findings) if each.run else {}
        warned = each.state == "provisioned" and codes
        state = Text(_WORDS[each.state], style="yellow" if warned else _STYLES[each.state])
        name = each.run.thing_name if each.run else None
        grid.add_row(
            Text(_clean(each.file)),
            Text(_UNKNOWN if name is None else _clean(name)),
            state,
            Text(", ".join(codes)),
        )
    emit(out, grid)
    for result in made.results:
        if result.problem:
            emit(out, "", Text(f"not readable: {result.problem}", style=_STYLES["unreadable"]))
    for finding, files in _together(made):
        emit(out, "", *_finding(finding), _which(files))
    for name, sharing in made.collisions.items():
        emit(out, "", Text(f"error: several devices would share the thing {_clean(name)!r}", style="red"))
        emit(out, _which(sharing))
    for same in repeated(made.answered):
        emit(out, "", Text("warning: the same certificate in several files", style="yellow"), _which(same))
    counts = {state: sum(each.state == state for each in made.results) for state in _WORDS}
    parts = [f"{count:,} {_WORDS[state]}" for state, count in counts.items()]
    emit(out, "", Text(", ".join(parts) + f", {len(made.collisions):,} colliding names"))


def _together(made: DryRuns) -> list[tuple[Finding, list[str]]]:
    """Findings of all devices by code, each with its first sentence and the files that have it; errors first."""
    first: dict[tuple[Severity, str], Finding] = {}
    files: dict[tuple[Severity, str], list[str]] = {}
    for label, run in made.answered:
        for finding in run.findings:
            key = finding.severity, finding.code
            first.setdefault(key, finding)
            having = files.setdefault(key, [])
            if not having or having[-1] != label:
                having.append(label)
    ordered = sorted(first, key=lambda key: key[0] is not Severity.ERROR)
    return [(first[key], files[key]) for key in ordered]


def _which(files: Sequence[str]) -> Padding:
    names = ", ".join(_clean(each) for each in files[:_MOST_FILES])
    more = len(files) - _MOST_FILES
    text = names + (f" and {more:,} more" if more > 0 else "")
    return Padding(
        Text(f"in {text}" if len(files) == 1 else f"in {len(files):,}: {text}"), (0, 0, 0, 2), expand=False
    )


def _clean(text: str) -> str:
    """Without characters that would steer a terminal: a subject may hold anything."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
