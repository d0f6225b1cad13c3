"""The names that CloudFormation makes up: a stack that is made again makes its resources under new ones.

The emulator derives them from the stack's name and the logical id. What a former stack of the name has left would be
taken over, and a role be passed that is another one on AWS. See "Name type" in the AWS CloudFormation user guide.
"""

from __future__ import annotations

from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import provisioners


def close() -> None:
    """Derive them from the stack's id, too: it stays over all updates, and is never the same again."""
    make = provisioners._physical_name

    def physical_name(stack_name: str, logical_id: str, **how: Any) -> str:
        stack = cloudformation._stacks.get(stack_name) or {}
        token = provisioners._NAME_SEED.set(f"{provisioners._NAME_SEED.get()}{stack.get('StackId', '')}")
        try:
            return str(make(stack_name, logical_id, **how))
        finally:
            provisioners._NAME_SEED.reset(token)

    provisioners._physical_name = physical_name
