"""Shows what the CA is about to sign, and asks. Signs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...text import counted
from ..output import Column, ask_whether, console, emit_table, paragraph, say

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from ...model.ca.certificate import CaCertificate
    from .code_requests import CodeRequest

_COLUMNS = (Column("stage"), Column("account"), Column("region"), Column("registration code"))
# Of more rows, a table takes longer to lay out than the CA to sign.
_MOST_IN_A_TABLE = 200
_MOST_DOUBTS = 20


def confirmed(
    requests: Sequence[CodeRequest],
    ca: CaCertificate,
    until: dt.datetime,
    *,
    doubts: Sequence[str],
    yes: bool,
) -> bool:
    """Whether all that is shown may be signed. ``doubts``: sentences of warning; ``yes``: it is shown, and not asked.

    Raises `NoTerminalError` where it has to be asked and nobody could answer.
    """
    where = console(stderr=True)
    what = counted(len(requests), "verification certificate")
    paragraph(where, f"to be signed: {what}, valid until {until:%Y-%m-%d %H:%M} UTC", "bold")
    paragraph(where, f"by the CA {ca.subject}")
    paragraph(where, f"with certificate id {ca.certificate_id}")
    rows = [(each.name, each.account, each.region, each.registration_code) for each in requests]
    if len(rows) <= _MOST_IN_A_TABLE:
        emit_table(where, _COLUMNS, rows)
    else:
        say(*map(" ".join, rows), err=True)
    warn(doubts)
    paragraph(
        where,
        "Whoever has a certificate for an account's code can register the CA there in DEFAULT mode. Compare the codes "
        "with those that the accounts' owners tell you.",
    )
    return yes or ask_whether(
        f"Sign {what} with this CA?", otherwise="look at what is listed above, and add --yes"
    )


def warn(doubts: Sequence[str]) -> None:
    """Say on stderr what speaks against a request file."""
    where = console(stderr=True)
    for each in doubts[:_MOST_DOUBTS]:
        paragraph(where, f"warning: {each}")
    more = len(doubts) - _MOST_DOUBTS
    if more > 0:
        paragraph(where, f"and {counted(more, 'more warning')} of this kind")
