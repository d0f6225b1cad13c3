"""A change of a resource's type is refused as a whole, before anything of the stack is touched.

See "Update behaviors of stack resources" in the AWS CloudFormation user guide: a logical id keeps its type.
"""

from __future__ import annotations

from typing import Any

from ministack.services.cloudformation import engine, handlers, helpers


def close() -> None:
    """Look at the types before a change set is made, and before a stack is updated."""
    for operation in ("CreateChangeSet", "UpdateStack"):
        handlers._ACTION_HANDLERS[operation] = _checked(handlers._ACTION_HANDLERS[operation])


def _checked(handler: Any) -> Any:
    def check_first(parameters: dict[str, Any]) -> Any:
        changed = _changed_types(parameters)
        if changed:
            return helpers._error(
                "ValidationError",
                "Update of resource type is not permitted. The new template modifies resource type of the following "
                f"resources: [{', '.join(changed)}]",
            )
        return handler(parameters)

    return check_first


def _changed_types(parameters: dict[str, Any]) -> list[str]:
    stack = handlers._resolve_stack(helpers._p(parameters, "StackName"))
    body, _ = helpers._resolve_template(parameters)
    if stack is None or stack.get("StackStatus") == "DELETE_COMPLETE" or not body:
        return []
    try:
        wanted = engine._parse_template(body).get("Resources") or {}
    except Exception:  # whatever is wrong with the template, the call itself says it
        return []
    held = {name: each.get("ResourceType") for name, each in stack.get("_resources", {}).items()}
    return [
        name
        for name, each in wanted.items()
        if isinstance(each, dict) and name in held and each.get("Type") != held[name]
    ]
