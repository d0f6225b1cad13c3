"""The names that the CDK's bootstrap gives to what it makes in an account and region."""

from __future__ import annotations

import re

#: Of a bootstrap that was made without one of its own.
DEFAULT_QUALIFIER = "hnb659fds"

_LOOKUP_ROLE = re.compile(r"cdk-[a-z0-9]{1,10}-lookup-role-.*", re.ASCII)


def is_lookup_role(name: str) -> bool:
    """Whether a bootstrap makes a role of that name."""
    return _LOOKUP_ROLE.fullmatch(name) is not None


def lookup_role_name(qualifier: str, account: str = "{account}", region: str = "{region}") -> str:
    """The role that may read what is deployed; account and region stay to be filled where they are left out."""
    return f"cdk-{qualifier}-lookup-role-{account}-{region}"
