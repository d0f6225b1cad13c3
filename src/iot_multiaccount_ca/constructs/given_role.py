"""What a role of the user's own gets: a policy of its own name, or, if it must not be changed, a note to its owners."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, cast

from aws_cdk import Annotations, Stack, aws_iam

from ..model.policies import document

if TYPE_CHECKING:
    from constructs import Construct

    from .place import Place


def attach(
    scope: Construct, place: Place, role: aws_iam.IRole, name: str, statements: list[dict[str, Any]]
) -> aws_iam.CfnPolicy | None:
    """Give the role a policy ``<name>-<8 hex digits>``; None where the role takes none (see `tell`).

    An inline policy's name is unique within its role, and a role is global: the digits are of region and place, so that
    stacks, regions and constructs that share a role do not overwrite one another. Whether the role may be changed is
    the CDK's to say: it knows ``mutable=False``, ``without_policy_updates()`` and a role of another account.
    """
    where = f"{place.region}/{place.identity}/{scope.node.path.removeprefix(place.stack_path)}"
    policy = aws_iam.Policy(
        scope,
        "Policy",
        policy_name=f"{name}-{hashlib.sha256(where.encode()).hexdigest()[:8]}",
        document=aws_iam.PolicyDocument.from_json(document(statements)),
    )
    role.attach_inline_policy(policy)
    resource = cast("aws_iam.CfnPolicy", policy.node.default_child)
    if Stack.of(scope).resolve(resource.roles):
        return resource
    scope.node.try_remove_child("Policy")
    return None


def tell(scope: Construct, role: aws_iam.IRole, statements: list[dict[str, Any]]) -> None:
    """Say at synth what the owners of a role must grant it, since it must not be changed from here."""
    stack = Stack.of(scope)
    wanted = json.dumps(stack.resolve(document(statements)), indent=2)
    named = stack.resolve(role.role_arn)
    Annotations.of(scope).add_info(
        f"the role {named if isinstance(named, str) else json.dumps(named)} is not changed from here; its owners have "
        f"to grant it, with references as CloudFormation writes them:\n{wanted}"
    )
