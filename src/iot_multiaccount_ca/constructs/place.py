"""Where a construct stands: stack, account, region and path, all literal, asked for once.

Every question to the CDK is a call into another process. `SharedCa` knows the answers before it makes a stack, and
hands them down; a construct on its own asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Stack, Token

from ..errors import EnvironmentAgnosticError
from ..model.target import partition_of
from .registry import Registry

if TYPE_CHECKING:
    from constructs import Construct

    from .engines.custom_resource.registrar_function import RegistrarFunction


@dataclass(slots=True)
class Place:
    """One stack of one account and region.

    ``stack_path``: the stack's path in the tree. ``fresh``: the stack is our own, so nothing stands in it that we did
    not put there. ``registrar``: the stack's registrar, once there is one.
    """

    stack: Stack
    stack_name: str
    stack_path: str
    account: str
    region: str
    registry: Registry
    fresh: bool = False
    registrar: RegistrarFunction | None = None

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn``, …"""
        return partition_of(self.region)

    @classmethod
    def of(cls, scope: Construct) -> Place:
        """The place of a construct; raises `EnvironmentAgnosticError` unless account and region are literal."""
        stack = Stack.of(scope)
        account, region, path = stack.account, stack.region, scope.node.path
        if Token.is_unresolved(account) or Token.is_unresolved(region):
            raise EnvironmentAgnosticError(
                f"{path} stands in a stack whose account or region is only known at deployment",
                allowed="a stack with env=Environment(account=…, region=…), both literal",
                fix="give the stack its env: who owns DEFAULT in a region cannot be proved for an unknown account",
            )
        return cls(stack, stack.stack_name, stack.node.path, account, region, Registry.of(scope))
