"""Documents of IAM as data, for roles, resources and devices alike. Grants nothing to anyone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Of the policy language, which AWS does not take for a date of ours.
LANGUAGE = "2012-10-17"


def document(statements: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A policy document of these statements."""
    return {"Version": LANGUAGE, "Statement": [dict(each) for each in statements]}


def trust(principal: Mapping[str, Any]) -> dict[str, Any]:
    """A trust policy for one principal, such as ``{"Service": "iot.amazonaws.com"}``."""
    return document([{"Effect": "Allow", "Principal": dict(principal), "Action": "sts:AssumeRole"}])


def allow(actions: list[str], resources: list[str], conditions: Any = None) -> dict[str, Any]:
    """One statement that allows."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Action": actions if len(actions) > 1 else actions[0],
        "Resource": resources if len(resources) > 1 else resources[0],
    }
    if conditions:
        statement["Condition"] = conditions
    return statement
