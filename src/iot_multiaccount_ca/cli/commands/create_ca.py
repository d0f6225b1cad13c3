"""``create-ca``: a CA for development, the shape that AWS IoT takes. Writes two files, and never over another.

A CA of a real fleet belongs in an HSM, KMS or AWS Private CA: a key that was once a file can have been copied.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from pathlib import Path

import click
from cryptography.hazmat.primitives import hashes

from ...errors import CreateCaError
from .. import development_ca, files
from ..options import LONGEST_DAYS
from ..output import say

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_LONGEST_COMMON_NAME = 64


@click.command("create-ca")
@click.argument("name", default="fleet-ca")
@click.option(
    "--algorithm",
    type=click.Choice(list(development_ca.ALGORITHMS)),
    default=development_ca.DEFAULT_ALGORITHM,
    show_default=True,
)
@click.option(
    "--common-name",
    default=development_ca.DEFAULT_COMMON_NAME,
    show_default=True,
    help="Of the CA's subject.",
)
@click.option("--organization", help="Of the CA's subject.")
@click.option(
    "--days",
    type=click.IntRange(1, LONGEST_DAYS),
    default=development_ca.DEFAULT_DAYS,
    show_default=True,
    help="Validity.",
)
@click.option(
    "--out", default=".", show_default=True, type=click.Path(path_type=Path, file_okay=False), help="Folder."
)
def create_ca(
    name: str, algorithm: str, common_name: str, organization: str | None, days: int, out: Path
) -> None:
    """Make a development CA: NAME.pem, its certificate, and NAME.key, its key.

    The key file can be read by its owner only. Existing files are never overwritten.

    \b
    Example: iot-ca create-ca fleet-ca --algorithm ec-p256
    """
    if not _NAME.fullmatch(name):
        raise CreateCaError(
            "the name cannot be a file's name",
            value=name,
            allowed="letters, digits, dots, hyphens and underscores",
        )
    if not 1 <= len(common_name) <= _LONGEST_COMMON_NAME:
        raise CreateCaError("X.509 has no such common name", value=common_name, allowed="1 to 64 characters")
    for value in (common_name, organization or ""):
        # What a shell passes on in another encoding arrives as halves of characters.
        if any("\ud800" <= each <= "\udfff" for each in value):
            raise CreateCaError("a name of the subject is not text", value=value, allowed="text in UTF-8")
    certificate_path, key_path = out / f"{name}.pem", out / f"{name}.key"
    for path in (certificate_path, key_path):
        if os.path.lexists(path):
            raise _exists(path)
    made = development_ca.make(algorithm, common_name, organization, dt.timedelta(days=days))
    files.create_all(
        out, {key_path.name: (made.key_pem, 0o600), certificate_path.name: (made.certificate_pem, 0o644)}
    )
    fingerprint = made.certificate.fingerprint(hashes.SHA256()).hex()
    say(f"wrote {certificate_path} (certificate id {fingerprint})")
    say(f"wrote {key_path} (for its owner only: keep it out of the repository)")
    say(
        f"valid until {made.certificate.not_valid_after_utc:%Y-%m-%d}; for development, not for a fleet in the field"
    )


def _exists(path: Path) -> CreateCaError:
    return CreateCaError(
        "the file exists, and a CA's files are never overwritten",
        value=str(path),
        allowed="a name that is free",
        fix="choose another name or folder, or move the old file away yourself",
    )
