"""Texts of a neutral template: what differs from stack to stack is left to CloudFormation, which fills it.

Written with Fn::Join: Fn::Sub would take a policy variable such as ``${iot:ClientId}`` for its own.
"""

from __future__ import annotations

from typing import Any

from ..jitp.placeholders import split

_HERE = {
    "account": {"Ref": "AWS::AccountId"},
    "region": {"Ref": "AWS::Region"},
    "partition": {"Ref": "AWS::Partition"},
}


def neutral_text(text: str) -> str | dict[str, Any]:
    """A document with placeholders as a value that CloudFormation fills in each stack."""
    pieces: list[Any] = []
    for literal, placeholder in split(text):
        pieces += [literal] if literal else []
        pieces += [_HERE[placeholder]] if placeholder is not None else []
    return {"Fn::Join": ["", pieces]} if any(not isinstance(piece, str) for piece in pieces) else text
