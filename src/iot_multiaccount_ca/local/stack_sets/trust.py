"""Trusted access of StackSets to an organization, and its delegated administrators.

ActivateOrganizationsAccess of CloudFormation is what StackSets asks for: EnableAWSServiceAccess of Organizations alone
leaves a service-managed set refused, as on AWS.
"""

from __future__ import annotations

from collections import defaultdict

MEMBER_PRINCIPAL = "member.org.stacksets.cloudformation.amazonaws.com"
MANAGER_PRINCIPAL = "stacksets.cloudformation.amazonaws.com"

#: The management accounts whose organization StackSets may use.
activated: set[str] = set()
#: The service principals that a management account trusts.
trusted: defaultdict[str, set[str]] = defaultdict(set)
#: The accounts that a management account lets administer, each with the service principals it may.
delegated: defaultdict[str, dict[str, set[str]]] = defaultdict(dict)


def is_delegated(manager: str, account: str) -> bool:
    """Whether an account may administer the stack sets of an organization that is not its own."""
    return MEMBER_PRINCIPAL in delegated[manager].get(account, set())
