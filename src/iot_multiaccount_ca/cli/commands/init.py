"""``iot-ca init``: a whole app in a new place. Writes all of its files, or none; never over one that is there."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ... import text
from ...errors import OutputExistsError, WrongOptionsError
from ...model.ca.certificate import CaCertificate
from .. import development_ca, files
from ..output import console, paragraph, say
from ..starter import CERTIFICATE, KEY, Starter

_ACCOUNTS = {"dev": "111111111111", "staging": "222222222222", "prod": "333333333333"}
_FOR_ALL, _FOR_ITS_OWNER = 0o644, 0o600


@click.command("init")
@click.argument("folder", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--accounts",
    metavar="NAME=ID,…",
    # With blanks, or help breaks an account's id in two.
    default=", ".join(f"{name}={account}" for name, account in _ACCOUNTS.items()),
    show_default=True,
    help="Where the CA is registered, in the order of promotion.",
)
@click.option(
    "--regions", metavar="REGION,…", default="eu-west-1", show_default=True, help="In each of the accounts."
)
@click.option(
    "--owner",
    metavar="NAME|ID",
    help="The account that holds the CA in DEFAULT mode, its key in a secret. Default: none, all are SNI_ONLY.",
)
@click.option("--pipeline", is_flag=True, help="Promote from account to account by CDK Pipelines.")
@click.option(
    "--stack-set",
    is_flag=True,
    help="Register in all other accounts of an organization too, by one StackSet.",
)
@click.option(
    "--ca-certificate",
    metavar="PEM",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The CA's certificate, a file. Default: a CA for development is made, with its key.",
)
def init(
    folder: Path,
    accounts: str,
    regions: str,
    owner: str | None,
    pipeline: bool,
    stack_set: bool,
    ca_certificate: Path | None,
) -> None:
    """Write a complete app into FOLDER: app.py, cdk.json, a provisioning template with a scoped policy, the CA.

    It synthesizes and can be rehearsed as it stands. Existing files are never overwritten: where one is there, or
    anything else is wrong, nothing is written.

    \b
    Example: iot-ca init fleet-ca
    Example: iot-ca init --ca-certificate fleet-ca.pem --accounts dev=111111111111,prod=222222222222 --owner prod
    """
    if pipeline and stack_set:
        raise WrongOptionsError(
            "--pipeline and --stack-set exclude each other",
            fix="begin with one of them; a StackSet's stack can be added to a pipeline by hand",
        )
    by_name = _accounts(accounts)
    starter = Starter(
        accounts=by_name,
        regions=tuple(each.strip() for each in regions.split(",")),
        kind="pipeline" if pipeline else "stack_set" if stack_set else "plain",
        owner=None if owner is None else _owner(owner, by_name),
        development_ca=ca_certificate is None,
    )
    warnings, contents = _ca_files(folder, starter, ca_certificate)
    contents |= {name: (written.encode(), _FOR_ALL) for name, written in starter.texts().items()}
    there = [name for name in contents if os.path.lexists(folder / name)]
    if there:
        raise _exist(folder, there)
    files.create_all(folder, contents)
    for name in contents:
        say(f"wrote {folder / name}")
    if ca_certificate is None:
        note = f"{KEY} is for its owner only, and the CA for development: not for a fleet in the field"
        paragraph(console(), note)
    for warning in warnings:
        say(f"warning: {warning}", err=True)
    move = "" if folder == Path() else f"cd {text.shell(folder)} && "
    say(f"next: {move}{starter.rehearse}")


def _accounts(given: str) -> dict[str, str]:
    """Account ids by name. What names and ids may be, the plan knows."""
    found: dict[str, str] = {}
    for each in given.split(","):
        name, equals, account = (part.strip() for part in each.partition("="))
        if not equals or not name or not account or name in found:
            raise WrongOptionsError(
                "--accounts has a name twice" if name in found else "--accounts is malformed",
                value=each,
                allowed="NAME=ID, separated by commas, each name once",
                fix="write it like --accounts dev=111111111111,prod=222222222222",
            )
        found[name] = account
    return found


def _owner(given: str, accounts: dict[str, str]) -> str:
    if given in accounts:
        return accounts[given]
    if given in accounts.values():
        return given
    raise WrongOptionsError(
        "--owner is none of the accounts",
        value=given,
        allowed=", ".join(f"{name} ({account})" for name, account in accounts.items()),
        fix="name one of them, or add it to --accounts",
    )


def _ca_files(
    folder: Path, starter: Starter, given: Path | None
) -> tuple[tuple[str, ...], dict[str, tuple[bytes, int]]]:
    """What the plan warns of, and the CA's files that are to be written, once the plan is found to be a good one."""
    if given is not None:
        ca = CaCertificate.from_file(given)
        warnings = starter.plan(ca).warnings
        there = folder / CERTIFICATE
        if there.exists() and there.samefile(given):
            return warnings, {}
        return warnings, {CERTIFICATE: (ca.pem.encode(), _FOR_ALL)}
    made = development_ca.make()
    warnings = starter.plan(CaCertificate.from_pem(made.certificate_pem.decode())).warnings
    return warnings, {CERTIFICATE: (made.certificate_pem, _FOR_ALL), KEY: (made.key_pem, _FOR_ITS_OWNER)}


def _exist(folder: Path, names: list[str]) -> OutputExistsError:
    return OutputExistsError(
        f"{', '.join(names)}: {'is' if len(names) == 1 else 'are'} there already, and nothing is written over",
        value=str(folder),
        allowed="a folder that has no file of the app",
        fix="name another folder, or move what is there away yourself",
    )
