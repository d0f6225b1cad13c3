"""What is deployed before what, by the names that each aws-cdk-lib of the supported range has for saying so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_cdk import CfnResource, Stack


def resource_after(resource: CfnResource, other: CfnResource) -> None:
    """Make ``resource`` wait for ``other``, of the same stack."""
    # add_resource_dependency is the newer name; add_dependency the only one before it.
    (getattr(resource, "add_resource_dependency", None) or resource.add_dependency)(other)


def stack_after(stack: Stack, other: Stack) -> None:
    """Have ``stack`` deployed after ``other``."""
    # add_stack_dependency is the newer name; add_dependency the only one before it.
    (getattr(stack, "add_stack_dependency", None) or stack.add_dependency)(other)
