"""How a command gets into the accounts: its options, as every command that asks AWS has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..fleet.access import Access


def access_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--profile``, ``--role-name`` and ``--qualifier``, for `open_access`."""
    options = [
        click.option("--profile", metavar="NAME", help="The AWS profile of your own credentials."),
        click.option(
            "--role-name",
            metavar="NAME",
            help="The role to assume in each account; {account} and {region} are filled. Default: the lookup role that "
            "the cloud assembly names (cdk-hnb659fds-lookup-role-{account}-{region}).",
        ),
        click.option("--qualifier", metavar="TEXT", help="Of the CDK bootstrap, for the lookup role's name."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def open_access(
    profile: str | None, role_name: str | None, qualifier: str | None, *, connections: int
) -> Access:
    """The way into the accounts that the options name; ``connections``: how many calls run at a time."""
    from ..fleet.access import Access

    if role_name and qualifier:
        raise click.UsageError("--role-name and --qualifier exclude each other")
    return Access(profile=profile, role_name=role_name, qualifier=qualifier, connections=connections)
