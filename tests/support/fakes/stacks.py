"""CloudFormation as far as DescribeStacks goes: which stacks there are, and how they stand."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from support.fakes.wire import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROLLING_BACK = "UPDATE_ROLLBACK_IN_PROGRESS"


class FakeStacks:
    """One account and region. ``statuses``: by a stack's id; what is not there is not known any more."""

    service = "cloudformation"

    def __init__(self, statuses: Mapping[str, str] | None = None) -> None:
        self.statuses = dict(statuses or {})
        self.calls: list[str] = []

    def answer(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        assert operation == "DescribeStacks"
        stack_id = parameters["StackName"]
        self.calls.append(stack_id)
        status = self.statuses.get(stack_id)
        if status is None:
            raise Refusal("ValidationError", f"Stack with id {stack_id} does not exist")
        stack = {
            "StackName": stack_id.split("/")[1],
            "StackId": stack_id,
            "CreationTime": dt.datetime(2026, 11, 24, tzinfo=dt.UTC),
            "StackStatus": status,
        }
        return {"Stacks": [stack]}

    def roll_back(self, stack_id: str) -> None:
        """The stack goes back to what it was."""
        self.statuses[stack_id] = _ROLLING_BACK
