"""Where a construct stands: stack, account, region and path, all literal, asked for once.

Every question to the CDK is a call into another process. A stack that this library makes knows the answers before it
is made (`StageStack`); a construct elsewhere asks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from aws_cdk import Environment, Stack, Token

from ..errors import EnvironmentAgnosticError
from ..model.target import Target, check_account, check_region, partition_of
from .registry import Registry

if TYPE_CHECKING:
    from constructs import Construct

    from ..model.plan.stage import CaStage


@dataclass(slots=True)
class Place:
    """One stack of one account and region.

    ``stack_name``: as it is deployed; of a nested stack, that of the outermost stack around it. ``stack_path``: the
    stack's path in the tree. ``fresh``: the stack is our own, so whatever of ours stands in it is in ``singles``:
    constructs of which a stack holds one, by their id. ``nested``: of a nested stack, its path below the outermost one
    and the file of its template; its own name is only known at deployment.
    """

    stack: Stack
    stack_name: str
    stack_path: str
    account: str
    region: str
    registry: Registry
    fresh: bool = False
    singles: dict[str, Construct] = field(default_factory=dict)
    nested: tuple[str, str] | None = None

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn``, …"""
        return partition_of(self.region)

    @property
    def target(self) -> Target:
        """Account and region, with the partition that they lie in."""
        return Target.of(self.account, self.region)

    @property
    def identity(self) -> str:
        """What tells the stack from all others of its account and region: its name, and its path in there if nested."""
        return self.stack_name if self.nested is None else f"{self.stack_name}/{self.nested[0]}"

    @property
    def own_stack_name(self) -> str:
        """The stack's own name; of a nested stack a Token, and good for its own resources alone."""
        return self.stack_name if self.nested is None else self.stack.stack_name

    @classmethod
    def of(cls, scope: Construct, id: str) -> Place:  # noqa: A002 - what CDK calls it
        """The place of a construct ``id`` that is about to stand in ``scope``.

        Raises `EnvironmentAgnosticError` unless account and region are literal, `InvalidAccountError` or
        `InvalidRegionError` for what cannot be one.
        """
        stack = scope if isinstance(scope, Stack) else Stack.of(scope)
        if isinstance(stack, StageStack):
            return stack.place
        account, region = stack.account, stack.region
        if Token.is_unresolved(account) or Token.is_unresolved(region):
            raise EnvironmentAgnosticError(
                f"{scope.node.path}/{id} stands in a stack whose account or region is only known at deployment",
                allowed="a stack with env=Environment(account=…, region=…), both literal",
                fix="give the stack its env: who owns DEFAULT in a region cannot be proved for an unknown account",
            )
        deployed, path, nested = outermost(stack), stack.node.path, None
        check_account(account, where=f"stack {path}")
        check_region(region, where=f"stack {path}")
        if deployed is not stack:
            nested = (path.removeprefix(f"{deployed.node.path}/"), stack.template_file)
        return cls(stack, deployed.stack_name, path, account, region, Registry.of(scope), nested=nested)

    def single(self, id: str) -> Construct | None:  # noqa: A002 - what CDK calls it
        """The one construct of that id in the stack, if there is one yet."""
        if id not in self.singles and not self.fresh:
            found = self.stack.node.try_find_child(id)
            if found is not None:
                self.singles[id] = cast("Construct", found)
        return self.singles.get(id)

    def path_of(self, scope: Construct, id: str) -> str:  # noqa: A002
        """The path of a construct ``id`` that is about to stand in ``scope``."""
        return f"{self.stack_path if scope is self.stack else scope.node.path}/{id}".lstrip("/")


def outermost(stack: Stack) -> Stack:
    """The stack itself, or the one around all stacks that it is nested in: what is deployed as one."""
    while (parent := stack.nested_stack_parent) is not None:
        stack = parent
    return stack


class StageStack(Stack):
    """The stack of one stage of a plan, which knows its place."""

    def __init__(
        self, scope: Construct, stage: CaStage, *, name: str, scope_path: str, registry: Registry
    ) -> None:
        super().__init__(
            scope,
            stage.name,
            env=Environment(account=stage.account, region=stage.region),
            stack_name=name,
            description=f"AWS IoT device CA, {stage.certificate_mode} (stage {stage.name}; iot-multiaccount-ca)",
        )
        path = f"{scope_path}/{stage.name}".lstrip("/")
        #: What everything in the stack would otherwise have to ask.
        self.place = Place(self, name, path, stage.account, stage.region, registry, fresh=True)
