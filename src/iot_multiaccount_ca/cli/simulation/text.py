"""How ``iot-ca simulate`` reads in a terminal and a pipe. Prints what the dry runs found, and judges nothing."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

from rich.text import Text

from ... import text
from ...model.jitp.policy_rules import policy_variable_spans
from ...model.jitp.simulation import Severity, repeated
from ..output import Column, cell, emit, emit_facts, emit_table, emit_unwrapped, paragraph, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from ...model.jitp.simulation import Finding, Policy, Provisioning
    from .dry_runs import DryRun, DryRuns

#: A table of more devices shows those that are not as they should be, and no others.
MOST_ROWS = 200
_WORDS = {"provisioned": "provisioned", "refused": "not provisioned", "unreadable": "not readable"}
_STYLES = {"provisioned": "green", "refused": "bold red", "unreadable": "bold yellow"}
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}
_UNKNOWN = "-"


def show(out: Console, made: DryRuns, *, problems_only: bool) -> None:
    """Everything about one device; of several a row for each, findings together, and colliding names."""
    if made.one:
        _show_one(out, made, made.results[0])
    else:
        _show_many(out, made, problems_only=problems_only)
    if made.stands_in:
        values = {"account": made.registration.account, "region": made.registration.region}
        words = ", ".join(f"{{{{{name}}}}} is {values[name]}" for name in made.stands_in)
        options = " and ".join(f"--{name}" for name in made.stands_in)
        say()
        paragraph(out, f"here {words}; {options} to say otherwise")


def _show_one(out: Console, made: DryRuns, result: DryRun) -> None:
    run = result.run
    if run is None:
        return  # a single file that cannot be read is an error, not a result
    verdict = "would be provisioned" if run.provisioned else "would not be provisioned"
    paragraph(out, f"{result.label}: {verdict}", _STYLES[result.state])
    say()
    if run.parameters:
        emit_table(out, (Column("parameter"), Column("value"), Column("from", rank=1)), _parameters(run))
        say()
    emit_facts(out, list(_facts(made, result, run)))
    for policy in run.policies:
        if policy.text is not None:
            say()
            emit(out, Text("policy document", style="bold"))
            emit_unwrapped(out, _marked(policy))
    for finding in run.findings:
        _show_finding(out, finding)


def _parameters(run: Provisioning) -> list[list[Text]]:
    return [
        [
            cell(each.name),
            cell("missing", "bold red") if each.value is None else cell(each.value),
            cell(_UNKNOWN if each.value is None else str(each.source).replace("-", " ")),
        ]
        for each in run.parameters
    ]


def _facts(made: DryRuns, result: DryRun, run: Provisioning) -> Iterator[tuple[str, str, str]]:
    if result.form not in ("", "PEM"):
        yield "read as", result.form, ""
    yield "subject", run.subject or "empty", ""
    yield "certificate", f"{run.certificate_id}, {run.certificate_status} afterwards", ""
    authority = made.registration.authority
    if authority is None:
        yield "CA", "not checked: no --ca-certificate", ""
    elif run.chains is None:
        yield "CA", f"cannot be checked against {authority.subject}", "red"
    else:
        signed = "signed by" if run.chains else "not signed by"
        yield "CA", f"{signed} {authority.subject}", "" if run.chains else "red"
    yield from _thing(run)
    for label, named in (("thing type", run.thing_type), ("billing group", run.billing_group)):
        if named is not None:
            yield label, f"{named} (must exist)", ""
    if run.thing_groups:
        yield "thing groups", f"{', '.join(run.thing_groups)} (must exist)", ""
    for policy in run.policies:
        if policy.name is not None:
            yield "policy", f"{policy.name} (must exist)", ""


def _thing(run: Provisioning) -> Iterator[tuple[str, str, str]]:
    if not run.makes_thing:
        yield "thing", "none", ""
        return
    yield "thing", _UNKNOWN if run.thing_name is None else run.thing_name, ""
    if run.thing_name_in_hex is not None:
        yield "", f"or {run.thing_name_in_hex}, if AWS IoT writes SerialNumber in hexadecimal", ""
    for name, value in run.attributes.items():
        yield "attribute", f"{name} = {value}", ""
    for name, value in run.package_versions.items():
        yield "package version", f"{name} {value} (must exist)", ""


def _marked(policy: Policy) -> Text:
    """The document, its policy variables marked: AWS IoT fills them when the device acts."""
    document = json.dumps(policy.document, indent=2, ensure_ascii=False)
    shown = Text(textwrap.indent(text.lines(document), "  "))
    for start, end in policy_variable_spans(shown.plain):
        shown.stylize("bold cyan", start, end)
    return shown


def _show_finding(out: Console, finding: Finding) -> None:
    say()
    paragraph(out, f"{finding.severity}: {finding.problem}", _COLOURS[finding.severity])
    paragraph(out, f"fix: {finding.fix}", indent=2, hanging=2)


def _show_many(out: Console, made: DryRuns, *, problems_only: bool) -> None:
    problems_only = problems_only or len(made.results) > MOST_ROWS
    shown = made.problems if problems_only else made.results
    if shown:
        columns = (
            Column("certificate"),
            Column("thing", rank=1),
            Column("state"),
            Column("findings", rank=2),
        )
        emit_table(out, columns, [_row(each) for each in shown[:MOST_ROWS]])
    if len(shown) > MOST_ROWS:
        paragraph(out, f"and {text.number(len(shown) - MOST_ROWS)} more: --json has all of them")
    if problems_only and len(shown) < len(made.results):
        left = text.counted(len(made.results) - len(shown), "certificate")
        paragraph(out, f"{left} without a problem not shown")
    _show_unreadable(out, made)
    for finding, files in _together(made, errors_only=problems_only):
        _show_finding(out, finding)
        _show_which(out, files)
    for name, sharing in list(made.collisions.items())[:MOST_ROWS]:
        say()
        paragraph(out, f"error: several devices would share the thing {name!r}", "red")
        _show_which(out, sharing)
    for same in repeated(made.answered)[:MOST_ROWS]:
        say()
        paragraph(out, "warning: the same certificate in several files", "yellow")
        _show_which(out, same)
    _show_left_out(out, made)
    parts = [f"{text.number(count)} {_WORDS[state]}" for state, count in made.counts.items()]
    say()
    paragraph(out, f"{', '.join(parts)}, {text.counted(len(made.collisions), 'colliding name')}")


def _row(each: DryRun) -> list[Text]:
    codes = dict.fromkeys(finding.code for finding in each.run.findings) if each.run else {}
    warned = each.state == "provisioned" and codes
    name = each.run.thing_name if each.run else None
    return [
        cell(each.label),
        cell(_UNKNOWN if name is None else name),
        cell(_WORDS[each.state], "yellow" if warned else _STYLES[each.state]),
        cell(", ".join(codes)),
    ]


def _show_unreadable(out: Console, made: DryRuns) -> None:
    by_problem: dict[str, list[str]] = {}
    for each in made.results:
        if each.problem:
            by_problem.setdefault(each.problem, []).append(each.label)
    for problem, files in by_problem.items():
        say()
        paragraph(out, f"not readable: {problem}", _STYLES["unreadable"])
        _show_which(out, files)


def _show_left_out(out: Console, made: DryRuns) -> None:
    by_reason: dict[str, list[str]] = {}
    for each in made.left_out:
        by_reason.setdefault(each.reason, []).append(each.file)
    for reason, files in by_reason.items():
        say()
        paragraph(out, f"left out, not a device certificate: {reason}")
        _show_which(out, files)


def _together(made: DryRuns, *, errors_only: bool) -> list[tuple[Finding, list[str]]]:
    """Findings of all devices by code, each with its first sentence and the files that have it; errors first."""
    first: dict[tuple[Severity, str], Finding] = {}
    files: dict[tuple[Severity, str], list[str]] = {}
    for label, run in made.answered:
        for finding in run.errors if errors_only else run.findings:
            key = finding.severity, finding.code
            first.setdefault(key, finding)
            having = files.setdefault(key, [])
            if not having or having[-1] != label:
                having.append(label)
    ordered = sorted(first, key=lambda key: key[0] is not Severity.ERROR)
    return [(first[key], files[key]) for key in ordered]


def _show_which(out: Console, files: Sequence[str]) -> None:
    names = text.listed(files)
    paragraph(
        out,
        f"in {names}" if len(files) == 1 else f"in {text.number(len(files))}: {names}",
        indent=2,
        hanging=2,
    )
