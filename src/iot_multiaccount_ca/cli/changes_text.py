"""How `iot-ca plan --against` shows what a deployment changes: for people, for a pull request, for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import text
from ..fleet.changes import Sign
from .output import emit, markdown_table, paragraph

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from ..fleet.changes import Change, Changes, FieldChange, OwnerMove
    from ..fleet.set_changes import SetChange

CHANGES, CHANGES_VERSION = "iot-ca/plan-changes", 1
NOTHING = "nothing changes"
_OF_WHAT_IS_KNOWN = "in what is known: not all of it is"
#: Of what is live. CloudFormation looks at templates, and not at what somebody has changed since.
BY_HAND = (
    "what was changed outside of CloudFormation is only changed back where the stack's template has news too; "
    "`iot-ca verify` prints what does it otherwise"
)
_STYLES = {Sign.ADD: "green", Sign.CHANGE: "yellow", Sign.REMOVE: "red"}


def print_changes(
    out: Console, changes: Changes, sets: Sequence[SetChange], note: str | None, *, known: bool
) -> None:
    """Each registration with what happens to it, in the order in which it happens, and what it risks.

    ``note``: what holds of all changes. ``known``: whether that is all.
    """
    for change in changes.changes:
        record = change.record
        head = (
            f"{change.sign} {record.label}  {record.account}  {record.region}  CA {record.certificate_id[:8]}"
        )
        paragraph(out, head, _STYLES[change.sign], hanging=4)
        whole = [] if change.sign is Sign.CHANGE else [_whole(change)]
        _print_inside(out, [*whole, *map(_field, change.fields)], change.risks)
    for of_set in sets:
        paragraph(out, f"{of_set.sign} stack set {of_set.record.name}", _STYLES[of_set.sign], hanging=4)
        _print_inside(out, _of_a_set(of_set), of_set.risks)
    for move in changes.owners:
        paragraph(out, _move(move), hanging=2)
    if changes.changes or sets:
        emit(out, "")
    if note is not None:
        paragraph(out, note)
    paragraph(out, _sum(changes, sets, known=known))


def markdown(changes: Changes, sets: Sequence[SetChange], note: str | None, *, known: bool) -> Iterator[str]:
    """For a pull request: the sum, a row for each registration, a line for each move of DEFAULT."""
    yield text.markdown(_sum(changes, sets, known=known))
    rows = [
        [
            change.sign.value,
            change.record.label,
            change.record.account,
            change.record.region,
            change.record.certificate_id[:8],
            "; ".join(map(_field, change.fields)) or _whole(change),
            "; ".join(change.risks),
        ]
        for change in changes.changes
    ]
    rows += [
        [
            of_set.sign.value,
            f"stack set {of_set.record.name}",
            "",
            ", ".join(of_set.record.regions),
            ", ".join(ca.certificate_id[:8] for ca in of_set.record.cas),
            "; ".join(_of_a_set(of_set)),
            "; ".join(of_set.risks),
        ]
        for of_set in sets
    ]
    if rows:
        yield markdown_table(["", "stage", "account", "region", "CA", "change", "risk"], rows)
    if changes.owners:
        yield "\n".join(f"- {text.markdown(_move(move))}" for move in changes.owners)
    if note is not None:
        yield text.markdown(note)


def document(changes: Changes, sets: Sequence[SetChange], exit_code: int) -> dict[str, Any]:
    """As JSON has it."""
    return {
        "exitCode": exit_code,
        "counts": {sign.words: _count(changes, sets, sign) for sign in Sign},
        "changes": [
            {
                "change": change.sign.words,
                "stage": change.record.stage,
                "account": change.record.account,
                "region": change.record.region,
                "certificateId": change.record.certificate_id,
                "stackName": change.record.stack_name,
                "fields": _fields_document(change.fields),
                "risk": change.risk,
            }
            for change in changes.changes
        ],
        "stackSets": [
            {
                "change": of_set.sign.words,
                "name": of_set.record.name,
                "fields": list(of_set.keys),
                "details": _fields_document(of_set.fields),
                "risk": of_set.risk,
            }
            for of_set in sets
        ],
        "owners": [
            {
                "certificateId": move.certificate_id,
                "region": move.region,
                "before": move.before,
                "after": move.after,
                "risk": move.risk,
            }
            for move in changes.owners
        ],
    }


def _sum(changes: Changes, sets: Sequence[SetChange], *, known: bool) -> str:
    """The sum, in terraform's words."""
    counts = [f"{text.number(_count(changes, sets, sign))} to {sign.words}" for sign in Sign]
    said = ", ".join(counts) if changes.changes or sets else NOTHING
    return said if known else f"{said}, {_OF_WHAT_IS_KNOWN}"


def _count(changes: Changes, sets: Sequence[SetChange], sign: Sign) -> int:
    return changes.count(sign) + sum(each.sign is sign for each in sets)


def _print_inside(out: Console, sentences: Sequence[str], risks: Sequence[str]) -> None:
    for each in sentences:
        paragraph(out, each, indent=4, hanging=2)
    for each in risks:
        paragraph(out, f"risk: {each}", "dim", indent=4, hanging=2)


def _fields_document(fields: Sequence[FieldChange]) -> list[dict[str, str | None]]:
    return [
        {"field": each.field, "before": each.before, "after": each.after, "risk": each.risk}
        for each in fields
    ]


def _of_a_set(change: SetChange) -> list[str]:
    """What the set is, where it comes or goes; else what becomes of it."""
    if change.sign is Sign.CHANGE:
        return [*map(_field, change.fields)] or [f"other: {', '.join(change.keys)}"]
    record = change.record
    cas = ", ".join(f"CA {ca.certificate_id[:8]}" for ca in record.cas)
    return [
        f"{cas}, SNI_ONLY, {record.enrollment_words}, in accounts: {record.accounts_in_words}, regions: "
        f"{', '.join(record.regions)}, by stack {change.stack.name}"
    ]


def _whole(change: Change) -> str:
    record = change.record
    status = ("ACTIVE" if record.active else "INACTIVE") + (", retiring" if record.retiring else "")
    return f"{record.certificate_mode}, {status}, {record.enrollment_words}, by stack {record.stack_name}"


def _field(each: FieldChange) -> str:
    return f"{each.field}: {each.before or '-'} -> {each.after or '-'}"


def _move(move: OwnerMove) -> str:
    before, after = move.before or "nobody", move.after or "nobody"
    return f"DEFAULT in {move.region}, CA {move.certificate_id[:8]}: {before} -> {after}; {move.risk}"
