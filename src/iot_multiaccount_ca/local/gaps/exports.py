"""An export that another stack imports cannot be removed, renamed or changed in value: the update is rolled back.

See "Outputs" in the AWS CloudFormation user guide.
"""

from __future__ import annotations

from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import handlers, stacks


def close() -> None:
    """Look at the exports once the outputs are known: whatever raises there rolls the operation back."""
    resolve = stacks._resolve_stack_outputs

    def resolve_stack_outputs(
        definitions: Any,
        conditions: Any,
        resources: Any,
        parameters: Any,
        mappings: Any,
        stack_name: str,
        stack_id: str,
    ) -> tuple[Any, dict[str, dict[str, str]]]:
        outputs, exports = resolve(
            definitions, conditions, resources, parameters, mappings, stack_name, stack_id
        )
        held = {
            name: each["Value"]
            for name, each in cloudformation._exports.items()
            if each["StackId"] == stack_id
        }
        for name, value in held.items():
            wanted = exports.get(name, {}).get("Value")
            user = _user(name, stack_name) if wanted != value else None
            if user is not None:
                what = "deleted" if wanted is None else "updated"
                message = f"Export {name} cannot be {what} as it is in use by {user}"
                raise ValueError(message)
        # From here on the update succeeds. The emulator would keep what is no longer exported.
        for name in held.keys() - exports.keys():
            cloudformation._exports.pop(name)
        return outputs, exports

    stacks._resolve_stack_outputs = resolve_stack_outputs


def _user(export: str, of_stack: str) -> str | None:
    """Another stack that is there and imports it."""
    for name, stack in cloudformation._stacks.items():
        gone = stack.get("StackStatus") in ("DELETE_COMPLETE", "ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS")
        if name != of_stack and not gone and export in handlers._imported_export_names(stack, name):
            return str(name)
    return None
